using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Trove.Crypto;

/// <summary>
/// The proof of RFC 9497, section 2.2, that one scalar k takes G to B and every C_k to its D_k: 64 bytes c || s. Of one or two items
/// it is the RFC's to the byte. Of more, the seed of the weights hangs on all items too: the RFC makes each weight of its own item
/// alone, and whoever proves can choose among many wrong answers some whose errors cancel (Wagner's generalized birthday, CRYPTO
/// 2002: with 1,024 items about 2^33 hashes).
/// </summary>
internal static class VoprfProof
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 2 * Ristretto255.Size;

    /// <summary>Most items whose weights need no more than RFC 9497 gives them: a birthday of two lists takes 2^126.</summary>
    private const int ItemsOfRfc = 2;

    private static ReadOnlySpan<byte> NonceDomain => "trove/oprf/nonce/1"u8;

    // I2OSP(64, 2) || seed || I2OSP(i, 2) || I2OSP(32, 2) || C_i || I2OSP(32, 2) || D_i || "Composite"
    private const int AtIndex = 2 + SHA512.HashSizeInBytes, AtC = AtIndex + 4, AtD = AtC + Ristretto255.Size + 2, AtLabel = AtD + Ristretto255.Size;

    /// <summary>Proves with a nonce that is hedged as in <see cref="ProofOfKnowledge"/>; null where an item is no element.</summary>
    public static byte[]? Create(SecretBytes key, ReadOnlySpan<byte> commitment, ReadOnlySpan<byte> blinded, ReadOnlySpan<byte> evaluated, ReadOnlySpan<byte> fresh, int threads)
    {
        using var nonce = SecretBytes.Allocate(Edwards25519.Size);
        Edwards25519.HashToScalar(NonceDomain, key.Span, fresh, evaluated, nonce.Buffer);
        return Create(key, commitment, blinded, evaluated, nonce, threads);
    }

    /// <summary>With the nonce given, for vectors (RFC 9497, GenerateProof).</summary>
    internal static byte[]? Create(SecretBytes key, ReadOnlySpan<byte> commitment, ReadOnlySpan<byte> blinded, ReadOnlySpan<byte> evaluated, SecretBytes nonce, int threads)
    {
        Span<byte> points = stackalloc byte[4 * Ristretto255.Size];
        Span<byte> m = Batch.Item(points, 0), z = Batch.Item(points, 1);
        // ComputeCompositesFast: Z = k·M spares the prover half of the work.
        if (Composites(commitment, blinded, evaluated, m, [], threads) is false || !Ristretto255.Multiply(key.Span, m, z)
            || !Ristretto255.MultiplyBase(nonce.Span, Batch.Item(points, 2)) || !Ristretto255.Multiply(nonce.Span, m, Batch.Item(points, 3)))
            return null;
        var proof = new byte[Size];
        Span<byte> c = proof.AsSpan(..Ristretto255.Size), s = proof.AsSpan(Ristretto255.Size..);
        Challenge(commitment, points, c);
        using var product = SecretBytes.Allocate(Edwards25519.Size);
        Edwards25519.MultiplyScalars(c, key.Span, product.Buffer);
        Edwards25519.SubtractScalars(nonce.Span, product.Span, s);
        return proof;
    }

    /// <summary>Does it hold (RFC 9497, VerifyProof)? False for anything malformed.</summary>
    public static bool Verify(ReadOnlySpan<byte> proof, ReadOnlySpan<byte> commitment, ReadOnlySpan<byte> blinded, ReadOnlySpan<byte> evaluated, int threads)
    {
        if (proof.Length != Size || !Edwards25519.IsBelowOrder(proof[..Ristretto255.Size]) || !Edwards25519.IsBelowOrder(proof[Ristretto255.Size..]))
            return false;
        ReadOnlySpan<byte> c = proof[..Ristretto255.Size], s = proof[Ristretto255.Size..];
        Span<byte> points = stackalloc byte[4 * Ristretto255.Size], term = stackalloc byte[Ristretto255.Size];
        Span<byte> m = Batch.Item(points, 0), z = Batch.Item(points, 1), t2 = Batch.Item(points, 2), t3 = Batch.Item(points, 3);
        // t2 = s·G + c·B, t3 = s·M + c·Z.
        if (!Composites(commitment, blinded, evaluated, m, z, threads)
            || !Ristretto255.MultiplyBase(s, t2) || !Ristretto255.Multiply(c, commitment, term) || !Ristretto255.Add(t2, term, t2)
            || !Ristretto255.Multiply(s, m, t3) || !Ristretto255.Multiply(c, z, term) || !Ristretto255.Add(t3, term, t3))
            return false;
        Challenge(commitment, points, term);
        return c.SequenceEqual(term);
    }

    // ComputeComposites; z is left out where it is empty.
    private static bool Composites(ReadOnlySpan<byte> commitment, ReadOnlySpan<byte> blinded, ReadOnlySpan<byte> evaluated, Span<byte> m, Span<byte> z, int threads)
    {
        var seed = Seed(commitment, blinded, evaluated);
        bool both = z.Length > 0, refused = false;
        byte[] c = blinded.ToArray(), d = evaluated.ToArray(), sums = new byte[2 * Ristretto255.Size];
        Batch.ForEach(c.Length / Ristretto255.Size, threads, (from, to) =>
        {
            Span<byte> part = stackalloc byte[2 * Ristretto255.Size];
            bool good = Compose(seed, c, d, from, to, both, part);
            lock (sums)
                refused |= !good || !Ristretto255.Add(Batch.Item(sums.AsSpan(), 0), Batch.Item(part, 0), Batch.Item(sums.AsSpan(), 0))
                    || !Ristretto255.Add(Batch.Item(sums.AsSpan(), 1), Batch.Item(part, 1), Batch.Item(sums.AsSpan(), 1));
        });
        Batch.Item(sums.AsSpan(), 0).CopyTo(m);
        if (both)
            Batch.Item(sums.AsSpan(), 1).CopyTo(z);
        return !refused;
    }

    private static byte[] Seed(ReadOnlySpan<byte> commitment, ReadOnlySpan<byte> blinded, ReadOnlySpan<byte> evaluated)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        byte[]? items = null;
        if (blinded.Length > ItemsOfRfc * Ristretto255.Size)
        {
            hash.AppendData(blinded);
            hash.AppendData(evaluated);
            items = hash.GetHashAndReset();
        }
        Voprf.AppendSized(hash, commitment);
        Voprf.AppendSized(hash, Voprf.SeedDomain);
        if (items is not null)
            Voprf.AppendSized(hash, items);
        return hash.GetHashAndReset();
    }

    private static bool Compose(byte[] seed, byte[] c, byte[] d, int from, int to, bool both, Span<byte> sums)
    {
        Span<byte> weight = stackalloc byte[Edwards25519.Size], term = stackalloc byte[Ristretto255.Size], input = stackalloc byte[AtLabel + 9];
        input[1] = SHA512.HashSizeInBytes;
        seed.CopyTo(input[2..]);
        input[AtC - 2] = input[AtD - 2] = 0;
        input[AtC - 1] = input[AtD - 1] = Ristretto255.Size;
        "Composite"u8.CopyTo(input[AtLabel..]);
        input[0] = 0;
        sums.Clear(); // the neutral element, twice
        Span<byte> m = Batch.Item(sums, 0), z = Batch.Item(sums, 1);
        for (int i = from; i < to; i++)
        {
            ReadOnlySpan<byte> ci = Batch.Item((ReadOnlySpan<byte>)c, i), di = Batch.Item((ReadOnlySpan<byte>)d, i);
            BinaryPrimitives.WriteUInt16BigEndian(input[AtIndex..], (ushort)i);
            ci.CopyTo(input[AtC..]);
            di.CopyTo(input[AtD..]);
            Voprf.HashToScalar(input, weight);
            if (!Ristretto255.Multiply(weight, ci, term) || !Ristretto255.Add(m, term, m)
                || (both && (!Ristretto255.Multiply(weight, di, term) || !Ristretto255.Add(z, term, z))))
                return false;
        }
        return true;
    }

    private static void Challenge(ReadOnlySpan<byte> commitment, ReadOnlySpan<byte> points, Span<byte> scalar)
    {
        Span<byte> input = stackalloc byte[5 * (2 + Ristretto255.Size) + 9];
        int at = 0;
        for (int i = 0; i < 5; i++, at += Ristretto255.Size)
        {
            input[at++] = 0;
            input[at++] = Ristretto255.Size;
            (i == 0 ? commitment : Batch.Item(points, i - 1)).CopyTo(input[at..]);
        }
        "Challenge"u8.CopyTo(input[at..]);
        Voprf.HashToScalar(input, scalar);
    }
}
