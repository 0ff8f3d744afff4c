namespace Trove.Core.Rewards;

/// <summary>
/// Tells what people write from what a first-order Markov chain makes of it ("word salad"). In a chain, the words before and after a word
/// are independent given that word; in writing, which has phrases, they are not. So (before, after) of one word come together again more
/// often than by chance, in any language; chance is measured on surrogate data (Theiler et al., 1992): the same words exchanged
/// among the occurrences of the word between them. For one stretch of <see cref="Writing"/>. Definition and measurements: specs/rewards.md, "order".
/// </summary>
public sealed class WordOrder
{
    /// <summary>Fewer that come again by chance say nothing.</summary>
    public const int FewestByChance = 24;

    // The more text, the more comes again by chance and the less stands out: much of it is looked at piece by piece.
    private const ulong Stretch = 1 << 15;

    // Of the words of a Writing.Stretch.
    private const int WordBits = 20, RunBits = 17;
    private const ulong WordMask = (1 << WordBits) - 1, RunMask = (1 << RunBits) - 1;

    private readonly Dictionary<string, ulong> _numbers = new(StringComparer.Ordinal);
    private readonly HashSet<UInt128> _passages = [];
    private readonly List<ulong> _middles = [], _sides = [];

    /// <summary>Adds the folded words of one record.</summary>
    public void Add(IReadOnlyList<string> words)
    {
        var runs = WordRuns.Of(words, 1).FindAll(run => run.First > 0 && run.End < words.Count);
        if (runs.Count == 0)
            return;
        var numbers = new ulong[words.Count + 2]; // 0 at the edges
        for (int i = 0; i < words.Count; i++)
            if (!_numbers.TryGetValue(words[i], out numbers[i + 1]))
                _numbers[words[i]] = numbers[i + 1] = (ulong)_numbers.Count + 1;
        foreach (var (first, end) in runs)
        {
            ulong middle = numbers[first + 1] | (end - first == 2 ? numbers[first + 2] << WordBits : 0);
            ulong sides = numbers[first] << WordBits | numbers[end + 1];
            ulong around = numbers[first - 1] << WordBits | numbers[end + 2];
            if (_passages.Add(((UInt128)middle << (2 * WordBits) | sides) << (2 * WordBits) | around))
            {
                _middles.Add(middle << RunBits | (uint)_middles.Count);
                _sides.Add(sides);
            }
        }
    }

    /// <summary>
    /// How much more often than by chance it came again: 8,500 basis points at 1.05 times, 9,500 from 1.15 on, as <see cref="PairVariety.Factor"/>
    /// takes them. Too little to tell is like writing.
    /// </summary>
    public uint Signal
    {
        get
        {
            var (again, byChance) = Counts;
            return byChance < 3 * FewestByChance ? RecordScore.Full : (uint)Math.Clamp(30_000L * again / byChance - 2_000, 0, RecordScore.Full);
        }
    }

    /// <summary>How often (before, after) of a word came again, and three times how often by chance.</summary>
    public (int Again, int ByChance) Counts
    {
        get
        {
            // By the word in the middle, in order of occurrence.
            ulong[] middles = [.. _middles];
            Array.Sort(middles);
            var sides = Array.ConvertAll(middles, m => _sides[(int)(m & RunMask)]);
            var some = new ulong[sides.Length];
            int again = 0, byChance = 0;
            for (int from = 0, end; from < middles.Length; from = end)
            {
                end = from + 1;
                while (end < middles.Length && Group(middles[end]) == Group(middles[from]))
                    end++;
                int n = end - from;
                if (n < 2 || (middles[from] >> RunBits > WordMask && (IsFixed(from, end, before: true) || IsFixed(from, end, before: false))))
                    continue;
                again += Repeats(from, n, 0);
                for (int quarter = 1; quarter <= 3; quarter++)
                    byChance += Repeats(from, n, Math.Max(1, n * quarter / 4));
            }
            return (again, byChance);

            static (ulong Middle, ulong Stretch) Group(ulong m) => (m >> RunBits, (m & RunMask) / Stretch);

            int Repeats(int from, int n, int rotated)
            {
                var group = some.AsSpan(0, n);
                for (int i = 0; i < n; i++)
                    group[i] = (sides[from + i] & ~WordMask) | (sides[from + ((i + rotated) % n)] & WordMask);
                group.Sort();
                int repeats = 0;
                for (int i = 1; i < n; i++)
                    repeats += group[i] == group[i - 1] ? 1 : 0;
                return repeats;
            }

            // Inside a word of several ideographs one side is always the same: whatever is exchanged, nothing changes.
            bool IsFixed(int from, int end, bool before)
            {
                for (int i = from + 1; i < end; i++)
                    if (before ? sides[i] >> WordBits != sides[from] >> WordBits : ((sides[i] ^ sides[from]) & WordMask) != 0)
                        return false;
                return true;
            }
        }
    }
}
