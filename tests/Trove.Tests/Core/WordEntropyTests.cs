using FsCheck;
using FsCheck.Fluent;
using Trove.Core.Rewards;

namespace Trove.Tests.Core;

/// <summary>Words that follow one another against words that were drawn one by one.</summary>
public class WordEntropyTests
{
    // specs/rewards.md, "entropy": (a b), (b c), (c d) come again. Exchanged by one (a c) and (b d) do, by three none, by five (c b).
    [Fact]
    public void Counts_are_those_of_the_page() => Assert.Equal((3, 3), Of("a b c d a b c d").Counts);

    [Fact]
    public void Two_ideographs_are_about_a_word_and_pairs_end_with_their_record()
    {
        Assert.Equal((1, 0), Of("甲乙丙丁", "甲乙丙丁").Counts with { ByChance = 0 });
        Assert.Equal((0, 0), Of("a", "b", "", "甲乙丙").Counts);
        Assert.Equal((1, 3), Of("a b", "a b").Counts);
    }

    [Fact]
    public void What_stands_between_spaces_in_Thai_is_no_word() => Assert.Equal((0, 0), Of("การทำงาน ของแมโคร", "การทำงาน ของแมโคร", "in ไทย", "in ไทย").Counts);

    [Fact]
    public void Signals_are_those_of_the_definition() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
    {
        var chance = new Random(seed);
        int words = chance.Next(20_000), few = 1 + chance.Next(2_000), habits = chance.Next(1, 2_000);
        var entropy = new WordEntropy();
        var pairs = new List<(string, string)>();
        for (int left = words; left > 0;)
        {
            var record = new List<string>();
            for (int i = 1 + chance.Next(80); i > 0; i--)
                record.Add(record.Count > 0 && chance.Next(3) == 0 ? $"w{(record[^1].GetHashCode(StringComparison.Ordinal) & 0xffff) % habits}" : $"w{chance.Next(few)}");
            entropy.Add(record);
            pairs.AddRange(record.Zip(record.Skip(1)));
            left -= record.Count;
        }
        return entropy.Signal == NaiveSignal(pairs);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Too_little_to_tell_is_like_writing()
    {
        var entropy = new WordEntropy();
        Assert.Equal(RecordScore.Full, entropy.Signal);
        for (int i = 1; i < WordEntropy.FewestPairs; i++)
            entropy.Add([$"a{i}", $"b{i}"]);
        Assert.Equal(RecordScore.Full, entropy.Signal);
        entropy.Add(["a", "b"]);
        Assert.Equal(0u, entropy.Signal);
    }

    // So much that which pages there are does not matter.
    [Fact]
    public void Prose_is_told_from_its_words_in_any_order()
    {
        var pages = Directory.GetFiles(Path.Combine(Vectors.Repository, "specs"), "*.md").Order(StringComparer.Ordinal).SelectMany(File.ReadLines)
            .Where(l => l.Length > 100 && char.IsAsciiLetter(l[0])).Select(l => RecordScore.FoldedWords(l)).ToList();
        string[] words = [.. pages.SelectMany(p => p)], distinct = [.. words.Distinct()];
        for (int seed = 0; seed < 4; seed++)
        {
            var chance = new Random(seed);
            var (prose, drawn, listed) = (new WordEntropy(), new WordEntropy(), new WordEntropy());
            for (int first = chance.Next(pages.Count), left = 10_000; left > 0; first++)
            {
                var page = pages[first % pages.Count];
                prose.Add(page);
                drawn.Add([.. page.Select(_ => words[chance.Next(words.Length)])]);
                listed.Add([.. page.Select(_ => distinct[chance.Next(distinct.Length)])]);
                left -= page.Count;
            }
            Assert.Equal(RecordScore.Full, prose.Signal);
            Assert.InRange(drawn.Signal, 0u, 1_000u);
            Assert.Equal(0u, listed.Signal);
        }
    }

    private static uint NaiveSignal(List<(string, string)> pairs)
    {
        long weighed = 0, all = 0;
        foreach (var stretch in pairs.Chunk(8_192).Where(s => s.Length >= 512))
        {
            var (again, byChance) = Naive(stretch);
            int n = stretch.Length;
            long asked = n >= 8_192 ? 360 : n >= 4_096 ? 240 + 120 * (n - 4_096) / 4_096 : n >= 2_048 ? 160 + 80 * (n - 2_048) / 2_048 : n >= 1_024 ? 120 + 40 * (n - 1_024) / 1_024 : 100 + 20 * (n - 512) / 512;
            long times = byChance == 0 ? again == 0 ? 0 : 10_000 : Math.Clamp(5 * (30_000L * again / byChance - 11_000), 0, 10_000);
            long more = (3L * again - byChance) * 10_000 / (3L * n);
            weighed += n * Math.Min(times, Math.Clamp((3 * more - 2 * asked) * 10_000 / asked, 0, 10_000));
            all += n;
        }
        return all == 0 ? 10_000 : (uint)(weighed / all);
    }

    private static (int Again, int ByChance) Naive(IReadOnlyList<(string First, string Second)> pairs)
    {
        return (Again(0), Again(1) + Again(2) + Again(3));

        int Again(int quarters)
        {
            var exchanged = pairs.Chunk(64).SelectMany(block => block.Select((pair, i) =>
                (pair.First, block[(i + (quarters == 0 ? 0 : Math.Max(1, block.Length * quarters / 4))) % block.Length].Second)));
            return pairs.Count - exchanged.Distinct().Count();
        }
    }

    private static WordEntropy Of(params string[] records)
    {
        var entropy = new WordEntropy();
        foreach (string record in records)
            entropy.Add(RecordScore.FoldedWords(record));
        return entropy;
    }
}
