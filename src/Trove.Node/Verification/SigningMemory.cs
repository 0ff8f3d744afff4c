using Trove.Chain.Durability;

namespace Trove.Node.Verification;

/// <summary>
/// What was signed under which name, so that nothing else is ever signed under it: by whatever process, after whatever crash. It is on disk
/// before a signature is there at all.
/// </summary>
internal sealed class SigningMemory
{
    private const int LockTries = 100;
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(50);

    private readonly string _folder;

    /// <summary>A memory in a folder; it is made if it is not there.</summary>
    /// <param name="folder">Of one key and one purpose.</param>
    /// <exception cref="IOException">The folder cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder is somebody else's.</exception>
    public SigningMemory(string folder) => MakeFolder(_folder = Path.GetFullPath(folder));

    /// <summary>Where something is kept.</summary>
    public string PathOf(string name) => Path.Combine(_folder, name);

    /// <summary>Keeps what is about to be signed. False when something else was kept under that name, or what was cannot be told.</summary>
    /// <param name="name">Of a file; with a slash, in a folder of its own.</param>
    /// <param name="signed">Says what is signed.</param>
    /// <exception cref="IOException">It cannot be kept.</exception>
    public bool TryKeep(string name, ReadOnlySpan<byte> signed)
    {
        using var _ = Lock();
        var file = PathOf(name);
        MakeFolder(Path.GetDirectoryName(file)!);
        if (File.Exists(file))
            return new FileInfo(file).Length == signed.Length && File.ReadAllBytes(file).AsSpan().SequenceEqual(signed);
        var bytes = signed.ToArray();
        DurableFile.Write(file, target => target.Write(bytes));
        return true;
    }

    // A folder that a power failure takes along takes all that is in it.
    private static void MakeFolder(string path)
    {
        if (Directory.Exists(path))
            return;
        var above = Path.GetDirectoryName(path)!;
        MakeFolder(above);
        Directory.CreateDirectory(path);
        DurableFile.SyncFolder(above);
    }

    // Of two processes with one key each would find nothing signed.
    private FileStream Lock()
    {
        for (int attempt = 1; ; attempt++)
            try
            {
                return new FileStream(PathOf("lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (attempt < LockTries)
            {
                Thread.Sleep(LockPause);
            }
    }
}
