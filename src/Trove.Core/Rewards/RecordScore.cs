namespace Trove.Core.Rewards;

/// <summary>
/// What one record is worth before novelty is known. All in integers, so that every verifier gets the same
/// bits (specs/rewards.md).
/// </summary>
public static class RecordScore
{
    /// <summary>One, in basis points.</summary>
    public const uint Full = 10_000;

    /// <summary>Words of one record that count: a book pasted into one message earns no more than a long essay.</summary>
    public const int CountedWords = 2_000;

    /// <summary>The first <see cref="CountedWords"/> words of a text, folded: as novelty sees it. Case, punctuation, layout and
    /// compatibility forms do not make an old text new.</summary>
    public static IReadOnlyList<string> FoldedWords(ReadOnlySpan<char> text)
    {
        var words = new List<string>();
        foreach (var word in Words.Split(text))
        {
            if (words.Count == CountedWords)
                break;
            words.Add(Folding.Fold(word));
        }
        return words;
    }

    /// <summary>Signals and score of a text: words times quality, in basis points of a word. "spam spam spam spam" is worth one word.</summary>
    /// <param name="text">The text.</param>
    /// <param name="words">Its <see cref="FoldedWords"/>.</param>
    /// <param name="weights">The policy's.</param>
    public static (Quality Quality, uint Score) Of(ReadOnlySpan<char> text, IReadOnlyList<string> words, Quality weights)
    {
        if (words.Count == 0)
            return (Quality.Full, 0);
        var quality = Quality.Of(text, words);
        return (quality, (uint)words.Count * quality.Factor(weights));
    }
}
