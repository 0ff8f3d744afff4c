using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// Chaum and Pedersen's proof (CRYPTO '92, section 3.2) made non-interactive: log_B(S_i) = log_A(D_i), so D_i is what guardian i
/// had to compute. 64 bytes c || z: T = k·B, U = k·A, c = SHA-512(domain || statement || T || U) mod L, z = k + c·s_i.
/// </summary>
internal static class DecryptionProof
{
    public const int Size = 2 * Edwards25519.Size;

    private static ReadOnlySpan<byte> Domain => "trove/partial-decryption/1"u8;
    private static ReadOnlySpan<byte> NonceDomain => "trove/partial-decryption/nonce/1"u8;

    // After the context all is of fixed length: context || i || S_i || A || D_i.
    private const int Tail = 1 + 3 * Edwards25519.Size;

    /// <summary>What is proven, in bytes, D_i last. The caller disposes it.</summary>
    public static SecretBytes Statement(ReadOnlySpan<byte> context, int index, Hash32 commitment, Hash32 point, ReadOnlySpan<byte> partial)
    {
        var statement = SecretBytes.Allocate(context.Length + Tail);
        context.CopyTo(statement.Buffer);
        var tail = statement.Buffer[^Tail..];
        tail[0] = (byte)index;
        commitment.CopyTo(tail[1..]);
        point.CopyTo(tail[(1 + Edwards25519.Size)..]);
        partial.CopyTo(tail[^Edwards25519.Size..]);
        return statement;
    }

    /// <summary>Proves a true statement. Disposes it.</summary>
    public static byte[] Create(SecretBytes scalar, ReadOnlySpan<byte> fresh, SecretBytes statement)
    {
        using (statement)
        {
            // Hedged as in ProofOfKnowledge: k twice for two c would reveal s_i.
            using var k = SecretBytes.Allocate(Edwards25519.Size);
            Edwards25519.HashToScalar(NonceDomain, scalar.Span, fresh, statement.Span, k.Buffer);
            // Secret like D_i, which follows from U and the proof.
            using var images = SecretBytes.Allocate(2 * Edwards25519.Size);
            if (!Edwards25519.MultiplyBase(k.Span, images.Buffer[..Edwards25519.Size]) || !Edwards25519.Multiply(k.Span, PointOf(statement), images.Buffer[Edwards25519.Size..]))
                throw new CryptographicException("libsodium refused a multiplication by the nonce, which only a zero scalar explains");
            var proof = new byte[Size];
            Span<byte> c = proof.AsSpan(..Edwards25519.Size), z = proof.AsSpan(Edwards25519.Size..);
            Edwards25519.HashToScalar(Domain, statement.Span, images.Span, [], c);
            using var product = SecretBytes.Allocate(Edwards25519.Size);
            Edwards25519.MultiplyScalars(c, scalar.Span, product.Buffer);
            Edwards25519.AddScalars(k.Span, product.Span, z);
            return proof;
        }
    }

    /// <summary>Does the proof hold for the statement, whose three points are of prime order? Disposes the statement.</summary>
    public static bool Verify(ReadOnlySpan<byte> proof, SecretBytes statement)
    {
        using (statement)
        {
            if (proof.Length != Size || !Edwards25519.IsBelowOrder(proof[..Edwards25519.Size]) || !Edwards25519.IsBelowOrder(proof[Edwards25519.Size..]))
                return false;
            ReadOnlySpan<byte> c = proof[..Edwards25519.Size], z = proof[Edwards25519.Size..];
            ReadOnlySpan<byte> commitment = statement.Span.Slice(statement.Length - 3 * Edwards25519.Size, Edwards25519.Size), partial = PartialOf(statement);
            using var images = SecretBytes.Allocate(2 * Edwards25519.Size);
            using var work = SecretBytes.Allocate(Edwards25519.Size);
            Span<byte> t = images.Buffer[..Edwards25519.Size], u = images.Buffer[Edwards25519.Size..], term = work.Buffer;
            // T = z·B − c·S_i, U = z·A − c·D_i.
            if (!Edwards25519.MultiplyBase(z, t) || !Edwards25519.Multiply(c, commitment, term) || !Edwards25519.Subtract(t, term, t)
                || !Edwards25519.Multiply(z, PointOf(statement), u) || !Edwards25519.Multiply(c, partial, term) || !Edwards25519.Subtract(u, term, u))
                return false;
            Edwards25519.HashToScalar(Domain, statement.Span, images.Span, [], term);
            return c.SequenceEqual(term);
        }
    }

    /// <summary>A of a statement.</summary>
    public static ReadOnlySpan<byte> PointOf(SecretBytes statement) => statement.Span.Slice(statement.Length - 2 * Edwards25519.Size, Edwards25519.Size);

    /// <summary>D_i of a statement.</summary>
    public static ReadOnlySpan<byte> PartialOf(SecretBytes statement) => statement.Span[^Edwards25519.Size..];
}
