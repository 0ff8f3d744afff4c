namespace Trove.Core.Rewards;

/// <summary>
/// What is already there: tags and fingerprints of all records of earlier contributions, the accounts that are bound to an owner, and
/// how much has been rewarded.
/// </summary>
public sealed class NoveltyIndex
{
    private readonly Dictionary<Hash32, AccountOwner> _accounts = [];

    // What comes contribution by contribution, until it settles into arrays that take a sixth of the memory.
    private HashSet<UInt128> _records = [];
    private HashSet<ulong> _fingerprints = [];
    private HashBuckets<UInt128>? _settledRecords;
    private HashBuckets<uint>? _settledFingerprints;

    /// <summary>Whose an account is.</summary>
    /// <param name="Owner">The wallet that showed control of it.</param>
    /// <param name="Control">By how strong evidence; see <see cref="EvidenceResults.Control"/>.</param>
    public readonly record struct AccountOwner(Address Owner, uint Control);

    /// <summary>Number of records known.</summary>
    public long Records => _records.Count + (_settledRecords?.Count ?? 0);

    /// <summary>Number of fingerprints known.</summary>
    public long Fingerprints => _fingerprints.Count + (_settledFingerprints?.Count ?? 0);

    /// <summary>What was paid for so far; see <see cref="Reward.Volume"/>.</summary>
    public UInt128 Volume { get; private set; }

    /// <summary>Is this record there?</summary>
    public bool HasRecord(UInt128 tag) => _records.Contains(tag) || IsSettled(tag);

    /// <summary>Is this passage there?</summary>
    public bool HasFingerprint(ulong fingerprint) => _fingerprints.Contains(fingerprint) || IsSettled(fingerprint);

    /// <summary>Whose this account is; null while nobody has shown control of it.</summary>
    public AccountOwner? OwnerOf(Hash32 nullifier) => _accounts.TryGetValue(nullifier, out var owner) ? owner : null;

    /// <summary>Takes a closed epoch in: what it remembers of its contributions, and its volume.</summary>
    /// <param name="rewards">Its rewards.</param>
    /// <param name="contributions">Its contributions, in any order; those that it does not remember may be left out.</param>
    public void Add(IReadOnlyCollection<Reward> rewards, IEnumerable<AttestedContribution> contributions)
    {
        var remembered = rewards.Where(r => r.IsRemembered).Select(r => r.Contribution).ToHashSet();
        foreach (var contribution in Epoch.InOrder(contributions).Where(c => remembered.Contains(c.Facts.Contribution)))
            Add(contribution);
        foreach (var reward in rewards)
            AddVolume(reward.Volume);
        Settle();
    }

    /// <summary>Takes a contribution in: its records, and its account where control of it was shown better than before.</summary>
    public void Add(AttestedContribution contribution)
    {
        Bind(contribution.Facts.Nullifier, new AccountOwner(contribution.Facts.Owner, contribution.Evidence.Control()));
        foreach (var entry in contribution.Tags.Entries)
        {
            AddRecord(entry.Tag);
            foreach (ulong fingerprint in contribution.Tags.FingerprintsOf(entry))
                AddFingerprint(fingerprint);
        }
    }

    /// <summary>Takes a record's tag in.</summary>
    public void AddRecord(UInt128 tag)
    {
        if (!IsSettled(tag))
            _records.Add(tag);
    }

    /// <summary>Takes a fingerprint in.</summary>
    public void AddFingerprint(ulong fingerprint)
    {
        if (!IsSettled(fingerprint))
            _fingerprints.Add(fingerprint);
    }

    /// <summary>Binds an account where control of it was shown better than before.</summary>
    public void Bind(Hash32 nullifier, AccountOwner by)
    {
        if (by.Control > (OwnerOf(nullifier)?.Control ?? 0))
            _accounts[nullifier] = by;
    }

    /// <summary>Adds what was paid for.</summary>
    public void AddVolume(UInt128 volume) => Volume += volume;

    private bool IsSettled(UInt128 tag) => _settledRecords is not null && _settledRecords.Contains(Bucket(tag), (uint)(tag >> 80 & uint.MaxValue), tag);

    private bool IsSettled(ulong fingerprint) => _settledFingerprints is not null && _settledFingerprints.Contains(Bucket(fingerprint), Rest(fingerprint), Rest(fingerprint));

    private void Settle()
    {
        Settle(_records, Bucket, tag => tag, _settledRecords ??= new());
        Settle(_fingerprints, Bucket, Rest, _settledFingerprints ??= new());
        (_records, _fingerprints) = ([], []);
    }

    private static void Settle<T, TRest>(HashSet<T> hashes, Func<T, int> bucket, Func<T, TRest> rest, HashBuckets<TRest> into)
        where T : struct, IComparable<T> where TRest : struct, IComparable<TRest>
    {
        T[] sorted = [.. hashes];
        Array.Sort(sorted);
        var rests = Array.ConvertAll(sorted, new Converter<T, TRest>(rest));
        for (int first = 0, end; first < sorted.Length; first = end)
        {
            for (end = first + 1; end < sorted.Length && bucket(sorted[end]) == bucket(sorted[first]);)
                end++;
            into.Add(bucket(sorted[first]), rests.AsSpan(first..end));
        }
    }

    private static int Bucket(UInt128 tag) => (int)(tag >> 112);

    private static int Bucket(ulong fingerprint) => (int)(fingerprint >> (RecordTags.FingerprintBits - 16));

    private static uint Rest(ulong fingerprint) => (uint)(fingerprint & uint.MaxValue);
}
