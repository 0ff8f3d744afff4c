using Trove.Core;
using Trove.Core.Payouts;
using Trove.Core.Rewards;
using Trove.Node.Chain;
using Trove.Node.Delegation;
using Trove.Node.Requests;

namespace Trove.Node.Dividends;

/// <summary>One asset's shares and money as its chain tells them, replayed event by event.</summary>
/// <param name="vesting">How its shares vest.</param>
public sealed class AssetBook(Vesting vesting)
{
    /// <summary>Shares and dividends.</summary>
    public DividendBook Money { get; } = new(vesting);

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

    private readonly HashSet<Address> _earners = [];
    private readonly Dictionary<string, Hash32> _distributedBy = [];
    private readonly List<(long At, Shares Supply)> _supplies = [];

    /// <summary>Has an owner contributed something that an epoch rewarded?</summary>
    public bool HasEarned(Address owner) => _earners.Contains(owner);

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
                _earners.UnionWith(leaves.Select(l => l.Owner));
                Money.EpochPosted(data.Epoch, leaves.Select(l => new EpochShare(l.Epoch, l.Index, l.Contribution, l.Owner, l.Amount)));
                Epochs = data.Epoch;
                _supplies.Add((e.At, Money.Supply));
                break;
            case "Transfer" when data.From is { IsZero: false } from && from != ledger:
                Money.Transferred(from, data.To!.Value, new Shares(data.Amount.Value));
                break;
            case "Transfer" when data.From == ledger && data.To is { IsZero: true }:
                Money.Burnt(e.Id, new Shares(data.Amount.Value), e.At);
                _supplies.Add((e.At, Money.Supply));
                break;
            case "SharesClaimed":
                Money.SharesClaimed(new LeafPlace(data.Epoch, data.Index), new Shares(data.Amount.Value));
                break;
            case "SharesLapsed":
                Money.SharesLapsed(new LeafPlace(data.Epoch, data.Index), new Shares(data.Amount.Value));
                break;
            case "ContributionWithdrawn":
                Money.Withdrawn(data.Contribution!.Value);
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
