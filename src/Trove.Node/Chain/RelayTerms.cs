using Trove.Core;

namespace Trove.Node.Chain;

/// <summary>
/// What a node asks before it pays gas for somebody, so that making it pay costs more than it pays
/// (specs/chain.md, "Who pays"; <c>trove bench constitution</c> has the figures). Whoever does not fulfil it sends the call itself.
/// </summary>
public sealed record RelayTerms
{
    private static readonly UInt128 Ether = 1_000_000_000_000_000_000;

    /// <summary>Wei that calls may cost at most.</summary>
    public required RelayBudget Budget { get; init; }

    /// <summary>Most wei per gas: what is asked below in dollars was reckoned with it.</summary>
    public UInt128 MaxFeePerGas { get; init; } = 200_000_000_000;

    /// <summary>
    /// Whose assets it pays for; null for everybody's. In an asset of its own a stranger is verifier, guardian and runner, and has
    /// shares, epochs and members as it likes.
    /// </summary>
    public IReadOnlyCollection<Address>? Founders { get; init; }

    /// <summary>Least credit that it pays out by itself: below it the gas is worth more than what it moves.</summary>
    public Money LeastPayment { get; init; }

    /// <summary>What it pays for one account in one asset, ever; null where only days count.</summary>
    public RelayAllowance? InAll { get; init; }

    /// <summary>
    /// An embedded chain's ether is worth nothing; budgets only bound how much one stranger can make it grow. Claiming for a hundred
    /// thousand owners takes an asset some fifteen ether.
    /// </summary>
    public static RelayTerms Embedded { get; } = new() { Budget = new(50 * Ether, 100 * Ether) };

    /// <summary>On a network, for the assets of these founders.</summary>
    public static RelayTerms Network(IReadOnlyCollection<Address> founders) => new()
    {
        Budget = new(Ether / 50, Ether),
        MaxFeePerGas = 1_000_000_000,
        Founders = founders,
        LeastPayment = new(1_000_000),
        InAll = new(Earner: Ether * 55 / 100_000, PerDollar: Ether / 30_000, HandOuts: Ether * 6 / 10_000, Leaving: Ether / 2500),
    };
}

/// <summary>Wei that calls may cost at most; a transaction is charged with all that it can cost, about twice what it does.</summary>
/// <param name="Each">For an asset's own contracts, in whose name the node does what is good for all, and for each account, a day.</param>
/// <param name="All">Together, a day.</param>
public readonly record struct RelayBudget(UInt128 Each, UInt128 All);

/// <summary>
/// Wei that calls for one account in one asset may cost in all. What only has to be held, shares or money that comes back, can be passed
/// from one fresh account to the next and gives nothing here: only what is spent does, an account that verifiers attested or money that it paid. Dividends that it is paid others spent: they carry
/// their own claim and nothing else.
/// </summary>
/// <param name="Earner">For what somebody signs whom an epoch rewarded.</param>
/// <param name="PerDollar">More for each whole dollar that it paid, as dividends or for uses; and for each that a claim pays out, for this claim.</param>
/// <param name="HandOuts">For handing out what it earned, beside that.</param>
/// <param name="Leaving">For withdrawing what was rewarded, and having lapse what of it had not vested, beside that.</param>
public readonly record struct RelayAllowance(UInt128 Earner, UInt128 PerDollar, UInt128 HandOuts, UInt128 Leaving)
{
    /// <summary>What it is for somebody.</summary>
    public UInt128 Of(bool earned, Money paid) => (earned ? Earner : 0) + Of(paid);

    /// <summary>What money is good for.</summary>
    public UInt128 Of(Money moved) => moved.Units / 1_000_000 * PerDollar; // at most 2^96 units: no overflow
}
