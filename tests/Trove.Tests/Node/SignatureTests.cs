using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;

namespace Trove.Tests.Node;

public class SignatureTests
{
    private const long Now = 1_800_000_000;
    private static readonly Hash32 Digest = Keccak256.Hash("digest"u8), OtherDigest = Keccak256.Hash("another"u8);

    [Theory]
    [InlineData(Now, null)]
    [InlineData(Now + 24 * 3600, null)]
    [InlineData(Now - 1, "expired")]
    [InlineData(0, "expired")]
    [InlineData(long.MinValue, "expired")]
    [InlineData(Now + 24 * 3600 + 1, "deadline-too-far")]
    [InlineData(long.MaxValue, "deadline-too-far")]
    public void Deadline(long deadline, string? refusal)
    {
        var error = Xunit.Record.Exception(() => Signatures.RequireDeadline(deadline, new StoppedClock()));
        if (refusal is null)
            Assert.Null(error);
        else
            Refused(403, refusal, error);
    }

    [Fact]
    public void Signature_of_the_signer_over_the_digest_alone()
    {
        using SigningKey key = SigningKey.Generate(), other = SigningKey.Generate();
        var signature = key.Sign(Digest);
        Assert.Equal(signature, Signatures.Require(key.Address, Digest, Hex.Encode(signature)));
        Refused(403, "wrong-signature", Xunit.Record.Exception(() => Signatures.Require(other.Address, Digest, Hex.Encode(signature))));
        Refused(403, "wrong-signature", Xunit.Record.Exception(() => Signatures.Require(key.Address, OtherDigest, Hex.Encode(signature))));
        for (int i = 0; i < signature.Length; i++)
        {
            var changed = signature.ToArray();
            changed[i] ^= 1;
            Refused(403, "wrong-signature", Xunit.Record.Exception(() => Signatures.Require(key.Address, Digest, Hex.Encode(changed))));
        }
    }

    // (r, n - s) with the other v recovers the same key: a second form that a list of used signatures would not know.
    [Fact]
    public void SecondFormOfTheSameSignature()
    {
        using var key = SigningKey.Generate();
        var signature = key.Sign(Digest);
        var order = System.Numerics.BigInteger.Parse("0FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141", System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
        var s = order - new System.Numerics.BigInteger(signature.AsSpan(32, 32), isUnsigned: true, isBigEndian: true);
        var bytes = s.ToByteArray(isUnsigned: true, isBigEndian: true);
        signature.AsSpan(32, 32).Clear();
        bytes.CopyTo(signature, 64 - bytes.Length);
        signature[64] ^= 27 ^ 28;
        Refused(403, "wrong-signature", Xunit.Record.Exception(() => Signatures.Require(key.Address, Digest, Hex.Encode(signature))));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("0x")]
    [InlineData("0x00")]
    [InlineData("signed, honestly")]
    public void NotSixtyFiveBytes(string? text)
    {
        using var key = SigningKey.Generate();
        Refused(400, "invalid", Xunit.Record.Exception(() => Signatures.Require(key.Address, Digest, text!)));
    }

    private static void Refused(int status, string code, Exception? error)
    {
        var refusal = Assert.IsType<ApiException>(error);
        Assert.Equal((status, code), (refusal.Status, refusal.Code));
        Assert.NotEmpty(refusal.NextStep);
    }

    private sealed class StoppedClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(Now);
    }
}
