using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

/// <summary>Many parts at once: the same secrets as one by one, one proof for all, and lies found and named.</summary>
[Collection(nameof(MeasuresMemory))]
public class ThresholdBatchTests
{
    private static readonly Lazy<(IReadOnlyList<ProvenPoint> Parts, IReadOnlyList<byte[]> Proofs)> Thousand = new(() => Parts(1000));

    public static TheoryData<string> Names() => [.. Checkout.Vectors("threshold-batch.json")["batches"]!.AsArray().Select(v => (string)v!["name"]!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Vector(string name)
    {
        var vector = Checkout.Vectors("threshold-batch.json")["batches"]!.AsArray().Single(v => (string)v!["name"]! == name)!;
        using var coefficients = new SecretBytes([.. Texts(vector["coefficients"]!).SelectMany(Hex.Decode)]);
        using var key = AssetKey.Deal(coefficients, (int)vector["guardians"]!);
        List<ProvenPoint> parts = [];
        foreach (var text in Texts(vector["secrets"]!))
        {
            using var secret = new SecretBytes(Hex.Decode(text));
            parts.Add(ProvenPoint.Check(ProofOfKnowledge.Create(secret, "part"u8), X25519.Share(secret.Span), "part"u8));
        }
        var context = Hex.Decode((string)vector["context"]!);
        List<PartialDecryptions> answers = [];
        foreach (var (share, expected) in key.Shares.Zip(vector["answers"]!.AsArray()))
        {
            answers.Add(share.Decrypt(parts));
            using var bytes = answers[^1].Encode();
            Assert.Equal((string)expected!["bytes"]!, Convert.ToHexStringLower(bytes.Span));
            using var again = PartialDecryptions.Parse(bytes.Span);
            var proof = share.Prove(parts, again, context, Hex.Decode((string)expected["fresh"]!), 2);
            Assert.Equal((string)expected["proof"]!, Convert.ToHexStringLower(proof));
            Assert.True(key.Public.Verify(parts, again, proof, context));
        }
        using var combined = key.Public.Combine(answers);
        Assert.Equal(Texts(vector["shared"]!), Enumerable.Range(0, parts.Count).Select(k => Convert.ToHexStringLower(combined[k])));

        static string[] Texts(System.Text.Json.Nodes.JsonNode array) => [.. array.AsArray().Select(v => (string)v!)];
    }

    [Fact]
    public void Batch_gives_what_single_releases_give() => Prop.ForAll<int, int, int>((a, b, seed) =>
    {
        int guardians = 1 + (a & 7), threshold = 1 + (b & int.MaxValue) % guardians;
        var random = new System.Random(seed);
        using var key = AssetKey.Deal(threshold, guardians);
        var (parts, proofs) = Parts(random.Next(1, 6));
        var shares = key.Shares.ToArray();
        random.Shuffle(shares);
        int threads = random.Next(1, 4);
        var answers = shares.Take(random.Next(threshold, guardians + 1)).Select(share => share.Decrypt(parts, threads)).ToList();
        using var combined = key.Public.Combine(answers, threads);
        Assert.Equal(parts.Count, combined.Count);
        for (int k = 0; k < parts.Count; k++)
        {
            var singles = shares.Take(threshold).Select(share => share.Decrypt(proofs[k], parts[k].EphemeralShare, Context(k))).ToList();
            for (int i = 0; i < threshold; i++)
                Assert.True(singles[i].Point.FixedTimeEquals(Batch.Item(answers[i].Points.Span, k)));
            using var shared = key.Public.Combine(singles);
            Assert.True(shared.FixedTimeEquals(combined[k]));
        }
        foreach (var (share, answer) in shares.Zip(answers))
            Assert.True(key.Public.Verify(parts, answer, share.Prove(parts, answer, "use"u8, threads), "use"u8, threads));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(25));

    // All sets of t of up to 16 guardians: small integers give what coefficients modulo L give.
    [Fact]
    public void Small_integers_interpolate_as_scalars_do()
    {
        var random = new System.Random(1);
        byte[] coefficient = new byte[32], expected = new byte[32], term = new byte[32], sum = new byte[32], shared = new byte[32], u = new byte[32];
        for (int round = 0; round < 60; round++)
        {
            int[] all = [.. Enumerable.Range(1, ThresholdKey.MaxGuardians)];
            random.Shuffle(all);
            int t = random.Next(1, all.Length);
            int[] indices = all[..t];
            int at = round % 2 == 0 ? 0 : all[t];
            var points = indices.SelectMany(_ => Point()).ToArray();
            Edwards25519.Identity.CopyTo(expected);
            for (int i = 0; i < t; i++)
            {
                Edwards25519.Lagrange(indices, i, at, coefficient);
                Assert.True(Edwards25519.Multiply(coefficient, points.AsSpan(32 * i, 32), term) && Edwards25519.Add(expected, term, expected));
            }
            Edwards25519.Interpolate(indices, points, at, sum);
            Assert.Equal(expected, sum);

            // And the last division, in X25519.
            var interpolation = new Interpolation(indices, at);
            Assert.True(interpolation.Sum(Edwards25519.Group, points, sum) && Edwards25519.ToMontgomery(sum, u) && X25519.Agree(interpolation.InverseForX25519, u, shared));
            Assert.True(Edwards25519.ToMontgomery(expected, u));
            Assert.Equal(u, shared);
        }
        Assert.Throws<ArgumentException>(() => new Interpolation([2, 3, 2], 0));
    }

    // What X25519 clamps must be clamped already, or it divides by another number.
    [Fact]
    public void Divisor_for_X25519_is_clamped_and_divides()
    {
        for (int a = 1; a <= 16; a++)
            for (int b = a + 1; b <= 16; b++)
            {
                var interpolation = new Interpolation([a, b], 0);
                var scalar = interpolation.InverseForX25519;
                Assert.Equal((0, 64), (scalar[0] & 7, scalar[31] & 0xC0));
            }
    }

    [Fact]
    public void One_wrong_item_in_a_thousand_is_found_and_its_guardian_named()
    {
        var parts = Thousand.Value.Parts;
        using var key = AssetKey.Deal(2, 3);
        var answers = key.Shares.Select(share => share.Decrypt(parts, 2)).ToList();
        using var expected = key.Public.Combine(answers, 2);
        Damage(answers[1], 617);

        Assert.Contains(" 617 ", Assert.Throws<ThresholdException>(() => key.Public.Combine(answers, 2)).Message, StringComparison.Ordinal);
        Assert.Equal(ThresholdFailure.Share, Refusal(() => key.Shares[1].Prove(parts, answers[1], "use"u8, 2)));
        var own = key.Shares[1].Decrypt(parts, 2);
        Assert.False(key.Public.Verify(parts, answers[1], key.Shares[1].Prove(parts, own, "use"u8, 2), "use"u8, 2));
        Assert.True(key.Public.Verify(parts, answers[2], key.Shares[2].Prove(parts, answers[2], "use"u8, 2), "use"u8, 2));
        using (var combined = key.Public.Combine([answers[2], answers[0]], 2))
            Assert.All(Enumerable.Range(0, parts.Count), k => Assert.True(expected[k].SequenceEqual(combined[k])));

        // Of exactly t nothing contradicts; the part's tag would fail, and the proof says who it was.
        using (var combined = key.Public.Combine(answers[..2], 2))
            Assert.Equal([617], Enumerable.Range(0, parts.Count).Where(k => !expected[k].SequenceEqual(combined[k])));
    }

    [Fact]
    public void Proof_is_good_for_one_share_context_order_and_batch()
    {
        var (parts, _) = Parts(4);
        using AssetKey key = AssetKey.Deal(2, 3), other = AssetKey.Deal(2, 3);
        using var answer = key.Shares[0].Decrypt(parts);
        var proof = key.Shares[0].Prove(parts, answer, "use"u8);
        Assert.True(key.Public.Verify(parts, answer, proof, "use"u8));
        Assert.False(key.Public.Verify(parts, answer, proof, "another use"u8));
        Assert.False(key.Public.Verify(parts, answer, proof, []));
        Assert.False(other.Public.Verify(parts, answer, proof, "use"u8));
        Assert.False(key.Public.Verify(parts, PartialDecryptions.Parse([2, .. answer.Points.Span]), proof, "use"u8));
        Assert.False(key.Public.Verify(parts, PartialDecryptions.Parse([4, .. answer.Points.Span]), proof, "use"u8));
        Assert.False(key.Public.Verify([parts[1], parts[0], parts[2], parts[3]], answer, proof, "use"u8));
        using var swapped = PartialDecryptions.Parse([1, .. answer.Points.Span[32..64], .. answer.Points.Span[..32], .. answer.Points.Span[64..]]);
        Assert.False(key.Public.Verify([parts[1], parts[0], parts[2], parts[3]], swapped, proof, "use"u8));
        using var three = First(answer, 3);
        Assert.False(key.Public.Verify([.. parts.Take(3)], three, proof, "use"u8));
        Assert.Equal(ThresholdFailure.Range, Refusal(() => key.Public.Verify([.. parts.Take(3)], answer, proof, "use"u8)));
        foreach (int length in new[] { 0, 63, 65 })
            Assert.False(key.Public.Verify(parts, answer, new byte[length], "use"u8));
        for (int bit = 0; bit < 512; bit += 37)
        {
            var changed = (byte[])proof.Clone();
            changed[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.False(key.Public.Verify(parts, answer, changed, "use"u8));
        }
        using var single = PartialDecryption.Parse([1, .. answer.Points.Span[..32]]);
        using var one = First(answer, 1);
        Assert.False(key.Public.Verify([parts[0]], one, key.Shares[0].Prove(parts[0].Point, single, "use"u8), "use"u8));
    }

    // Errors that cancel each other in a plain sum, and in one with weights that the prover can know beforehand.
    [Fact]
    public void Errors_that_cancel_in_a_sum_are_seen()
    {
        var (parts, _) = Parts(3);
        using var key = AssetKey.Deal(2, 3);
        using var answer = key.Shares[0].Decrypt(parts);
        var error = Point();
        Span<byte> first = Batch.Item(answer.Points.Buffer, 0), second = Batch.Item(answer.Points.Buffer, 1);
        Assert.True(Edwards25519.Add(first, error, first) && Edwards25519.Subtract(second, error, second));
        Assert.Equal(ThresholdFailure.Share, Refusal(() => key.Shares[0].Prove(parts, answer, "use"u8)));
    }

    // A guardian that knows the weights of its right answers makes wrong ones whose errors cancel under them. With the errors in, no
    // weight is what it was.
    [Fact]
    public void Errors_that_cancel_under_the_weights_of_right_answers_are_seen()
    {
        var (parts, _) = Parts(3);
        using var key = AssetKey.Deal(2, 3);
        using var answer = key.Shares[0].Decrypt(parts);
        var before = Weights();
        byte[] error = Point(), first = new byte[32], second = new byte[32];
        Assert.True(Edwards25519.Multiply(before[1], error, first) && Edwards25519.Multiply(before[0], error, second));
        Assert.True(Edwards25519.Add(Batch.Item(answer.Points.Span, 0), first, Batch.Item(answer.Points.Buffer, 0)));
        Assert.True(Edwards25519.Subtract(Batch.Item(answer.Points.Span, 1), second, Batch.Item(answer.Points.Buffer, 1)));
        Assert.Equal(ThresholdFailure.Share, Refusal(() => key.Shares[0].Prove(parts, answer, "use"u8)));
        Assert.DoesNotContain(before.Zip(Weights()), w => w.First.SequenceEqual(w.Second));

        // Nor does any stay when one part, the last, or the context is another.
        before = Weights();
        parts = [.. parts.Take(2), Parts(1).Parts[0]];
        Assert.DoesNotContain(before.Zip(Weights()), w => w.First.SequenceEqual(w.Second));
        before = Weights();
        Assert.DoesNotContain(before.Zip(Weights("another"u8)), w => w.First.SequenceEqual(w.Second));

        List<byte[]> Weights(ReadOnlySpan<byte> context = default)
        {
            var seed = new byte[64];
            BatchProof.Seed(parts, answer, key.Public.Commitments[0], context.IsEmpty ? "use"u8 : context, seed);
            return [.. Enumerable.Range(0, 3).Select(k =>
            {
                var weight = new byte[32];
                BatchProof.Weight(seed, k, weight);
                return weight;
            })];
        }
    }

    // A liar adds what only the cofactor sees. A libsodium with the mend of CVE-2025-69277 refuses it; without, the proof holds and
    // what was added does not reach the secrets. Wrong secrets there are in neither.
    [Fact]
    public void Part_of_order_two_gives_no_wrong_secret()
    {
        var (parts, _) = Parts(3);
        using var key = AssetKey.Deal(2, 3);
        var answers = key.Shares.Select(share => share.Decrypt(parts)).ToList();
        using var expected = key.Public.Combine(answers);
        byte[] order2 = [0xEC, .. Enumerable.Repeat((byte)0xFF, 30), 0x7F];
        var item = Batch.Item(answers[0].Points.Buffer, 1);
        Assert.True(Edwards25519.Add(item, order2, item));
        Assert.Equal(ThresholdFailure.MixedOrder, Edwards25519.Fault(item));
        Assert.Equal(ThresholdFailure.Inconsistent, Refusal(() => key.Public.Combine(answers)));
        foreach (var some in new[] { answers[..2], [answers[2], answers[0]] })
        {
            try
            {
                using var combined = key.Public.Combine(some);
                Same(combined);
            }
            catch (ThresholdException e)
            {
                Assert.Equal(ThresholdFailure.MixedOrder, e.Failure);
            }
        }

        void Same(CombinedSecrets combined)
        {
            for (int k = 0; k < parts.Count; k++)
                Assert.True(expected[k].SequenceEqual(combined[k]), $"part {k}");
        }
    }

    [Fact]
    public void Malformed_answers_are_refused_and_named()
    {
        var (parts, _) = Parts(3);
        using var key = AssetKey.Deal(2, 3);
        var answers = key.Shares.Select(share => share.Decrypt(parts)).ToList();
        using var expected = key.Public.Combine(answers);
        foreach (var (bytes, failure) in new[] { ((byte[])[2, .. new byte[31]], ThresholdFailure.NotOnCurve), ([1, .. new byte[31]], ThresholdFailure.SmallOrder) })
        {
            using var copy = First(answers[0], 3);
            bytes.CopyTo(Batch.Item(copy.Points.Buffer, 2));
            if (failure == ThresholdFailure.NotOnCurve)
                Assert.Equal(failure, Refusal(() => key.Public.Combine([copy, answers[1]])));
            Assert.False(key.Public.Verify(parts, copy, key.Shares[0].Prove(parts, answers[0], []), []));
            Assert.Equal(ThresholdFailure.Inconsistent, Refusal(() => key.Public.Combine([copy, answers[1], answers[2]])));
        }
        Assert.Equal(ThresholdFailure.TooFew, Refusal(() => key.Public.Combine(answers[..1])));
        Assert.Equal(ThresholdFailure.Repeated, Refusal(() => key.Public.Combine([answers[0], answers[0]])));
        Assert.Equal(ThresholdFailure.Range, Refusal(() => key.Public.Combine([answers[0], PartialDecryptions.Parse([4, .. answers[1].Points.Span])])));
        Assert.Equal(ThresholdFailure.Range, Refusal(() => key.Public.Combine([answers[0], First(answers[1], 2)])));
        Assert.Equal(ThresholdFailure.Range, Refusal(() => key.Shares[0].Decrypt([])));
        Assert.Equal(ThresholdFailure.Range, Refusal(() => key.Shares[0].Decrypt([.. Enumerable.Repeat(parts[0], Batch.MaxItems + 1)])));
        Damage(answers[2], 0);
        Assert.Equal(ThresholdFailure.Inconsistent, Refusal(() => key.Public.Combine(answers)));
        foreach (var bad in new byte[][] { [], [1], [0, .. new byte[32]], [17, .. new byte[32]], [1, .. new byte[31]], [1, .. new byte[33]], [1, .. new byte[32 * (Batch.MaxItems + 1)]] })
            Assert.Equal(ThresholdFailure.Encoding, Refusal(() => PartialDecryptions.Parse(bad)));
    }

    // Nothing is allocated for an item, neither where it is multiplied, combined nor proven.
    [Fact]
    public void Batches_allocate_nothing_for_an_item_but_its_bytes()
    {
        using var key = AssetKey.Deal(2, 3);
        var few = Measure(50);
        var many = Measure(250);
        // 32 bytes of answer, 32 of secret and nothing else; some slack for what the runtime does beside.
        Assert.InRange(many.Decrypt - few.Decrypt, 200 * 32, 200 * 32 + 2048);
        Assert.InRange(many.Combine - few.Combine, 200 * 32, 200 * 32 + 2048);
        Assert.InRange(many.Prove - few.Prove, -2048, 2048);

        (long Decrypt, long Combine, long Prove) Measure(int count)
        {
            IReadOnlyList<ProvenPoint> parts = [.. Thousand.Value.Parts.Take(count)];
            var answers = key.Shares.Select(share => share.Decrypt(parts)).ToList();
            return (Least(() => key.Shares[0].Decrypt(parts).Dispose()), Least(() => key.Public.Combine(answers[1..]).Dispose()), Least(() => key.Shares[0].Prove(parts, answers[0], [])));
        }

        static long Least(Action work)
        {
            long least = long.MaxValue;
            for (int i = 0; i < 3; i++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                work();
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            return least;
        }
    }

    internal static (IReadOnlyList<ProvenPoint> Parts, IReadOnlyList<byte[]> Proofs) Parts(int count)
    {
        var proofs = new byte[count][];
        var parts = new ProvenPoint[count];
        Parallel.For(0, count, k =>
        {
            using var secret = SecretBytes.Random(32);
            proofs[k] = ProofOfKnowledge.Create(secret, Context(k));
            parts[k] = ProvenPoint.Check(proofs[k], X25519.Share(secret.Span), Context(k));
        });
        return (parts, proofs);
    }

    private static PartialDecryptions First(PartialDecryptions answer, int count) => PartialDecryptions.Parse([(byte)answer.Index, .. answer.Points.Span[..(32 * count)]]);

    private static byte[] Context(int k) => BitConverter.GetBytes(k);

    private static byte[] Point()
    {
        byte[] point = new byte[32], scalar = new byte[32];
        Edwards25519.RandomScalar(scalar);
        Assert.True(Edwards25519.MultiplyBase(scalar, point));
        return point;
    }

    // Another point of prime order, as another share would give.
    private static void Damage(PartialDecryptions answer, int at)
    {
        var item = Batch.Item(answer.Points.Buffer, at);
        Assert.True(Edwards25519.Add(item, Point(), item));
    }

    private static ThresholdFailure Refusal(Func<object> action) => Assert.Throws<ThresholdException>(action).Failure;
}
