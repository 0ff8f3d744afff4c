using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Trove.Core.Rewards;

/// <summary>
/// What a record is known by without its text being kept: a keyed hash of all of it, and keyed fingerprints of its passages, by which
/// an edited, split, joined or re-ordered copy is told from a new text. Fingerprints are chosen by winnowing (Schleimer, Wilkerson,
/// Aiken, "Winnowing: Local Algorithms for Document Fingerprinting", SIGMOD 2003) over shingles of words: which are kept depends on
/// their neighbourhood alone, so what two texts have in common over <see cref="Guarantee"/> words shares one, wherever it stands.
/// Without the key nobody can test a guessed text. Not safe for threads at once.
/// </summary>
public sealed class RecordTags : IDisposable
{
    /// <summary>Words of a shingle; ideographs count as halves.</summary>
    public const int ShingleWords = 5;

    /// <summary>Of so many shingles in a row at least one is kept.</summary>
    public const int Window = 8;

    /// <summary>So many equal words in a row share a fingerprint.</summary>
    public const int Guarantee = ShingleWords + Window - 1;

    /// <summary>Most fingerprints of one record.</summary>
    public const int MaxFingerprints = RecordScore.CountedWords - ShingleWords + 1;

    /// <summary>Bits of a fingerprint.</summary>
    public const int FingerprintBits = 48;

    private readonly IncrementalHash _tags, _shingles;

    /// <summary>Under an asset's key of record tags.</summary>
    public RecordTags(ReadOnlySpan<byte> key)
    {
        Span<byte> shingleKey = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, new CanonicalWriter("trove/shingle/1").Bytes, shingleKey);
        _tags = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        _shingles = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, shingleKey);
        CryptographicOperations.ZeroMemory(shingleKey);
    }

    /// <summary>
    /// HMAC-SHA-256 of a text's words in ordinal order, cut to 128 bits: turning them around makes no new text.
    /// </summary>
    /// <param name="words">See <see cref="RecordScore.FoldedWords"/>.</param>
    public UInt128 Tag(IReadOnlyList<string> words)
    {
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        _tags.AppendData(new CanonicalWriter("trove/record-tag/2").Text(string.Join(' ', words.Order(StringComparer.Ordinal))).Bytes);
        _tags.GetHashAndReset(mac);
        return BinaryPrimitives.ReadUInt128BigEndian(mac);
    }

    /// <summary>
    /// The fingerprints of a text, ascending. None for a text of fewer than <see cref="ShingleWords"/> words, which its tag alone
    /// stands for.
    /// </summary>
    /// <param name="words">See <see cref="RecordScore.FoldedWords"/>.</param>
    public ulong[] Fingerprints(IReadOnlyList<string> words)
    {
        var shingles = WordRuns.Of(words, ShingleWords);
        if (shingles.Count == 0)
            return [];

        // Each word once, with its length: a shingle is a range of these bytes.
        var bytes = new CanonicalWriter();
        var starts = new int[words.Count + 1];
        for (int i = 0; i < words.Count; i++)
            starts[i + 1] = bytes.Text(words[i]).Bytes.Length;
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var hashes = new ulong[shingles.Count];
        for (int i = 0; i < hashes.Length; i++)
        {
            _shingles.AppendData(bytes.Bytes[starts[shingles[i].First]..starts[shingles[i].End]]);
            _shingles.GetHashAndReset(mac);
            hashes[i] = BinaryPrimitives.ReadUInt64BigEndian(mac) >> (64 - FingerprintBits);
        }
        return Winnow(hashes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tags.Dispose();
        _shingles.Dispose();
    }

    private static ulong[] Winnow(ReadOnlySpan<ulong> hashes)
    {
        var kept = new List<ulong>();
        int window = Math.Min(Window, hashes.Length);
        for (int first = 0; first + window <= hashes.Length; first++)
        {
            ulong least = ulong.MaxValue;
            foreach (ulong hash in hashes.Slice(first, window))
                least = Math.Min(least, hash);
            if (kept.Count == 0 || kept[^1] != least)
                kept.Add(least);
        }
        return [.. kept.Distinct().Order()];
    }
}
