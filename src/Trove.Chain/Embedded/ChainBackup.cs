using System.Security.Cryptography;
using Trove.Chain.Durability;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>Copies the files of an embedded chain while it runs.</summary>
public static class ChainBackup
{
    /// <summary>Bytes of the journal now: what is acknowledged by now is in them. 0 where there is no chain.</summary>
    public static long JournalLength(string folder) => new FileInfo(Path.Combine(folder, "journal")) is { Exists: true } file ? file.Length : 0;

    /// <summary>
    /// Copies the chain into an empty folder, up to the last block that either ended within <paramref name="length"/> bytes of the
    /// journal or has at most the number <paramref name="block"/>. A snapshot is copied when it is of one of these blocks.
    /// </summary>
    /// <returns>The number of blocks copied.</returns>
    /// <exception cref="IOException">The journal is damaged, does not reach to <paramref name="block"/>, or the disk fails.</exception>
    public static ulong Copy(string folder, string target, long length, ulong block)
    {
        var genesis = Path.Combine(target, "genesis.json");
        File.Copy(Path.Combine(folder, "genesis.json"), genesis);
        var copy = Path.Combine(target, "journal");
        using (var source = DurableFile.OpenShared(Path.Combine(folder, "journal")))
        using (var file = new FileStream(copy, FileMode.CreateNew, FileAccess.Write))
            source.CopyTo(file); // a block that is being written is cut off below
        ulong blocks;
        using (var journal = BlockJournal.Open(copy, new Hash32(SHA256.HashData(File.ReadAllBytes(genesis)))))
        {
            blocks = journal.TruncateAfter(length, block);
            if (blocks < block)
                throw new IOException($"the journal in {folder} ends with block {blocks}, but the database knows block {block}: they do not belong together; restore both from one backup");
            var snapshot = Path.Combine(folder, "snapshot");
            if (ChainSnapshot.Read(snapshot) is { } state && state.Number <= blocks)
                state.Write(Path.Combine(target, "snapshot"));
        }
        DurableFile.SyncFolder(target);
        return blocks;
    }
}
