using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Trove.Chain.Embedded;

/// <summary>Small files that are there whole or not at all, also after a power failure: write, fsync, rename, fsync the folder.</summary>
public static class DurableFile
{
    private const int CloseOnExec = 0x80000; // O_RDONLY | O_CLOEXEC, Linux x64
    private const int ReadOnlyDirectory = 0x10000 | 0x80000; // O_DIRECTORY | O_CLOEXEC, Linux x64

    /// <summary>Replaces <paramref name="path"/>; returning means that it is on disk.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = path + ".new";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            write(file);
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
        SyncFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Opens a file for reading that another process has locked against .NET's other ways of opening it.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static FileStream OpenShared(string path)
    {
        int descriptor = Open(path, CloseOnExec);
        return descriptor >= 0
            ? new FileStream(new SafeFileHandle(descriptor, ownsHandle: true), FileAccess.Read)
            : throw new IOException($"opening {path} failed: {Marshal.GetLastPInvokeErrorMessage()}; check that it is there and may be read");
    }

    /// <summary>Makes creations, renames and deletions in a folder durable, for which .NET has no call.</summary>
    /// <exception cref="IOException">The folder is not there or cannot be written to disk.</exception>
    public static void SyncFolder(string folder)
    {
        int descriptor = Open(folder, ReadOnlyDirectory);
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
    }

    private static IOException Failed(string operation, string folder) =>
        new($"{operation} the folder {folder} to make it durable failed: {Marshal.GetLastPInvokeErrorMessage()}; check the disk and the permissions");

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int Sync(int descriptor);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int descriptor);
}
