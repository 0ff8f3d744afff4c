using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Core;

namespace Trove.Node.Protocol;

/// <summary>Queries that need no vote (Grants.Standing).</summary>
/// <param name="MinimumPrice">Least price of a use.</param>
/// <param name="MaximumEpsilon">Most epsilon of a use, in millionths.</param>
/// <param name="MinimumGroupSize">Least members that every number of a result is made of.</param>
/// <param name="Uses">Uses that can be had so in a period; 0: every use takes a vote.</param>
public sealed record StandingInfo(Money MinimumPrice, ulong MaximumEpsilon, uint MinimumGroupSize, uint Uses);

/// <summary>Part of the price of each use that goes to somebody before the owners (Grants.Fee).</summary>
/// <param name="BasisPoints">Hundredths of a percent.</param>
public sealed record FeeInfo(Address Recipient, uint BasisPoints);

/// <summary>What the owners have laid down about uses and their money (Grants.Charter); times in seconds.</summary>
/// <param name="UseTime">How long a runner has for an opened use.</param>
/// <param name="MinimumGroupSize">Fewest members that every number of a result is made of.</param>
/// <param name="MinimumSnapshotLeaves">Contributions that must come in before the data can be looked at anew.</param>
/// <param name="ChallengeTime">How long another runner can dispute a result; 0: it is settled as it is posted.</param>
/// <param name="Period">Of the privacy budget and of the standing offer.</param>
/// <param name="Budget">What the epsilon of all uses opened in a period can sum to, in millionths.</param>
/// <param name="RunnerStake">What a runner has at stake for each use it computes, and loses by a wrong result.</param>
/// <param name="VerifierStake">What a verifier must have at stake for its signature to count.</param>
public sealed record CharterInfo(uint UseTime, uint MinimumGroupSize, uint MinimumSnapshotLeaves, uint ChallengeTime, uint Period, ulong Budget, Money RunnerStake, Money VerifierStake,
    StandingInfo Standing, IReadOnlyList<FeeInfo> Fees)
{
    private const int MaxFees = 8, MaxFeePoints = 3000; // Grants.MAX_FEES, MAX_FEE_POINTS

    /// <summary>
    /// What a founder gets who says nothing else: an hour for a use, groups of ten members, an epsilon of 10 in 30 days, every use by a vote, nothing at stake and no fees.
    /// </summary>
    public static readonly CharterInfo Default = new(3600, 10, 10, 0, 30 * 86400, 10_000_000, default, default, new StandingInfo(default, 0, 0, 0), []);

    /// <summary>Why the contract would refuse it; null when it would not.</summary>
    public string? Problem()
    {
        if (Standing is null || Fees is null || Fees.Contains(null!))
            return "a part of the charter is missing";
        if (UseTime is 0 or > 7 * 86400 || MinimumGroupSize == 0 || MinimumSnapshotLeaves == 0 || Period == 0)
            return "a use takes a second to seven days; group size, snapshot size and period are above zero";
        if (ChallengeTime > 30 * 86400 || (ChallengeTime > 0 && RunnerStake.Units == 0))
            return "results can be disputed for 30 days at most, and only where runners have something at stake";
        if (Standing.Uses > 0 && (Standing.MinimumPrice.Units == 0 || Standing.MaximumEpsilon == 0))
            return "a standing offer has a price and an epsilon";
        if (new[] { RunnerStake, VerifierStake, Standing.MinimumPrice }.Any(m => m.Units >> 96 != 0))
            return "an amount is beyond what there is";
        return Fees.Count > MaxFees || Fees.Any(f => f.Recipient.IsZero || f.BasisPoints is 0 or > MaxFeePoints) || Fees.Sum(f => f.BasisPoints) > MaxFeePoints
            ? "fees go to at most 8 accounts and are 30 percent together at most" : null;
    }

    /// <summary>As the contract takes it.</summary>
    public Charter ToAbi() => new(UseTime, MinimumGroupSize, MinimumSnapshotLeaves, ChallengeTime, Period, Budget, RunnerStake.Units, VerifierStake.Units,
        new Standing(Standing.MinimumPrice.Units, Standing.MaximumEpsilon, Standing.MinimumGroupSize, Standing.Uses), [.. Fees.Select(f => new Fee(f.Recipient, checked((ushort)f.BasisPoints)))]);

    /// <summary>As the contract has it.</summary>
    public static CharterInfo Of(Charter c) => new(c.UseTime, c.MinimumGroupSize, c.MinimumSnapshotLeaves, c.ChallengeTime, c.Period, c.Budget, new(c.RunnerStake), new(c.VerifierStake),
        new StandingInfo(new(c.Standing.MinimumPrice), c.Standing.MaximumEpsilon, c.Standing.MinimumGroupSize, c.Standing.Uses), [.. c.Fees.Select(f => new FeeInfo(f.Recipient, f.BasisPoints))]);

    /// <summary>Of the decoded fields of a call.</summary>
    internal static CharterInfo Of(object[] f) => f[8] is object[] s && f[9] is object[] fees
        ? new((uint)f[0], (uint)f[1], (uint)f[2], (uint)f[3], (uint)f[4], (ulong)f[5], new((UInt128)f[6]), new((UInt128)f[7]), new StandingInfo(new((UInt128)s[0]), (ulong)s[1], (uint)s[2], (uint)s[3]),
            [.. fees.Cast<object[]>().Select(x => new FeeInfo((Address)x[0], (ushort)x[1]))])
        : throw new AbiException("a charter without a standing offer or fees");

    /// <summary>Does the standing offer cover a request? (Grants._isStanding)</summary>
    public bool Offers(RequestTerms terms) => Standing.Uses > 0 && terms.Use == RequestUse.Query && terms.Price.Units >= Standing.MinimumPrice.Units
        && terms.Epsilon <= Standing.MaximumEpsilon && terms.GroupSize >= Standing.MinimumGroupSize;

    /// <inheritdoc/>
    public bool Equals(CharterInfo? other) => other is not null && UseTime == other.UseTime && MinimumGroupSize == other.MinimumGroupSize && MinimumSnapshotLeaves == other.MinimumSnapshotLeaves
        && ChallengeTime == other.ChallengeTime && Period == other.Period && Budget == other.Budget && RunnerStake == other.RunnerStake && VerifierStake == other.VerifierStake
        && Standing == other.Standing && Fees.SequenceEqual(other.Fees);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(UseTime, MinimumGroupSize, MinimumSnapshotLeaves, ChallengeTime, Period, Budget, Standing, Fees.Count);
}

/// <summary>The privacy budget of the running period.</summary>
/// <param name="Start">Its first second; 0 before the first use.</param>
/// <param name="End">The second at which a use begins the next.</param>
/// <param name="Spent">Epsilon of the uses opened in it, in millionths.</param>
/// <param name="Budget">What that can sum to.</param>
/// <param name="StandingUses">Uses that were had by the standing offer.</param>
public sealed record BudgetInfo(long Start, long End, ulong Spent, ulong Budget, uint StandingUses);
