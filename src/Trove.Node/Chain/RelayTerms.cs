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

    /// <summary>Least money that it has paid in or out: below it the gas is worth more than what it moves.</summary>
    public Money LeastPayment { get; init; }

    /// <summary>Least money that waits in escrow behind a request, or moves into or out of a stake: it comes back to who sends it.</summary>
    public Money LeastDeposit { get; init; }

    /// <summary>Longest query that it sends, in bytes: each costs gas, also when the payment was called off and nothing comes of it.</summary>
    public int LongestQuery { get; init; } = int.MaxValue;

    /// <summary>
    /// Who has contributed nothing itself needs one in so many of all shares, or votes, to vote, propose and delegate: shares can be
    /// sent to any number of fresh accounts. Null asks nothing.
    /// </summary>
    public uint? SharesOfStrangers { get; init; }

    /// <summary>
    /// Does it pay for a withdrawal of what verifiers have not attested? Announcing costs nothing; and what is in no epoch, nobody can have released.
    /// </summary>
    public bool Unattested { get; init; }

    /// <summary>
    /// An embedded chain's ether is worth nothing; budgets only bound how much one stranger can make it grow. Claiming for a hundred
    /// thousand owners takes an asset some fifteen ether.
    /// </summary>
    public static RelayTerms Embedded { get; } = new() { Budget = new(50 * Ether, 100 * Ether, 50 * Ether, 1500 * Ether), Unattested = true };

    /// <summary>On a network, for the assets of these founders.</summary>
    public static RelayTerms Network(IReadOnlyCollection<Address> founders) => new()
    {
        Budget = new(Ether / 50, Ether, Ether / 1000, Ether / 1000),
        MaxFeePerGas = 2_000_000_000,
        Founders = founders,
        LeastPayment = new(1_000_000),
        LeastDeposit = new(100_000_000),
        LongestQuery = 1024,
        SharesOfStrangers = 1000,
    };
}

/// <summary>Wei that calls may cost at most; a transaction is charged with all that it can cost, about twice what it does.</summary>
/// <param name="Asset">For an asset's own contracts, in whose name the node does what is good for all, for each of its runners, whom a vote named, and for a founder, a day.</param>
/// <param name="All">Together, a day.</param>
/// <param name="Member">For one member, buyer or operator, a day.</param>
/// <param name="Month">The same in 30 days: what it is worth to be one.</param>
public readonly record struct RelayBudget(UInt128 Asset, UInt128 All, UInt128 Member, UInt128 Month);
