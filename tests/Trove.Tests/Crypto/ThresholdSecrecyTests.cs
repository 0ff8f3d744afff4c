using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

/// <summary>
/// What fewer than t guardians see is the same whatever the key is: it fits every key, and whoever knows no key can make it.
/// </summary>
public class ThresholdSecrecyTests
{
    public static TheoryData<int, int> Sizes => new() { { 2, 2 }, { 2, 3 }, { 3, 5 }, { 4, 4 }, { 8, 15 }, { 16, 16 } };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Shares_of_fewer_than_t_fit_every_key(int threshold, int guardians)
    {
        using var dealt = AssetKey.Deal(threshold, guardians);
        for (int offset = 0; offset < guardians; offset++)
        {
            int[] corrupted = [.. Enumerable.Range(offset, threshold - 1).Select(i => i % guardians + 1)];
            var candidate = Scalar();
            int[] places = [0, .. corrupted];
            byte[][] values = [candidate, .. corrupted.Select(i => Scalar(dealt.Shares[i - 1]))];

            // The polynomial of degree t − 1 through the candidate and what the corrupted hold.
            var scalars = Enumerable.Range(1, guardians).Select(i => Interpolated(places, values, i)).ToList();
            Assert.All(corrupted, i => Assert.Equal(Scalar(dealt.Shares[i - 1]), scalars[i - 1]));
            var other = ThresholdKey.Create(threshold, [.. scalars.Select(Commitment)], Recipient(Commitment(candidate)));
            Assert.NotEqual(dealt.Public.Recipient.PublicKey, other.Recipient.PublicKey);
            Assert.All(corrupted, i => Assert.True(dealt.Shares[i - 1].Matches(other)));
            Assert.Equal(threshold - 1, dealt.Shares.Count(share => share.Matches(other)));
        }
    }

    // The simulator knows S and A and neither logarithm. It gives the corrupted shares of its own choosing, all commitments and
    // all that they compute; and with the one shared secret that is released also what the others answered.
    [Theory]
    [MemberData(nameof(Sizes))]
    public void View_of_fewer_than_t_is_made_of_public_values(int threshold, int guardians)
    {
        byte[] unknown = Scalar(), keyPoint = new byte[32], release = new byte[32];
        using var secret = SecretBytes.Random(32);
        var proof = ProofOfKnowledge.Create(secret, []);
        var a = ProofOfKnowledge.PointOf(proof);
        Assert.True(Edwards25519.MultiplyBase(unknown, keyPoint) && Edwards25519.Multiply(unknown, a.ToArray(), release));

        int[] corrupted = [.. Enumerable.Range(guardians - threshold + 2, threshold - 1)], places = [0, .. corrupted];
        var chosen = corrupted.Select(_ => Scalar()).ToList();
        byte[] commitments = [.. keyPoint, .. chosen.SelectMany(s => Commitment(s).ToArray())];
        byte[] answers = [.. release, .. chosen.SelectMany(s => Times(s, a.ToArray()))];
        var key = ThresholdKey.Create(threshold, [.. Enumerable.Range(1, guardians).Select(i => new Hash32(At(commitments, i)))], Recipient(new Hash32(keyPoint)));

        foreach (var (index, scalar) in corrupted.Zip(chosen))
        {
            using var share = new GuardianShare(index, threshold, new SecretBytes(scalar));
            Assert.True(share.Matches(key));
            using var answer = share.Decrypt(proof, X25519.Share(secret.Span), []);
            Assert.True(answer.Point.FixedTimeEquals(At(answers, index)));
        }
        using var shared = key.Combine([.. Enumerable.Range(1, guardians).Select(i => PartialDecryption.Parse([(byte)i, .. At(answers, i)]))]);
        using var expected = X25519.Agree(secret.Span, key.Recipient.PublicKey)!;
        Assert.True(expected.FixedTimeEquals(shared.Span));

        byte[] At(byte[] points, int index)
        {
            int known = Array.IndexOf(places, index);
            if (known >= 0)
                return points[(32 * known)..(32 * known + 32)];
            var point = new byte[32];
            Edwards25519.Interpolate(places, points, index, point);
            return point;
        }
    }

    // A generator that repeats itself would give it away here.
    [Fact]
    public void Dealings_share_nothing()
    {
        using AssetKey one = AssetKey.Deal(3, 5), two = AssetKey.Deal(3, 5);
        Assert.Equal(10, one.Shares.Concat(two.Shares).Select(share => Convert.ToHexString(Scalar(share))).Distinct().Count());
    }

    private static byte[] Interpolated(int[] places, byte[][] values, int at)
    {
        if (Array.IndexOf(places, at) is >= 0 and var known)
            return values[known];
        byte[] sum = new byte[32], term = new byte[32];
        for (int i = 0; i < places.Length; i++)
        {
            Edwards25519.Lagrange(places, i, at, term);
            Edwards25519.MultiplyScalars(term, values[i], term);
            Edwards25519.AddScalars(sum, term, sum);
        }
        return sum;
    }

    private static byte[] Scalar()
    {
        var scalar = new byte[32];
        Edwards25519.RandomScalar(scalar);
        return scalar;
    }

    private static byte[] Scalar(GuardianShare share)
    {
        using var bytes = share.Encode();
        return bytes.Span[^32..].ToArray();
    }

    private static byte[] Times(byte[] scalar, byte[] point)
    {
        var product = new byte[32];
        Assert.True(Edwards25519.Multiply(scalar, point, product));
        return product;
    }

    private static Hash32 Commitment(byte[] scalar)
    {
        var point = new byte[32];
        Assert.True(Edwards25519.MultiplyBase(scalar, point));
        return new Hash32(point);
    }

    private static X25519Recipient Recipient(Hash32 point)
    {
        var u = new byte[32];
        Assert.True(Edwards25519.ToMontgomery(point.ToArray(), u));
        return new X25519Recipient(new Hash32(u));
    }
}
