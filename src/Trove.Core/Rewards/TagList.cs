using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Trove.Core.Rewards;

/// <summary>
/// The rewarded records of one contribution as verifiers publish them: keyed hashes and scores, sorted by hash, each
/// hash once. Shows how many records there are and how long they are, not what they say.
/// </summary>
public sealed class TagList
{
    /// <summary>Most records of one contribution.</summary>
    public const int MaxEntries = 5_000_000;

    private const int EntrySize = 20;
    private static readonly byte[] Magic = "trove/tags/1\n"u8.ToArray();

    private TagList(IReadOnlyList<Entry> entries) => Entries = entries;

    /// <summary>One record: its keyed hash and its score in basis points of a word.</summary>
    public readonly record struct Entry(UInt128 Tag, uint Score);

    /// <summary>Sorted by tag, without repeats.</summary>
    public IReadOnlyList<Entry> Entries { get; }

    /// <summary>A list of records in any order; of records with the same hash the one with the highest score stays.</summary>
    public static TagList Of(IEnumerable<Entry> entries)
    {
        // In one array: there may be millions.
        Entry[] sorted = [.. entries.Where(e => e.Score > 0)];
        Array.Sort(sorted, (a, b) => a.Tag != b.Tag ? a.Tag.CompareTo(b.Tag) : b.Score.CompareTo(a.Score));
        int count = 0;
        foreach (var entry in sorted)
            if (count == 0 || sorted[count - 1].Tag != entry.Tag)
                sorted[count++] = entry;
        if (count > MaxEntries)
            throw new ArgumentException($"a contribution has at most {MaxEntries} rewarded records, not {count}");
        Array.Resize(ref sorted, count);
        return new TagList(sorted);
    }

    /// <summary>The canonical bytes: a magic line, then 16 bytes of hash and 4 of score for each record.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[Magic.Length + Entries.Count * EntrySize];
        Magic.CopyTo(bytes, 0);
        var rest = bytes.AsSpan(Magic.Length);
        foreach (var entry in Entries)
        {
            BinaryPrimitives.WriteUInt128BigEndian(rest, entry.Tag);
            BinaryPrimitives.WriteUInt32BigEndian(rest[16..], entry.Score);
            rest = rest[EntrySize..];
        }
        return bytes;
    }

    /// <summary>SHA-256 of the canonical bytes.</summary>
    public Hash32 Hash() => new(SHA256.HashData(ToBytes()));

    /// <summary>Reads canonical bytes; false for anything that <see cref="ToBytes"/> would not have written.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out TagList list)
    {
        list = new TagList([]);
        if (!bytes.StartsWith(Magic))
            return false;
        bytes = bytes[Magic.Length..];
        if (bytes.Length % EntrySize != 0 || bytes.Length / EntrySize > MaxEntries)
            return false;
        var entries = new Entry[bytes.Length / EntrySize];
        for (int i = 0; i < entries.Length; i++)
        {
            var at = bytes[(i * EntrySize)..];
            entries[i] = new Entry(BinaryPrimitives.ReadUInt128BigEndian(at), BinaryPrimitives.ReadUInt32BigEndian(at[16..]));
            if (entries[i].Score is 0 or > RecordScore.CountedWords * RecordScore.Full || (i > 0 && entries[i].Tag <= entries[i - 1].Tag))
                return false;
        }
        list = new TagList(entries);
        return true;
    }
}
