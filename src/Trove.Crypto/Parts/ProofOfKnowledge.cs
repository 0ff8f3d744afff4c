using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// Schnorr proof over edwards25519 that its maker knows the ephemeral secret e behind an X25519 share E, bound to a
/// context (specs/age-parts.md). It is what stops a member from naming another one's E as its own. 96 bytes
/// A || R || s with A = clamp(e)·B, s = k + c·clamp(e), c = SHA-512(domain || context || A || R) mod L.
/// </summary>
public static class ProofOfKnowledge
{
    /// <summary>Length of a proof in bytes.</summary>
    public const int Size = 96;

    private static Range PointA => ..Edwards25519.Size;
    private static Range PointR => Edwards25519.Size..(2 * Edwards25519.Size);
    private static Range ScalarS => (2 * Edwards25519.Size)..Size;
    private static ReadOnlySpan<byte> Domain => "trove/ephemeral-share/1"u8;
    private static ReadOnlySpan<byte> NonceDomain => "trove/ephemeral-share/nonce/1"u8;

    /// <summary>Proves knowledge of <paramref name="ephemeralSecret"/>, the 32 bytes given to X25519.</summary>
    /// <param name="ephemeralSecret">As in <see cref="SealedPart.EphemeralSecret"/>.</param>
    /// <param name="context">Canonical bytes of all the proof is to be bound to.</param>
    public static byte[] Create(SecretBytes ephemeralSecret, ReadOnlySpan<byte> context)
    {
        Span<byte> fresh = stackalloc byte[32];
        RandomNumberGenerator.Fill(fresh);
        try
        {
            return Create(ephemeralSecret, context, fresh);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(fresh);
        }
    }

    /// <summary>With the randomness given, for vectors.</summary>
    internal static byte[] Create(SecretBytes ephemeralSecret, ReadOnlySpan<byte> context, ReadOnlySpan<byte> fresh)
    {
        if (ephemeralSecret.Length != X25519.Size)
            throw new ArgumentException($"an ephemeral secret is {X25519.Size} bytes long, not {ephemeralSecret.Length}");
        using var e = Clamp(ephemeralSecret);
        // Hedged: random if the generator is good, unique to (e, context) if it is not. k twice for two c would reveal e.
        using var k = SecretBytes.Allocate(Edwards25519.Size);
        Edwards25519.HashToScalar(NonceDomain, e.Span, fresh, context, k.Buffer);

        var proof = new byte[Size];
        if (!Edwards25519.MultiplyBase(e.Span, proof.AsSpan(PointA)) || !Edwards25519.MultiplyBase(k.Span, proof.AsSpan(PointR)))
            throw new CryptographicException("libsodium refused a multiplication of the base point, which only a zero scalar explains");
        using var product = SecretBytes.Allocate(Edwards25519.Size);
        Span<byte> c = stackalloc byte[Edwards25519.Size];
        Challenge(context, proof, c);
        Edwards25519.MultiplyScalars(c, e.Span, product.Buffer);
        Edwards25519.AddScalars(k.Span, product.Span, proof.AsSpan(ScalarS));
        return proof;
    }

    /// <summary>
    /// Is this a proof of the secret behind <paramref name="ephemeralShare"/>, made for this context? False for any
    /// malformed proof: points that are not canonical, not on the curve, of small or mixed order, s not below L.
    /// </summary>
    public static bool Verify(ReadOnlySpan<byte> proof, Hash32 ephemeralShare, ReadOnlySpan<byte> context)
    {
        if (proof.Length != Size || !Edwards25519.IsBelowOrder(proof[ScalarS]))
            return false;
        ReadOnlySpan<byte> a = proof[PointA], r = proof[PointR], s = proof[ScalarS];
        Span<byte> c = stackalloc byte[Edwards25519.Size], left = stackalloc byte[Edwards25519.Size], right = stackalloc byte[Edwards25519.Size];
        if (Edwards25519.Fault(a) is not null || !Edwards25519.ToMontgomery(a, left) || new Hash32(left) != ephemeralShare || r.SequenceEqual(Edwards25519.Identity))
            return false;
        Challenge(context, proof, c);
        // A difference of two points of prime order is one or the identity, and is written canonically: so is an R that equals it.
        return Edwards25519.MultiplyBase(s, left)
            && Edwards25519.Multiply(c, a, right)
            && Edwards25519.Subtract(left, right, right)
            && right.SequenceEqual(r);
    }

    /// <summary>A, the point the proof is about: guardians multiply it by their shares (specs/custody.md). Says nothing until
    /// <see cref="Verify"/> does.</summary>
    /// <exception cref="ArgumentException">Not <see cref="Size"/> bytes.</exception>
    public static Hash32 PointOf(ReadOnlySpan<byte> proof) => proof.Length == Size
        ? new Hash32(proof[PointA])
        : throw new ArgumentException($"a proof of knowledge is {Size} bytes long, not {proof.Length}");

    private static void Challenge(ReadOnlySpan<byte> context, ReadOnlySpan<byte> proof, Span<byte> scalar) =>
        Edwards25519.HashToScalar(Domain, context, proof[..ScalarS.Start.Value], [], scalar);

    // RFC 7748, section 5, decodeScalar25519.
    private static SecretBytes Clamp(SecretBytes secret)
    {
        var clamped = secret.Copy();
        clamped.Buffer[0] &= 248;
        clamped.Buffer[31] &= 127;
        clamped.Buffer[31] |= 64;
        return clamped;
    }
}
