using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Crypto;

public class ProofOfKnowledgeTests
{
    private static readonly JsonArray Vectors = Checkout.Vectors("proof-of-knowledge.json")["vectors"]!.AsArray();

    public static TheoryData<string> Names() => [.. Vectors.Select(v => (string)v!["name"]!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Vector(string name)
    {
        var vector = Vectors.Single(v => (string)v!["name"]! == name)!;
        byte[] proof = Hex.Decode((string)vector["proof"]!), context = Hex.Decode((string)vector["context"]!);
        var share = Hash32.Parse((string)vector["share"]!);
        Assert.Equal((bool)vector["valid"]!, ProofOfKnowledge.Verify(proof, share, context));
        if (vector["secret"] is { } text)
        {
            using var secret = new SecretBytes(Hex.Decode((string)text!));
            Assert.Equal(share, X25519.Share(secret.Span));
            Assert.Equal(proof, ProofOfKnowledge.Create(secret, context, Hex.Decode((string)vector["fresh"]!)));
        }
    }

    [Fact]
    public void Vectors_hold_both_kinds() =>
        Assert.True(Vectors.Count(v => (bool)v!["valid"]!) >= 3 && Vectors.Count(v => !(bool)v!["valid"]!) >= 15);

    [Fact]
    public void Proof_holds_for_its_share_and_context_only() => Prop.ForAll<byte[], byte[]>((context, other) =>
    {
        using var secret = SecretBytes.Random(32);
        using var another = SecretBytes.Random(32);
        var share = X25519.Share(secret.Span);
        var proof = ProofOfKnowledge.Create(secret, context);
        return ProofOfKnowledge.Verify(proof, share, context)
            && !ProofOfKnowledge.Verify(proof, X25519.Share(another.Span), context)
            && (context.AsSpan().SequenceEqual(other) || !ProofOfKnowledge.Verify(proof, share, other));
    }).QuickCheckThrowOnFailure();

    // With no randomness at all the nonce still depends on the context: the same one for two challenges gives e away.
    [Fact]
    public void Nonce_differs_between_contexts_even_without_randomness()
    {
        using var secret = SecretBytes.Random(32);
        var first = ProofOfKnowledge.Create(secret, "one"u8, new byte[32]);
        var second = ProofOfKnowledge.Create(secret, "two"u8, new byte[32]);
        Assert.NotEqual(first[32..64], second[32..64]);
        Assert.NotEqual(ProofOfKnowledge.Create(secret, "one"u8)[32..64], first[32..64]);
    }

    [Fact]
    public void Any_changed_bit_is_noticed()
    {
        using var secret = SecretBytes.Random(32);
        var share = X25519.Share(secret.Span);
        var proof = ProofOfKnowledge.Create(secret, "context"u8);
        for (int bit = 0; bit < 8 * ProofOfKnowledge.Size; bit++)
        {
            var changed = (byte[])proof.Clone();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(ProofOfKnowledge.Verify(changed, share, "context"u8));
        }
    }
}
