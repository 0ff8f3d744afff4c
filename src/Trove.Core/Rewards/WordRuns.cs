namespace Trove.Core.Rewards;

/// <summary>
/// Runs of neighbouring words, as novelty and quality compare them. An ideograph, which is a word of its own here and mostly half of
/// one where it is written, counts as half a word: else what everybody writes in Chinese or Japanese would look copied.
/// </summary>
internal static class WordRuns
{
    /// <summary>The runs of so many words, one beginning at each word that has enough after it: where it begins and where it has ended.</summary>
    public static List<(int First, int End)> Of(IReadOnlyList<string> words, int length)
    {
        var runs = new List<(int, int)>(words.Count);
        int weight = 0, end = 0;
        for (int first = 0; first < words.Count; first++)
        {
            while (weight < 2 * length && end < words.Count)
                weight += Weight(words[end++]);
            if (weight < 2 * length)
                break;
            runs.Add((first, end));
            weight -= Weight(words[first]);
        }
        return runs;
    }

    /// <summary>A run as text, to tell it from others.</summary>
    public static string Text(IReadOnlyList<string> words, (int First, int End) run) => run.End - run.First == 2
        ? words[run.First] + " " + words[run.First + 1]
        : string.Join(' ', words.Skip(run.First).Take(run.End - run.First));

    // In halves of a word.
    private static int Weight(string word) => Words.IsIdeograph(word) ? 1 : 2;
}
