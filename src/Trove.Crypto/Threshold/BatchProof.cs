using System.Buffers.Binary;
using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// One proof for many partial decryptions (specs/custody.md, "Batches"): the proof of <see cref="DecryptionProof"/> for the
/// composites M = Σ d_k·A_k and Z = Σ d_k·D_k, after RFC 9497, section 2.2.1, with two differences. The weights hang on the whole
/// batch: RFC 9497 makes each of its own item alone, and among many wrong answers the generalized birthday of Wagner (CRYPTO
/// 2002) finds some whose errors cancel. And they are multiples of 8: a part of order 2, which a libsodium without the mend of
/// CVE-2025-69277 lets through, counts for nothing here, and who combines a batch takes it away (<see cref="Interpolation.InverseForX25519"/>).
/// </summary>
internal static class BatchProof
{
    private const int WeightSize = 16;

    private static ReadOnlySpan<byte> SeedDomain => "trove/partial-decryption-batch/seed/1"u8;
    private static ReadOnlySpan<byte> WeightDomain => "trove/partial-decryption-batch/weight/1"u8;
    private static ReadOnlySpan<byte> ContextDomain => "trove/partial-decryption-batch/1"u8;

    /// <summary>The statement about the composites, for the caller to dispose; null where an answer is not of prime order but for a part of order 2.</summary>
    public static SecretBytes? Statement(IReadOnlyList<ProvenPoint> parts, PartialDecryptions partials, Hash32 commitment, ReadOnlySpan<byte> context, int threads)
    {
        Batch.CheckCount(parts.Count, "parts");
        if (partials.Count != parts.Count)
            throw new ThresholdException(ThresholdFailure.Range, $"{partials.Count} partial decryptions of guardian {partials.Index} are not of these {parts.Count} parts; ask it for all of them");
        var seed = new byte[ContextDomain.Length + SHA512.HashSizeInBytes];
        ContextDomain.CopyTo(seed);
        Seed(parts, partials, commitment, context, seed.AsSpan(ContextDomain.Length));

        using var sums = SecretBytes.Allocate(2 * Edwards25519.Size);
        Edwards25519.Identity.CopyTo(Batch.Item(sums.Buffer, 0));
        Edwards25519.Identity.CopyTo(Batch.Item(sums.Buffer, 1));
        bool refused = false;
        Batch.ForEach(parts.Count, threads, (from, to) =>
        {
            using var part = Compose(parts, partials, seed.AsSpan(ContextDomain.Length), from, to);
            lock (sums)
            {
                for (int i = 0; i < 2 && !refused; i++)
                    refused = part is null || !Edwards25519.Add(Batch.Item(sums.Buffer, i), Batch.Item(part.Span, i), Batch.Item(sums.Buffer, i));
            }
        });
        return refused ? null : DecryptionProof.Statement(seed, partials.Index, commitment, new Hash32(Batch.Item(sums.Span, 0)), Batch.Item(sums.Span, 1));
    }

    /// <summary>What all weights hang on: the whole batch.</summary>
    internal static void Seed(IReadOnlyList<ProvenPoint> parts, PartialDecryptions partials, Hash32 commitment, ReadOnlySpan<byte> context, Span<byte> seed)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        Span<byte> piece = stackalloc byte[Edwards25519.Size];
        hash.AppendData(SeedDomain);
        BinaryPrimitives.WriteInt32BigEndian(piece, parts.Count);
        piece[4] = (byte)partials.Index;
        hash.AppendData(piece[..5]);
        commitment.CopyTo(piece);
        hash.AppendData(piece);
        foreach (var part in parts)
        {
            part.Point.CopyTo(piece);
            hash.AppendData(piece);
        }
        hash.AppendData(partials.Points.Span);
        hash.AppendData(context);
        hash.GetHashAndReset(seed);
    }

    /// <summary>d_k, 32 bytes: 8 times 128 bits, so below 2^131.</summary>
    internal static void Weight(ReadOnlySpan<byte> seed, int item, Span<byte> weight)
    {
        Span<byte> input = stackalloc byte[WeightDomain.Length + SHA512.HashSizeInBytes + sizeof(uint)], digest = stackalloc byte[SHA512.HashSizeInBytes];
        WeightDomain.CopyTo(input);
        seed.CopyTo(input[WeightDomain.Length..]);
        BinaryPrimitives.WriteInt32BigEndian(input[^sizeof(uint)..], item);
        SHA512.HashData(input, digest);
        weight.Clear();
        BinaryPrimitives.WriteUInt128LittleEndian(weight, BinaryPrimitives.ReadUInt128LittleEndian(digest) << 3);
        weight[WeightSize] = (byte)(digest[WeightSize - 1] >> 5);
    }

    // Both sums over some of the items.
    private static SecretBytes? Compose(IReadOnlyList<ProvenPoint> parts, PartialDecryptions partials, ReadOnlySpan<byte> seed, int from, int to)
    {
        var sums = SecretBytes.Allocate(2 * Edwards25519.Size);
        using var work = SecretBytes.Allocate(Edwards25519.Size);
        Span<byte> weight = stackalloc byte[Edwards25519.Size];
        Span<byte> m = Batch.Item(sums.Buffer, 0), z = Batch.Item(sums.Buffer, 1), term = work.Buffer;
        Edwards25519.Identity.CopyTo(m);
        Edwards25519.Identity.CopyTo(z);
        for (int k = from; k < to; k++)
        {
            Weight(seed, k, weight);
            parts[k].Point.CopyTo(term);
            if (Edwards25519.Multiply(weight, term, term) && Edwards25519.Add(m, term, m)
                && Edwards25519.Multiply(weight, Batch.Item(partials.Points.Span, k), term) && Edwards25519.Add(z, term, z))
                continue;
            sums.Dispose();
            return null;
        }
        return sums;
    }
}
