namespace Trove.Core.Rewards;

/// <summary>
/// How natural a text is, signal by signal, in basis points: 10,000 is like people's writing, 0 is nothing like it. Counts and
/// ratios alone, so that every verifier gets the same bits (specs/rewards.md).
/// </summary>
/// <param name="Variety">Distinct words against what a text of that length has.</param>
/// <param name="Repetition">Distinct runs of three words against all of them: refrains, pasted twice.</param>
/// <param name="Letters">Characters that are in words against all that are no white space: markup, tables, drawings.</param>
/// <param name="Digits">Words without digits: logs, lists of numbers.</param>
/// <param name="Lengths">Words that are not endlessly long: keys, encoded data.</param>
/// <param name="Pairs">Of the whole contribution, the lesser of two: distinct pairs of words against what that much writing has at least, for
/// machines that recombine what they read use the same pairs again and again (<see cref="PairVariety"/>); and whether what stands before a
/// word has to do with what stands after it (<see cref="WordOrder"/>).</param>
/// <param name="Language">Of the whole contribution, how much of it is in a language that is known (<see cref="LanguageShare"/>).</param>
/// <param name="Entropy">Of the whole contribution, whether words follow one another or were drawn one by one (<see cref="WordEntropy"/>).</param>
public sealed record Quality(uint Variety, uint Repetition, uint Letters, uint Digits, uint Lengths, uint Pairs, uint Language, uint Entropy)
{
    /// <summary>How many signals there are.</summary>
    public const int Signals = 8;

    /// <summary>How many there were before <see cref="Language"/> and <see cref="Entropy"/>: what has no others is written as it was then.</summary>
    public const int EarlierSignals = 6;

    /// <summary>Like people's writing in all of them; as weights, all signals count fully.</summary>
    public static readonly Quality Full = new(RecordScore.Full, RecordScore.Full, RecordScore.Full, RecordScore.Full, RecordScore.Full, RecordScore.Full, RecordScore.Full, RecordScore.Full);

    /// <summary>In the order in which they are written.</summary>
    public IReadOnlyList<uint> Values => [Variety, Repetition, Letters, Digits, Lengths, Pairs, Language, Entropy];

    /// <summary>The names of <see cref="Values"/>.</summary>
    public static readonly IReadOnlyList<string> Names = ["variety", "repetition", "letters", "digits", "lengths", "pairs", "language", "entropy"];

    /// <summary>From <see cref="Values"/>.</summary>
    public static Quality From(IReadOnlyList<uint> values) => new(values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7]);

    /// <summary>Is each signal within its bounds?</summary>
    public bool IsValid => Values.All(v => v <= RecordScore.Full);

    /// <summary>
    /// What the signals make of one basis point of a word, in basis points: their product, in which a signal of weight w takes away
    /// w/10,000 of what it is short of the full 10,000. What is of no single record stays out.
    /// </summary>
    public uint Factor(Quality weights)
    {
        uint factor = Weighted(Variety, weights.Variety);
        factor = factor * Weighted(Repetition, weights.Repetition) / RecordScore.Full;
        factor = factor * Weighted(Letters, weights.Letters) / RecordScore.Full;
        factor = factor * Weighted(Digits, weights.Digits) / RecordScore.Full;
        return factor * Weighted(Lengths, weights.Lengths) / RecordScore.Full;
    }

    /// <summary>What the signals of a whole contribution make of it, in the same way.</summary>
    public uint WritingFactor(Quality weights)
    {
        uint factor = Weighted(PairVariety.Factor(Pairs), weights.Pairs);
        factor = factor * Weighted(Language, weights.Language) / RecordScore.Full;
        return factor * Weighted(Entropy, weights.Entropy) / RecordScore.Full;
    }

    private static uint Weighted(uint signal, uint weight) => RecordScore.Full - weight * (RecordScore.Full - signal) / RecordScore.Full;

    /// <summary>
    /// The signals of one text; those of a whole contribution are full.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="words">Its folded words, at least one; the first <see cref="RecordScore.CountedWords"/> at most.</param>
    internal static Quality Of(ReadOnlySpan<char> text, IReadOnlyList<string> words)
    {
        int n = words.Count;
        var triples = WordRuns.Of(words, 3);
        int expected = Math.Min(n, 3 * CeilingSqrt(n));
        var distinct = new HashSet<string>(words, StringComparer.Ordinal);
        int inWords = 0, visible = 0, digits = 0, long_ = 0;
        foreach (var word in Words.Split(text))
            inWords += word.Length;
        foreach (char c in text)
            visible += char.IsWhiteSpace(c) ? 0 : 1;
        foreach (string word in words)
        {
            digits += word.AsSpan().ContainsAnyInRange('0', '9') ? 1 : 0;
            long_ += word.Length > LongestNatural ? 1 : 0;
        }
        return Full with
        {
            Variety = Ratio(distinct.Count, expected),
            Repetition = Ratio(new HashSet<string>(triples.Select(run => WordRuns.Text(words, run)), StringComparer.Ordinal).Count * 10L, triples.Count * 9L),
            Letters = Ratio(inWords * 10L, visible * 6L),
            Digits = Ratio((n - digits) * 10L, n * 6L),
            Lengths = Ratio(n - long_, n),
        };
    }

    /// <summary>UTF-16 units of the longest word that counts as one.</summary>
    internal const int LongestNatural = 32;

    /// <summary>A part of a whole in basis points, at most all of it; nothing of nothing is all.</summary>
    internal static uint Ratio(long part, long whole) => whole <= part ? RecordScore.Full : (uint)(RecordScore.Full * part / whole);

    private static int CeilingSqrt(int value)
    {
        int root = 0;
        while (root * root < value)
            root++;
        return root;
    }
}
