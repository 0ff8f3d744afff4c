using Trove.Core;
using Trove.Core.Payouts;
using Trove.Core.Rewards;
using Trove.Node.Api;
using Trove.Node.Chain;
using Trove.Node.Delegation;
using Trove.Node.Requests;

namespace Trove.Node.Dividends;

/// <summary>
/// One asset's shares and money as its chain tells them, replayed event by event. Who earned what in an epoch is not on chain: a node that
/// was not there when it was closed goes without it, and still knows the votes, the requests and the sums.
/// </summary>
/// <param name="vesting">How its shares vest.</param>
public sealed class AssetBook(Vesting vesting)
{
    private DividendBook? _money = new(vesting);

    /// <summary>Shares and dividends of each owner.</summary>
    /// <exception cref="ApiException">This node does not have the leaves of an epoch.</exception>
    public DividendBook Money => _money ?? throw Elsewhere();

    /// <summary>All shares, handed out or not.</summary>
    public Shares Supply { get; private set; }

    /// <summary>All money that came in.</summary>
    public Money Received { get; private set; }

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
    private readonly Dictionary<Address, Money> _paid = [];
    private readonly Dictionary<string, Hash32> _distributedBy = [];
    private readonly List<(long At, Shares Supply)> _supplies = [];

    /// <summary>Has an owner contributed something that an epoch rewarded?</summary>
    public bool HasEarned(Address owner) => _earners.Contains(owner);

    /// <summary>What an account paid, as dividends or for uses.</summary>
    public Money PaidBy(Address account) => _paid.GetValueOrDefault(account);

    // A proposal's shares are those of the second before it: what an epoch minted in its own second does not vote.
    private Shares SupplyBefore(long at) => _supplies.FindLast(s => s.At < at).Supply;

    /// <summary>What is told to who asks for something that all epochs' leaves are needed for.</summary>
    public static ApiException Elsewhere() => new(404, "epoch-elsewhere", "who earned what in an epoch of this asset is not on this node, which has its votes, requests and sums only",
        "ask the node that its epochs are closed at; what you sign can be sent here, or with --direct");

    /// <summary>Takes one event in.</summary>
    /// <param name="e">The event.</param>
    /// <param name="ledger">The asset's ledger, whose transfers only hand over what its owners had already.</param>
    /// <param name="leavesOf">The leaves of a posted epoch; null when this node does not have them.</param>
    public void Apply(ChainEvent e, Address ledger, Func<ulong, IReadOnlyList<EpochLeaf>?> leavesOf)
    {
        var data = e.Data;
        switch (e.Name)
        {
            case "EpochPosted":
                if (leavesOf(data.Epoch) is { } leaves)
                {
                    _earners.UnionWith(leaves.Select(l => l.Owner));
                    _money?.EpochPosted(data.Epoch, leaves.Select(l => new EpochShare(l.Epoch, l.Index, l.Contribution, l.Owner, l.Amount)));
                }
                else
                {
                    _money = null;
                }
                Epochs = data.Epoch;
                Supply += new Shares(data.Amount.Value);
                _supplies.Add((e.At, Supply));
                break;
            case "Transfer" when data.From is { IsZero: false } from && from != ledger:
                _money?.Transferred(from, data.To!.Value, new Shares(data.Amount.Value));
                break;
            case "Transfer" when data.From == ledger && data.To is { IsZero: true }:
                _money?.Burnt(e.Id, new Shares(data.Amount.Value), e.At);
                Supply -= new Shares(data.Amount.Value);
                _supplies.Add((e.At, Supply));
                break;
            case "SharesClaimed":
                _earners.Add(data.To!.Value);
                _money?.SharesClaimed(new LeafPlace(data.Epoch, data.Index), new Shares(data.Amount.Value));
                break;
            case "SharesLapsed":
                _money?.SharesLapsed(new LeafPlace(data.Epoch, data.Index), new Shares(data.Amount.Value));
                break;
            case "ContributionWithdrawn":
                _money?.Withdrawn(data.Contribution!.Value);
                break;
            case "DividendDistributed":
                _distributedBy[e.Id] = e.Transaction;
                Received += new Money(data.Amount.Value);
                _money?.Distributed(e.Id, data.From!.Value, new Money(data.Amount.Value), e.At);
                Paid(data.From!.Value, data.Amount.Value); // the zero address for what came plainly: nobody's
                break;
            case "DelegateChanged":
                Delegates.Changed(data.From!.Value, data.To!.Value);
                break;
            case "DelegateVotesChanged":
                Delegates.Votes(data.To!.Value, new Shares(data.Amount.Value));
                break;
            case "DividendClaimed":
                _money?.Claimed(e.Id, data.To!.Value, new Money(data.Amount.Value));
                break;
            case "Settled" when Grants.Request(data.Subject!.Value) is { } request:
                Paid(request.Terms.Buyer, data.Amount.Value);
                break;
        }
        Grants.Apply(e, e.Name == "ProposalCreated" ? SupplyBefore((long)data.Epoch * 1000) : default);
        Position = (e.Block, (int)e.LogIndex);
    }

    private void Paid(Address account, UInt128 units) => _paid[account] = PaidBy(account) + new Money(units);
}
