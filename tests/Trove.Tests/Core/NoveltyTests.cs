using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Core.Rewards;

namespace Trove.Tests.Core;

/// <summary>Fingerprints, quality and what novelty makes of them, held against plain computations.</summary>
public class NoveltyTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    private static readonly RecordTags By = new(Key);

    [Fact]
    public void Texts_that_share_twelve_words_in_a_row_share_a_fingerprint() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
    {
        var chance = new Random(seed);
        var common = Words(chance, RecordTags.Guarantee);
        var (one, other) = (Around(common), Around(common));
        return By.Fingerprints(one).Intersect(By.Fingerprints(other)).Any();

        List<string> Around(List<string> middle) => [.. Words(chance, chance.Next(20)), .. middle, .. Words(chance, chance.Next(20))];
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Fingerprints_are_the_least_of_each_window_by_definition() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
    {
        var words = Words(new Random(seed), new Random(seed).Next(60));
        // A text of a shingle's length has the shingle's own.
        var each = Enumerable.Range(0, Math.Max(0, words.Count - RecordTags.ShingleWords + 1)).Select(i => By.Fingerprints(words.GetRange(i, RecordTags.ShingleWords)).Single()).ToList();
        int window = Math.Min(RecordTags.Window, each.Count);
        var expected = Enumerable.Range(0, each.Count - window + 1).Where(_ => window > 0).Select(i => each.GetRange(i, window).Min()).Distinct().Order();
        return expected.SequenceEqual(By.Fingerprints(words));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Fingerprints_need_the_key_and_have_their_bits()
    {
        var words = Words(new Random(1), 100);
        using var other = new RecordTags([.. Key.Reverse()]);
        var mine = By.Fingerprints(words);
        Assert.InRange(mine.Length, 15, 40);
        Assert.All(mine, f => Assert.True(f < 1UL << RecordTags.FingerprintBits));
        Assert.Empty(mine.Intersect(other.Fingerprints(words)));
        Assert.Empty(By.Fingerprints(words.GetRange(0, 4)));
    }

    [Theory]
    [InlineData("spam spam spam spam", 10_000u)]
    [InlineData("four words of text", 40_000u)]
    [InlineData("", 0u)]
    public void Repetition_lowers_the_score(string text, uint score) => Assert.Equal(score, RecordScore.Of(text, RecordScore.FoldedWords(text), Quality.Full with { Repetition = 0 }).Score);

    [Fact]
    public void Every_signal_falls_with_what_it_is_for_and_with_nothing_else()
    {
        const string natural = "We walked along the dike in the morning, and I counted herons until it began to rain; nobody else was there.";
        Assert.Equal(Quality.Full, Of(natural));
        Assert.Equal((2_000u, 1), Low(q => q.Variety, "tides tides tides tides tides"));
        Assert.Equal((5_833u, 1), Low(q => q.Repetition, natural + " " + natural)); // half of its runs, and a tenth may repeat
        Assert.Equal((5_555u, 0), Low(q => q.Letters, "a {} [] b {} []  c {d} e"));
        Assert.Equal((3_333u, 0), Low(q => q.Digits, "at 10 20 30 40"));
        Assert.Equal((7_500u, 0), Low(q => q.Lengths, "my key is " + new string('x', 33)));

        // As a weight says: all, a half, nothing.
        var q = Of("at 10 20 30 40");
        Assert.Equal([3_333u, 6_667u, 10_000u], new uint[] { 10_000, 5_000, 0 }.Select(w => q.Factor(Quality.Full with { Digits = w })));

        static Quality Of(string text) => RecordScore.Of(text, RecordScore.FoldedWords(text), Quality.Full).Quality;

        static (uint, int) Low(Func<Quality, uint> signal, string text) => (signal(Of(text)), Of(text).Values.Count(v => v < RecordScore.Full) - 1);
    }

    // Five characters are two or three words of Chinese: ten make a shingle.
    [Fact]
    public void Ideographs_count_as_half_words()
    {
        Assert.Empty(By.Fingerprints(RecordScore.FoldedWords("潮汐带来了什么东西")));
        Assert.Single(By.Fingerprints(RecordScore.FoldedWords("潮汐带来了什么东西呢")));
        Assert.Single(By.Fingerprints(RecordScore.FoldedWords("tide 潮汐带来 comes in"))); // 1 + 4/2 + 2
        Assert.Empty(By.Fingerprints(RecordScore.FoldedWords("tide 潮汐带来 comes")));
        var pairs = new PairVariety();
        for (int i = 0; i < 1_000; i++)
            pairs.Add(RecordScore.FoldedWords($"潮汐{(char)(0x4E00 + i)}来")); // one run of four each
        Assert.Equal(RecordScore.Full, pairs.Signal);
    }

    [Theory]
    [InlineData("mine alone", "mine alone")]
    [InlineData("> theirs\n  > theirs too\nmine", "mine\n")]
    [InlineData("mine > theirs", "mine > theirs\n")]
    [InlineData("mine\n```cs\nvar x;\n~~~\n```\nmine", "mine\nmine\n")]
    [InlineData("mine\n~~~\nnever closed", "mine\n~~~\nnever closed\n")]
    public void Quotes_and_code_are_not_ones_own(string text, string own) => Assert.Equal(own, QuotedText.Without(text));

    [Fact]
    public void Words_in_another_order_are_the_same_record()
    {
        Assert.Equal(Tag("the heron stood in the reeds"), Tag("In the reeds, the heron stood."));
        Assert.NotEqual(Tag("the heron stood in the reeds"), Tag("the heron stood in reeds"));

        static UInt128 Tag(string text) => By.Tag(RecordScore.FoldedWords(text));
    }

    [Fact]
    public void Pairs_that_come_again_and_again_are_told_from_writing()
    {
        var chance = new Random(3);
        var writing = new PairVariety();
        writing.Add(Words(chance, 5_000));
        Assert.Equal(RecordScore.Full, writing.Signal);
        var recombined = new PairVariety();
        var few = Words(chance, 60);
        for (int i = 0; i < 1_000; i++)
            recombined.Add([few[chance.Next(60)], few[chance.Next(60)], few[chance.Next(60)], few[chance.Next(60)], few[chance.Next(60)]]);
        Assert.True(recombined.Signal < 8_500);
        var little = new PairVariety();
        little.Add([.. Enumerable.Repeat("tide", PairVariety.FewestPairs)]); // one pair fewer than words
        Assert.Equal(RecordScore.Full, little.Signal);
        little.Add(["tide", "tide"]);
        Assert.True(little.Signal < 100);
        Assert.Equal([0u, 0, 5_000, 10_000, 10_000], new uint[] { 0, 8_500, 9_000, 9_500, 10_000 }.Select(PairVariety.Factor));
        Assert.Equal(RecordScore.Full, new PairVariety().Signal);
    }

    [Fact]
    public void An_edited_a_split_and_a_joined_copy_are_near_and_a_new_text_is_new()
    {
        var chance = new Random(7);
        List<List<string>> source = [.. Enumerable.Range(0, 40).Select(_ => Words(chance, 60))];
        var index = new NoveltyIndex();
        index.Add(Contribution(source));
        Assert.Equal((0ul, 0ul), Novel([.. source.Select(t => t.Select((w, i) => i % 10 == 9 ? "changed" + i : w).ToList())])); // every tenth word
        Assert.Equal((0ul, 0ul), Novel([.. source.SelectMany(t => t.Chunk(20).Select(c => c.ToList()))]));
        Assert.Equal((0ul, 0ul), Novel([.. source.Chunk(2).Select(c => c.SelectMany(t => t).ToList())]));
        Assert.Equal((60ul * 40 * RecordScore.Full, 60ul * 40 * RecordScore.Full), Novel([.. Enumerable.Range(0, 40).Select(_ => Words(chance, 60))]));

        // Half new, half copied with every tenth word changed: the new half may lose with the copied one, never the other way round.
        var (novel, _) = Novel([.. source.Take(20).Select(t => t.Select((w, i) => i % 10 == 9 ? "changed" + i : w).ToList()), .. Enumerable.Range(0, 20).Select(_ => Words(chance, 60))]);
        Assert.InRange(novel, 0ul, 60ul * 20 * RecordScore.Full);

        (ulong Novel, ulong) Novel(List<List<string>> texts)
        {
            var found = Novelty.Of(Contribution(texts).Tags, index, new NoveltyIndex());
            Assert.Equal(found.Score, found.Novel + found.Known + found.Repeated + found.Near);
            return (found.Novel, found.Novel);
        }
    }

    // Tags and fingerprints of few first bits and few others, the least and the greatest among them.
    [Fact]
    public void An_index_has_what_was_put_in_and_nothing_else_before_and_after_it_settles() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), async seed =>
    {
        var chance = new Random(seed);
        UInt128[] tags = [.. new UInt128[] { 0, 1, UInt128.MaxValue, UInt128.MaxValue - 1 }, .. Enumerable.Range(0, 30).Select(_ => ((UInt128)chance.Next(3) << 112) + (UInt128)chance.Next(20))];
        ulong[] fingerprints = [.. new ulong[] { 0, 1, (1UL << RecordTags.FingerprintBits) - 1 }, .. Enumerable.Range(0, 30).Select(_ => ((ulong)chance.Next(3) << 32) + (uint)chance.Next(20))];
        var (index, records, passages) = (new NoveltyIndex(), new HashSet<UInt128>(), new HashSet<ulong>());
        for (int step = 0; step < 12; step++)
        {
            var list = new TagList.Builder();
            foreach (var tag in tags.Where(_ => chance.Next(8) == 0).Distinct())
                list.Add(tag, 10_000, [.. fingerprints.Where(_ => chance.Next(12) == 0).Distinct().Order()]);
            var one = Contribution(list.Build());
            foreach (var entry in one.Tags.Entries)
            {
                records.Add(entry.Tag);
                passages.UnionWith(one.Tags.FingerprintsOf(entry).ToArray());
            }
            if (chance.Next(2) == 0)
                index.Add(one);
            else
                await index.AddAsync([new Reward(default, default, default, 1, 1, 1, 0, 0, 0, 0, Quality.Full, 10_000, 10_000, false, default, default)], new[] { one }.ToAsyncEnumerable(), default);
            if (index.Records != records.Count || index.Fingerprints != passages.Count || !tags.All(t => index.HasRecord(t) == records.Contains(t)) || !fingerprints.All(f => index.HasFingerprint(f) == passages.Contains(f)))
                return false;
        }
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public async Task An_epoch_is_taken_in_as_a_whole_and_in_its_order()
    {
        var made = Enumerable.Range(1, 3).Select(i => Contribution([["text", "of", "number", $"n{i}"]])).Select((c, i) =>
            c with { Facts = c.Facts with { Contribution = new Hash32([.. Enumerable.Repeat((byte)(3 - i), 32)]), AnnouncedBlock = (ulong)i } }).ToList();
        var rewards = Epoch.Close(1, default, AssetPolicy.Default(["comment"]), new NoveltyIndex(), made).Rewards;
        var index = new NoveltyIndex();
        await RefusedAsync("not the next", [made[0], made[2]]);
        await RefusedAsync("not the next", [made[1], made[0], made[2]]);
        await RefusedAsync("not the next", [.. made, made[2]]);
        await RefusedAsync("is missing", [made[0], made[1]]);
        await RefusedAsync("not the next", [made[0] with { Facts = made[0].Facts with { AnnouncedBlock = 1 } }, .. made.Skip(1)]); // as its rewards have it, but not in order
        Assert.Equal(default, index.Volume);
        await index.AddAsync(rewards, made.ToAsyncEnumerable(), default);
        Assert.Equal((3, rewards.Aggregate((UInt128)0, (sum, r) => sum + r.Volume)), (index.Records, index.Volume));

        async Task RefusedAsync(string why, AttestedContribution[] contributions) =>
            Assert.Contains(why, (await Assert.ThrowsAsync<InvalidDataException>(() => index.AddAsync(rewards, contributions.ToAsyncEnumerable(), default))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_records_that_resemble_each_other_the_best_is_paid()
    {
        var chance = new Random(11);
        var text = Words(chance, 60);
        List<List<string>> alike = [.. Enumerable.Range(0, 20).Select(n => text.Take(40 + n).Select((w, i) => i % 15 == 14 ? w + n : w).ToList())];
        var found = Novelty.Of(Contribution(alike).Tags, new NoveltyIndex(), new NoveltyIndex());
        Assert.InRange(found.Novel, 59ul * RecordScore.Full, 62ul * RecordScore.Full);
        Assert.Equal(0u, found.Overlap);
    }

    [Fact]
    public void What_is_left_falls_from_all_to_nothing()
    {
        Assert.Equal([10_000u, 10_000, 5_000, 0, 0], new uint[] { 0, 1_000, 1_500, 2_000, 10_000 }.Select(Novelty.Fresh));
    }

    private static AttestedContribution Contribution(List<List<string>> texts)
    {
        var tags = new TagList.Builder();
        foreach (var text in texts)
            tags.Add(By, string.Join(' ', text), string.Join(' ', text), Quality.Full);
        return Contribution(tags.Build());
    }

    private static AttestedContribution Contribution(TagList tags) =>
        new(new Attestation(1, default, default, default, default, default, default, default, default, 1, 1, default, 1, default), new EvidenceResults([]), tags);

    private static List<string> Words(Random chance, int count) => [.. Enumerable.Range(0, count).Select(_ => $"w{(char)('a' + chance.Next(26))}{(char)('a' + chance.Next(26))}{(char)('a' + chance.Next(26))}")];
}
