namespace Trove.Core.Rewards;

/// <summary>
/// Tells words that follow one another from words that were drawn one by one. Writing has less entropy than its words would have in any
/// order (Shannon, 1951), and about as much less in every language (Montemurro and Zanette, 2011): pairs of words come again more
/// often than by chance. Chance is measured on surrogate data (Theiler et al., 1992): the same words exchanged with near ones.
/// Definition and measurements: specs/rewards.md, "entropy".
/// </summary>
public sealed class WordEntropy
{
    /// <summary>Fewer pairs say nothing.</summary>
    public const int FewestPairs = 512;

    // The more text, the more comes again by chance and the less stands out: much of it is looked at piece by piece.
    private const int Stretch = 1 << 13;

    // Words are exchanged within so many, which are about the same thing.
    private const int Block = 64;

    private readonly Dictionary<string, uint> _numbers = new(StringComparer.Ordinal);
    private readonly uint[] _first = new uint[Stretch], _second = new uint[Stretch];
    private readonly ulong[] _some = new ulong[Stretch];
    private int _count;
    private long _pairs, _sum;

    /// <summary>Adds the folded words of one record.</summary>
    public void Add(IReadOnlyList<string> words)
    {
        var runs = WordRuns.Of(words, 1);
        foreach (var run in runs)
        {
            if (run.End >= runs.Count)
                break;
            if (IsUnspaced(words[run.First]) || IsUnspaced(words[run.End]))
                continue;
            (_first[_count], _second[_count]) = (NumberOf(words, run), NumberOf(words, runs[run.End]));
            if (++_count < Stretch)
                continue;
            (_pairs, _sum) = (_pairs + _count, _sum + (long)_count * SignalOfStretch());
            _count = 0;
            _numbers.Clear();
        }
    }

    /// <summary>0 for words drawn one by one, 10,000 for writing. Too little to tell is like writing.</summary>
    public uint Signal
    {
        get
        {
            var (pairs, sum) = _count < FewestPairs ? (_pairs, _sum) : (_pairs + _count, _sum + (long)_count * SignalOfStretch());
            return pairs == 0 ? RecordScore.Full : (uint)(sum / pairs);
        }
    }

    /// <summary>How many pairs of the stretch that is not full have come again, and three times how many by chance.</summary>
    public (int Again, int ByChance) Counts
    {
        get
        {
            return (Repeats(0), Repeats(1) + Repeats(2) + Repeats(3));

            int Repeats(int quarters)
            {
                for (int from = 0; from < _count; from += Block)
                {
                    int length = Math.Min(Block, _count - from), by = quarters == 0 ? 0 : Math.Max(1, length * quarters / 4);
                    for (int i = 0; i < length; i++)
                        _some[from + i] = (ulong)_first[from + i] << 32 | _second[from + ((i + by) % length)];
                }
                var all = _some.AsSpan(0, _count);
                all.Sort();
                int repeats = 0;
                for (int i = 1; i < all.Length; i++)
                    repeats += all[i] == all[i - 1] ? 1 : 0;
                return repeats;
            }
        }
    }

    // The lesser of two: how many times as often as by chance, from 1.1 to 1.3, and how many more of all, from two thirds of what is asked to all of it.
    private uint SignalOfStretch()
    {
        var (again, byChance) = Counts;
        long times = byChance == 0 ? again > 0 ? RecordScore.Full : 0 : (30_000L * again / byChance - 11_000) * 5;
        long more = (3L * again - byChance) * RecordScore.Full / (3L * _count), asked = AskedOf(_count);
        return (uint)Math.Clamp(Math.Min(times, (3 * more - 2 * asked) * RecordScore.Full / asked), 0, RecordScore.Full);
    }

    // In basis points of all pairs: measured at powers of two, and on a straight line between.
    private static int AskedOf(int pairs)
    {
        ReadOnlySpan<int> asked = [100, 120, 160, 240, 360];
        int from = FewestPairs, at = 0;
        for (; pairs >= 2 * from; from *= 2)
            at++;
        return at == asked.Length - 1 ? asked[at] : asked[at] + (asked[at + 1] - asked[at]) * (pairs - from) / from;
    }

    // Thai, Lao, Burmese and Khmer: what stands between spaces is no word but a phrase, and hardly comes again.
    private static bool IsUnspaced(string word) => word.Length > 0 && word[0] is (>= '\u0E00' and <= '\u0EFF') or (>= '\u1000' and <= '\u109F') or (>= '\u1780' and <= '\u17FF');

    private uint NumberOf(IReadOnlyList<string> words, (int First, int End) run)
    {
        string text = run.End - run.First == 1 ? words[run.First] : WordRuns.Text(words, run);
        if (!_numbers.TryGetValue(text, out uint number))
            _numbers[text] = number = (uint)_numbers.Count;
        return number;
    }
}
