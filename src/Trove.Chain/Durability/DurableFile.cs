using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Trove.Chain.Durability;

/// <summary>
/// Every write that something acknowledged rests on: write, fsync, rename, fsync the folder. Under a driver of crashes
/// (<see cref="FaultPoint"/>) it is written down what has reached the disk, so that the driver can take the rest away.
/// </summary>
public static class DurableFile
{
    /// <summary>In the driver's folder: a line for each sync and rename, in order.</summary>
    public const string SyncLog = "synced";

    private const int ReadOnly = 0x80000; // O_RDONLY | O_CLOEXEC, Linux x64
    private const int ReadOnlyDirectory = 0x10000 | 0x80000; // O_DIRECTORY | O_CLOEXEC, Linux x64
    private const int AppendCreate = 0x1 | 0x40 | 0x400 | 0x80000; // O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC

    /// <summary>Replaces <paramref name="path"/>, whole or not at all; returning means that it is on disk.</summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes its content.</param>
    /// <param name="mode">Who may read it; what the process's mask leaves when null.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, Action<Stream> write, UnixFileMode? mode = null)
    {
        var temporary = path + ".new";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None };
        if (mode is not null && !OperatingSystem.IsWindows())
            options.UnixCreateMode = mode;
        using (var file = new FileStream(temporary, options))
        {
            write(file);
            Sync(file);
        }
        Move(temporary, path);
        SyncFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Writes a file's buffers out and its bytes to disk (fsync(2)).</summary>
    /// <exception cref="IOException">The disk fails; nobody knows then what is on it.</exception>
    public static void Sync(FileStream file)
    {
        file.Flush(flushToDisk: true);
        if (FaultPoint.Folder is not null)
            Note(string.Create(CultureInfo.InvariantCulture, $"file {file.Length} {file.Name}"));
    }

    /// <summary>Renames over whatever is there (rename(2)); durable after <see cref="SyncFolder"/>.</summary>
    public static void Move(string from, string to)
    {
        File.Move(from, to, overwrite: true);
        if (FaultPoint.Folder is not null)
            Note($"move {Path.GetFullPath(from)}\t{Path.GetFullPath(to)}");
    }

    /// <summary>Opens a file for reading that another process has locked against .NET's other ways of opening it.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static FileStream OpenShared(string path)
    {
        int descriptor = Open(path, ReadOnly, 0);
        return descriptor >= 0
            ? new FileStream(new SafeFileHandle(descriptor, ownsHandle: true), FileAccess.Read)
            : throw new IOException($"opening {path} failed: {Marshal.GetLastPInvokeErrorMessage()}; check that it is there and may be read");
    }

    /// <summary>Makes creations, renames and deletions in a folder durable, for which .NET has no call.</summary>
    /// <exception cref="IOException">The folder is not there or cannot be written to disk.</exception>
    public static void SyncFolder(string folder)
    {
        int descriptor = Open(folder, ReadOnlyDirectory, 0);
        if (descriptor < 0)
            throw Failed("opening", folder);
        try
        {
            if (Sync(descriptor) != 0)
                throw Failed("syncing", folder);
        }
        finally
        {
            _ = Close(descriptor);
        }
        if (FaultPoint.Folder is not null)
            Note("folder " + Path.GetFullPath(folder));
    }

    // One write(2) with O_APPEND a line: lines of several processes do not mix.
    private static void Note(string line)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(line + "\n");
        int descriptor = Open(Path.Combine(FaultPoint.Folder!, SyncLog), AppendCreate, 0x1A4); // 0644
        _ = Write(descriptor, bytes, (nuint)bytes.Length);
        _ = Close(descriptor);
    }

    private static IOException Failed(string operation, string folder) =>
        new($"{operation} the folder {folder} to make it durable failed: {Marshal.GetLastPInvokeErrorMessage()}; check the disk and the permissions");

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, int mode);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int Sync(int descriptor);

    [DllImport("libc", EntryPoint = "write")]
    private static extern nint Write(int descriptor, byte[] bytes, nuint count);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int descriptor);
}
