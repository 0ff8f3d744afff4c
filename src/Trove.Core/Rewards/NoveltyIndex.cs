namespace Trove.Core.Rewards;

/// <summary>
/// What is already there: tags and fingerprints of all records of earlier contributions, the accounts that are bound to an owner, and
/// how much has been rewarded.
/// </summary>
public sealed class NoveltyIndex
{
    private readonly HashSet<UInt128> _records = [];
    private readonly HashSet<ulong> _fingerprints = [];
    private readonly Dictionary<Hash32, AccountOwner> _accounts = [];

    /// <summary>Whose an account is.</summary>
    /// <param name="Owner">The wallet that showed control of it.</param>
    /// <param name="Control">By how strong evidence; see <see cref="EvidenceResults.Control"/>.</param>
    public readonly record struct AccountOwner(Address Owner, uint Control);

    /// <summary>Number of records known.</summary>
    public int Records => _records.Count;

    /// <summary>Number of fingerprints known.</summary>
    public int Fingerprints => _fingerprints.Count;

    /// <summary>What was paid for so far; see <see cref="Reward.Volume"/>.</summary>
    public UInt128 Volume { get; private set; }

    /// <summary>Is this record there?</summary>
    public bool HasRecord(UInt128 tag) => _records.Contains(tag);

    /// <summary>Is this passage there?</summary>
    public bool HasFingerprint(ulong fingerprint) => _fingerprints.Contains(fingerprint);

    /// <summary>Whose this account is; null while nobody has shown control of it.</summary>
    public AccountOwner? OwnerOf(Hash32 nullifier) => _accounts.TryGetValue(nullifier, out var owner) ? owner : null;

    /// <summary>Takes a contribution in: its records, and its account where control of it was shown better than before.</summary>
    public void Add(AttestedContribution contribution)
    {
        var (facts, control) = (contribution.Facts, contribution.Evidence.Control());
        if (control > (OwnerOf(facts.Nullifier)?.Control ?? 0))
            _accounts[facts.Nullifier] = new AccountOwner(facts.Owner, control);
        foreach (var entry in contribution.Tags.Entries)
        {
            _records.Add(entry.Tag);
            foreach (ulong fingerprint in contribution.Tags.FingerprintsOf(entry))
                _fingerprints.Add(fingerprint);
        }
    }

    /// <summary>Takes the volume of a closed epoch in.</summary>
    public void AddVolume(IEnumerable<Reward> rewards)
    {
        foreach (var reward in rewards)
            Volume += reward.Volume;
    }
}
