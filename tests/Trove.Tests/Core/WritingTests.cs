using Trove.Bench.Attacks;
using Trove.Core.Rewards;

namespace Trove.Tests.Core;

/// <summary>The signals of a whole contribution.</summary>
public class WritingTests
{
    [Fact]
    public void Nothing_is_like_writing()
    {
        var writing = new Writing();
        Assert.Equal((RecordScore.Full, RecordScore.Full, RecordScore.Full), (writing.Language, writing.Entropy, writing.Pairs));
    }

    [Fact]
    public void Of_endless_words_the_beginning_counts()
    {
        var (writing, cut) = (new Writing(), new Writing());
        var chance = new Random(1);
        for (int i = 0; i < 700; i++)
        {
            string[] words = [.. Enumerable.Range(0, 3).Select(_ => new string((char)('a' + chance.Next(3)), 32))];
            cut.Add(words);
            writing.Add([.. words.Select(w => w + chance.Next())]);
        }
        Assert.NotEqual((RecordScore.Full, RecordScore.Full), (cut.Entropy, cut.Pairs));
        Assert.Equal((cut.Language, cut.Entropy, cut.Pairs), (writing.Language, writing.Entropy, writing.Pairs));
    }

    // More than one stretch of writing, and behind it what a chain makes of it.
    [Fact]
    public void Nothing_is_hidden_behind_much_that_people_wrote()
    {
        var (writer, habits, chance) = (new Writer(11), new Writer.Habits(12), new Random(13));
        var writing = new Writing();
        var source = new List<string>();
        for (int words = 0; words < 140_000;)
        {
            var record = RecordScore.FoldedWords(writer.Record(habits));
            writing.Add(record);
            source.AddRange(record);
            words += record.Count;
        }
        Assert.Equal((RecordScore.Full, RecordScore.Full, RecordScore.Full), (writing.Language, writing.Entropy, writing.Pairs));

        var followers = source.Zip(source.Skip(1)).GroupBy(p => p.First, p => p.Second).ToDictionary(g => g.Key, g => g.ToArray());
        string word = source[0];
        for (int i = 0; i < 131_072 / 40; i++)
        {
            var record = new List<string>();
            while (record.Count < 40)
                record.Add(word = followers.TryGetValue(word, out string[]? next) ? next[chance.Next(next.Length)] : source[chance.Next(source.Count)]);
            writing.Add(record);
        }
        Assert.InRange(PairVariety.Factor(writing.Pairs), 4_500u, 5_500u); // of two stretches one, and a rest
    }
}
