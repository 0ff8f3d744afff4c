using System.Numerics;

namespace Trove.Core.Votes;

/// <summary>Whether a vote will reach its quorum, as far as the votes before it say.</summary>
public enum QuorumOutlook
{
    /// <summary>It has.</summary>
    Reached,

    /// <summary>Also with as little more as the lowest of the votes before it brought.</summary>
    Likely,

    /// <summary>Not even with as much more as the highest of them brought.</summary>
    Unlikely,

    /// <summary>In between.</summary>
    Unclear,
}

/// <summary>A vote that is over, seen at the moment in which the one that is forecast stands.</summary>
/// <param name="Supply">All shares at its snapshot.</param>
/// <param name="Then">Shares that had voted for or abstained when the same part of its time was over.</param>
/// <param name="End">Shares that had at its end; not fewer.</param>
public readonly record struct PastTurnout(Shares Supply, Shares Then, Shares End);

/// <summary>
/// How many shares may take part in a vote by its end. Each vote before it tells how much more came, as a part of all shares, from the
/// same moment to its end; that is added to what is there. A description of the past, no probability: nobody has to vote as they did.
/// </summary>
/// <param name="Votes">How many votes before it were looked at.</param>
/// <param name="Low">The tenth percentile of what was there and what came, by nearest rank; of fewer than eleven votes the least.</param>
/// <param name="Median">The fiftieth.</param>
/// <param name="High">The ninetieth; of fewer than ten votes the most.</param>
/// <param name="Outlook">What that says of the quorum.</param>
public sealed record TurnoutForecast(int Votes, Shares Low, Shares Median, Shares High, QuorumOutlook Outlook)
{
    /// <summary>Fewer votes than this say nothing.</summary>
    public const int LeastVotes = 3;

    /// <summary>The newest so many are looked at: owners change.</summary>
    public const int MostVotes = 20;

    /// <summary>Forecasts a vote; null when there are too few before it.</summary>
    /// <param name="supply">All shares at its snapshot.</param>
    /// <param name="present">Shares that have voted for or abstained.</param>
    /// <param name="against">Shares that have voted against: they cannot take part in the quorum any more.</param>
    /// <param name="quorum">Shares that must vote for or abstain.</param>
    /// <param name="past">Votes that are over, the newest last.</param>
    public static TurnoutForecast? Of(Shares supply, Shares present, Shares against, Shares quorum, IReadOnlyList<PastTurnout> past)
    {
        if (past.Count < LeastVotes)
            return null;
        // What a chain tells may be odd; a forecast never leaves [present, supply].
        var most = BigInteger.Max(present.Units, (BigInteger)supply.Units - against.Units);
        var ends = past.TakeLast(MostVotes).Select(p => BigInteger.Min(most, present.Units + More(p, supply))).Order().ToList();
        var (low, median, high) = (Rank(ends, 10), Rank(ends, 50), Rank(ends, 90));
        return new TurnoutForecast(ends.Count, low, median, high,
            present.Units >= quorum.Units ? QuorumOutlook.Reached
            : low.Units >= quorum.Units ? QuorumOutlook.Likely
            : high.Units < quorum.Units ? QuorumOutlook.Unlikely : QuorumOutlook.Unclear);
    }

    private static BigInteger More(PastTurnout p, Shares supply) =>
        p.Supply.Units == 0 || p.End.Units <= p.Then.Units ? BigInteger.Zero : (BigInteger)(p.End.Units - p.Then.Units) * supply.Units / p.Supply.Units;

    // Nearest rank: the smallest value that at least so many percent are not above.
    private static Shares Rank(List<BigInteger> sorted, int percent) => new((UInt128)sorted[Math.Max(0, (sorted.Count * percent + 99) / 100 - 1)]);
}
