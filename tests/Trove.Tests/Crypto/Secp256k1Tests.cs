using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

public class Secp256k1Tests
{
    private static readonly BigInteger Order = BigInteger.Parse("0fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", System.Globalization.NumberStyles.HexNumber, null);
    private static readonly Hash32 Digest = Keccak256.Hash("a digest"u8);

    // The first account of the mnemonic "test test … junk", known to every Ethereum tool.
    [Fact]
    public void Known_address() => Assert.Equal("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        Secp256k1.AddressOf(Hex.Decode("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")).ToString());

    [Fact]
    public void Signature_leads_back_to_its_signer_and_to_no_one_for_another_digest() => Prop.ForAll<byte[], byte[]>((a, b) =>
    {
        using var key = SigningKey.Generate();
        Hash32 first = Keccak256.Hash(a), second = Keccak256.Hash([.. b, 1]);
        var signature = key.Sign(first);
        return Secp256k1.Recover(first, signature) == key.Address
            && (first == second || Secp256k1.Recover(second, signature) != key.Address);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Signing_twice_gives_the_same_bytes()
    {
        using var key = SigningKey.Generate();
        Assert.Equal(key.Sign(Digest), key.Sign(Digest));
    }

    // (r, n - s) with the other v is a valid ECDSA signature of the same key: a replay under another hash.
    [Fact]
    public void HighS()
    {
        using var key = SigningKey.Generate();
        var signature = key.Sign(Digest);
        Assert.Equal(key.Address, Secp256k1.Recover(Digest, signature));
        var s = Order - new BigInteger(signature.AsSpan(32, 32), isUnsigned: true, isBigEndian: true);
        var high = s.ToByteArray(isUnsigned: true, isBigEndian: true);
        signature.AsSpan(32, 32).Clear();
        high.CopyTo(signature.AsSpan(64 - high.Length));
        signature[64] ^= 27 ^ 28;
        Assert.Null(Secp256k1.Recover(Digest, signature));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(26)]
    [InlineData(29)]
    [InlineData(255)]
    public void WrongRecoveryId(byte v)
    {
        using var key = SigningKey.Generate();
        var signature = key.Sign(Digest);
        signature[64] = v;
        Assert.Null(Secp256k1.Recover(Digest, signature));
    }

    [Fact]
    public void WrongLengthZeroAndOverflow()
    {
        using var key = SigningKey.Generate();
        var signature = key.Sign(Digest);
        Assert.Null(Secp256k1.Recover(Digest, signature.AsSpan(0, 64)));
        Assert.Null(Secp256k1.Recover(Digest, [.. signature, 0]));
        Assert.Null(Secp256k1.Recover(Digest, []));
        Assert.Null(Secp256k1.Recover(Digest, [.. new byte[32], .. signature[32..]]));
        Assert.Null(Secp256k1.Recover(Digest, [.. signature[..32], .. new byte[32], signature[64]]));
        Assert.Null(Secp256k1.Recover(Digest, [.. Enumerable.Repeat((byte)0xff, 32), .. signature[32..]]));
    }

    [Fact]
    public void SecretOutsideTheGroupOrder()
    {
        Assert.Throws<ArgumentException>(() => SigningKey.FromBytes(new byte[32]));
        Assert.Throws<ArgumentException>(() => SigningKey.FromBytes(new byte[31]));
        Assert.Throws<ArgumentException>(() => SigningKey.FromBytes(Order.ToByteArray(isUnsigned: true, isBigEndian: true)));
        using var largest = SigningKey.FromBytes((Order - 1).ToByteArray(isUnsigned: true, isBigEndian: true));
    }

    [Fact]
    public void Key_is_gone_after_disposal_and_never_printed()
    {
        var key = SigningKey.Generate();
        Assert.Equal(key.Address.ToString(), key.ToString());
        key.Dispose();
        Assert.Throws<ObjectDisposedException>(() => key.Sign(Digest));
    }

    [Fact]
    public void Secret_is_zeroed_by_disposal_and_never_printed()
    {
        var secret = new SecretBytes([0xAB, 0xCD]);
        var view = secret.Span;
        Assert.DoesNotContain("AB", secret.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.True(secret.FixedTimeEquals([0xAB, 0xCD]));
        secret.Dispose();
        Assert.Equal([0, 0], view.ToArray());
        Assert.Throws<ObjectDisposedException>(() => secret.Span.Length);
    }
}
