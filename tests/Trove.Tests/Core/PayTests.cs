using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Core.Rewards;

namespace Trove.Tests.Core;

/// <summary>From new words to shares: what no member may gain by how or when they bring an export.</summary>
public class PayTests
{
    private static readonly AssetPolicy Policy = AssetPolicy.Default(["comment"]) with { HalvingWords = 1_000 };

    [Fact]
    public void However_new_words_are_divided_they_are_paid_the_same() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
    {
        var chance = new Random(seed);
        ulong words = (ulong)chance.Next(1, 100_000);
        var others = Draft(99, 99, (ulong)chance.Next(0, 100_000));
        UInt128 before = (UInt128)chance.Next(0, 100_000) * Pay.VolumeOfWord;
        var whole = Amount(Pay.Rewards(Policy, before, [Draft(1, 1, words), others]), 1);
        ulong first = (ulong)chance.NextInt64((long)words + 1);
        foreach (int owner in new[] { 1, 2 }) // over files, over wallets
        {
            var parts = Pay.Rewards(Policy, before, [Draft(1, 1, first), others, Draft(2, owner, words - first)]);
            var sum = Amount(parts, 1) + Amount(parts, 2);
            if (sum > whole || whole - sum > 2)
                return false;
        }
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_asset_that_grows_in_one_epoch_or_in_many_pays_the_same()
    {
        var once = Amount(Pay.Rewards(Policy, 0, [Draft(1, 1, 9_000)]), 1);
        UInt128 sum = 0, before = 0;
        for (int i = 0; i < 9; i++, before += 1_000 * Pay.VolumeOfWord)
            sum += Amount(Pay.Rewards(Policy, before, [Draft(1, 1, 1_000)]), 1);
        Assert.Equal(once, sum);
    }

    [Fact]
    public void The_first_words_are_paid_in_full_and_every_doubling_as_much_as_the_one_before()
    {
        Assert.Equal([1_000u, 500u, 500u, 500u], new[] { (0, 1_000), (1_000, 1_000), (2_000, 2_000), (4_000, 4_000) }.Select(t => Shares(t.Item1, t.Item2)));
        Assert.Equal(8_000u, Shares(0, 8_000, Policy with { HalvingWords = 0 }));

        static uint Shares(int before, int words, AssetPolicy? policy = null) =>
            (uint)(Amount(Pay.Rewards(policy ?? Policy, (UInt128)before * Pay.VolumeOfWord, [Draft(1, 1, (ulong)words)]), 1) / Trove.Core.Shares.One);
    }

    [Fact]
    public void An_owner_is_capped_over_all_they_bring_before_the_epoch_is()
    {
        var policy = Policy with { HalvingWords = 0, OwnerCap = new Shares(Shares.One * 300), EpochCap = new Shares(Shares.One * 400) };
        var rewards = Pay.Rewards(policy, 0, [Draft(1, 1, 400), Draft(2, 1, 200), Draft(3, 2, 100)]);
        Assert.Equal([200u, 100u, 100u], rewards.Select(r => (uint)(r.Amount.Units / Shares.One)));
        Assert.Equal([400u, 200u, 100u], rewards.Select(r => (uint)(r.Earned.Units / Shares.One)));
        Assert.Equal([100u, 50u, 50u], Pay.Rewards(policy with { EpochCap = new Shares(Shares.One * 200) }, 0, [Draft(1, 1, 400), Draft(2, 1, 200), Draft(3, 2, 100)]).Select(r => (uint)(r.Amount.Units / Shares.One)));
    }

    [Fact]
    public void Each_step_is_told()
    {
        var reward = Pay.Rewards(Policy with { HalvingWords = 0, OwnerCap = new Shares(Shares.One * 10) }, 0, [Draft(1, 1, 40) with
        {
            OwnWords = 100, Score = 900_000, KnownScore = 300_000, RepeatedScore = 100_000, NearScore = 100_000, Overlap = 1_234, EvidenceFactor = 9_000, WritingFactor = 5_000,
        }])[0];
        Assert.Equal(
        [
            "100 own words", "90 of them by quality (variety 100 %, repetition 100 %, letters 100 %, digits 100 %, lengths 100 %, pairs 100 %, language 100 %, entropy 100 %)", "- 30 that an earlier epoch has",
            "- 10 that an earlier contribution of this epoch has", "- 10 too much like what is there (12.3 % of its passages others had before) or like other records of its own",
            "= 40 new words", "x 50 % for language, entropy and pairs: whether somebody wrote it", "x 90 % for the evidence", "= 18 shares", "= 10 shares after the caps of owner and epoch",
        ], reward.Steps());
    }

    [Theory]
    [InlineData(10_000, 0, 10_000, "drawn from a list")]
    [InlineData(10_000, 10_000, 0, "no language")]
    [InlineData(8_000, 10_000, 10_000, "the same pairs again and again")]
    public void What_takes_all_away_is_said(uint pairs, uint entropy, uint language, string why)
    {
        var quality = Quality.Full with { Pairs = pairs, Entropy = entropy, Language = language };
        Assert.Contains(why, (Draft(1, 1, 5) with { Quality = quality, WritingFactor = quality.WritingFactor(Quality.Full) }).Reason(), StringComparison.Ordinal);
    }

    private static Reward Draft(int id, int owner, ulong words) => new(Id(id), new Address([.. new byte[19], (byte)owner]), default, words, words * RecordScore.Full, words * RecordScore.Full, 0, 0, 0, 0,
        Quality.Full, RecordScore.Full, RecordScore.Full, false, default, default);

    private static UInt128 Amount(IReadOnlyList<Reward> rewards, int id) => rewards.Single(r => r.Contribution == Id(id)).Amount.Units;

    private static Hash32 Id(int id) => new([.. new byte[31], (byte)id]);
}
