using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

/// <summary>A pseudorandom function that nobody holds the key of: RFC 9497's bytes with one guardian, the same outputs with any t of n.</summary>
public class OprfTests
{
    private static readonly JsonNode Vectors = Checkout.Vectors("oprf.json");

    public static TheoryData<string> Rfc() => [.. Vectors["rfc"]!["vectors"]!.AsArray().Select(v => (string)v!["name"]!)];

    public static TheoryData<string> Names() => [.. Vectors["keys"]!.AsArray().Select(v => (string)v!["name"]!)];

    // RFC 9497, appendix A.1.2.
    [Theory]
    [MemberData(nameof(Rfc))]
    public void Vector_of_the_rfc(string name)
    {
        var vector = Vectors["rfc"]!["vectors"]!.AsArray().Single(v => (string)v!["name"]! == name)!;
        var publicKey = Hash32.Parse((string)Vectors["rfc"]!["publicKey"]!);
        using var share = OprfShare.FromScalar(1, 1, Hex.Decode((string)Vectors["rfc"]!["secretKey"]!));
        Assert.Equal(publicKey, share.Commitment);
        var key = OprfKey.Create(1, [publicKey]);

        using var blinding = Blinding(vector);
        Assert.Equal(Texts(vector["blinded"]!), Items(blinding.Blinded.Span));
        using var nonce = new SecretBytes(Hex.Decode((string)vector["nonce"]!));
        var evaluation = share.Evaluate(blinding.Blinded, nonce);
        Assert.Equal(Texts(vector["evaluated"]!), Items(evaluation.Elements));
        Assert.Equal((string)vector["proof"]!, Convert.ToHexStringLower(evaluation.Proof));
        Assert.True(key.Verify(blinding.Blinded.Span, evaluation));
        using var outputs = blinding.Finish(key, [evaluation]);
        Assert.Equal(Texts(vector["outputs"]!), Enumerable.Range(0, outputs.Count).Select(i => Convert.ToHexStringLower(outputs[i])));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Vector_of_a_shared_key(string name)
    {
        var vector = Vectors["keys"]!.AsArray().Single(v => (string)v!["name"]! == name)!;
        var key = OprfKey.Create((int)vector["threshold"]!, [.. Texts(vector["commitments"]!).Select(Hash32.Parse)]);
        Assert.Equal((string)vector["publicKey"]!, key.PublicKey.ToHex());
        using var blinding = Blinding(vector);
        Assert.Equal(Texts(vector["blinded"]!), Items(blinding.Blinded.Span));
        using var nonce = new SecretBytes(Hex.Decode((string)vector["nonce"]!));
        var evaluations = new List<OprfEvaluation>();
        foreach (var (text, expected) in Texts(vector["shares"]!).Zip(Texts(vector["evaluations"]!)))
        {
            using var share = OprfShare.Parse(Hex.Decode(text));
            Assert.True(share.Matches(key));
            using var bytes = share.Encode();
            Assert.Equal(text, Convert.ToHexStringLower(bytes.Span));
            evaluations.Add(share.Evaluate(blinding.Blinded, nonce));
            Assert.Equal(expected, Convert.ToHexStringLower(evaluations[^1].Encode()));
            Assert.True(key.Verify(blinding.Blinded.Span, OprfEvaluation.Parse(evaluations[^1].Encode())));
        }
        foreach (var some in new[] { evaluations, [.. evaluations.TakeLast(key.Threshold).Reverse()] })
        {
            using var outputs = blinding.Finish(key, some);
            Assert.Equal(Texts(vector["outputs"]!), Enumerable.Range(0, outputs.Count).Select(i => Convert.ToHexStringLower(outputs[i])));
        }
    }

    [Fact]
    public void Any_t_of_n_give_the_output_of_the_undivided_key() => Prop.ForAll<int, int, int>((a, b, seed) =>
    {
        int guardians = 1 + (a & 7), threshold = 1 + (b & int.MaxValue) % guardians;
        var random = new System.Random(seed);
        var (key, shares, whole) = Deal(threshold, guardians);
        ReadOnlyMemory<byte>[] inputs = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => Encoding.UTF8.GetBytes(new string('a', random.Next(40))))];
        using OprfBlinding blinding = OprfBlinding.Create(inputs, random.Next(1, 3)), again = OprfBlinding.Create(inputs);
        Assert.NotEqual(Items(blinding.Blinded.Span), Items(again.Blinded.Span));
        var some = shares.ToArray();
        random.Shuffle(some);
        using var outputs = blinding.Finish(key, [.. some.Take(random.Next(threshold, guardians + 1)).Select(share => share.Evaluate(blinding.Blinded, random.Next(1, 3)))]);
        var single = OprfKey.Create(1, [whole.Commitment]);
        using var expected = again.Finish(single, [whole.Evaluate(again.Blinded)]);
        for (int i = 0; i < inputs.Length; i++)
            Assert.True(expected[i].SequenceEqual(outputs[i]));
        Assert.Equal((key.PublicKey, 0), (whole.Commitment, outputs.Liars.Count));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(25));

    [Fact]
    public void Liar_is_named_and_not_used()
    {
        var (key, shares, _) = Deal(2, 3);
        var (_, strangers, _) = Deal(2, 3);
        using var blinding = OprfBlinding.Create([new byte[] { 1 }, new byte[] { 2 }, new byte[] { 3 }]);
        var good = shares.Select(share => share.Evaluate(blinding.Blinded)).ToList();
        using var expected = blinding.Finish(key, good);
        var lie = strangers[0].Evaluate(blinding.Blinded);
        using (var outputs = blinding.Finish(key, [lie, good[1], good[2]]))
        {
            Assert.Equal([1], outputs.Liars);
            Assert.True(expected[0].SequenceEqual(outputs[0]));
        }
        var refused = Assert.Throws<ThresholdException>(() => blinding.Finish(key, [lie, good[1]]));
        Assert.Equal(ThresholdFailure.TooFew, refused.Failure);
        Assert.Contains("guardians 1;", refused.Message, StringComparison.Ordinal);
        Assert.Equal(ThresholdFailure.TooFew, Refusal(() => blinding.Finish(key, [])));
        Assert.Equal(ThresholdFailure.Repeated, Refusal(() => blinding.Finish(key, [good[0], good[0]])));
        Assert.Equal(ThresholdFailure.Repeated, Refusal(() => blinding.Finish(key, [lie, good[0], good[1]])));
    }

    [Fact]
    public void Proof_is_good_for_one_share_order_and_batch()
    {
        var (key, shares, _) = Deal(2, 3);
        using var blinding = OprfBlinding.Create([new byte[] { 1 }, new byte[] { 2 }, new byte[] { 3 }]);
        var blinded = blinding.Blinded.ToArray();
        var bytes = shares[0].Evaluate(blinded).Encode();
        Assert.True(Holds(blinded, bytes));
        Assert.False(Holds(blinded, [2, .. bytes[1..]]));
        Assert.False(Holds(blinded, [4, .. bytes[1..]]));
        Assert.False(Holds([.. blinded[32..64], .. blinded[..32], .. blinded[64..]], bytes));
        Assert.False(Holds([.. blinded[32..64], .. blinded[..32], .. blinded[64..]], [1, .. bytes[33..65], .. bytes[1..33], .. bytes[65..]]));
        Assert.False(Holds(blinded[..64], bytes));
        Assert.False(Holds(blinded[..64], [.. bytes[..65], .. bytes[^64..]]));
        Assert.False(Holds(blinded, [1, .. new byte[32], .. bytes[33..]])); // the neutral element
        Assert.False(Holds(blinded, [1, .. Enumerable.Repeat((byte)255, 32), .. bytes[33..]]));
        Assert.False(Holds(blinded, [.. bytes[..^32], .. Edwards25519.Order]));
        // s and s + L multiply alike; one proof has one form.
        var larger = (new BigInteger(bytes.AsSpan(^32..), isUnsigned: true) + new BigInteger(Edwards25519.Order, isUnsigned: true)).ToByteArray(isUnsigned: true);
        Assert.False(Holds(blinded, [.. bytes[..^32], .. larger]));
        for (int bit = 0; bit < 8 * bytes.Length; bit += 53)
        {
            if (bit < 8)
                continue;
            var changed = (byte[])bytes.Clone();
            changed[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.False(Holds(blinded, changed));
        }

        bool Holds(byte[] asked, byte[] evaluation) => key.Verify(asked, OprfEvaluation.Parse(evaluation));
    }

    // RFC 9497 makes each weight of its own item alone, and whoever proves can look for wrong answers whose errors cancel. Of three
    // items such a proof is refused, though it is true.
    [Theory]
    [MemberData(nameof(Names))]
    public void Proof_whose_weights_do_not_hang_on_all_items_is_refused(string name)
    {
        var vector = Vectors["keys"]!.AsArray().Single(v => (string)v!["name"]! == name)!;
        var key = OprfKey.Create((int)vector["threshold"]!, [.. Texts(vector["commitments"]!).Select(Hash32.Parse)]);
        Assert.Equal((string)vector["publicKey"]!, key.PublicKey.ToHex());
        byte[] blinded = [.. Texts(vector["blinded"]!).SelectMany(Convert.FromHexString)], good = Convert.FromHexString(Texts(vector["evaluations"]!)[0]);
        Assert.True(key.Verify(blinded, OprfEvaluation.Parse(good)));
        Assert.False(key.Verify(blinded, OprfEvaluation.Parse([.. good[..^64], .. Convert.FromHexString((string)vector["loosely"]!)])));
    }

    [Fact]
    public void Keys_are_refused_for_every_fault()
    {
        var (key, _, _) = Deal(3, 5);
        var (other, _, _) = Deal(3, 5);
        var good = key.Commitments.ToArray();
        Assert.Equal(key.PublicKey, OprfKey.Create(3, good).PublicKey);
        Refused(ThresholdFailure.Range, 0, good);
        Refused(ThresholdFailure.Range, 6, good);
        Refused(ThresholdFailure.Range, 1, []);
        Refused(ThresholdFailure.Range, 2, [.. Enumerable.Repeat(good[0], 17)]);
        // K_1 = 1·G, K_2 = 2·G: at 0 there is nothing.
        Refused(ThresholdFailure.Recipient, 2, [Times(1), Times(2)]);
        Refused(ThresholdFailure.Degree, 2, good);
        for (int at = 0; at < 5; at++)
        {
            Refused(ThresholdFailure.Degree, 3, With(at, other.Commitments[at]));
            Refused(ThresholdFailure.Repeated, 3, With(at, good[(at + 1) % 5]));
            Refused(ThresholdFailure.Encoding, 3, With(at, default));
            Refused(ThresholdFailure.Encoding, 3, With(at, new Hash32([.. Enumerable.Repeat((byte)255, 32)])));
        }
        var (lower, _, _) = Deal(2, 5);
        Refused(ThresholdFailure.Degree, 3, [.. lower.Commitments]);

        Hash32[] With(int at, Hash32 value)
        {
            var changed = (Hash32[])good.Clone();
            changed[at] = value;
            return changed;
        }

        static Hash32 Times(byte scalar)
        {
            var element = new byte[32];
            Assert.True(Ristretto255.MultiplyBase([scalar, .. new byte[31]], element));
            return new Hash32(element);
        }

        static void Refused(ThresholdFailure failure, int threshold, Hash32[] commitments) =>
            Assert.Equal(failure, Refusal(() => OprfKey.Create(threshold, commitments)));
    }

    [Fact]
    public void Shares_evaluations_and_inputs_of_another_form()
    {
        var (key, shares, _) = Deal(2, 3);
        using var encoded = shares[0].Encode();
        var bytes = encoded.Span.ToArray();
        int magic = bytes.Length - 34;
        foreach (var bad in new byte[][] { [], bytes[..^1], [.. bytes, 0], [(byte)'T', .. bytes[1..]], [.. bytes[..magic], 0, .. bytes[(magic + 1)..]], [.. bytes[..magic], 17, .. bytes[(magic + 1)..]],
            [.. bytes[..(magic + 1)], 0, .. bytes[^32..]], [.. bytes[..(magic + 1)], 17, .. bytes[^32..]], [.. bytes[..^32], .. new byte[32]], [.. bytes[..^32], .. Edwards25519.Order] })
            Assert.Equal(ThresholdFailure.Encoding, Refusal(() => OprfShare.Parse(bad)));
        Assert.Equal(ThresholdFailure.Encoding, Refusal(() => OprfShare.FromScalar(1, 1, new byte[31])));
        using var moved = OprfShare.FromScalar(2, 2, bytes[^32..]);
        Assert.False(moved.Matches(key));
        Assert.True(shares[0].Matches(key));

        Assert.Equal(ThresholdFailure.Range, Refusal(() => shares[0].Evaluate(Array.Empty<byte>())));
        Assert.Equal(ThresholdFailure.Range, Refusal(() => shares[0].Evaluate(new byte[32 * (Batch.MaxItems + 1)])));
        foreach (var bad in new byte[][] { new byte[31], new byte[32], [.. Enumerable.Repeat((byte)255, 32)] })
            Assert.Equal(ThresholdFailure.Encoding, Refusal(() => shares[0].Evaluate(bad)));
        Assert.Equal(ThresholdFailure.Range, Refusal(() => OprfBlinding.Create([])));
        Assert.Equal(ThresholdFailure.Range, Refusal(() => OprfBlinding.Create([new byte[65_536]])));
        Assert.Equal(ThresholdFailure.Range, Refusal(() => OprfBlinding.Create([.. Enumerable.Repeat((ReadOnlyMemory<byte>)new byte[65_000], 1100)])));
        foreach (var bad in new byte[][] { [], new byte[65], [0, .. new byte[96]], [17, .. new byte[96]], [1, .. new byte[95]], [1, .. new byte[97]] })
            Assert.Equal(ThresholdFailure.Encoding, Refusal(() => OprfEvaluation.Parse(bad)));
    }

    [Fact]
    public void Nothing_prints_or_outlives_its_secret()
    {
        var (_, shares, _) = Deal(1, 1);
        var blinding = OprfBlinding.Create([Encoding.UTF8.GetBytes("maya_tides")]);
        using var secret = shares[0].Encode();
        foreach (var text in new[] { shares[0].ToString(), blinding.ToString(), shares[0].Evaluate(blinding.Blinded).ToString() })
        {
            Assert.DoesNotContain("maya", text, StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToHexStringLower(secret.Span[^32..]), text, StringComparison.OrdinalIgnoreCase);
        }
        shares[0].Dispose();
        Assert.Throws<ObjectDisposedException>(() => shares[0].Encode());
        blinding.Dispose();
    }

    /// <summary>A key dealt by a polynomial, and the undivided key as a share of itself.</summary>
    internal static (OprfKey Key, IReadOnlyList<OprfShare> Shares, OprfShare Whole) Deal(int threshold, int guardians)
    {
        using var dealt = AssetKey.Deal(threshold, guardians);
        // A ceremony's shares over edwards25519 are scalars of the same field.
        var shares = dealt.Shares.Select(share =>
        {
            using var bytes = share.Encode();
            return OprfShare.FromScalar(share.Index, threshold, bytes.Span[^32..]);
        }).ToList();
        byte[] sum = new byte[32], coefficient = new byte[32];
        int[] indices = [.. Enumerable.Range(1, threshold)];
        for (int i = 0; i < threshold; i++)
        {
            using var bytes = shares[i].Encode();
            Edwards25519.Lagrange(indices, i, 0, coefficient);
            Edwards25519.MultiplyScalars(coefficient, bytes.Span[^32..], coefficient);
            Edwards25519.AddScalars(sum, coefficient, sum);
        }
        var whole = OprfShare.FromScalar(1, 1, sum);
        return (OprfKey.Create(threshold, [.. shares.Select(share => share.Commitment)]), shares, whole);
    }

    private static OprfBlinding Blinding(JsonNode vector) => OprfBlinding.Create([.. Texts(vector["inputs"]!).Select(text => (ReadOnlyMemory<byte>)Convert.FromHexString(text))],
        new SecretBytes([.. Texts(vector["blinds"]!).SelectMany(Convert.FromHexString)]));

    private static IEnumerable<string> Items(ReadOnlySpan<byte> bytes) => [.. bytes.ToArray().Chunk(32).Select(Convert.ToHexStringLower)];

    private static string[] Texts(JsonNode array) => [.. array.AsArray().Select(v => (string)v!)];

    private static ThresholdFailure Refusal(Func<object> action) => Assert.Throws<ThresholdException>(action).Failure;
}
