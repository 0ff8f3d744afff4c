using FsCheck;
using FsCheck.Fluent;
using Trove.Core.Rewards;

namespace Trove.Tests.Core;

/// <summary>Words that follow one another as in a chain against words that people wrote: this repository's own pages.</summary>
public class WordOrderTests
{
    // specs/rewards.md, "order". Around m stand (x, y), (x, y), (p, q), (p, q): two come again. Exchanged by one and by three none does, by two two do.
    private static readonly string[] Example = ["x m y", "w x m y", "p m q", "w p m q"];

    [Fact]
    public void Counts_are_those_of_the_page() => Assert.Equal((2, 2), Of(Example).Counts);

    [Fact]
    public void A_passage_counts_once() => Assert.Equal((2, 2), Of([.. Example, "p m q", "w x m y"]).Counts);

    [Fact]
    public void Two_words_have_nothing_between_them() => Assert.Equal((0, 0), Of(["a", "a b", "a b", ""]).Counts);

    // Two ideographs are about a word. Inside of one longer than that, what is before and what is after never change.
    [Fact]
    public void Between_ideographs_stand_two()
    {
        Assert.Equal((1, 3), Of(["a m b", "c a m b"]).Counts);
        Assert.Equal((0, 0), Of(["甲潮汐乙", "丙甲潮汐乙"]).Counts);
        Assert.Equal((2, 2), Of(["甲潮汐乙", "丁甲潮汐乙", "丙潮汐戊", "丁丙潮汐戊"]).Counts);
    }

    [Fact]
    public void What_words_are_called_does_not_matter() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
    {
        var chance = new Random(seed);
        string[] names = [.. Enumerable.Range(0, 6).Select(i => $"word{i}")], others = [.. names.Select(n => $"other {n}").OrderBy(_ => chance.Next())];
        var records = Enumerable.Range(0, 40).Select(_ => Enumerable.Range(0, chance.Next(12)).Select(_ => chance.Next(names.Length)).ToArray()).ToList();
        var (one, other) = (new WordOrder(), new WordOrder());
        foreach (int[] record in records)
        {
            one.Add([.. record.Select(i => names[i])]);
            other.Add([.. record.Select(i => others[i])]);
        }
        return one.Counts == other.Counts && one.Counts.ByChance > 0;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Too_little_to_tell_is_like_writing()
    {
        var order = new WordOrder();
        Assert.Equal(RecordScore.Full, order.Signal);
        var chance = new Random(1);
        while (order.Counts.ByChance < 3 * WordOrder.FewestByChance)
        {
            Assert.Equal(RecordScore.Full, order.Signal);
            order.Add([.. Enumerable.Range(0, 10).Select(_ => $"w{chance.Next(10)}")]); // by chance alone
        }
        Assert.True(order.Signal < 8_500);
    }

    // specs/rewards.md, "order", step 3.
    [Theory]
    [InlineData(32_766, 1, 3)]
    [InlineData(32_767, 0, 0)]
    public void Much_text_is_looked_at_in_stretches(int between, int again, int byChance)
    {
        var order = new WordOrder();
        order.Add(["x", "m", "y"]);
        for (int i = 0; i < between; i++)
            order.Add([$"a{i}", $"b{i}", $"c{i}"]);
        order.Add(["x", "m", "y", "z"]);
        Assert.Equal((again, byChance), order.Counts);
    }

    // So much that which pages there are does not matter.
    [Fact]
    public void Prose_is_told_from_a_chain_over_its_words()
    {
        const int words = 30_000;
        var pages = Directory.GetFiles(Path.Combine(Vectors.Repository, "specs"), "*.md").Order(StringComparer.Ordinal).SelectMany(File.ReadLines)
            .Where(l => l.Length > 100 && char.IsAsciiLetter(l[0])).Select(l => RecordScore.FoldedWords(l)).ToList();
        for (int seed = 0; seed < 4; seed++)
        {
            var chance = new Random(seed);
            var (prose, salad) = (new WordOrder(), new WordOrder());
            for (int first = chance.Next(pages.Count), left = words; left > 0; first++)
            {
                prose.Add(pages[first % pages.Count]);
                left -= pages[first % pages.Count].Count;
            }
            foreach (var record in Chain(pages, words, chance))
                salad.Add(record);
            Assert.Equal(RecordScore.Full, PairVariety.Factor(prose.Signal));
            Assert.InRange(PairVariety.Factor(salad.Signal), 0u, 2_000u);
        }
    }

    // Each word is drawn from what followed the word before it.
    private static IEnumerable<List<string>> Chain(List<IReadOnlyList<string>> from, int words, Random chance)
    {
        var followers = from.SelectMany(t => t.Zip(t.Skip(1))).ToLookup(p => p.First, p => p.Second).ToDictionary(g => g.Key, g => g.ToArray());
        for (int left = words; left > 0; left -= 40)
        {
            var record = new List<string> { from[chance.Next(from.Count)][0] };
            while (record.Count < 40 && followers.TryGetValue(record[^1], out string[]? next))
                record.Add(next[chance.Next(next.Length)]);
            yield return record;
        }
    }

    private static WordOrder Of(string[] records)
    {
        var order = new WordOrder();
        foreach (string record in records)
            order.Add(RecordScore.FoldedWords(record));
        return order;
    }
}
