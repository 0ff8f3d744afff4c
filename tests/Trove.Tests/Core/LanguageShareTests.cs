using Trove.Core.Rewards;

namespace Trove.Tests.Core;

/// <summary>How much of a text is in a language: this repository's own pages, and what they are made into.</summary>
public class LanguageShareTests
{
    // Two triples each, of which English has both or none.
    private const string Known = "of", Unknown = "xq";

    // specs/rewards.md, "language": nothing up to 12 in 100, all from 18 on.
    [Theory]
    [InlineData(0, 0)]
    [InlineData(61, 0)]
    [InlineData(62, 166)] // 30,000 · 124 / (3 · 1,024) = 1,210
    [InlineData(77, 5_050)] // 1,503
    [InlineData(92, 9_933)] // 1,796
    [InlineData(93, 10_000)]
    [InlineData(512, 10_000)]
    public void A_window_is_worth_what_was_found_of_it(int known, uint signal) =>
        Assert.Equal(signal, Of(Enumerable.Range(0, LanguageShare.Window / 2).Select(i => i < known ? Known : Unknown)));

    [Fact]
    public void Windows_count_alike_and_what_fills_none_says_nothing()
    {
        const int fills = LanguageShare.Window / 2;
        Assert.Equal(RecordScore.Full, Of(Enumerable.Repeat(Unknown, fills - 1)));
        Assert.Equal(0u, Of(Enumerable.Repeat(Unknown, 2 * fills - 1)));
        Assert.Equal(5_000u, Of([.. Enumerable.Repeat(Unknown, fills), .. Enumerable.Repeat(Known, 2 * fills - 1)]));
    }

    [Fact]
    public void The_best_language_of_each_script_counts_and_words_with_digits_do_not()
    {
        // "the" has three triples, all English; "и" has one, which is Russian.
        string[] english = [.. Enumerable.Repeat("the", 20)], russian = [.. Enumerable.Repeat("и", 64)];
        Assert.Equal(166u, Of([.. english, .. russian, .. Enumerable.Repeat(Unknown, 450)])); // 124 of 1,024, and 30,000 · 124 / 3,072 = 1,210
        Assert.Equal(0u, Of([.. english, .. Enumerable.Repeat("1st", 400), .. Enumerable.Repeat(Unknown, 482)]));
        Assert.Equal(RecordScore.Full, Of([.. RecordScore.FoldedWords(string.Concat(Enumerable.Repeat("ㅋㅋㅋ ", 400))), .. Enumerable.Repeat(Known, LanguageShare.Window / 2)]));
    }

    // A character counts as four thirds of a triple: more of the text has to be among the common ones.
    [Theory]
    [InlineData('的', '齉', 163, 0)]
    [InlineData('的', '齉', 164, 16)] // 30,000 · 164 / (4 · 1,024) = 1,201
    [InlineData('의', '쀓', 164, 16)]
    [InlineData('的', '齉', 246, 10_000)]
    public void Characters_of_Chinese_and_Korean_are_looked_up_one_by_one(char known, char unknown, int count, uint signal)
    {
        Assert.Equal(signal, Of(Enumerable.Range(0, LanguageShare.Window).Select(i => (i < count ? known : unknown).ToString())));
        string all = string.Concat(Enumerable.Range(0, LanguageShare.Window).Select(i => i < count ? known : unknown));
        Assert.Equal(signal, Of(RecordScore.FoldedWords(all)));
    }

    [Fact]
    public void Pages_are_in_a_language_and_their_letters_exchanged_are_in_none()
    {
        string pages = string.Join('\n', Directory.GetFiles(Path.Combine(Vectors.Repository, "specs"), "*.md").Order(StringComparer.Ordinal).SelectMany(File.ReadLines)
            .Where(l => l.Length > 100 && char.IsAsciiLetter(l[0]))).ToLowerInvariant();
        Assert.Equal(RecordScore.Full, Of(RecordScore.FoldedWords(pages)));
        for (int seed = 0; seed < 20; seed++)
        {
            var chance = new Random(seed);
            char[] letters = [.. "abcdefghijklmnopqrstuvwxyz"], others = [.. letters];
            chance.Shuffle(others);
            Assert.InRange(Of(RecordScore.FoldedWords(string.Concat(pages.Select(c => char.IsAsciiLetterLower(c) ? others[c - 'a'] : c)))), 0u, 500u);
            Assert.Equal(0u, Of(RecordScore.FoldedWords(string.Concat(pages.Select(c => char.IsAsciiLetterLower(c) ? letters[chance.Next(26)] : c)))));
        }
    }

    // Every list is read, and is one that the program folds its words to.
    [Fact]
    public void Lists_are_of_folded_words()
    {
        var lists = File.ReadLines(Path.Combine(Vectors.Repository, "specs", "languages.txt")).Where(l => !l.StartsWith('#')).Select(l => l.Split(' ')).ToList();
        Assert.Equal(166, lists.Count);
        Assert.Equal(lists.Count, lists.Select(l => l[0]).Distinct().Count());
        Assert.All(lists, l => Assert.Equal(l.Length - 1, l.Skip(1).Distinct().Count()));
        foreach (string gram in lists.SelectMany(l => l.Skip(1)))
            Assert.True(gram.Length is 1 or 3 && gram.Trim('_') is var letters && Folding.Fold(letters) == letters && !letters.Contains('_'), gram);
    }

    private static uint Of(IEnumerable<string> words)
    {
        var share = new LanguageShare();
        share.Add([.. words]);
        return share.Signal;
    }
}
