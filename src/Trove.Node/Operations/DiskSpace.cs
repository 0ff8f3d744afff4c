namespace Trove.Node.Operations;

/// <summary>
/// Free space of the disks a node writes to. Below <see cref="KeepFree"/> nothing new is taken; below a quarter of it the embedded
/// chain makes no more blocks either, and what is left is PostgreSQL's, which a full disk ends.
/// </summary>
/// <param name="folders">The folders the node writes to; they may be on different disks.</param>
/// <param name="keepFree">Bytes.</param>
/// <param name="free">Bytes free on the disk of a folder.</param>
public sealed class DiskSpace(IReadOnlyList<string> folders, long keepFree, Func<string, long> free)
{
    /// <summary>Bytes that must be free for anything new to be taken.</summary>
    public long KeepFree => keepFree;

    /// <summary>Bytes that must be free for a block to be made.</summary>
    public long KeepFreeForBlocks => keepFree / 4;

    /// <summary>Bytes free where there is least.</summary>
    public long Free => folders.Min(free);

    /// <summary>What the system says about a folder's disk.</summary>
    public static long OfSystem(string folder) => new DriveInfo(folder).AvailableFreeSpace;
}
