using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Core.Rewards;

namespace Trove.Tests.Core;

public class EpochTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly AssetPolicy Policy = AssetPolicy.Default(["comment"]);
    private static readonly EvidenceResults Good = new([new("reddit.checkfile", CheckOutcome.Passed, "all agree"), new("reddit.headers", CheckOutcome.Passed, "all agree")]);

    [Fact]
    public void A_copy_in_another_order_earns_nothing_and_is_told_why()
    {
        string[] texts = ["one fine text about boats", "another text, on tides", "a third"];
        var epoch = Close(Contribution(1, 1, texts), Contribution(2, 2, [.. texts.Reverse()]));
        Assert.Equal(11u, (uint)(epoch.Rewards[0].Amount.Units / Shares.One));
        Assert.Equal(0u, (uint)epoch.Rewards[1].Amount.Units);
        Assert.Equal("nothing in it is new; 100 % is in a contribution announced earlier in this epoch", epoch.Rewards[1].Reason());
        Assert.Single(epoch.Leaves);
    }

    [Fact]
    public void Case_punctuation_layout_and_accents_do_not_make_an_old_text_new()
    {
        var epoch = Close(Contribution(1, 1, ["The café's MENU, again"]), Contribution(2, 2, ["the cafe\u0301’s  menu again!!"]), Contribution(3, 3, ["Ｔｈｅ cafe's menu again"]));
        Assert.Equal([4u, 0u, 0u], epoch.Rewards.Select(r => (uint)(r.Amount.Units / Shares.One)));
    }

    [Fact]
    public void What_an_earlier_epoch_has_is_not_new()
    {
        var index = new NoveltyIndex();
        index.Add(Contribution(1, 1, ["an old text"]));
        var epoch = Epoch.Close(2, default, Policy, index, [Contribution(2, 2, ["an old text", "a new one"])]);
        Assert.Equal(3u, (uint)(epoch.Rewards[0].Amount.Units / Shares.One));
        Assert.Equal("3 new words by quality, evidence at 100 %; 50 % was already there from earlier epochs", epoch.Rewards[0].Reason());
    }

    [Fact]
    public async Task An_account_feeds_an_asset_through_the_wallet_that_showed_control_of_it()
    {
        var proof = new EvidenceResults([.. Good.Checks, new(EvidenceKinds.Mail, CheckOutcome.Passed, "")]);
        var forged = Contribution(1, 1, ["some words here"]);
        var another = Of(6, ["words of another forger"]);
        another = another with { Facts = another.Facts with { AnnouncedBlock = 1 } };
        var real = Of(2, ["other words there"]) with { Evidence = proof };
        var thief = Of(3, ["any words where"]) with { Evidence = proof };
        var forger = Of(4, ["still more words"]);
        var newer = Of(5, ["other words there", "and a newer text"]);
        newer = newer with { Facts = newer.Facts with { Owner = real.Facts.Owner } };

        // A forger who comes first locks nobody out; from the one who shows control on, nobody else is paid; the owner may come again.
        var epoch = Close(forged, another, real, thief, forger, newer);
        Assert.Equal([false, false, false, true, true, false], epoch.Rewards.Select(r => r.AccountKnown));
        Assert.Equal([3u, 4u, 3u, 0u, 0u, 4u], epoch.Rewards.Select(r => (uint)(r.Amount.Units / Shares.One)));
        Assert.Contains("another wallet has shown", epoch.Rewards[3].Reason());

        // So it is in later epochs, and what was brought through a wrong wallet is still new when its owner brings it.
        var index = new NoveltyIndex();
        await index.AddAsync(epoch.Rewards, new[] { forged, another, real, newer }.ToAsyncEnumerable(), default);
        var own = Of(7, ["any words where", "still more words"]);
        own = own with { Facts = own.Facts with { Owner = real.Facts.Owner } };
        var next = Epoch.Close(2, default, Policy, index, [forger, newer, own]).Rewards;
        Assert.Equal([true, false, false], next.Select(r => r.AccountKnown));
        Assert.Equal([0ul, 0ul, 60_000ul], next.Select(r => r.AccountKnown ? 0 : r.NovelScore));

        AttestedContribution Of(int id, string[] texts)
        {
            var made = Contribution(id, id, texts);
            return made with { Facts = made.Facts with { Nullifier = forged.Facts.Nullifier } };
        }
    }

    [Theory]
    [InlineData(EvidenceKinds.Post)]
    [InlineData(EvidenceKinds.Profile)]
    public void A_code_displaces_a_mail_and_no_mail_a_code(string kind)
    {
        AttestedContribution Of(int id, string texts, string proof) => Contribution(id, id, [texts]) is var made
            ? made with { Facts = made.Facts with { Nullifier = default }, Evidence = new([.. Good.Checks, new(proof, CheckOutcome.Passed, "")]) } : made;
        AttestedContribution mailed = Of(1, "words of a mail", EvidenceKinds.Mail), coded = Of(2, "words with a code", kind), again = Of(3, "other words by mail", EvidenceKinds.Mail),
            equal = Of(4, "yet another code here", EvidenceKinds.Post), linked = Of(5, "public words of anybody", EvidenceKinds.Permalink);

        // Whoever reads somebody's mails had the account until its owner acted for a wallet; after that neither a mail nor a second code moves it.
        Assert.Equal([false, false, true, true, true], Close(mailed, coded, again, equal, linked).Rewards.Select(r => r.AccountKnown));
        var index = new NoveltyIndex();
        index.Add(mailed);
        Assert.Equal(new NoveltyIndex.AccountOwner(mailed.Facts.Owner, 1), index.OwnerOf(default));
        index.Add(linked);
        Assert.Equal(mailed.Facts.Owner, index.OwnerOf(default)!.Value.Owner); // public content is anybody's to show
        index.Add(coded);
        index.Add(again);
        index.Add(equal);
        Assert.Equal(new NoveltyIndex.AccountOwner(coded.Facts.Owner, 2), index.OwnerOf(default));
    }

    [Fact]
    public void Leaves_of_one_owner_stand_side_by_side_and_rewards_in_the_order_of_announcement()
    {
        var epoch = Close([.. Enumerable.Range(1, 9).Select(i => Contribution(i, i, [$"text number {i}"])).Select((c, i) => c with { Facts = c.Facts with { Owner = new Address(Enumerable.Repeat((byte)(9 - i % 3), Address.Size).ToArray()) } })]);
        Assert.Equal([9, 8, 7, 9, 8, 7, 9, 8, 7], epoch.Rewards.Select(r => (int)r.Owner.ToArray()[0]));
        Assert.Equal([7, 7, 7, 8, 8, 8, 9, 9, 9], epoch.Leaves.Select(l => (int)l.Owner.ToArray()[0]));
        Assert.Equal(epoch.Rewards.Where(r => r.Owner == epoch.Leaves[0].Owner).Select(r => r.Contribution), epoch.Leaves.Take(3).Select(l => l.Contribution));
        Assert.Equal(Enumerable.Range(0, 9).Select(i => (uint)i), epoch.Leaves.Select(l => l.Index));
    }

    [Fact]
    public void Above_the_cap_all_shrink_in_proportion()
    {
        var policy = Policy with { EpochCap = new Shares(Shares.One * 4), OwnerCap = new Shares(Shares.One * 4) };
        var epoch = Epoch.Close(1, default, policy, new NoveltyIndex(), [Contribution(1, 1, ["one two three four"]), Contribution(2, 2, ["five six seven eight"])]);
        Assert.Equal([2u, 2u], epoch.Rewards.Select(r => (uint)(r.Amount.Units / Shares.One)));
    }

    [Fact]
    public void The_same_inputs_give_the_same_bits_in_any_order() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
    {
        var chance = new Random(seed);
        var all = Enumerable.Range(1, 8).Select(i => Contribution(i, chance.Next(3), [.. Enumerable.Range(0, 5).Select(_ => $"text {chance.Next(12)} word")])).ToArray();
        var one = Close(all);
        chance.Shuffle(all);
        var other = Close(all);
        return one.Tree.Root == other.Tree.Root && one.TreeHash == other.TreeHash && one.Total == other.Total;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_leaf_proves_itself_and_no_other()
    {
        var epoch = Close([.. Enumerable.Range(1, 13).Select(i => Contribution(i, i, [$"text number {i}"]))]);
        for (int i = 0; i < epoch.Leaves.Count; i++)
        {
            var proof = epoch.Tree.Proof(i);
            Assert.True(MerkleTree.Verify(epoch.Tree.Root, epoch.Leaves[i].Hash(), proof));
            Assert.False(MerkleTree.Verify(epoch.Tree.Root, (epoch.Leaves[i] with { Amount = new Shares(Shares.One * 999) }).Hash(), proof));
        }
    }

    [Fact]
    public void Tag_lists_round_trip_and_refuse_other_orders()
    {
        var made = new TagList.Builder();
        made.Add(5, 10, [1, 1L << 47]);
        made.Add(3, 20, []);
        made.Add(5, 7, [9]);
        made.Add(4, 1, [2, 3]);
        var list = made.Build();
        Assert.Equal([(3, 20u), (4, 1u), (5, 10u)], list.Entries.Select(e => ((int)e.Tag, e.Score)));
        Assert.True(TagList.TryRead(list.ToBytes(), out var back));
        Assert.Equal(list.ToBytes(), back.ToBytes());
        Assert.Equal([1, 1L << 47], back.FingerprintsOf(back.Entries[2]).ToArray());
        Refused(b => b[..^1]);
        Refused(b => [.. b, 0]);
        Refused(b => { b[13 + 2] = 0x7f; return b; }); // a signal above all
        Refused(b => { b[37 + 15] = 9; return b; }); // tags out of order
        Refused(b => { b[37 + 19] = 0; return b; }); // no score
        Refused(b => { b[37 + 21] = 200; return b; }); // more fingerprints than there are
        Refused(b => { b[^1] = 0; b[^6] = 0; return b; }); // fingerprints out of order

        void Refused(Func<byte[], byte[]> change) => Assert.False(TagList.TryRead(change(list.ToBytes()), out _));
    }

    // Which version a list, an epoch and a policy are written in follows from what is in them, so that what was signed before still is what was signed.
    [Fact]
    public void Where_language_and_entropy_take_nothing_away_all_is_written_as_before_there_were_any()
    {
        var random = Contribution(1, 1, [.. Enumerable.Range(0, 60).Select(i => string.Join(' ', Enumerable.Range(0, 20).Select(j => $"{(char)('a' + i % 26)}xq{(char)('a' + j)}zxv{(char)('a' + i / 3)}")))]);
        Assert.Equal((0u, 0u), (random.Tags.Quality.Language, random.Tags.Quality.Entropy));
        byte[] later = random.Tags.ToBytes(), earlier = Contribution(2, 2, ["some words"]).Tags.ToBytes();
        Assert.True(later.AsSpan().StartsWith("trove/tags/3\n"u8) && earlier.AsSpan().StartsWith("trove/tags/2\n"u8));
        foreach (byte[] bytes in (byte[][])[later, earlier])
        {
            Assert.True(TagList.TryRead(bytes, out var back));
            Assert.Equal(bytes, back.ToBytes());
            Assert.Equal(bytes.Length, back.Size);
        }
        Assert.True(TagList.TryRead(earlier, out var before));
        Assert.Equal(Quality.Full, before.Quality);
        byte[] full = [.. "trove/tags/3\n"u8, .. earlier[13..37], 0, 0, 0x27, 0x10, 0, 0, 0x27, 0x10, .. earlier[37..]];
        Assert.False(TagList.TryRead(full, out _)); // two ways to write one list would be two hashes
        full[^(earlier.Length - 37 + 1)]--;
        Assert.True(TagList.TryRead(full, out _));

        var epoch = Close(random);
        Assert.Equal((0u, default), (epoch.Rewards[0].WritingFactor, epoch.Total));
        Assert.NotEqual(epoch.TreeHash, Epoch.FromRewards(1, default, [epoch.Rewards[0] with { Quality = epoch.Rewards[0].Quality with { Language = RecordScore.Full } }]).TreeHash);
        Assert.NotEqual(epoch.TreeHash, Epoch.FromRewards(1, default, [epoch.Rewards[0] with { Quality = Quality.Full }]).TreeHash);

        // The default policy's hash of then.
        var policy = AssetPolicy.Default(["answer", "comment", "message", "note", "post", "prompt"]);
        Assert.Equal("ec562976adadf01edf4982177a5f67278008e3cd0dceec27e625f288c1f82d86", (policy with { Quality = Quality.Full with { Language = 0, Entropy = 0 } }).Hash().ToHex());
    }

    // A copy of which all but a word was blacked out has the tag of the whole one.
    [Fact]
    public void A_twin_that_is_blacked_out_is_the_one_that_is_paid_for()
    {
        using var by = new RecordTags(Key);
        var made = new TagList.Builder();
        foreach (int i in Enumerable.Range(0, 60))
        {
            string drawn = string.Join(' ', Enumerable.Range(0, 20).Select(j => $"{(char)('a' + i % 26)}xq{(char)('a' + j)}zxv{(char)('a' + i / 3)}"));
            made.Add(by, drawn, "tide", Quality.Full);
            made.Add(by, drawn, drawn, Quality.Full);
        }
        var list = made.Build();
        Assert.Equal((60, 0ul), (list.Entries.Count, (ulong)list.Entries.Count(e => e.Score > RecordScore.Full)));
    }

    // As lists were signed before pairs were looked at in stretches.
    [Theory]
    [InlineData(8_400, 0)]
    [InlineData(9_000, 5_000)]
    [InlineData(9_700, 10_000)]
    public void Pairs_are_worth_what_they_were(uint pairs, uint factor) => Assert.Equal(factor, (Quality.Full with { Pairs = pairs }).WritingFactor(Quality.Full));

    private static Epoch Close(params AttestedContribution[] contributions) => Epoch.Close(1, default, Policy, new NoveltyIndex(), contributions);

    private static AttestedContribution Contribution(int id, int block, string[] texts)
    {
        var hash = new Hash32([.. new byte[31], (byte)id]);
        var made = new TagList.Builder();
        using var by = new RecordTags(Key);
        foreach (string text in texts)
            made.Add(by, text, text, Quality.Full);
        var tags = made.Build();
        return new AttestedContribution(new Attestation(1, default, default, hash, new Address([.. new byte[19], (byte)id]), hash, Good.Hash(), tags.Hash(),
            hash, 10, (ulong)block, default, 1, default), Good, tags);
    }
}
