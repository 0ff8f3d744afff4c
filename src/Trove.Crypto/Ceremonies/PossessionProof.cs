using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// Schnorr's proof of knowledge of x behind X = x·B, made non-interactive and bound to a context (specs/custody.md, "Ceremony").
/// 64 bytes c || z: c = SHA-512(domain || context || X || k·B) mod L, z = k + c·x. Who shows a point that they made of other
/// people's points cannot make it.
/// </summary>
internal static class PossessionProof
{
    public const int Size = 2 * Edwards25519.Size;

    private static ReadOnlySpan<byte> Domain => "trove/ceremony/possession/1"u8;
    private static ReadOnlySpan<byte> NonceDomain => "trove/ceremony/possession/nonce/1"u8;

    /// <param name="scalar">x.</param>
    /// <param name="fresh">Hedges the nonce: secret, or good randomness.</param>
    /// <param name="context">All that the proof is to be bound to.</param>
    public static byte[] Create(ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> fresh, ReadOnlySpan<byte> context)
    {
        using SecretBytes k = SecretBytes.Allocate(Edwards25519.Size), product = SecretBytes.Allocate(Edwards25519.Size);
        Edwards25519.HashToScalar(NonceDomain, scalar, fresh, context, k.Buffer);
        Span<byte> point = stackalloc byte[Edwards25519.Size], nonce = stackalloc byte[Edwards25519.Size];
        if (!Edwards25519.MultiplyBase(scalar, point) || !Edwards25519.MultiplyBase(k.Span, nonce))
            throw new CryptographicException("libsodium refused a multiplication of the base point, which only a zero scalar explains");
        var proof = new byte[Size];
        Span<byte> c = proof.AsSpan(..Edwards25519.Size);
        Challenge(context, point, nonce, c);
        Edwards25519.MultiplyScalars(c, scalar, product.Buffer);
        Edwards25519.AddScalars(k.Span, product.Span, proof.AsSpan(Edwards25519.Size..));
        return proof;
    }

    /// <summary>Does the proof hold for this point of prime order and this context? False for anything malformed.</summary>
    public static bool Verify(ReadOnlySpan<byte> proof, Hash32 point, ReadOnlySpan<byte> context)
    {
        Span<byte> x = stackalloc byte[Edwards25519.Size], nonce = stackalloc byte[Edwards25519.Size], expected = stackalloc byte[Edwards25519.Size];
        point.CopyTo(x);
        if (!Nonce(proof, x, nonce))
            return false;
        Challenge(context, x, nonce, expected);
        return proof[..Edwards25519.Size].SequenceEqual(expected);
    }

    /// <summary>k·B = z·B − c·X, of which the challenge must be the hash.</summary>
    internal static bool Nonce(ReadOnlySpan<byte> proof, ReadOnlySpan<byte> point, Span<byte> nonce)
    {
        if (proof.Length != Size || !Edwards25519.IsBelowOrder(proof[..Edwards25519.Size]) || !Edwards25519.IsBelowOrder(proof[Edwards25519.Size..]))
            return false;
        Span<byte> term = stackalloc byte[Edwards25519.Size];
        return Edwards25519.MultiplyBase(proof[Edwards25519.Size..], nonce)
            && Edwards25519.Multiply(proof[..Edwards25519.Size], point, term)
            && Edwards25519.Subtract(nonce, term, nonce);
    }

    private static void Challenge(ReadOnlySpan<byte> context, ReadOnlySpan<byte> point, ReadOnlySpan<byte> nonce, Span<byte> c) =>
        Edwards25519.HashToScalar(Domain, context, point, nonce, c);
}
