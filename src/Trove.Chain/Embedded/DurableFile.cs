using System.Runtime.InteropServices;

namespace Trove.Chain.Embedded;

/// <summary>Small files that are there whole or not at all, also after a power failure: write, fsync, rename, fsync the folder.</summary>
public static class DurableFile
{
    /// <summary>Replaces <paramref name="path"/>; returning means that it is on disk.</summary>
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

    /// <summary>Makes creations and renames in a folder durable, for which .NET has no call.</summary>
    public static void SyncFolder(string folder)
    {
        const int readOnly = 0;
        int descriptor = Open(folder, readOnly);
        if (descriptor < 0)
            throw new IOException($"opening the folder {folder} to sync it failed: {Marshal.GetLastPInvokeErrorMessage()}");
        int result = Sync(descriptor);
        var error = Marshal.GetLastPInvokeErrorMessage();
        _ = Close(descriptor);
        if (result != 0)
            throw new IOException($"syncing the folder {folder} failed: {error}; check the disk");
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int Sync(int descriptor);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int descriptor);
}
