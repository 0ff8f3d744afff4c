using System.Buffers.Binary;
using System.Security.Cryptography;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Node.Guardians;

/// <summary>
/// What a guardian seals to a use's one-time key (specs/custody.md): for each part its ephemeral share, the partial decryption
/// and, when proofs were asked for, the proof of correct share. Bound to request, use, key version and committee.
/// </summary>
public sealed class ReleaseFile : IDisposable
{
    private const int ShareSize = Hash32.Size;
    private const int Numbers = 17; // use, key version, committee, proofs, count
    private static ReadOnlySpan<byte> Magic => "trove/release/2\n"u8;

    private readonly Dictionary<Hash32, (PartialDecryption Partial, byte[]? Proof)> _entries;

    private ReleaseFile(Dictionary<Hash32, (PartialDecryption, byte[]?)> entries) => _entries = entries;

    /// <summary>Number of parts.</summary>
    public int Count => _entries.Count;

    /// <summary>What was released for a part; null when nothing was.</summary>
    public (PartialDecryption Partial, byte[]? Proof)? Find(Hash32 ephemeralShare) => _entries.TryGetValue(ephemeralShare, out var found) ? found : null;

    /// <summary>Encodes and seals a release.</summary>
    /// <param name="oneTimeKey">The runner's key for this use.</param>
    public static async Task<byte[]> SealAsync(Hash32 request, uint use, uint keyVersion, uint committeeEpoch, bool proofs, IReadOnlyList<(Hash32 Share, PartialDecryption Partial, byte[]? Proof)> entries,
        X25519Recipient oneTimeKey, CancellationToken ct)
    {
        int entrySize = ShareSize + PartialDecryption.Size + (proofs ? ThresholdKey.ProofSize : 0);
        var bytes = new byte[Magic.Length + Hash32.Size + Numbers + entries.Count * entrySize];
        try
        {
            Magic.CopyTo(bytes);
            int at = Magic.Length;
            request.CopyTo(bytes.AsSpan(at));
            at += Hash32.Size;
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at), use);
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at + 4), keyVersion);
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at + 8), committeeEpoch);
            bytes[at + 12] = proofs ? (byte)1 : (byte)0;
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at + 13), (uint)entries.Count);
            at += Numbers;
            foreach (var (share, partial, proof) in entries)
            {
                share.CopyTo(bytes.AsSpan(at));
                using var encoded = partial.Encode();
                encoded.Span.CopyTo(bytes.AsSpan(at + ShareSize));
                proof?.CopyTo(bytes.AsSpan(at + ShareSize + PartialDecryption.Size));
                at += entrySize;
            }
            using var file = new MemoryStream();
            await AgeFile.EncryptAsync(new MemoryStream(bytes, writable: false), file, [oneTimeKey], cancel: ct);
            return file.ToArray();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    /// <summary>Opens a sealed release; null when it is none for this key, request, use, version and committee, from that guardian.</summary>
    public static async Task<ReleaseFile?> OpenAsync(byte[] sealedFile, X25519Identity oneTimeKey, Hash32 request, uint use, uint keyVersion, uint committeeEpoch, int guardianIndex, CancellationToken ct)
    {
        var plain = new MemoryStream();
        try
        {
            await AgeFile.DecryptAsync(new MemoryStream(sealedFile, writable: false), plain, [oneTimeKey], cancel: ct);
            return Parse(plain.GetBuffer().AsSpan(0, (int)plain.Length), request, use, keyVersion, committeeEpoch, guardianIndex);
        }
        catch (Exception e) when (e is AgeException or FormatException or ThresholdException)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain.GetBuffer());
        }
    }

    /// <summary>Zeroes the partial decryptions.</summary>
    public void Dispose()
    {
        foreach (var (partial, _) in _entries.Values)
            partial.Dispose();
    }

    internal static ReleaseFile? Parse(ReadOnlySpan<byte> bytes, Hash32 request, uint use, uint keyVersion, uint committeeEpoch, int guardianIndex)
    {
        int header = Magic.Length + Hash32.Size + Numbers;
        if (bytes.Length < header || !bytes.StartsWith(Magic))
            return null;
        var fields = bytes[Magic.Length..];
        bool proofs = fields[Hash32.Size + 12] == 1;
        uint count = BinaryPrimitives.ReadUInt32BigEndian(fields[(Hash32.Size + 13)..]);
        int entrySize = ShareSize + PartialDecryption.Size + (proofs ? ThresholdKey.ProofSize : 0);
        if (new Hash32(fields[..Hash32.Size]) != request || BinaryPrimitives.ReadUInt32BigEndian(fields[Hash32.Size..]) != use
            || BinaryPrimitives.ReadUInt32BigEndian(fields[(Hash32.Size + 4)..]) != keyVersion || BinaryPrimitives.ReadUInt32BigEndian(fields[(Hash32.Size + 8)..]) != committeeEpoch || fields[Hash32.Size + 12] > 1 || bytes.Length - header != count * (long)entrySize)
            return null;
        var file = new ReleaseFile(new Dictionary<Hash32, (PartialDecryption, byte[]?)>((int)count));
        for (int at = header; at < bytes.Length; at += entrySize)
        {
            var partial = PartialDecryption.Parse(bytes.Slice(at + ShareSize, PartialDecryption.Size));
            var proof = proofs ? bytes.Slice(at + ShareSize + PartialDecryption.Size, ThresholdKey.ProofSize).ToArray() : null;
            if (partial.Index != guardianIndex || !file._entries.TryAdd(new Hash32(bytes.Slice(at, ShareSize)), (partial, proof)))
            {
                partial.Dispose();
                file.Dispose();
                return null;
            }
        }
        return file;
    }
}
