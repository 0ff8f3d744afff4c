using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// Schnorr proof over edwards25519 that its maker knows the ephemeral secret e behind an X25519 share E, bound to a
/// context (specs/age-parts.md). It is what stops a member from naming another one's E as its own. 96 bytes
/// A || R || s with A = clamp(e)·B, s = k + c·clamp(e), c = SHA-512(domain || context || A || R) mod L.
/// </summary>
public static unsafe class ProofOfKnowledge
{
    /// <summary>Length of a proof in bytes.</summary>
    public const int Size = 96;

    private const int PointSize = 32, ScalarSize = 32, WideSize = 64;

    private static ReadOnlySpan<byte> Domain => "trove/ephemeral-share/1"u8;
    private static ReadOnlySpan<byte> NonceDomain => "trove/ephemeral-share/nonce/1"u8;

    // L, the order of the prime-order subgroup (RFC 8032, section 5.1), little-endian.
    private static ReadOnlySpan<byte> Order =>
    [
        0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

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
        using var k = SecretBytes.Allocate(ScalarSize);
        HashToScalar(NonceDomain, e.Span, fresh, context, k.Buffer);

        var proof = new byte[Size];
        using var product = SecretBytes.Allocate(ScalarSize);
        Span<byte> c = stackalloc byte[ScalarSize];
        fixed (byte* p = proof, scalar = e.Span, nonce = k.Span, challenge = c, x = product.Buffer)
        {
            if (Native.crypto_scalarmult_ed25519_base_noclamp(p, scalar) != 0 || Native.crypto_scalarmult_ed25519_base_noclamp(p + PointSize, nonce) != 0)
                throw new CryptographicException("libsodium refused a multiplication of the base point, which only a zero scalar explains");
            Challenge(context, proof, c);
            Native.crypto_core_ed25519_scalar_mul(x, challenge, scalar);
            Native.crypto_core_ed25519_scalar_add(p + 2 * PointSize, nonce, x);
        }
        return proof;
    }

    /// <summary>
    /// Is this a proof of the secret behind <paramref name="ephemeralShare"/>, made for this context? False for any
    /// malformed proof: points that are not canonical, not on the curve, of small or mixed order, s not below L.
    /// </summary>
    public static bool Verify(ReadOnlySpan<byte> proof, Hash32 ephemeralShare, ReadOnlySpan<byte> context)
    {
        if (proof.Length != Size || !IsBelowOrder(proof[(2 * PointSize)..]))
            return false;
        Span<byte> work = stackalloc byte[4 * PointSize];
        Span<byte> c = work[..ScalarSize], u = work[PointSize..(2 * PointSize)], left = work[(2 * PointSize)..(3 * PointSize)], right = work[(3 * PointSize)..];
        fixed (byte* p = proof, challenge = c, montgomery = u, l = left, r = right)
        {
            byte* a = p, commitment = p + PointSize, s = p + 2 * PointSize;
            // Valid: canonical, on the curve, in the prime-order subgroup and not of small order.
            if (Native.crypto_core_ed25519_is_valid_point(a) != 1 || Native.crypto_core_ed25519_is_valid_point(commitment) != 1
                || Native.crypto_sign_ed25519_pk_to_curve25519(montgomery, a) != 0 || new Hash32(u) != ephemeralShare)
                return false;
            Challenge(context, proof, c);
            return Native.crypto_scalarmult_ed25519_base_noclamp(l, s) == 0
                && Native.crypto_scalarmult_ed25519_noclamp(r, challenge, a) == 0
                && Native.crypto_core_ed25519_add(r, commitment, r) == 0
                && left.SequenceEqual(right);
        }
    }

    private static void Challenge(ReadOnlySpan<byte> context, ReadOnlySpan<byte> proof, Span<byte> scalar) =>
        HashToScalar(Domain, context, proof[..(2 * PointSize)], [], scalar);

    // SHA-512 of the four pieces, reduced modulo L.
    private static void HashToScalar(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third, ReadOnlySpan<byte> fourth, Span<byte> scalar)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        Span<byte> wide = stackalloc byte[WideSize];
        hash.AppendData(first);
        hash.AppendData(second);
        hash.AppendData(third);
        hash.AppendData(fourth);
        hash.GetHashAndReset(wide);
        fixed (byte* output = scalar, input = wide)
            Native.crypto_core_ed25519_scalar_reduce(output, input);
        CryptographicOperations.ZeroMemory(wide);
    }

    // RFC 7748, section 5, decodeScalar25519.
    private static SecretBytes Clamp(SecretBytes secret)
    {
        var clamped = secret.Copy();
        clamped.Buffer[0] &= 248;
        clamped.Buffer[31] &= 127;
        clamped.Buffer[31] |= 64;
        return clamped;
    }

    private static bool IsBelowOrder(ReadOnlySpan<byte> scalar)
    {
        for (int i = ScalarSize - 1; i >= 0; i--)
        {
            if (scalar[i] != Order[i])
                return scalar[i] < Order[i];
        }
        return false;
    }
}
