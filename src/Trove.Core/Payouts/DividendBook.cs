using System.Numerics;

namespace Trove.Core.Payouts;

/// <summary>A distribution of money to all shares, named by its place on the chain.</summary>
/// <param name="Id">Block and log index, <c>12-3</c>.</param>
/// <param name="From">Who paid; null when shares lapsed and what they had earned went to all others.</param>
/// <param name="Amount">How much came in, or had been earned by what lapsed, rounded down.</param>
/// <param name="Supply">All shares there were, handed out or not.</param>
/// <param name="At">Milliseconds since 1970, UTC.</param>
/// <param name="Lapsed">The shares that lapsed; null when money came in.</param>
public sealed record Distribution(string Id, Address? From, Money Amount, Shares Supply, long At, Shares? Lapsed = null);

/// <summary>Shares of one origin in one owner's hands.</summary>
/// <param name="Contribution">The contribution they were earned with; null for shares bought or given.</param>
/// <param name="Epoch">The epoch they were minted in; 0 for shares bought or given.</param>
/// <param name="Amount">How many.</param>
public sealed record Lot(Hash32? Contribution, ulong Epoch, Shares Amount);

/// <summary>What one distribution brought one owner, down to the contributions.</summary>
public sealed record PayoutLine(Distribution Distribution, Shares Held, Money Amount, IReadOnlyList<LotPayout> Lots);

/// <summary>What the shares of one origin brought.</summary>
public sealed record LotPayout(Lot Lot, Money Amount);

/// <summary>One payment of dividends to an owner, explained.</summary>
/// <param name="Id">Block and log index of the claim; empty for what could be claimed now.</param>
/// <param name="Owner">Who was paid.</param>
/// <param name="Amount">What was paid.</param>
/// <param name="Lines">The distributions it consists of; their amounts sum to <paramref name="Amount"/>.</param>
public sealed record Payout(string Id, Address Owner, Money Amount, IReadOnlyList<PayoutLine> Lines);

/// <summary>
/// The shares and the money of one asset, replayed from its chain's events with the arithmetic of the ledger and the share token
/// (specs/chain.md). It says who may claim what and what has yet to vest, takes every payment apart, and notices when the chain
/// did something else than the rules say. Knows nothing of chains or databases.
/// </summary>
/// <param name="vesting">How the asset's shares vest.</param>
public sealed class DividendBook(Vesting vesting = default)
{
    private static readonly BigInteger Magnitude = BigInteger.One << 128;

    // Below it nothing is distributed: the token's MIN_SUPPLY_FOR_DIVIDENDS.
    private static readonly Shares LeastSupply = new(Shares.One);

    private sealed class Holder
    {
        public readonly List<Stretch> Lots = []; // handed out, oldest first
        public readonly List<Stretch> Gone = []; // transferred since the last payment
        public readonly List<Leaf> Waiting = [];
        public Shares Balance;
        public BigInteger Correction; // as the token's, in units / Magnitude
        public Money Paid;
        public Shares Lapsed;
    }

    private sealed class Leaf(EpochShare share, int posted, BigInteger accumulator)
    {
        public readonly EpochShare Share = share;
        public readonly int Posted = posted; // raises before it
        public readonly BigInteger Accumulator = accumulator; // at its posting
        public int Taken; // steps handed out
        public bool Over; // all of it was handed out, or the rest has lapsed
        public Shares Lapsed;
    }

    // Shares that earn from one raise of the accumulator on, until before another.
    private readonly record struct Stretch(Lot Lot, int From, int To = int.MaxValue)
    {
        public bool Covers(int raise) => From <= raise && raise < To;
    }

    private readonly Dictionary<Address, Holder> _holders = [];
    private readonly Dictionary<LeafPlace, Leaf> _leaves = [];
    private readonly Dictionary<Hash32, Leaf> _byContribution = [];
    private readonly Dictionary<Hash32, ulong> _withdrawn = []; // and the last epoch posted by then
    private readonly List<Leaf> _lapsing = []; // marked, to be burnt in the same transaction
    private readonly List<(Distribution Distribution, BigInteger PerShare)> _raises = [];
    private readonly List<Payout> _payouts = [];
    private BigInteger _remainder;
    private ulong _latest;

    /// <summary>All money that came in.</summary>
    public Money Received { get; private set; }

    /// <summary>All money that went out.</summary>
    public Money Paid { get; private set; }

    /// <summary>All shares, handed out or not.</summary>
    public Shares Supply { get; private set; }

    /// <summary>What a share unit has earned since the beginning, in units of 2^-128 payment units: the token's accumulator.</summary>
    public BigInteger Accumulator { get; private set; }

    /// <summary>Everybody who has or had shares, in the order of addresses.</summary>
    public IEnumerable<Address> Owners => _holders.Keys.Order();

    /// <summary>All money that came in, in order.</summary>
    public IEnumerable<Distribution> Distributions => _raises.Select(r => r.Distribution).Where(d => d.Lapsed is null);

    /// <summary>What lapsed shares left to all others, in order.</summary>
    public IEnumerable<Distribution> Lapses => _raises.Select(r => r.Distribution).Where(d => d.Lapsed is not null);

    /// <summary>All payments in order.</summary>
    public IReadOnlyList<Payout> Payouts => _payouts;

    /// <summary>What all owners together could claim now.</summary>
    public Money Claimable => Sum(Owners.Select(ClaimableBy));

    /// <summary>Earned by shares that have not vested or are about to lapse, and what lapsed while there were too few shares to receive it.</summary>
    public Money Waiting => Sum(Owners.Select(o => WholeBy(o) - ClaimableBy(o))) + Whole(_remainder);

    /// <summary>What stays behind from rounding: below one unit for each owner and one for the division.</summary>
    public Money Dust => Received - Paid - Claimable - Waiting;

    /// <summary>Shares that are an owner's for good: handed out, or ready to be.</summary>
    public Shares HeldBy(Address owner) => BalanceOf(owner) + ReadyBy(owner);

    /// <summary>Shares an owner has in the token: those that vote.</summary>
    public Shares BalanceOf(Address owner) => _holders.TryGetValue(owner, out var holder) ? holder.Balance : default;

    /// <summary>Shares of an owner that have vested and are still with the ledger.</summary>
    public Shares ReadyBy(Address owner) => Sum(owner, s => s.Ready);

    /// <summary>Shares of an owner that have yet to vest.</summary>
    public Shares UnvestedBy(Address owner) => Sum(owner, s => s.Unvested);

    /// <summary>Epochs until all of an owner's shares have vested; 0 when they have.</summary>
    public int EpochsUntilVested(Address owner) => _holders.TryGetValue(owner, out var holder)
        ? holder.Waiting.Select(StateOf).Where(s => s.Unvested.Units > 0).Select(s => s.Steps - s.Due).DefaultIfEmpty().Max()
        : 0;

    /// <summary>Would another epoch let anything vest?</summary>
    public bool Vests => _holders.Values.SelectMany(h => h.Waiting).Any(leaf => !IsWithdrawn(leaf, out _) && DueOf(leaf) < vesting.Steps);

    /// <summary>Shares of an owner that are lost with what was withdrawn: burnt, or to be with the next claim.</summary>
    public Shares LostBy(Address owner) => _holders.TryGetValue(owner, out var holder) ? holder.Lapsed + Sum(owner, s => s.Lapsing) : default;

    /// <summary>What the token pays an owner now.</summary>
    public Money PayableBy(Address owner) => _holders.TryGetValue(owner, out var holder) ? Whole(Earned(holder)) - holder.Paid : default;

    /// <summary>What an owner could claim now, shares that are ready first.</summary>
    public Money ClaimableBy(Address owner) =>
        _holders.TryGetValue(owner, out var holder) ? Whole(Earned(holder) + EarnedWaiting(holder, s => s.Ready)) - holder.Paid : default;

    /// <summary>What an owner's shares have earned that have yet to vest; it comes with them.</summary>
    public Money UnvestedMoneyBy(Address owner) =>
        _holders.TryGetValue(owner, out var holder) ? Whole(Earned(holder) + EarnedWaiting(holder, s => s.Ready + s.Unvested)) - holder.Paid - ClaimableBy(owner) : default;

    /// <summary>What an owner could claim now, explained.</summary>
    public Payout Pending(Address owner) => Explain("", owner, ClaimableBy(owner), _holders.TryGetValue(owner, out var holder)
        ? holder.Waiting.Select(leaf => new Stretch(LotOf(leaf, StateOf(leaf).Ready), leaf.Posted)).Where(s => s.Lot.Amount.Units > 0)
        : []);

    /// <summary>Where the shares of a contribution stand; null when it earned none.</summary>
    public VestingState? StateOf(Hash32 contribution) => _byContribution.TryGetValue(contribution, out var leaf) ? StateOf(leaf) : null;

    /// <summary>Leaves of which a claim would hand something out, or have it lapse, by place.</summary>
    /// <param name="owner">Of one owner who asks for it; null: all those that a node claims unasked (<see cref="Vesting.Unasked"/>).</param>
    public IReadOnlyList<LeafPlace> Due(Address? owner) =>
    [
        .. (owner is { } one ? _holders.TryGetValue(one, out var holder) ? holder.Waiting : [] : _holders.Values.SelectMany(h => h.Waiting))
            .Where(leaf => DueOf(leaf) is var due && (IsWithdrawn(leaf, out _) || (owner is null ? vesting.Unasked(due) : due) > leaf.Taken))
            .Select(leaf => new LeafPlace(leaf.Share.Epoch, leaf.Share.Index)).OrderBy(p => p.Epoch).ThenBy(p => p.Index),
    ];

    /// <summary>All leaves of which a claim would hand something out, asked for or not, or have it lapse because it was withdrawn.</summary>
    public IReadOnlyList<(LeafPlace Place, bool Lapses)> Ready() =>
        [.. _holders.Values.SelectMany(h => h.Waiting).Select(leaf => (leaf, Lapses: IsWithdrawn(leaf, out _))).Where(l => l.Lapses || DueOf(l.leaf) > l.leaf.Taken)
            .Select(l => (new LeafPlace(l.leaf.Share.Epoch, l.leaf.Share.Index), l.Lapses))];

    /// <summary>An epoch was posted: a step of what was earned before it vests, and the shares of its own leaves earn from now on.</summary>
    public void EpochPosted(ulong epoch, IEnumerable<EpochShare> leaves)
    {
        _latest = epoch;
        foreach (var share in leaves)
        {
            var leaf = new Leaf(share, _raises.Count, Accumulator);
            _leaves[new LeafPlace(epoch, share.Index)] = _byContribution[share.Contribution] = leaf;
            HolderOf(share.Owner).Waiting.Add(leaf);
            Supply += share.Amount;
        }
    }

    /// <summary>A contribution was withdrawn: nothing more of it vests.</summary>
    public void Withdrawn(Hash32 contribution) => _withdrawn.TryAdd(contribution, _latest);

    /// <summary>The ledger handed its owner what had vested of a leaf.</summary>
    /// <exception cref="InvalidOperationException">Another amount than the rules give.</exception>
    public void SharesClaimed(LeafPlace place, Shares amount)
    {
        var leaf = LeafAt(place);
        int due = DueOf(leaf);
        Require(place, amount, StateOf(leaf).Ready);
        leaf.Taken = due;
        var holder = HolderOf(leaf.Share.Owner);
        holder.Balance += amount;
        holder.Correction -= leaf.Accumulator * amount.Units; // it brings along what it earned since its posting
        if (amount.Units > 0)
            holder.Lots.Add(new Stretch(LotOf(leaf, amount), leaf.Posted));
        if (due == vesting.Steps)
            End(leaf);
    }

    /// <summary>The ledger marked what had not vested of a withdrawn leaf as lapsed; it is burnt in the same transaction.</summary>
    /// <exception cref="InvalidOperationException">Another amount than the rules give.</exception>
    public void SharesLapsed(LeafPlace place, Shares amount)
    {
        var leaf = LeafAt(place);
        Require(place, amount, StateOf(leaf).Lapsing);
        (leaf.Taken, leaf.Lapsed) = (DueOf(leaf), amount);
        End(leaf);
        HolderOf(leaf.Share.Owner).Lapsed += amount;
        _lapsing.Add(leaf);
    }

    /// <summary>The token burnt what lapsed, all at once; what it had earned goes to the shares that are left.</summary>
    /// <exception cref="InvalidOperationException">Another amount than the ledger marked.</exception>
    public void Burnt(string id, Shares amount, long at)
    {
        var marked = _lapsing.Aggregate(default(Shares), (sum, leaf) => sum + leaf.Lapsed);
        if (amount != marked)
            throw new InvalidOperationException($"burning {id} took {amount} shares, but {marked} had lapsed");
        var earned = _lapsing.Aggregate(BigInteger.Zero, (sum, leaf) => sum + (Accumulator - leaf.Accumulator) * leaf.Lapsed.Units);
        _lapsing.Clear();
        Supply -= amount;
        if (Supply.CompareTo(LeastSupply) < 0)
            _remainder += earned;
        else
            Raise(earned, new Distribution(id, null, Whole(earned), Supply, at, amount));
    }

    /// <summary>Shares changed hands (not the ledger's release to their owner). The oldest go first.</summary>
    /// <exception cref="InvalidOperationException">More than the sender has: the events are not the token's.</exception>
    public void Transferred(Address from, Address to, Shares amount)
    {
        var (sender, receiver) = (HolderOf(from), HolderOf(to));
        if (sender.Balance.CompareTo(amount) < 0)
            throw new InvalidOperationException($"{from} transferred {amount} shares but holds {sender.Balance}");
        var left = amount;
        while (left.Units > 0)
        {
            var (lot, since, _) = sender.Lots[0];
            var taken = lot.Amount.CompareTo(left) <= 0 ? lot.Amount : left;
            if (taken == lot.Amount)
                sender.Lots.RemoveAt(0);
            else
                sender.Lots[0] = new Stretch(lot with { Amount = lot.Amount - taken }, since);
            if (since < _raises.Count)
                sender.Gone.Add(new Stretch(lot with { Amount = taken }, since, _raises.Count));
            left -= taken;
        }
        if (amount.Units > 0)
            receiver.Lots.Add(new Stretch(new Lot(null, 0, amount), _raises.Count));
        sender.Balance -= amount;
        sender.Correction += Accumulator * amount.Units;
        receiver.Balance += amount;
        receiver.Correction -= Accumulator * amount.Units;
    }

    /// <summary>Money came in for all shares there are.</summary>
    /// <exception cref="InvalidOperationException">There are none: the events are not the token's.</exception>
    public void Distributed(string id, Address from, Money amount, long at)
    {
        if (Supply.Units == 0)
            throw new InvalidOperationException($"distribution {id} came before there were shares");
        Raise(amount.Units * Magnitude, new Distribution(id, from, amount, Supply, at));
        Received += amount;
    }

    /// <summary>The chain paid an owner.</summary>
    /// <exception cref="InvalidOperationException">Another amount than the rules give.</exception>
    public void Claimed(string id, Address owner, Money amount)
    {
        var due = PayableBy(owner);
        if (due != amount)
            throw new InvalidOperationException($"payout {id} gave {owner} {amount}, but {due} was due");
        _payouts.Add(Explain(id, owner, amount, []));
        var holder = HolderOf(owner);
        holder.Paid += amount;
        holder.Gone.Clear();
        for (int i = 0; i < holder.Lots.Count; i++)
            holder.Lots[i] = new Stretch(holder.Lots[i].Lot, _raises.Count);
        Paid += amount;
    }

    private void Raise(BigInteger earned, Distribution distribution)
    {
        var perShare = BigInteger.DivRem(earned + _remainder, Supply.Units, out _remainder);
        Accumulator += perShare;
        _raises.Add((distribution, perShare));
    }

    private Payout Explain(string id, Address owner, Money amount, IEnumerable<Stretch> ready)
    {
        if (!_holders.TryGetValue(owner, out var holder))
            return new Payout(id, owner, amount, []);
        var stretches = holder.Gone.Concat(holder.Lots).Concat(ready).Where(s => s.From < _raises.Count).ToList();
        var lines = new List<(int Raise, List<Lot> Lots, Shares Held)>();
        for (int raise = stretches.Count == 0 ? _raises.Count : stretches.Min(s => s.From); raise < _raises.Count; raise++)
            if (stretches.Where(s => s.Covers(raise)).Select(s => s.Lot).GroupBy(l => (l.Contribution, l.Epoch)).Select(Together).ToList() is { Count: > 0 } lots)
                lines.Add((raise, lots, lots.Aggregate(default(Shares), (sum, lot) => sum + lot.Amount)));
        if (lines.Count == 0)
            return new Payout(id, owner, amount, []);
        var weights = lines.Select(l => (UInt128)(_raises[l.Raise].PerShare * l.Held.Units >> 64)).ToList(); // 2^-64 of a unit is fine enough to divide by
        var amounts = Split.InProportion(amount.Units, weights.Any(w => w > 0) ? weights : [.. weights.Select(_ => (UInt128)1)]);
        return new Payout(id, owner, amount, [.. lines.Select((line, i) =>
        {
            var parts = Split.InProportion(amounts[i], [.. line.Lots.Select(l => l.Amount.Units)]);
            return new PayoutLine(_raises[line.Raise].Distribution, line.Held, new Money(amounts[i]), [.. line.Lots.Select((lot, j) => new LotPayout(lot, new Money(parts[j])))]);
        })]);
    }

    // Steps of one contribution are one lot to its owner.
    private static Lot Together(IEnumerable<Lot> lots) => lots.Aggregate((sum, lot) => sum with { Amount = sum.Amount + lot.Amount });

    private VestingState StateOf(Leaf leaf)
    {
        var (share, due, withdrawn) = (leaf.Share, DueOf(leaf), IsWithdrawn(leaf, out _));
        var (vested, taken) = (vesting.Of(share.Amount, due), vesting.Of(share.Amount, leaf.Taken));
        var rest = leaf.Over ? default : share.Amount - vested;
        return new VestingState(share.Epoch, share.Amount, vesting.Steps, due, leaf.Taken, taken, vested - taken,
            withdrawn ? default : rest, withdrawn ? rest : default, leaf.Lapsed);
    }

    private void End(Leaf leaf)
    {
        leaf.Over = true;
        HolderOf(leaf.Share.Owner).Waiting.Remove(leaf);
    }

    private int DueOf(Leaf leaf) => vesting.Due(leaf.Share.Epoch, IsWithdrawn(leaf, out ulong last) ? last : _latest);

    private bool IsWithdrawn(Leaf leaf, out ulong last)
    {
        last = 0;
        return vesting.Epochs > 0 && _withdrawn.TryGetValue(leaf.Share.Contribution, out last);
    }

    private Leaf LeafAt(LeafPlace place) => _leaves.TryGetValue(place, out var leaf) ? leaf
        : throw new InvalidOperationException($"leaf {place.Index} of epoch {place.Epoch} was handed out, and there is none");

    private static void Require(LeafPlace place, Shares amount, Shares due)
    {
        if (amount != due)
            throw new InvalidOperationException($"leaf {place.Index} of epoch {place.Epoch} gave {amount} shares, but {due} were due");
    }

    private static Lot LotOf(Leaf leaf, Shares amount) => new(leaf.Share.Contribution, leaf.Share.Epoch, amount);

    private BigInteger Earned(Holder holder) => Accumulator * holder.Balance.Units + holder.Correction;

    private BigInteger EarnedWaiting(Holder holder, Func<VestingState, Shares> which) =>
        holder.Waiting.Aggregate(BigInteger.Zero, (sum, leaf) => sum + (Accumulator - leaf.Accumulator) * which(StateOf(leaf)).Units);

    private Money WholeBy(Address owner) =>
        _holders[owner] is var holder ? Whole(Earned(holder) + EarnedWaiting(holder, s => s.Ready + s.Unvested + s.Lapsing)) - holder.Paid : default;

    private static Money Whole(BigInteger earned) => new((UInt128)(earned / Magnitude));

    private static Money Sum(IEnumerable<Money> amounts) => amounts.Aggregate(default(Money), (sum, m) => sum + m);

    private Shares Sum(Address owner, Func<VestingState, Shares> which) => _holders.TryGetValue(owner, out var holder)
        ? holder.Waiting.Aggregate(default(Shares), (sum, leaf) => sum + which(StateOf(leaf)))
        : default;

    private Holder HolderOf(Address owner)
    {
        if (!_holders.TryGetValue(owner, out var holder))
            _holders[owner] = holder = new Holder();
        return holder;
    }
}
