using System.Text.Json.Nodes;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

/// <summary>What is refused as a point or as a key, by name, wherever it comes in.</summary>
public class ThresholdKeyTests
{
    private static readonly JsonArray Points = Checkout.Vectors("threshold.json")["refusedPoints"]!.AsArray();

    public static TheoryData<string> Names() => [.. Points.Select(v => (string)v!["name"]!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Point_is_refused_everywhere(string name)
    {
        var vector = Points.Single(v => (string)v!["name"]! == name)!;
        var failure = Enum.Parse<ThresholdFailure>((string)vector["failure"]!);
        var point = Hex.Decode((string)vector["point"]!);
        using var key = AssetKey.Deal(2, 3);
        using var secret = SecretBytes.Random(32);
        var share = X25519.Share(secret.Span);
        var proof = ProofOfKnowledge.Create(secret, []);
        var good = key.Shares[0].Decrypt(proof, share, []);

        Assert.Equal(failure, Refusal(() => key.Shares[0].Decrypt([.. point, .. proof[32..]], share, [])));
        Assert.False(ProofOfKnowledge.Verify([.. proof[..32], .. point, .. proof[64..]], share, []));
        Assert.Equal(failure, Refusal(() => key.Shares[0].Prove(new Hash32(point), good, [])));
        using var bad = PartialDecryption.Parse([2, .. point]);
        Assert.Equal(failure, Refusal(() => key.Public.Combine([good, bad])));
        Assert.False(key.Public.Verify(ProofOfKnowledge.PointOf(proof), bad, new byte[64], []));
        for (int at = 0; at < 3; at++)
        {
            var commitments = key.Public.Commitments.ToArray();
            commitments[at] = new Hash32(point);
            Assert.Equal(failure, Refusal(() => ThresholdKey.Create(2, commitments, key.Public.Recipient)));
        }
    }

    [Fact]
    public void Vectors_hold_every_point_of_small_order_and_every_fault()
    {
        Assert.Equal(8, Points.Count(v => (string)v!["failure"]! == "SmallOrder"));
        Assert.Equal(7, Points.Count(v => (string)v!["failure"]! == "MixedOrder"));
        Assert.True(Points.Count(v => (string)v!["failure"]! == "NotCanonical") >= 6 + 1);
        Assert.True(Points.Count(v => (string)v!["failure"]! == "NotOnCurve") >= 3);
    }

    // A proof can hold for no u on the twist or of small order: no point of prime order of the curve has it.
    [Theory]
    [InlineData("0300000000000000000000000000000000000000000000000000000000000000")] // on the twist
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")] // of order 8
    [InlineData("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")] // p − 1
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")] // p, not reduced
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    public void U_of_no_point_of_prime_order(string u)
    {
        var share = Hash32.Parse(u);
        using var key = AssetKey.Deal(2, 3);
        using var secret = SecretBytes.Random(32);
        Assert.Equal(ThresholdFailure.Proof, Refusal(() => key.Shares[0].Decrypt(ProofOfKnowledge.Create(secret, []), share, [])));
        Assert.Equal(ThresholdFailure.Recipient, Refusal(() => ThresholdKey.Create(2, key.Public.Commitments, new X25519Recipient(share))));
    }

    [Fact]
    public void Key_is_accepted_as_it_was_dealt()
    {
        using var key = AssetKey.Deal(3, 5);
        var read = ThresholdKey.Create(3, key.Public.Commitments, new X25519Recipient(key.Public.Recipient.PublicKey));
        Assert.Equal((3, 5), (read.Threshold, read.Guardians));
        Assert.Equal(key.Public.Commitments, read.Commitments);
    }

    [Fact]
    public void KeyOfAnotherRecipient()
    {
        using AssetKey key = AssetKey.Deal(3, 5), other = AssetKey.Deal(3, 5);
        Refused(ThresholdFailure.Recipient, 3, key.Public.Commitments, other.Public.Recipient);
        Refused(ThresholdFailure.Recipient, 3, key.Public.Commitments, X25519Identity.Generate().Recipient);
        using var all = AssetKey.Deal(2, 2);
        Refused(ThresholdFailure.Recipient, 2, [.. all.Public.Commitments.Reverse()], all.Public.Recipient);
    }

    // A dealer who gives one guardian a share of another polynomial could have them open nothing, or only with chosen others.
    [Fact]
    public void CommitmentOffThePolynomial()
    {
        using AssetKey key = AssetKey.Deal(3, 5), other = AssetKey.Deal(3, 5);
        for (int at = 0; at < 5; at++)
        {
            var commitments = key.Public.Commitments.ToArray();
            commitments[at] = other.Public.Commitments[at];
            Refused(ThresholdFailure.Degree, 3, commitments, key.Public.Recipient);
        }
    }

    // The registry says 3, but 2 of them can open everything.
    [Fact]
    public void PolynomialOfLowerDegree()
    {
        using var key = AssetKey.Deal(2, 5);
        Refused(ThresholdFailure.Degree, 3, key.Public.Commitments, key.Public.Recipient);
        Refused(ThresholdFailure.Degree, 5, key.Public.Commitments, key.Public.Recipient);
    }

    [Fact]
    public void ThresholdTooLow()
    {
        using var key = AssetKey.Deal(3, 5);
        Refused(ThresholdFailure.Degree, 2, key.Public.Commitments, key.Public.Recipient);
        Refused(ThresholdFailure.Degree, 1, key.Public.Commitments, key.Public.Recipient);
    }

    [Fact]
    public void CommitmentTwice()
    {
        using AssetKey key = AssetKey.Deal(2, 3), single = AssetKey.Deal(1, 2);
        Refused(ThresholdFailure.Repeated, 2, [key.Public.Commitments[0], key.Public.Commitments[1], key.Public.Commitments[0]], key.Public.Recipient);
        Refused(ThresholdFailure.Repeated, 2, single.Public.Commitments, single.Public.Recipient);
    }

    private static void Refused(ThresholdFailure failure, int threshold, IReadOnlyList<Hash32> commitments, X25519Recipient recipient) =>
        Assert.Equal(failure, Refusal(() => ThresholdKey.Create(threshold, commitments, recipient)));

    private static ThresholdFailure Refusal(Func<object> action) => Assert.Throws<ThresholdException>(action).Failure;
}
