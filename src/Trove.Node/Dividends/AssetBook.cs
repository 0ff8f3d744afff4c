using Trove.Core;
using Trove.Core.Payouts;
using Trove.Core.Rewards;
using Trove.Node.Chain;
using Trove.Node.Delegation;
using Trove.Node.Requests;

namespace Trove.Node.Dividends;

/// <summary>One asset's shares and money as its chain tells them, replayed event by event.</summary>
public sealed class AssetBook
{
    /// <summary>Dividends and holdings.</summary>
    public DividendBook Money { get; } = new();

    /// <summary>Requests, uses and votes.</summary>
    public GrantBook Grants { get; } = new();

    /// <summary>Who votes for whom.</summary>
    public DelegateBook Delegates { get; } = new();

    /// <summary>The transaction of each distribution.</summary>
    public IReadOnlyDictionary<string, Hash32> DistributedBy => _distributedBy;

    /// <summary>Number of posted epochs.</summary>
    public ulong Epochs { get; private set; }

    /// <summary>Place of the last event taken in.</summary>
    public (ulong Block, int LogIndex) Position { get; private set; } = (0, -1);

    private readonly Dictionary<Address, Shares> _unclaimed = [];
    private readonly Dictionary<string, Hash32> _distributedBy = [];
    private readonly List<(long At, Shares Supply)> _supplies = [];

    /// <summary>Shares of an owner that are still with the ledger.</summary>
    public Shares UnclaimedBy(Address owner) => _unclaimed.GetValueOrDefault(owner);

    /// <summary>Has an owner contributed something that an epoch rewarded?</summary>
    public bool HasEarned(Address owner) => _unclaimed.ContainsKey(owner);

    // A proposal's shares are those of the second before it: what an epoch minted in its own second does not vote.
    private Shares SupplyBefore(long at) => _supplies.FindLast(s => s.At < at).Supply;

    /// <summary>Takes one event in.</summary>
    /// <param name="e">The event.</param>
    /// <param name="ledger">The asset's ledger, whose transfers only hand over what its owners had already.</param>
    /// <param name="leavesOf">The leaves of a posted epoch.</param>
    public void Apply(ChainEvent e, Address ledger, Func<ulong, IReadOnlyList<EpochLeaf>> leavesOf)
    {
        var data = e.Data;
        switch (e.Name)
        {
            case "EpochPosted":
                var leaves = leavesOf(data.Epoch);
                foreach (var leaf in leaves)
                    _unclaimed[leaf.Owner] = UnclaimedBy(leaf.Owner) + leaf.Amount;
                Money.EpochPosted(leaves.Select(l => new EpochShare(l.Epoch, l.Contribution, l.Owner, l.Amount)));
                Epochs = data.Epoch;
                _supplies.Add((e.At, Money.Supply));
                break;
            case "Transfer" when data.From is { IsZero: false } from && from != ledger:
                Money.Transferred(from, data.To!.Value, new Shares(data.Amount.Value));
                break;
            case "SharesClaimed":
                _unclaimed[data.To!.Value] = UnclaimedBy(data.To.Value) - new Shares(data.Amount.Value);
                break;
            case "DividendDistributed":
                _distributedBy[e.Id] = e.Transaction;
                Money.Distributed(e.Id, data.From!.Value, new Money(data.Amount.Value), e.At);
                break;
            case "DelegateChanged":
                Delegates.Changed(data.From!.Value, data.To!.Value);
                break;
            case "DelegateVotesChanged":
                Delegates.Votes(data.To!.Value, new Shares(data.Amount.Value));
                break;
            case "DividendClaimed":
                Money.Claimed(e.Id, data.To!.Value, new Money(data.Amount.Value));
                break;
        }
        Grants.Apply(e, e.Name == "ProposalCreated" ? SupplyBefore((long)data.Epoch * 1000) : default);
        Position = (e.Block, (int)e.LogIndex);
    }
}
