namespace Trove.Core.Rewards;

/// <summary>
/// Counts how many of a contribution's pairs of neighbouring words are distinct. What people write has new pairs for ever (Heaps, 1978,
/// for words); a machine that puts seen pairs together runs out of them. For one stretch of <see cref="Writing"/>.
/// </summary>
public sealed class PairVariety
{
    private readonly HashSet<string> _distinct = new(StringComparer.Ordinal);
    private int _pairs;

    /// <summary>Fewer pairs say nothing.</summary>
    public const int FewestPairs = 512;

    /// <summary>Adds the words of one record.</summary>
    public void Add(IReadOnlyList<string> words)
    {
        foreach (var run in WordRuns.Of(words, 2))
        {
            _pairs++;
            _distinct.Add(WordRuns.Text(words, run));
        }
    }

    /// <summary>
    /// Distinct pairs against the least that so many pairs of natural writing have: eight in ten up to 1,024, and half a tenth fewer
    /// each time they double (measured: specs/rewards.md).
    /// </summary>
    public uint Signal => _pairs < FewestPairs ? RecordScore.Full : Quality.Ratio(_distinct.Count * (long)RecordScore.Full, _pairs * (long)Least(_pairs));

    /// <summary>What a signal makes of a contribution, in basis points: nothing below 85 in 100, all of it from 95 on.</summary>
    public static uint Factor(uint signal) => signal >= 9_500 ? RecordScore.Full : signal <= 8_500 ? 0 : (signal - 8_500) * 10;

    /// <summary>The signal of which <see cref="Factor"/> makes this, to ten basis points of it.</summary>
    public static uint SignalOf(uint factor) => factor == RecordScore.Full ? RecordScore.Full : 8_500 + factor / 10;

    // Between powers of two on a straight line, in basis points.
    private static int Least(int pairs)
    {
        int least = 8_000;
        int from = 1_024;
        for (; pairs >= 2 * from; from *= 2)
            least -= 500;
        return pairs < from ? least : least - (int)(500L * (pairs - from) / from);
    }
}
