using System.Runtime.InteropServices;

namespace Trove.Node.Database;

/// <summary>fsync of a folder, which makes a rename, creation or deletion in it durable. .NET has no call for it.</summary>
internal static class DirectorySync
{
    private const int ReadOnlyDirectory = 0x10000 | 0x80000; // O_DIRECTORY | O_CLOEXEC, Linux x64

    /// <exception cref="IOException">The folder is not there or cannot be written to disk.</exception>
    public static void Flush(string folder)
    {
        int file = Open(folder, ReadOnlyDirectory);
        if (file < 0)
            throw Failed(folder);
        try
        {
            if (FSync(file) != 0)
                throw Failed(folder);
        }
        finally
        {
            _ = Close(file);
        }
    }

    private static IOException Failed(string folder) =>
        new($"cannot write the folder {folder} to disk: {Marshal.GetLastPInvokeErrorMessage()}");

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int FSync(int file);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int file);
}
