using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

/// <summary>The proof that names a lying guardian holds for what is true, and for nothing near it.</summary>
public sealed class DecryptionProofTests : IDisposable
{
    private readonly AssetKey _key = AssetKey.Deal(2, 3);
    private readonly Hash32 _point, _other;
    private readonly PartialDecryption[] _partials, _others;

    public DecryptionProofTests()
    {
        (_point, _partials) = Decrypt(_key);
        (_other, _others) = Decrypt(_key);
    }

    public void Dispose() => _key.Dispose();

    [Fact]
    public void Proof_holds_for_its_context_only() => Prop.ForAll<byte[], byte[]>((context, other) =>
    {
        var proof = _key.Shares[0].Prove(_point, _partials[0], context);
        return proof.Length == ThresholdKey.ProofSize && _key.Public.Verify(_point, _partials[0], proof, context)
            && (context.AsSpan().SequenceEqual(other) || !_key.Public.Verify(_point, _partials[0], proof, other));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Proof_holds_for_its_point_partial_and_guardian_only()
    {
        var proof = _key.Shares[0].Prove(_point, _partials[0], "use"u8);
        Assert.True(Verify(_point, _partials[0], proof));
        Assert.False(Verify(_other, _partials[0], proof));
        Assert.False(Verify(_point, _others[0], proof));
        Assert.False(Verify(_other, _others[0], proof));
        Assert.False(Verify(_point, _partials[1], proof));
        using var encoded = _partials[0].Encode();
        foreach (byte index in new byte[] { 2, 3, 4, 16 })
        {
            using var renamed = PartialDecryption.Parse([index, .. encoded.Span[1..]]);
            Assert.False(Verify(_point, renamed, proof));
        }
        using var another = AssetKey.Deal(2, 3);
        Assert.False(another.Public.Verify(_point, _partials[0], proof, "use"u8));
    }

    // With threshold 1 all commitments are equal: only the index in the statement tells the guardians apart.
    [Fact]
    public void GuardianWithTheSameCommitment()
    {
        using var key = AssetKey.Deal(1, 2);
        var (point, partials) = Decrypt(key);
        Assert.Equal(key.Public.Commitments[0], key.Public.Commitments[1]);
        var proof = key.Shares[0].Prove(point, partials[0], []);
        Assert.True(key.Public.Verify(point, partials[0], proof, []));
        Assert.False(key.Public.Verify(point, partials[1], proof, []));
    }

    [Fact]
    public void Any_changed_bit_is_noticed()
    {
        var proof = _key.Shares[0].Prove(_point, _partials[0], "use"u8);
        using var encoded = _partials[0].Encode();
        for (int bit = 0; bit < 8 * ThresholdKey.ProofSize; bit++)
            Assert.False(Verify(_point, _partials[0], Flip(proof, bit)));
        for (int bit = 8; bit < 8 * PartialDecryption.Size; bit++)
        {
            using var changed = PartialDecryption.Parse(Flip(encoded.Span.ToArray(), bit));
            Assert.False(Verify(_point, changed, proof));
        }
        for (int bit = 0; bit < 256; bit++)
            Assert.False(Verify(new Hash32(Flip(_point.ToArray(), bit)), _partials[0], proof));
    }

    [Fact]
    public void ProofOfAnotherForm()
    {
        var proof = _key.Shares[0].Prove(_point, _partials[0], "use"u8);
        Assert.All<byte[]>([[], proof[..63], [.. proof, 0], new byte[64], [.. new byte[32], .. proof[32..]], [.. proof[..32], .. new byte[32]]],
            bad => Assert.False(Verify(_point, _partials[0], bad)));
        // The same numbers, not reduced: the equations hold, but a second proof would have been made of the first.
        Assert.False(Verify(_point, _partials[0], [.. PlusOrder(proof[..32]), .. proof[32..]]));
        Assert.False(Verify(_point, _partials[0], [.. proof[..32], .. PlusOrder(proof[32..])]));
    }

    [Fact]
    public void Guardian_proves_nothing_but_its_own_answers()
    {
        Refused(_point, _partials[1]);
        Refused(_point, _others[0]);
        Refused(_other, _partials[0]);
        using var encoded = _partials[1].Encode();
        using var renamed = PartialDecryption.Parse([1, .. encoded.Span[1..]]);
        Refused(_point, renamed);

        void Refused(Hash32 point, PartialDecryption partial) =>
            Assert.Equal(ThresholdFailure.Share, Assert.Throws<ThresholdException>(() => _key.Shares[0].Prove(point, partial, [])).Failure);
    }

    // The same nonce for two challenges gives the share away; without any randomness it still depends on what is proven.
    [Fact]
    public void Nonce_differs_between_statements_even_without_randomness()
    {
        byte[] none = new byte[32];
        byte[][] nonces =
        [
            NoncePoint(_key.Shares[0].Prove(_point, _partials[0], "one"u8, none)),
            NoncePoint(_key.Shares[0].Prove(_point, _partials[0], "two"u8, none)),
            NoncePoint(_key.Shares[0].Prove(_other, _others[0], "one"u8, none)),
            NoncePoint(_key.Shares[0].Prove(_point, _partials[0], "one"u8)),
        ];
        Assert.Equal(nonces[0], NoncePoint(_key.Shares[0].Prove(_point, _partials[0], "one"u8, none)));
        Assert.Equal(nonces.Length, nonces.Select(Convert.ToHexString).Distinct().Count());

        // T = z·B − c·S_1.
        byte[] NoncePoint(byte[] proof)
        {
            byte[] t = new byte[32], term = new byte[32];
            Assert.True(Edwards25519.MultiplyBase(proof.AsSpan(32), t) && Edwards25519.Multiply(proof.AsSpan(..32), _key.Public.Commitments[0].ToArray(), term) && Edwards25519.Subtract(t, term, t));
            return t;
        }
    }

    private bool Verify(Hash32 point, PartialDecryption partial, byte[] proof) => _key.Public.Verify(point, partial, proof, "use"u8);

    private static (Hash32, PartialDecryption[]) Decrypt(AssetKey key)
    {
        using var secret = SecretBytes.Random(32);
        var proof = ProofOfKnowledge.Create(secret, []);
        return (ProofOfKnowledge.PointOf(proof), [.. key.Shares.Select(share => share.Decrypt(proof, X25519.Share(secret.Span), []))]);
    }

    private static byte[] Flip(byte[] bytes, int bit)
    {
        var changed = (byte[])bytes.Clone();
        changed[bit / 8] ^= (byte)(1 << (bit % 8));
        return changed;
    }

    private static byte[] PlusOrder(byte[] scalar)
    {
        var sum = new byte[32];
        for (int i = 0, carry = 0; i < 32; i++)
        {
            carry += scalar[i] + Edwards25519.Order[i];
            sum[i] = (byte)(carry & 255);
            carry >>= 8;
        }
        return sum;
    }
}
