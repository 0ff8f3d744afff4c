using Trove.Core;
using Trove.Core.Queries;
using Trove.Crypto;
using Trove.Node.Guardians;
using Trove.Node.Requests;
using Trove.Node.Runners;
using Trove.Tests.Crypto;

namespace Trove.Tests.Node;

/// <summary>What an executor makes of guardians' releases: which it combines, whom it names, and when it wants proofs.</summary>
[Collection(nameof(MeasuresMemory))]
public sealed class ReleasedSecretsTests : IDisposable
{
    private const int Parts = 40;
    private static readonly ReleaseHeader Header = new(Keccak256.Hash("request"u8), 2, 3, 4);
    private static readonly Address Asset = new([.. Enumerable.Repeat((byte)0xA5, 20)]);

    private readonly AssetKey _key = AssetKey.Deal(2, 3);
    private readonly SharedFunction _function = new(2, 3);
    private readonly X25519Identity _oneTimeKey = X25519Identity.Generate();
    private readonly IReadOnlyList<ProvenPoint> _points;
    private readonly IReadOnlyList<JobPart> _parts;
    private readonly CombinedSecrets _expected;

    public ReleasedSecretsTests()
    {
        (_points, var proofs) = ThresholdBatchTests.Parts(Parts);
        _parts = [.. _points.Select((p, k) => new JobPart(0, "comment", 2024, p.EphemeralShare, default, default, 1, proofs[k], BitConverter.GetBytes(k)))];
        _expected = _key.Public.Combine([_key.Shares[0].Decrypt(_points), _key.Shares[1].Decrypt(_points)]);
    }

    [Fact]
    public async Task Of_exactly_t_answers_one_that_is_wrong_in_one_part_of_many_spoils_that_part_until_proofs_name_its_guardian()
    {
        using var released = Secrets();
        Assert.Empty(released.Take([await HonestAsync(1), await AnswerAsync(2, proof: null, Wrong(2, 17))], proofs: false));
        Assert.True(released.Complete);
        Assert.Equal([17], Spoiled(released));

        // It has no proof; nor does that of its right answers hold for them, nor one of its own making.
        byte[]?[] proofs = [null, Proof(2), Random(ThresholdKey.ProofSize)];
        foreach (var proof in proofs)
        {
            Assert.Equal([2], released.Take([await HonestAsync(1, proven: true), await AnswerAsync(2, proof, Wrong(2, 17)), await HonestAsync(3, proven: true)], proofs: true));
            Assert.True(released.Complete);
            Assert.Empty(Spoiled(released));
        }
        Assert.Equal([2], released.Take([await HonestAsync(1, proven: true), await AnswerAsync(2, null, Wrong(2, 17))], proofs: true));
        Assert.False(released.Complete);
    }

    [Fact]
    public async Task More_than_t_answers_that_contradict_each_other_are_not_combined_before_they_are_proven()
    {
        foreach (int liar in new[] { 1, 2, 3 })
        {
            using var released = Secrets();
            var answers = new List<JobAnswer>();
            var proven = new List<JobAnswer>();
            for (int i = 1; i <= 3; i++)
            {
                answers.Add(i == liar ? await AnswerAsync(i, proof: null, Wrong(i, Parts - 1)) : await HonestAsync(i));
                proven.Add(i == liar ? await AnswerAsync(i, Proof(i), Wrong(i, Parts - 1)) : await HonestAsync(i, proven: true));
            }
            Assert.Empty(released.Take(answers, proofs: false));
            Assert.False(released.Complete);
            Assert.Equal([(byte)liar], released.Take(proven, proofs: true));
            Assert.True(released.Complete);
            Assert.Empty(Spoiled(released));
        }
    }

    [Fact]
    public async Task A_proof_of_another_order_request_use_key_version_or_committee_is_none()
    {
        using var released = Secrets();
        IReadOnlyList<ProvenPoint> turned = [.. _points.Reverse()];
        using var inTurnedOrder = _key.Shares[1].Decrypt(turned);
        List<(byte[] Proof, PartialDecryptions? Answers)> lies =
        [
            (_key.Shares[1].Prove(turned, inTurnedOrder, Header.Encode()), inTurnedOrder),
            (_key.Shares[1].Prove(turned, inTurnedOrder, Header.Encode()), null),
            .. new ReleaseHeader[] { Header with { Request = Keccak256.Hash("another"u8) }, Header with { Use = 1 }, Header with { KeyVersion = 2 }, Header with { CommitteeEpoch = 3 } }.Select(h => (Proof(2, h), (PartialDecryptions?)null)),
            (_key.Shares[2].Prove(_points, _key.Shares[2].Decrypt(_points), Header.Encode()), null),
        ];
        foreach (var (proof, answers) in lies)
        {
            Assert.Equal([2], released.Take([await HonestAsync(1, proven: true), await AnswerAsync(2, proof, answers ?? _key.Shares[1].Decrypt(_points)), await HonestAsync(3, proven: true)], proofs: true));
            Assert.Empty(Spoiled(released));
        }
        Assert.Empty(released.Take([await HonestAsync(1, proven: true), await HonestAsync(2, proven: true)], proofs: true));
    }

    // Shares of two committees are of polynomials that meet only at 0: combined, they open nothing.
    [Fact]
    public async Task Answers_of_another_committee_use_version_guardian_key_or_number_of_parts_are_none()
    {
        using var released = Secrets();
        using var fewer = PartialDecryptions.Parse([2, .. _key.Shares[1].Decrypt(_points).Points.Span[32..]]);
        using var more = PartialDecryptions.Parse([2, .. _key.Shares[1].Decrypt(_points).Points.Span, .. Random(32)]);
        using var another = X25519Identity.Generate();
        List<JobAnswer> none =
        [
            await AnswerAsync(2, null, fewer), await AnswerAsync(2, null, more), new(2, []), new(2, Random(300)), await AnswerAsync(2, null, null),
            new(2, await SealAsync(Header, 2, another.Recipient)), new(2, await SealAsync(Header, 3, _oneTimeKey.Recipient)),
        ];
        foreach (var header in new ReleaseHeader[] { Header with { Request = default }, Header with { Use = 1 }, Header with { KeyVersion = 4 }, Header with { CommitteeEpoch = 3 }, Header with { CommitteeEpoch = 5 } })
            none.Add(new(2, await SealAsync(header, 2, _oneTimeKey.Recipient)));
        foreach (var answer in none)
        {
            Assert.Equal([2], released.Take([await HonestAsync(1), answer], proofs: false));
            Assert.False(released.Complete);
        }
    }

    [Fact]
    public async Task Points_that_are_none_are_found_by_proofs()
    {
        foreach (var point in new byte[][] { [2, .. new byte[31]], [1, .. new byte[31]], [.. Enumerable.Repeat((byte)0xFF, 32)] })
        {
            using var released = Secrets();
            var answer = _key.Shares[0].Decrypt(_points);
            point.CopyTo(Batch.Item(answer.Points.Buffer, 5));
            released.Take([await AnswerAsync(1, null, answer), await HonestAsync(2)], proofs: false);
            Assert.True(!released.Complete || Spoiled(released).SequenceEqual([5]));
            Assert.Equal([1], released.Take([await AnswerAsync(1, Proof(1), answer), await HonestAsync(2, proven: true), await HonestAsync(3, proven: true)], proofs: true));
            Assert.Empty(Spoiled(released));
        }
    }

    [Fact]
    public async Task Nothing_in_scope_is_released_and_proven_as_nothing()
    {
        var job = Job([]);
        using var released = new ReleasedSecrets(job, _key.Public, _function.Key, _oneTimeKey);
        var (first, second) = (await AnswerAsync(1, null, null), await AnswerAsync(2, null, null));
        foreach (bool proofs in new[] { false, true })
        {
            Assert.Empty(released.Take([first, second], proofs));
            Assert.True(released.Complete);
            Assert.Equal([3], released.Take([first, second, await HonestAsync(3)], proofs));
        }
    }

    // Or a guardian chose what the seed becomes.
    [Fact]
    public async Task An_evaluation_that_is_not_proven_to_be_of_this_use_makes_a_release_none_and_names_its_guardian()
    {
        using var released = Secrets();
        var right = Evaluation(2).Encode();
        byte[] Changed(int at) => [.. right[..at], (byte)(right[at] ^ 1), .. right[(at + 1)..]];
        List<OprfEvaluation> wrong =
        [
            Evaluation(2, asset: default(Address)), Evaluation(2, request: Keccak256.Hash("another"u8)), Evaluation(2, use: 3),
            OprfEvaluation.Parse([2, .. Evaluation(1).Encode().AsSpan(1)]), OprfEvaluation.Parse([2, .. Evaluation(1).Elements, .. Evaluation(2).Proof]),
            OprfEvaluation.Parse([2, .. new byte[32], .. Evaluation(2).Proof]), OprfEvaluation.Parse(Changed(40)), OprfEvaluation.Parse(Changed(90)), OprfEvaluation.Parse([2, .. Random(96)]),
            Evaluation(3), // another guardian's own
        ];
        foreach (var evaluation in wrong)
        {
            foreach (bool proofs in new[] { false, true })
            {
                var lie = await AnswerAsync(2, proofs ? Proof(2) : null, _key.Shares[1].Decrypt(_points), evaluation);
                Assert.Equal([2], released.Take([await HonestAsync(1, proofs), lie], proofs));
                Assert.False(released.Complete);
                Assert.Equal([2], released.Take([await HonestAsync(1, proofs), lie, await HonestAsync(3, proofs)], proofs));
                Assert.True(released.Complete);
            }
        }
    }

    [Fact]
    public async Task Any_t_guardians_in_any_order_make_one_seed_and_another_use_or_part_has_another()
    {
        var answers = new List<JobAnswer> { await HonestAsync(1), await HonestAsync(2), await HonestAsync(3) };
        var seeds = new List<Hash32>();
        foreach (int[] some in new int[][] { [0, 1], [1, 0], [2, 0], [1, 2], [2, 1, 0] })
        {
            using var released = Secrets();
            Assert.Empty(released.Take([.. some.Select(i => answers[i])], proofs: false));
            seeds.Add(Rank(released));
        }
        Assert.Single(seeds.Distinct());

        // Who has what the guardians made, but not what opens the parts, has another one: a verifier may ask the same function, blinded.
        using var input = UseSeed.Input(Asset, Header.Request, Header.Use);
        using var output = input.Finish(_function.Key, [Evaluation(1), Evaluation(2)]);
        using UseSeed without = new(output[0], []), fewer = new(output[0], _expected.All[32..]), all = new(output[0], _expected.All);
        using QuerySeed first = without.ForQuery(), second = fewer.ForQuery(), third = all.ForQuery();
        Assert.Equal(seeds[0], third.Rank(0, []));
        Assert.Equal(3, new[] { first.Rank(0, []), second.Rank(0, []), third.Rank(0, []) }.Distinct().Count());

        static Hash32 Rank(ReleasedSecrets released)
        {
            using var seed = released.Seed();
            using var query = seed.ForQuery();
            return query.Rank(0, []);
        }
    }

    // One list: nothing is allocated for a part but its bytes.
    [Fact]
    public void Release_allocates_nothing_for_a_part_but_its_bytes()
    {
        long few = Measure(10), many = Measure(Parts);
        Assert.InRange(many - few, (Parts - 10) * 32, (Parts - 10) * 32 + 64);

        long Measure(int count)
        {
            using var partials = _key.Shares[0].Decrypt([.. _points.Take(count)]);
            using var list = partials.Encode();
            byte[] plain = [.. Header.Encode(), 1, .. Proof(1), .. Evaluation(1).Encode(), .. list.Span];
            long least = long.MaxValue;
            for (int i = 0; i < 5; i++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                using (var release = ReleaseFile.Parse(plain, Header, 1))
                    Assert.Equal(count, release!.Count);
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            return least;
        }
    }

    [Fact]
    public void Proof_of_knowledge_is_checked_once_for_each_claim_and_what_does_not_hold_is_not_kept()
    {
        var proven = new ProvenParts();
        for (int round = 0; round < 3; round++)
            for (int k = 0; k < Parts; k++)
                Assert.Equal(_points[k].Point, proven.Check(_parts[k].Proof, _parts[k].EphemeralShare, _parts[k].Context).Point);
        Assert.Equal((Parts, Parts), (proven.Checked, proven.Count));

        // Another part's share, context or proof is another claim.
        for (int round = 0; round < 2; round++)
        {
            Assert.Throws<ThresholdException>(() => proven.Check(_parts[0].Proof, _parts[1].EphemeralShare, _parts[0].Context));
            Assert.Throws<ThresholdException>(() => proven.Check(_parts[0].Proof, _parts[0].EphemeralShare, _parts[1].Context));
            Assert.Throws<ThresholdException>(() => proven.Check(_parts[1].Proof, _parts[0].EphemeralShare, _parts[0].Context));
            Assert.Throws<ThresholdException>(() => proven.Check([.. _parts[0].Proof, 0], _parts[0].EphemeralShare, _parts[0].Context));
        }
        Assert.Equal((Parts + 8, Parts), (proven.Checked, proven.Count));
    }

    [Fact]
    public void No_more_claims_are_kept_than_four_uses_have()
    {
        var proven = new ProvenParts(max: 3);
        for (int k = 0; k < 5; k++)
            proven.Check(_parts[k].Proof, _parts[k].EphemeralShare, _parts[k].Context);
        Assert.Equal((5, 3), (proven.Checked, proven.Count));
        proven.Check(_parts[4].Proof, _parts[4].EphemeralShare, _parts[4].Context);
        Assert.Equal(5, proven.Checked);
        proven.Check(_parts[0].Proof, _parts[0].EphemeralShare, _parts[0].Context); // the first had gone
        Assert.Equal((6, 3), (proven.Checked, proven.Count));
    }

    public void Dispose()
    {
        _expected.Dispose();
        _oneTimeKey.Dispose();
        _key.Dispose();
        _function.Dispose();
    }

    private ExecutorJob Job(IReadOnlyList<JobPart> parts) =>
        new(Asset, Header.Request, Header.Use, Header.KeyVersion, Header.CommitteeEpoch, "", 2, 1, "", _key.Public.Recipient.ToString(), 2, _key.Public.Commitments, _function.Key.Commitments, parts);

    private ReleasedSecrets Secrets() => new(Job(_parts), _key.Public, _function.Key, _oneTimeKey);

    private OprfEvaluation Evaluation(int index, Address? asset = null, Hash32? request = null, uint? use = null)
    {
        using var input = UseSeed.Input(asset ?? Asset, request ?? Header.Request, use ?? Header.Use);
        return _function.Shares[index - 1].Evaluate(input.Blinded);
    }

    private List<int> Spoiled(ReleasedSecrets released) => [.. Enumerable.Range(0, Parts).Where(k =>
    {
        using var secret = released[k];
        return !secret.FixedTimeEquals(_expected[k]);
    })];

    // Another point of prime order at one place, as another share would give.
    private PartialDecryptions Wrong(int index, int at)
    {
        var answer = _key.Shares[index - 1].Decrypt(_points);
        _points[at == 0 ? 1 : 0].Point.CopyTo(Batch.Item(answer.Points.Buffer, at));
        return answer;
    }

    private byte[] Proof(int index, ReleaseHeader? header = null)
    {
        using var answer = _key.Shares[index - 1].Decrypt(_points);
        return _key.Shares[index - 1].Prove(_points, answer, (header ?? Header).Encode());
    }

    private Task<JobAnswer> HonestAsync(int index, bool proven = false) => AnswerAsync(index, proven ? Proof(index) : null, _key.Shares[index - 1].Decrypt(_points));

    private async Task<JobAnswer> AnswerAsync(int index, byte[]? proof, PartialDecryptions? partials, OprfEvaluation? evaluation = null) =>
        new(index, await ReleaseFile.SealAsync(Header, evaluation ?? Evaluation(index), partials, proof, _oneTimeKey.Recipient, default));

    private async Task<byte[]> SealAsync(ReleaseHeader header, int index, X25519Recipient to)
    {
        using var answer = _key.Shares[index - 1].Decrypt(_points);
        return await ReleaseFile.SealAsync(header, Evaluation(index), answer, null, to, default);
    }

    private static byte[] Random(int count) => System.Security.Cryptography.RandomNumberGenerator.GetBytes(count);
}
