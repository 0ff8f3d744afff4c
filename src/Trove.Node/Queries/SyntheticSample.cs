using Trove.Exports;

namespace Trove.Node.Queries;

/// <summary>
/// Made-up records on which a buyer can try a query before asking for it. Made from this file alone, the same ones on
/// every machine: 1,000 members, some 20,000 records of the years 2019 to 2025, enough of them to be seen through the noise. No member's data is in it or has shaped it, so
/// what comes out says nothing about any asset.
/// </summary>
public static class SyntheticSample
{
    /// <summary>How many members there are.</summary>
    public const int Members = 1000;

    private static readonly (string Platform, RecordKind Kind)[] Sources =
        [("reddit", RecordKind.Comment), ("reddit", RecordKind.Comment), ("reddit", RecordKind.Post), ("reddit", RecordKind.Message), ("chatgpt", RecordKind.Prompt)];

    private static readonly string[] Communities = ["gardening", "cooking", "bicycling", "books", "astronomy"];

    private static readonly string[] Vocabulary =
    [
        "the", "a", "and", "with", "without", "morning", "evening", "coffee", "tea", "bread", "soup", "garden", "tomato", "seed", "rain", "winter",
        "bicycle", "wheel", "road", "hill", "novel", "chapter", "library", "star", "telescope", "moon", "question", "answer", "maybe", "today",
        "yesterday", "slow", "bright", "small", "old", "new", "repair", "borrow", "write", "read", "grow", "cook", "ride", "watch", "don't", "it's",
    ];

    /// <summary>The records, each with the number of its made-up member.</summary>
    public static IEnumerable<(int Member, Record Record)> Records()
    {
        const long first = 1_546_300_800_000, last = 1_767_225_600_000; // 2019-01-01 and 2026-01-01
        var random = new SplitMix(2019);
        for (int member = 0; member < Members; member++)
        {
            for (int left = 10 + random.Below(21); left > 0; left--)
            {
                var (platform, kind) = Sources[random.Below(Sources.Length)];
                bool isPublic = kind is RecordKind.Comment or RecordKind.Post;
                yield return (member, new Record
                {
                    Platform = platform,
                    Kind = kind,
                    Id = $"sample-{member}-{left}",
                    Author = $"sample-{member}",
                    Own = true,
                    Time = first + random.Below((int)((last - first) / 1000)) * 1000L,
                    Title = kind == RecordKind.Post ? Sentence(3 + random.Below(6), random) : "",
                    Text = Sentence(4 + random.Below(40), random),
                    Meta = isPublic ? Metadata.Empty.SetItem("subreddit", Communities[random.Below(Communities.Length)]) : Metadata.Empty,
                });
            }
        }
    }

    private static string Sentence(int words, SplitMix random) => string.Join(' ', Enumerable.Range(0, words).Select(_ => Vocabulary[random.Below(Vocabulary.Length)]));

    /// <summary>SplitMix64 (Steele, Lea, Flood 2014): System.Random promises no sequence across versions.</summary>
    private sealed class SplitMix(ulong state)
    {
        public int Below(int bound)
        {
            unchecked
            {
                ulong z = state += 0x9E3779B97F4A7C15;
                z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
                z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
                return (int)((z ^ (z >> 31)) % (ulong)bound);
            }
        }
    }
}
