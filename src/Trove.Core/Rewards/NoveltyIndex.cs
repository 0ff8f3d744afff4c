namespace Trove.Core.Rewards;

/// <summary>
/// What is already there: tags and fingerprints of all records of earlier contributions, the accounts that are bound to an owner, and
/// how much has been rewarded.
/// </summary>
public sealed class NoveltyIndex
{
    private const int MostUnsettled = 1 << 20;

    private readonly Dictionary<Hash32, AccountOwner> _accounts = [];

    // What comes hash by hash, until it settles into arrays that take a sixth of the memory.
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

    /// <summary>Takes a closed epoch in, a contribution after the other, of which none is kept: what it remembers of them, and its volume.</summary>
    /// <param name="rewards">Its rewards, in its order.</param>
    /// <param name="remembered">The contributions that it remembers, in the same order: it says whose an account is.</param>
    /// <param name="ct">Ends it. What is in the index by then stays, and the same epoch may be taken in again.</param>
    /// <exception cref="InvalidDataException">These are not the epoch's contributions, or not in its order; it may be taken in again, too.</exception>
    public async Task AddAsync(IReadOnlyCollection<Reward> rewards, IAsyncEnumerable<AttestedContribution> remembered, CancellationToken ct)
    {
        using var expected = rewards.Where(r => r.IsRemembered).GetEnumerator();
        Attestation? last = null;
        await foreach (var contribution in remembered.WithCancellation(ct).ConfigureAwait(false))
        {
            var facts = contribution.Facts;
            if (!expected.MoveNext() || expected.Current.Contribution != facts.Contribution || (last is not null && Epoch.Order(last).CompareTo(Epoch.Order(facts)) >= 0))
                throw new InvalidDataException($"contribution {facts.Contribution} is not the next of its epoch");
            Add(contribution);
            last = facts;
        }
        if (expected.MoveNext())
            throw new InvalidDataException($"contribution {expected.Current.Contribution} of an epoch is missing");
        foreach (var reward in rewards)
            AddVolume(reward.Volume);
        SettleRecords();
        SettleFingerprints();
        (_records, _fingerprints) = ([], []);
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
        if (!IsSettled(tag) && _records.Add(tag) && _records.Count == MostUnsettled)
            SettleRecords();
    }

    /// <summary>Takes a fingerprint in.</summary>
    public void AddFingerprint(ulong fingerprint)
    {
        if (!IsSettled(fingerprint) && _fingerprints.Add(fingerprint) && _fingerprints.Count == MostUnsettled)
            SettleFingerprints();
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

    private void SettleRecords() => Settle(_records, Bucket, tag => tag, _settledRecords ??= new());

    private void SettleFingerprints() => Settle(_fingerprints, Bucket, Rest, _settledFingerprints ??= new());

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
        hashes.Clear();
    }

    private static int Bucket(UInt128 tag) => (int)(tag >> 112);

    private static int Bucket(ulong fingerprint) => (int)(fingerprint >> (RecordTags.FingerprintBits - 16));

    private static uint Rest(ulong fingerprint) => (uint)(fingerprint & uint.MaxValue);
}
