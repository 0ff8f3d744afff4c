namespace Trove.Core.Rewards;

/// <summary>What is already there: the tags of all records and the nullifiers of all accounts of earlier contributions.</summary>
public sealed class NoveltyIndex
{
    private readonly HashSet<UInt128> _records = [];
    private readonly HashSet<Hash32> _accounts = [];

    /// <summary>Number of records known.</summary>
    public int Records => _records.Count;

    /// <summary>Is this record there?</summary>
    public bool HasRecord(UInt128 tag) => _records.Contains(tag);

    /// <summary>Has this account contributed?</summary>
    public bool HasAccount(Hash32 nullifier) => _accounts.Contains(nullifier);

    /// <summary>Takes a contribution in: its records and its account.</summary>
    public void Add(AttestedContribution contribution)
    {
        _accounts.Add(contribution.Facts.Nullifier);
        foreach (var entry in contribution.Tags.Entries)
            _records.Add(entry.Tag);
    }
}
