using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// Schnorr's proof of knowledge of x behind X = x·B, of one point or of several at once, made non-interactive and bound to a context
/// (specs/custody.md, "Ceremony"). c || z of each: c = SHA-512(domain || context || each X || each k·B) mod L, z = k + c·x. Who shows
/// a point that they made of other people's points cannot make it.
/// </summary>
internal static class PossessionProof
{
    /// <summary>Of a point of a guardian's own.</summary>
    public static readonly PrimeGroup[] OfPoint = [Edwards25519.Group];

    /// <summary>Of both keys, or of both shares.</summary>
    public static readonly PrimeGroup[] OfBoth = [.. DealtKey.Both.Select(k => k.Group)];

    private static ReadOnlySpan<byte> Domain => "trove/ceremony/possession/1"u8;
    private static ReadOnlySpan<byte> NonceDomain => "trove/ceremony/possession/nonce/1"u8;

    /// <summary>Length in bytes.</summary>
    public static int Size(PrimeGroup[] groups) => (1 + groups.Length) * Edwards25519.Size;

    /// <param name="groups">Of the points.</param>
    /// <param name="scalars">x of each, 32 bytes.</param>
    /// <param name="fresh">Hedges the nonces: secret, or good randomness.</param>
    /// <param name="context">All that the proof is to be bound to.</param>
    public static byte[] Create(PrimeGroup[] groups, ReadOnlySpan<byte> scalars, ReadOnlySpan<byte> fresh, ReadOnlySpan<byte> context)
    {
        using SecretBytes nonces = SecretBytes.Allocate(groups.Length * Edwards25519.Size), product = SecretBytes.Allocate(Edwards25519.Size);
        byte[] points = new byte[nonces.Length], images = new byte[nonces.Length], proof = new byte[Size(groups)];
        for (int i = 0; i < groups.Length; i++)
        {
            // Two nonces must not be equal either: their difference would show that of the scalars.
            Edwards25519.HashToScalar(NonceDomain, Batch.Item(scalars, i), fresh, [.. context, (byte)i], Batch.Item(nonces.Buffer, i));
            if (!groups[i].MultiplyBase(Batch.Item(scalars, i), Batch.Item(points.AsSpan(), i)) || !groups[i].MultiplyBase(Batch.Item(nonces.Span, i), Batch.Item(images.AsSpan(), i)))
                throw new CryptographicException("libsodium refused a multiplication of a generator, which only a zero scalar explains");
        }
        Span<byte> c = proof.AsSpan(..Edwards25519.Size);
        Edwards25519.HashToScalar(Domain, context, points, images, c);
        for (int i = 0; i < groups.Length; i++)
        {
            Edwards25519.MultiplyScalars(c, Batch.Item(scalars, i), product.Buffer);
            Edwards25519.AddScalars(Batch.Item(nonces.Span, i), product.Span, Batch.Item(proof.AsSpan(), 1 + i));
        }
        return proof;
    }

    /// <summary>Does the proof hold for these points of prime order and this context? False for anything malformed.</summary>
    public static bool Verify(PrimeGroup[] groups, ReadOnlySpan<byte> proof, IReadOnlyList<Hash32> points, ReadOnlySpan<byte> context)
    {
        byte[] all = [.. points.SelectMany(p => p.ToArray())], images = new byte[all.Length];
        if (proof.Length != Size(groups) || points.Count != groups.Length)
            return false;
        var c = proof[..Edwards25519.Size];
        for (int i = 0; i < groups.Length; i++)
        {
            if (!Image(groups[i], c, Batch.Item(proof, 1 + i), Batch.Item(all.AsSpan(), i), Batch.Item(images.AsSpan(), i)))
                return false;
        }
        Span<byte> expected = stackalloc byte[Edwards25519.Size];
        Edwards25519.HashToScalar(Domain, context, all, images, expected);
        return c.SequenceEqual(expected);
    }

    /// <summary>k·B = z·B − c·X, of which the challenge must be the hash.</summary>
    internal static bool Image(PrimeGroup group, ReadOnlySpan<byte> c, ReadOnlySpan<byte> z, ReadOnlySpan<byte> point, Span<byte> image)
    {
        Span<byte> term = stackalloc byte[Edwards25519.Size];
        return Edwards25519.IsBelowOrder(c) && Edwards25519.IsBelowOrder(z)
            && group.MultiplyBase(z, image) && group.Multiply(c, point, term) && group.Subtract(image, term, image);
    }
}
