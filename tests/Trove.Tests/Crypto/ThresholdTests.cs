using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

/// <summary>Dealing, decrypting and combining, against vectors of another implementation and on parts really sealed.</summary>
public class ThresholdTests
{
    private static readonly JsonArray Keys = Checkout.Vectors("threshold.json")["keys"]!.AsArray();

    public static TheoryData<string> Names() => [.. Keys.Select(v => (string)v!["name"]!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Vector(string name)
    {
        var vector = Keys.Single(v => (string)v!["name"]! == name)!;
        string[] texts = Texts(vector["shares"]!);
        using var coefficients = new SecretBytes([.. Texts(vector["coefficients"]!).SelectMany(Hex.Decode)]);
        using var key = AssetKey.Deal(coefficients, texts.Length);
        Assert.Equal((int)vector["threshold"]!, key.Public.Threshold);
        Assert.Equal(Text(vector["recipient"]), key.Public.Recipient.PublicKey.ToHex());
        Assert.Equal(Texts(vector["commitments"]!), key.Public.Commitments.Select(c => c.ToHex()));
        Assert.Equal(texts, key.Shares.Select(share => ToHex(share.Encode())));

        var decryption = vector["decryption"]!;
        using var secret = new SecretBytes(Hex.Decode(Text(decryption["secret"])));
        var ephemeralShare = Hash32.Parse(Text(decryption["share"]));
        var proof = ProofOfKnowledge.Create(secret, "part"u8);
        var point = ProofOfKnowledge.PointOf(proof);
        Assert.Equal(Text(decryption["point"]), point.ToHex());
        var partials = key.Shares.Select(share => share.Decrypt(proof, ephemeralShare, "part"u8)).ToList();
        Assert.Equal(Texts(decryption["partials"]!), partials.Select(partial => ToHex(partial.Encode())));
        Assert.Equal(Text(decryption["shared"]), ToHex(key.Public.Combine(partials)));

        var context = Hex.Decode(Text(decryption["context"]));
        foreach (var ((share, partial), expected) in key.Shares.Zip(partials).Zip(decryption["proofs"]!.AsArray()))
        {
            var made = share.Prove(point, partial, context, Hex.Decode(Text(expected!["fresh"])));
            Assert.Equal(Text(expected["proof"]), Convert.ToHexStringLower(made));
            Assert.True(key.Public.Verify(point, partial, made, context));
        }
    }

    [Fact]
    public void Vectors_reach_both_ends() =>
        Assert.Equal([(1, 1), (16, 16)], Keys.Select(v => ((int)v!["threshold"]!, v["shares"]!.AsArray().Count)).Where(k => k is (1, 1) or (16, 16)));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 3)]
    [InlineData(2, 3)]
    [InlineData(3, 5)]
    [InlineData(5, 5)]
    public async Task Any_t_guardians_open_a_part_and_fewer_do_not(int threshold, int guardians)
    {
        using var key = AssetKey.Deal(threshold, guardians);
        using var part = await ThresholdPart.SealAsync(key.Public.Recipient, "what a member contributed"u8.ToArray());
        var partials = key.Shares.Select(share => share.Decrypt(part.Proof, part.EphemeralShare, part.Context)).ToList();
        for (int set = 1; set < 1 << guardians; set++)
        {
            var some = partials.Where((_, i) => (set >> i & 1) == 1).Reverse().ToList();
            if (some.Count < threshold)
            {
                Assert.Equal(ThresholdFailure.TooFew, Assert.Throws<ThresholdException>(() => key.Public.Combine(some)).Failure);
                using var guess = CombineAnyway(some);
                Assert.Equal(AgeFailure.NoMatch, (await Assert.ThrowsAsync<AgeException>(() => part.OpenAsync(guess))).Failure);
                continue;
            }
            using var shared = key.Public.Combine(some);
            Assert.Equal(part.Plaintext, await part.OpenAsync(shared));
        }
    }

    [Fact]
    public void Any_subset_of_any_size_gives_the_secret_that_the_sender_has() => Prop.ForAll<int, int, int>((a, b, seed) =>
    {
        int guardians = 1 + (a & 15), threshold = 1 + (b & int.MaxValue) % guardians;
        using var key = AssetKey.Deal(threshold, guardians);
        using var secret = SecretBytes.Random(32);
        using var expected = X25519.Agree(secret.Span, key.Public.Recipient.PublicKey)!;
        var proof = ProofOfKnowledge.Create(secret, []);
        var shares = key.Shares.ToArray();
        var random = new System.Random(seed);
        random.Shuffle(shares);
        using var shared = key.Public.Combine([.. shares.Take(random.Next(threshold, guardians + 1)).Select(share => share.Decrypt(proof, X25519.Share(secret.Span), []))]);
        return expected.FixedTimeEquals(shared.Span) && shares.All(share => share.Matches(key.Public));
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(-1, 3)]
    [InlineData(4, 3)]
    [InlineData(2, 17)]
    [InlineData(int.MaxValue, int.MaxValue)]
    public void NumbersOutOfRange(int threshold, int guardians)
    {
        Assert.Equal(ThresholdFailure.Range, Assert.Throws<ThresholdException>(() => AssetKey.Deal(threshold, guardians)).Failure);
        if (guardians < 100)
            Assert.Equal(ThresholdFailure.Range, Assert.Throws<ThresholdException>(() => ThresholdKey.Create(threshold, new Hash32[guardians], new X25519Recipient(default))).Failure);
    }

    [Fact]
    public void Share_survives_its_file_and_fits_its_key_only()
    {
        using AssetKey key = AssetKey.Deal(2, 3), other = AssetKey.Deal(2, 3), higher = AssetKey.Deal(3, 3);
        foreach (var share in key.Shares)
        {
            using var bytes = share.Encode();
            Assert.Equal(GuardianShare.Size, bytes.Length);
            using var again = GuardianShare.Parse(bytes.Span);
            Assert.Equal((share.Index, share.Threshold), (again.Index, again.Threshold));
            Assert.True(again.Matches(key.Public));
            Assert.False(again.Matches(other.Public));
            Assert.False(again.Matches(higher.Public));
            using var elsewhere = Reindexed(bytes, (byte)(share.Index % 3 + 1));
            Assert.False(elsewhere.Matches(key.Public));
            using var beyond = Reindexed(bytes, 4);
            Assert.False(beyond.Matches(key.Public));
        }
    }

    [Fact]
    public void ShareOfAnotherForm()
    {
        using var key = AssetKey.Deal(2, 3);
        using var good = key.Shares[0].Encode();
        var bytes = good.Span.ToArray();
        int magic = bytes.Length - 34;
        byte[] order = Edwards25519.Order.ToArray();
        byte[][] bad =
        [
            [], bytes[..^1], [.. bytes, 0], With(0, (byte)'T'), With(magic - 1, (byte)'\r'), With(magic - 2, (byte)'2'),
            With(magic, 0), With(magic, 17), With(magic, 255), With(magic + 1, 0), With(magic + 1, 17),
            [.. bytes[..^32], .. new byte[32]], [.. bytes[..^32], .. order], [.. bytes[..^32], 0xEE, .. order[1..]], [.. bytes[..^32], .. Enumerable.Repeat((byte)255, 32)],
        ];
        Assert.All(bad, b => Assert.Equal(ThresholdFailure.Encoding, Assert.Throws<ThresholdException>(() => GuardianShare.Parse(b)).Failure));
        using var largest = GuardianShare.Parse([.. bytes[..^32], 0xEC, .. order[1..]]);

        byte[] With(int at, byte value)
        {
            var changed = (byte[])bytes.Clone();
            changed[at] = value;
            return changed;
        }
    }

    [Fact]
    public void PartialDecryptionOfAnotherForm()
    {
        byte[][] bad = [[], new byte[33], [17, .. new byte[32]], [1, .. new byte[31]], [1, .. new byte[33]]];
        Assert.All(bad, b => Assert.Equal(ThresholdFailure.Encoding, Assert.Throws<ThresholdException>(() => PartialDecryption.Parse(b)).Failure));
    }

    [Fact]
    public async Task Combining_needs_distinct_guardians_of_the_asset()
    {
        using AssetKey key = AssetKey.Deal(2, 3), larger = AssetKey.Deal(2, 4);
        using var part = await ThresholdPart.SealAsync(key.Public.Recipient, [1]);
        var own = key.Shares.Select(share => share.Decrypt(part.Proof, part.EphemeralShare, part.Context)).ToArray();
        var fourth = larger.Shares[3].Decrypt(part.Proof, part.EphemeralShare, part.Context);
        Refused(ThresholdFailure.Repeated, own[0], own[0]);
        Refused(ThresholdFailure.Repeated, own[0], own[1], own[0]);
        Refused(ThresholdFailure.Repeated, own[0], own[1], own[2], own[0]);
        Refused(ThresholdFailure.Range, own[0], fourth);
        Refused(ThresholdFailure.TooFew);
        Refused(ThresholdFailure.TooFew, own[2]);

        void Refused(ThresholdFailure failure, params PartialDecryption[] partials) =>
            Assert.Equal(failure, Assert.Throws<ThresholdException>(() => key.Public.Combine(partials)).Failure);
    }

    // A guardian that answers with the right form but another scalar: t answers give a wrong secret, which the part's tag shows;
    // t + 1 contradict each other; the proofs on demand name who it was.
    [Fact]
    public async Task LyingGuardian()
    {
        using AssetKey key = AssetKey.Deal(2, 3), liars = AssetKey.Deal(2, 3);
        using var part = await ThresholdPart.SealAsync(key.Public.Recipient, [1]);
        var point = ProofOfKnowledge.PointOf(part.Proof);
        var answers = key.Shares.Select(share => (share.Index == 2 ? liars.Shares[1] : share).Decrypt(part.Proof, part.EphemeralShare, part.Context)).ToArray();
        using var wrong = key.Public.Combine(answers[..2]);
        Assert.Equal(AgeFailure.NoMatch, (await Assert.ThrowsAsync<AgeException>(() => part.OpenAsync(wrong))).Failure);
        Assert.Equal(ThresholdFailure.Inconsistent, Assert.Throws<ThresholdException>(() => key.Public.Combine(answers)).Failure);

        var proofs = key.Shares.Select((share, i) => (share.Index == 2 ? liars.Shares[1] : share).Prove(point, answers[i], "use"u8)).ToArray();
        Assert.Equal([true, false, true], answers.Zip(proofs, (answer, proof) => key.Public.Verify(point, answer, proof, "use"u8)));
        using var shared = key.Public.Combine([answers[0], answers[2]]);
        Assert.Equal(part.Plaintext, await part.OpenAsync(shared));
    }

    [Fact]
    public void Nothing_prints_or_outlives_its_secret()
    {
        var key = AssetKey.Deal(2, 3);
        using var secret = SecretBytes.Random(32);
        var proof = ProofOfKnowledge.Create(secret, []);
        var partial = key.Shares[0].Decrypt(proof, X25519.Share(secret.Span), []);
        Assert.Equal("share of guardian 1, threshold 2", key.Shares[0].ToString());
        Assert.Equal("partial decryption of guardian 1", partial.ToString());
        key.Dispose();
        partial.Dispose();
        Assert.Throws<ObjectDisposedException>(() => key.Shares[0].Encode());
        Assert.Throws<ObjectDisposedException>(() => key.Shares[0].Decrypt(proof, X25519.Share(secret.Span), []));
        Assert.Throws<ObjectDisposedException>(() => partial.Encode());
    }

    // As if the threshold were the number of those who answered.
    private static SecretBytes CombineAnyway(IReadOnlyList<PartialDecryption> partials)
    {
        var sum = new byte[32];
        Edwards25519.Interpolate([.. partials.Select(p => p.Index)], [.. partials.SelectMany(p => p.Point.Span.ToArray())], 0, sum);
        var shared = SecretBytes.Allocate(32);
        Assert.True(Edwards25519.ToMontgomery(sum, shared.Buffer));
        return shared;
    }

    private static GuardianShare Reindexed(SecretBytes bytes, byte index)
    {
        var changed = bytes.Span.ToArray();
        changed[^34] = index;
        return GuardianShare.Parse(changed);
    }

    private static string Text(JsonNode? node) => (string)node!;

    private static string[] Texts(JsonNode node) => [.. node.AsArray().Select(n => (string)n!)];

    private static string ToHex(SecretBytes bytes)
    {
        using (bytes)
            return Convert.ToHexStringLower(bytes.Span);
    }
}
