using System.Diagnostics;
using System.Security.Cryptography;
using Trove.Core.Rewards;
using TagList = Trove.Core.Rewards.TagList;

namespace Trove.Bench.Attacks;

/// <summary>
/// How well edited copies are told from other texts, record by record, next to the true resemblance. Resemblance is Jaccard's, over the sets of runs of three words (Broder, "On the resemblance and containment of documents", 1997).
/// </summary>
public static class NearCopies
{
    private static readonly double[] Thresholds = [0.5, 0.7, 0.9];

    /// <summary>Runs it.</summary>
    /// <param name="pairs">Records that have an edited copy, and as many that have none.</param>
    public static IEnumerable<BenchLine> Run(int pairs)
    {
        var writer = new Writer(7);
        var habits = new Writer.Habits(8);
        var chance = new Random(9);
        using var by = new RecordTags(SHA256.HashData("trove/bench/near"u8));
        var index = new NoveltyIndex();
        var originals = Enumerable.Range(0, pairs).Select(_ => writer.Record(habits)).ToList();
        index.Add(Contribution(by, originals));

        // A copy each, edited by nothing to a third; and texts of the same hand that copy nothing.
        var copies = originals.ConvertAll(t => Attack.Edit(t, chance.NextDouble() / 3, new Attack.Prey([], [], [], writer, chance)));
        var others = Enumerable.Range(0, pairs).Select(_ => writer.Record(habits)).ToList();
        var empty = new NoveltyIndex();
        int wrong = others.Count(t => IsFound(t));
        for (int i = 0; i < Thresholds.Length; i++)
        {
            var above = Enumerable.Range(0, pairs).Where(n => Jaccard(originals[n], copies[n]) >= Thresholds[i]).ToList();
            int found = above.Count(n => IsFound(copies[n]));
            yield return Line($"near-copies of Jaccard {Thresholds[i]:0.0} and more ({above.Count:N0}): recall", (double)found / above.Count);
            yield return Line($"near-copies of Jaccard {Thresholds[i]:0.0} and more: precision", found + wrong == 0 ? 1 : (double)found / (found + wrong));
        }
        yield return new BenchLine("attacks", "bytes of a tag list for a record", Math.Round((double)Contribution(by, originals).Tags.ToBytes().Length / pairs, 1), "B",
            null, $"of {originals.Average(t => t.Length):0} characters", null, null, null);
        var working = Stopwatch.StartNew();
        _ = Contribution(by, originals);
        yield return new BenchLine("attacks", "words scored, tagged and fingerprinted, one core", Math.Round(originals.Sum(t => (double)Core.Words.Count(t)) / working.Elapsed.TotalSeconds), "/s", null, "once", null, null, null);

        bool IsFound(string text) => Novelty.Of(Contribution(by, [text]).Tags, index, empty) is { Novel: var novel, Score: var score } && novel < score / 2;
    }

    private static double Jaccard(string one, string other)
    {
        HashSet<string> a = [.. Shingles(one)], b = [.. Shingles(other)];
        int common = a.Count(b.Contains);
        return a.Count + b.Count == 0 ? 1 : (double)common / (a.Count + b.Count - common);

        static IEnumerable<string> Shingles(string text)
        {
            var words = text.Split(' ');
            return Enumerable.Range(0, Math.Max(0, words.Length - 2)).Select(i => string.Join(' ', words, i, 3));
        }
    }

    private static AttestedContribution Contribution(RecordTags by, IReadOnlyList<string> texts)
    {
        var tags = new TagList.Builder();
        foreach (string text in texts)
            tags.Add(by, text, text, Quality.Full);
        return Attested(tags.Build());
    }

    private static AttestedContribution Attested(TagList tags) =>
        new(new Attestation(1, default, default, default, default, default, default, tags.Hash(), default, 1, 1, default, 1, default), new EvidenceResults([]), tags);

    private static BenchLine Line(string what, double share) => new("attacks", what, Math.Round(share * 100, 2), "%", null, "record by record, without its contribution", null, null, null);
}
