using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using Trove.Chain.Durability;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>
/// anvil's state after a journaled block (specs/embedded-chain.md). It only saves time: the journal holds everything, so a snapshot that
/// is missing, damaged or of another history is passed over.
/// </summary>
/// <param name="Number">The block.</param>
/// <param name="Hash">Its hash.</param>
/// <param name="JournalDigest">The journal's digest after that block, which binds the snapshot to exactly this history.</param>
/// <param name="State">What anvil_dumpState gave: gzipped JSON.</param>
internal sealed record ChainSnapshot(ulong Number, Hash32 Hash, Hash32 JournalDigest, byte[] State)
{
    private const int MagicSize = 8, HeadSize = MagicSize + 8 + 3 * Hash32.Size;
    private const long MaxFileBytes = 512L * 1024 * 1024; // a snapshot is read into memory whole

    private static ReadOnlySpan<byte> Magic => "trove-s1"u8;

    /// <summary>Replaces the snapshot in <paramref name="path"/>, durably.</summary>
    public void Write(string path) => DurableFile.Write(path, stream =>
    {
        Span<byte> head = stackalloc byte[HeadSize];
        Magic.CopyTo(head);
        BinaryPrimitives.WriteUInt64BigEndian(head[MagicSize..], Number);
        Hash.CopyTo(head[16..]);
        JournalDigest.CopyTo(head[48..]);
        Checksum(head[..80], State).CopyTo(head[80..]);
        stream.Write(head);
        stream.Write(State);
    });

    /// <summary>The snapshot in <paramref name="path"/>, or null when there is none that is whole.</summary>
    public static ChainSnapshot? Read(string path)
    {
        using var file = File.Exists(path) ? File.OpenRead(path) : Stream.Null;
        if (file.Length is < HeadSize or > MaxFileBytes)
            return null;
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        var state = bytes[HeadSize..];
        return bytes.AsSpan().StartsWith(Magic) && new Hash32(bytes.AsSpan(80, Hash32.Size)) == Checksum(bytes.AsSpan(0, 80), state)
            ? new ChainSnapshot(BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(MagicSize)), new Hash32(bytes.AsSpan(16, Hash32.Size)), new Hash32(bytes.AsSpan(48, Hash32.Size)), state)
            : null;
    }

    /// <summary>Writes the state as the JSON file that anvil loads.</summary>
    public void Unpack(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None);
        using var json = new GZipStream(new MemoryStream(State), CompressionMode.Decompress);
        json.CopyTo(file);
    }

    private static Hash32 Checksum(ReadOnlySpan<byte> head, byte[] state)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(head);
        hash.AppendData(state);
        return new Hash32(hash.GetHashAndReset());
    }
}
