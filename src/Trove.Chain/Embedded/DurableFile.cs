using System.Runtime.InteropServices;

namespace Trove.Chain.Embedded;

/// <summary>Files that are either wholly there or wholly not, also after a power failure.</summary>
public static class DurableFile
{
    private const int OpenReadOnlyDirectoryCloseOnExec = 0x10000 | 0x80000; // O_RDONLY | O_DIRECTORY | O_CLOEXEC, Linux x64

    /// <summary>Writes to a neighbour file, fsyncs it, renames it into place and fsyncs the folder.</summary>
    /// <exception cref="IOException">Nothing at <paramref name="path"/> has changed.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var partial = path + ".partial";
        using (var stream = new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            write(stream);
            stream.Flush(flushToDisk: true);
        }
        File.Move(partial, path, overwrite: true);
        SyncFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Makes creations, renames and deletions in a folder durable: fsync(2) of the folder itself.</summary>
    /// <exception cref="IOException">The folder cannot be opened or synced.</exception>
    public static void SyncFolder(string folder)
    {
        int handle = Open(folder, OpenReadOnlyDirectoryCloseOnExec);
        if (handle < 0)
            throw new IOException($"opening the folder {folder} to make it durable: error {Marshal.GetLastPInvokeError()}; check its permissions");
        int result = Sync(handle);
        int error = Marshal.GetLastPInvokeError();
        _ = Close(handle);
        if (result != 0)
            throw new IOException($"fsync of the folder {folder}: error {error}; check the disk");
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int Sync(int handle);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int handle);
}
