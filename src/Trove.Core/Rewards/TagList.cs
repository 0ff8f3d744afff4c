using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Trove.Core.Rewards;

/// <summary>
/// The rewarded records of one contribution as verifiers publish them: keyed hashes, scores and fingerprints, sorted by hash, each
/// hash once; and what its text is like on the whole. Shows how many records there are and how long they are, not what they say.
/// </summary>
public sealed class TagList
{
    /// <summary>Most records of one contribution.</summary>
    public const int MaxEntries = 5_000_000;

    private const int EntrySize = 22, FingerprintSize = RecordTags.FingerprintBits / 8;
    private static readonly byte[] Magic = "trove/tags/3\n"u8.ToArray(), EarlierMagic = "trove/tags/2\n"u8.ToArray();

    private readonly ulong[] _fingerprints;

    private TagList(Quality quality, Entry[] entries, ulong[] fingerprints)
    {
        Quality = quality;
        Entries = entries;
        _fingerprints = fingerprints;
    }

    /// <summary>One record: its keyed hash, its score in basis points of a word, and where its fingerprints are.</summary>
    public readonly record struct Entry(UInt128 Tag, uint Score, int First, int Count);

    /// <summary>The signals of its records, each weighed by its words, and the one of all of them.</summary>
    public Quality Quality { get; }

    /// <summary>Sorted by tag, without repeats.</summary>
    public IReadOnlyList<Entry> Entries { get; }

    /// <summary>The fingerprints of a record, ascending.</summary>
    public ReadOnlySpan<ulong> FingerprintsOf(Entry entry) => _fingerprints.AsSpan(entry.First, entry.Count);

    /// <summary>Takes the records of a contribution as they come.</summary>
    public sealed class Builder
    {
        private readonly List<Entry> _entries = [];
        private readonly List<ulong> _fingerprints = [];
        private readonly HashSet<UInt128> _seen = [];
        private readonly Writing _writing = new();
        private readonly ulong[] _signals = new ulong[Quality.Signals];
        private ulong _words;

        /// <summary>Adds an own record.</summary>
        /// <param name="by">Under the asset's key.</param>
        /// <param name="original">The record's text before redaction: a copy with a word blacked out is still a copy.</param>
        /// <param name="contributed">Its text without what was blacked out, which earns.</param>
        /// <param name="weights">The policy's.</param>
        public void Add(RecordTags by, string original, string contributed, Quality weights)
        {
            var words = RecordScore.FoldedWords(contributed);
            var (quality, score) = RecordScore.Of(contributed, words, weights);
            if (words.Count == 0)
                return;
            var values = quality.Values;
            for (int i = 0; i < Quality.Signals; i++)
                _signals[i] += values[i] * (ulong)words.Count;
            _words += (ulong)words.Count;
            if (score == 0)
                return;
            var all = ReferenceEquals(original, contributed) || original == contributed ? words : RecordScore.FoldedWords(original);
            var tag = by.Tag(all);
            // The first is the one that is paid for, and looked at: else a twin of which all is blacked out would be looked at, and the whole one paid for.
            if (!_seen.Add(tag))
                return;
            _writing.Add(words);
            Add(tag, score, by.Fingerprints(all));
        }

        /// <summary>Adds a record of which all is known.</summary>
        public void Add(UInt128 tag, uint score, ReadOnlySpan<ulong> fingerprints)
        {
            _entries.Add(new Entry(tag, score, _fingerprints.Count, fingerprints.Length));
            _fingerprints.AddRange(fingerprints);
        }

        /// <summary>The list; of records with the same hash the first stays.</summary>
        /// <exception cref="ArgumentException">Too many records.</exception>
        public TagList Build()
        {
            // A stable order in one array: there may be millions.
            Entry[] sorted = [.. _entries];
            Array.Sort(sorted, (a, b) => a.Tag != b.Tag ? a.Tag.CompareTo(b.Tag) : a.First.CompareTo(b.First));
            int count = 0;
            foreach (var entry in sorted)
                if (count == 0 || sorted[count - 1].Tag != entry.Tag)
                    sorted[count++] = entry;
            if (count > MaxEntries)
                throw new ArgumentException($"a contribution has at most {MaxEntries} rewarded records, not {count}");
            Array.Resize(ref sorted, count);
            var mean = Quality.From([.. _signals.Select(s => _words == 0 ? RecordScore.Full : (uint)(s / _words))]) with { Pairs = _writing.Pairs, Language = _writing.Language, Entropy = _writing.Entropy };
            return new TagList(mean, sorted, [.. _fingerprints]);
        }
    }

    /// <summary>Length of the canonical bytes.</summary>
    public long Size => Magic.Length + 4 * SignalsWritten + (long)Entries.Count * EntrySize + Entries.Sum(e => (long)e.Count) * FingerprintSize;

    // The version before had no language and no entropy; where these take nothing away it still is the one that is written.
    private int SignalsWritten => Quality is { Language: RecordScore.Full, Entropy: RecordScore.Full } ? Quality.EarlierSignals : Quality.Signals;

    /// <summary>The canonical bytes (specs/rewards.md).</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        (SignalsWritten == Quality.Signals ? Magic : EarlierMagic).CopyTo(bytes, 0);
        var rest = bytes.AsSpan(Magic.Length);
        foreach (uint signal in Quality.Values.Take(SignalsWritten))
        {
            BinaryPrimitives.WriteUInt32BigEndian(rest, signal);
            rest = rest[4..];
        }
        foreach (var entry in Entries)
        {
            BinaryPrimitives.WriteUInt128BigEndian(rest, entry.Tag);
            BinaryPrimitives.WriteUInt32BigEndian(rest[16..], entry.Score);
            BinaryPrimitives.WriteUInt16BigEndian(rest[20..], (ushort)entry.Count);
            rest = rest[EntrySize..];
            foreach (ulong fingerprint in FingerprintsOf(entry))
            {
                BinaryPrimitives.WriteUInt16BigEndian(rest, (ushort)(fingerprint >> 32));
                BinaryPrimitives.WriteUInt32BigEndian(rest[2..], (uint)(fingerprint & uint.MaxValue));
                rest = rest[FingerprintSize..];
            }
        }
        return bytes;
    }

    /// <summary>SHA-256 of the canonical bytes.</summary>
    public Hash32 Hash() => new(SHA256.HashData(ToBytes()));

    /// <summary>Reads canonical bytes; false for anything that <see cref="ToBytes"/> would not have written.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out TagList list)
    {
        list = new TagList(Quality.Full, [], []);
        int written = bytes.StartsWith(Magic) ? Quality.Signals : bytes.StartsWith(EarlierMagic) ? Quality.EarlierSignals : 0;
        if (written == 0 || bytes.Length < Magic.Length + 4 * written)
            return false;
        var head = bytes[Magic.Length..];
        var signals = Quality.Full.Values.ToArray();
        for (int i = 0; i < written; i++)
            signals[i] = BinaryPrimitives.ReadUInt32BigEndian(head[(4 * i)..]);
        var quality = Quality.From(signals);
        if (!quality.IsValid || new TagList(quality, [], []).SignalsWritten != written)
            return false;
        var entries = new List<Entry>();
        var fingerprints = new List<ulong>(bytes.Length / FingerprintSize);
        for (var rest = head[(4 * written)..]; rest.Length > 0;)
        {
            if (entries.Count == MaxEntries || rest.Length < EntrySize)
                return false;
            var entry = new Entry(BinaryPrimitives.ReadUInt128BigEndian(rest), BinaryPrimitives.ReadUInt32BigEndian(rest[16..]), fingerprints.Count, BinaryPrimitives.ReadUInt16BigEndian(rest[20..]));
            rest = rest[EntrySize..];
            if (entry.Score is 0 or > RecordScore.CountedWords * RecordScore.Full || (entries.Count > 0 && entry.Tag <= entries[^1].Tag)
                || entry.Count > RecordTags.MaxFingerprints || rest.Length < entry.Count * FingerprintSize)
                return false;
            for (int i = 0; i < entry.Count; i++, rest = rest[FingerprintSize..])
            {
                ulong fingerprint = ((ulong)BinaryPrimitives.ReadUInt16BigEndian(rest) << 32) | BinaryPrimitives.ReadUInt32BigEndian(rest[2..]);
                if (i > 0 && fingerprint <= fingerprints[^1])
                    return false;
                fingerprints.Add(fingerprint);
            }
            entries.Add(entry);
        }
        list = new TagList(quality, [.. entries], [.. fingerprints]); // as large as they are: an epoch has many lists in memory
        return true;
    }
}
