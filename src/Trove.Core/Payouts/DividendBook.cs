using System.Numerics;

namespace Trove.Core.Payouts;

/// <summary>A distribution of money to all shares, named by its place on the chain.</summary>
/// <param name="Id">Block and log index, <c>12-3</c>.</param>
/// <param name="From">Who paid.</param>
/// <param name="Amount">How much came in.</param>
/// <param name="Supply">All shares there were, claimed or not.</param>
/// <param name="At">Milliseconds since 1970, UTC.</param>
public sealed record Distribution(string Id, Address From, Money Amount, Shares Supply, long At);

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
/// The money of one asset, replayed from its chain's events with the arithmetic of the share token (accumulator of
/// magnitude 2^128, specs/chain.md). It says who may claim what, takes every payment apart, and notices when the chain
/// paid something else than the rules say. Knows nothing of chains or databases.
/// </summary>
public sealed class DividendBook
{
    private static readonly BigInteger Magnitude = BigInteger.One << 128;

    private sealed class Holder
    {
        public List<Lot> Lots = [];
        public List<(Distribution Distribution, Shares Held, BigInteger Earned, List<Lot> Lots)> Open = [];
        public BigInteger Earned; // exact, in units / Magnitude
        public Money Paid;

        public Shares Held => Lots.Aggregate(default(Shares), (sum, lot) => sum + lot.Amount);
    }

    private readonly Dictionary<Address, Holder> _holders = [];
    private readonly List<Payout> _payouts = [];
    private readonly List<Distribution> _distributions = [];
    private BigInteger _remainder;
    private Shares _supply;

    /// <summary>All money that came in.</summary>
    public Money Received { get; private set; }

    /// <summary>All money that went out.</summary>
    public Money Paid { get; private set; }

    /// <summary>All shares, claimed or not.</summary>
    public Shares Supply => _supply;

    /// <summary>Everybody who has or had shares, in the order of addresses.</summary>
    public IEnumerable<Address> Owners => _holders.Keys.Order();

    /// <summary>All distributions in order.</summary>
    public IReadOnlyList<Distribution> Distributions => _distributions;

    /// <summary>All payments in order.</summary>
    public IReadOnlyList<Payout> Payouts => _payouts;

    /// <summary>What all owners together could claim now.</summary>
    public Money Claimable => Owners.Aggregate(default(Money), (sum, owner) => sum + ClaimableBy(owner));

    /// <summary>What stays behind from rounding: below one unit for each owner and one for the division.</summary>
    public Money Dust => Received - Paid - Claimable;

    /// <summary>Shares an owner has, whether claimed from the ledger yet or not.</summary>
    public Shares HeldBy(Address owner) => _holders.TryGetValue(owner, out var holder) ? holder.Held : default;

    /// <summary>Where an owner's shares come from.</summary>
    public IReadOnlyList<Lot> LotsOf(Address owner) => _holders.TryGetValue(owner, out var holder) ? holder.Lots : [];

    /// <summary>What an owner could claim now.</summary>
    public Money ClaimableBy(Address owner) =>
        _holders.TryGetValue(owner, out var holder) ? new Money((UInt128)(holder.Earned / Magnitude)) - holder.Paid : default;

    /// <summary>What an owner could claim now, explained.</summary>
    public Payout Pending(Address owner) => Explain("", owner, ClaimableBy(owner));

    /// <summary>An epoch was posted: each leaf's shares belong to its owner from now on.</summary>
    public void EpochPosted(IEnumerable<EpochShare> leaves)
    {
        foreach (var leaf in leaves)
        {
            HolderOf(leaf.Owner).Lots.Add(new Lot(leaf.Contribution, leaf.Epoch, leaf.Amount));
            _supply += leaf.Amount;
        }
    }

    /// <summary>Shares changed hands (not the ledger's release to their owner, which changes nothing here). The oldest go first.</summary>
    /// <exception cref="InvalidOperationException">More than the sender has: the events are not the token's.</exception>
    public void Transferred(Address from, Address to, Shares amount)
    {
        var sender = HolderOf(from);
        if (sender.Held.CompareTo(amount) < 0)
            throw new InvalidOperationException($"{from} transferred {amount} shares but holds {sender.Held}");
        var receiver = HolderOf(to);
        var left = amount;
        while (left.Units > 0)
        {
            var lot = sender.Lots[0];
            var taken = lot.Amount.CompareTo(left) <= 0 ? lot.Amount : left;
            if (taken == lot.Amount)
                sender.Lots.RemoveAt(0);
            else
                sender.Lots[0] = lot with { Amount = lot.Amount - taken };
            left -= taken;
        }
        if (amount.Units > 0)
            receiver.Lots.Add(new Lot(null, 0, amount));
    }

    /// <summary>Money came in for all shares there are.</summary>
    public void Distributed(string id, Address from, Money amount, long at)
    {
        if (_supply.Units == 0)
            throw new InvalidOperationException($"distribution {id} came before there were shares");
        var distribution = new Distribution(id, from, amount, _supply, at);
        var perShare = BigInteger.DivRem((BigInteger)amount.Units * Magnitude + _remainder, _supply.Units, out _remainder);
        foreach (var holder in _holders.Values)
        {
            var held = holder.Held;
            if (held.Units == 0)
                continue;
            var earned = perShare * held.Units;
            holder.Earned += earned;
            holder.Open.Add((distribution, held, earned, [.. holder.Lots]));
        }
        _distributions.Add(distribution);
        Received += amount;
    }

    /// <summary>The chain paid an owner.</summary>
    /// <exception cref="InvalidOperationException">Another amount than the rules give.</exception>
    public void Claimed(string id, Address owner, Money amount)
    {
        var due = ClaimableBy(owner);
        if (due != amount)
            throw new InvalidOperationException($"payout {id} gave {owner} {amount}, but {due} was due");
        _payouts.Add(Explain(id, owner, amount));
        var holder = HolderOf(owner);
        holder.Paid += amount;
        holder.Open.Clear();
        Paid += amount;
    }

    private Payout Explain(string id, Address owner, Money amount)
    {
        if (!_holders.TryGetValue(owner, out var holder) || holder.Open.Count == 0)
            return new Payout(id, owner, amount, []);
        var weights = holder.Open.Select(o => (UInt128)(o.Earned >> 64)).ToList(); // 2^-64 of a unit is fine enough to divide by
        var amounts = Split.InProportion(amount.Units, weights.Any(w => w > 0) ? weights : [.. weights.Select(_ => (UInt128)1)]);
        return new Payout(id, owner, amount, [.. holder.Open.Select((o, i) =>
        {
            var parts = Split.InProportion(amounts[i], [.. o.Lots.Select(l => l.Amount.Units)]);
            return new PayoutLine(o.Distribution, o.Held, new Money(amounts[i]), [.. o.Lots.Select((lot, j) => new LotPayout(lot, new Money(parts[j])))]);
        })]);
    }

    private Holder HolderOf(Address owner)
    {
        if (!_holders.TryGetValue(owner, out var holder))
            _holders[owner] = holder = new Holder();
        return holder;
    }
}

/// <summary>One leaf of a posted epoch, as far as money is concerned.</summary>
public sealed record EpochShare(ulong Epoch, Hash32 Contribution, Address Owner, Shares Amount);
