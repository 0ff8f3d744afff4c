using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// A guardian's share s_i of an asset's key, in memory that is zeroed on disposal (specs/custody.md). What it computes, it
/// computes only on points whose maker proved to know their logarithm for the part they are to be released for. Whether there
/// is a grant is for the caller to know. Prints its index only.
/// </summary>
public sealed class GuardianShare : IDisposable
{
    private static readonly byte[] Magic = "trove/guardian-share/1\n"u8.ToArray();

    private readonly SecretBytes _scalar;

    /// <summary>Takes ownership of the scalar.</summary>
    internal GuardianShare(int index, int threshold, SecretBytes scalar) => (Index, Threshold, _scalar) = (index, threshold, scalar);

    /// <summary>Length of the canonical bytes.</summary>
    public static int Size => Magic.Length + 2 + Edwards25519.Size;

    /// <summary>Which guardian this is, from 1.</summary>
    public int Index { get; }

    /// <summary>How many decrypt together.</summary>
    public int Threshold { get; }

    /// <summary>s_i, for dealing it on in a ceremony.</summary>
    internal SecretBytes Scalar => _scalar;

    /// <summary>Reads the canonical bytes.</summary>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Encoding"/>; the message does not repeat the bytes.</exception>
    public static GuardianShare Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size || !bytes.StartsWith(Magic))
            throw Malformed($"it must be {Size} bytes that start with trove/guardian-share/1");
        int index = bytes[Magic.Length], threshold = bytes[Magic.Length + 1];
        if (index is < 1 or > ThresholdKey.MaxGuardians || threshold is < 1 or > ThresholdKey.MaxGuardians)
            throw Malformed($"index {index} and threshold {threshold} must be from 1 to {ThresholdKey.MaxGuardians}");
        var scalar = bytes[^Edwards25519.Size..];
        if (!Edwards25519.IsBelowOrder(scalar) || !scalar.ContainsAnyExcept((byte)0))
            throw Malformed("its scalar is zero or not reduced");
        return new GuardianShare(index, threshold, new SecretBytes(scalar));

        static ThresholdException Malformed(string why) =>
            new(ThresholdFailure.Encoding, $"this is not a guardian's share: {why}; open the file that was sealed to this guardian when the asset was founded");
    }

    /// <summary>The canonical bytes, to be sealed to the guardian; the caller disposes them.</summary>
    public SecretBytes Encode()
    {
        var bytes = SecretBytes.Allocate(Size);
        Magic.CopyTo(bytes.Buffer);
        bytes.Buffer[Magic.Length] = (byte)Index;
        bytes.Buffer[Magic.Length + 1] = (byte)Threshold;
        _scalar.Span.CopyTo(bytes.Buffer[^Edwards25519.Size..]);
        return bytes;
    }

    /// <summary>Is this the share that the key's commitment for this index is of, with the same threshold?</summary>
    public bool Matches(ThresholdKey key) =>
        key.Threshold == Threshold && Index <= key.Guardians && key.Commitments[Index - 1] == Commitment();

    /// <summary>
    /// This guardian's part of the shared secret of one part: s_i·A, with A from the proof of knowledge. The proof is checked
    /// here, so that a file's key is not released through another file's leaf.
    /// </summary>
    /// <param name="proof">The proof of knowledge of the part (specs/age-parts.md).</param>
    /// <param name="ephemeralShare">E of the part's leaf.</param>
    /// <param name="context">What the proof must be bound to, made of the leaf that the grant covers
    /// (<see cref="PartDescriptor.ProofContext"/>), never of what the asker says.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Proof"/>, or the fault of the point A.</exception>
    public PartialDecryption Decrypt(ReadOnlySpan<byte> proof, Hash32 ephemeralShare, ReadOnlySpan<byte> context)
    {
        var part = ProvenPoint.Check(proof, ephemeralShare, context);
        var product = SecretBytes.Allocate(Edwards25519.Size);
        part.Point.CopyTo(product.Buffer);
        Multiply(product.Buffer);
        return new PartialDecryption(Index, product);
    }

    /// <summary>The same for many parts whose proofs of knowledge were checked before: s_i·A for each, in their order.</summary>
    /// <param name="parts">From 1 to <see cref="Batch.MaxItems"/>.</param>
    /// <param name="threads">How many cores to use at most.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Range"/>: none, or too many parts.</exception>
    public PartialDecryptions Decrypt(IReadOnlyList<ProvenPoint> parts, int threads = 1)
    {
        Batch.CheckCount(parts.Count, $"partial decryptions of guardian {Index}");
        var points = SecretBytes.Allocate(parts.Count * Edwards25519.Size);
        try
        {
            Batch.ForEach(parts.Count, threads, (from, to) =>
            {
                for (int k = from; k < to; k++)
                {
                    var point = Batch.Item(points.Buffer, k);
                    parts[k].Point.CopyTo(point);
                    Multiply(point);
                }
            });
            return new PartialDecryptions(Index, points);
        }
        catch
        {
            points.Dispose();
            throw;
        }
    }

    /// <summary>Proves all of a batch at once, against <see cref="ThresholdKey.Verify(IReadOnlyList{ProvenPoint}, PartialDecryptions, ReadOnlySpan{byte}, ReadOnlySpan{byte}, int)"/>: 64 bytes.</summary>
    /// <param name="parts">The parts, in the order they were decrypted in.</param>
    /// <param name="partials">What <see cref="Decrypt(IReadOnlyList{ProvenPoint}, int)"/> gave for them.</param>
    /// <param name="context">What the proof is to be bound to: the use, for instance.</param>
    /// <param name="threads">How many cores to use at most.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Share"/>: they are not this guardian's of these parts;
    /// <see cref="ThresholdFailure.Range"/>: another number of them.</exception>
    public byte[] Prove(IReadOnlyList<ProvenPoint> parts, PartialDecryptions partials, ReadOnlySpan<byte> context, int threads = 1)
    {
        Span<byte> fresh = stackalloc byte[32];
        RandomNumberGenerator.Fill(fresh);
        try
        {
            return Prove(parts, partials, context, fresh, threads);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(fresh);
        }
    }

    /// <summary>With the randomness given, for vectors.</summary>
    internal byte[] Prove(IReadOnlyList<ProvenPoint> parts, PartialDecryptions partials, ReadOnlySpan<byte> context, ReadOnlySpan<byte> fresh, int threads = 1)
    {
        var commitment = Commitment();
        if (partials.Index == Index && BatchProof.Statement(parts, partials, commitment, context, threads) is { } statement)
        {
            // What the composites do not show of one item, the batch proof would not show either.
            using var own = SecretBytes.Allocate(Edwards25519.Size);
            if (Edwards25519.Multiply(_scalar.Span, DecryptionProof.PointOf(statement), own.Buffer) && own.FixedTimeEquals(DecryptionProof.PartialOf(statement)))
                return DecryptionProof.Create(_scalar, fresh, statement);
            statement.Dispose();
        }
        throw new ThresholdException(ThresholdFailure.Share, $"guardian {Index} proves nothing: not all {partials.Count} partial decryptions are its own of these parts; hand in what it answered for them, in the same order");
    }

    /// <summary>
    /// Proves on demand that a partial decryption is right, against <see cref="ThresholdKey.Verify(Hash32, PartialDecryption, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>: 64 bytes.
    /// </summary>
    /// <param name="point">A, as in <see cref="ProofOfKnowledge.PointOf"/>.</param>
    /// <param name="partial">What <see cref="Decrypt(ReadOnlySpan{byte}, Hash32, ReadOnlySpan{byte})"/> gave for that point.</param>
    /// <param name="context">What the proof is to be bound to: the use, for instance.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Share"/>: the partial decryption is not this guardian's
    /// of this point; or the fault of the point.</exception>
    public byte[] Prove(Hash32 point, PartialDecryption partial, ReadOnlySpan<byte> context)
    {
        Span<byte> fresh = stackalloc byte[32];
        RandomNumberGenerator.Fill(fresh);
        try
        {
            return Prove(point, partial, context, fresh);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(fresh);
        }
    }

    /// <summary>With the randomness given, for vectors.</summary>
    internal byte[] Prove(Hash32 point, PartialDecryption partial, ReadOnlySpan<byte> context, ReadOnlySpan<byte> fresh)
    {
        using var work = SecretBytes.Allocate(Edwards25519.Size);
        var a = work.Buffer;
        point.CopyTo(a);
        ThresholdException.CheckPoint(a, $"guardian {Index} proves nothing: the point {point}", "take it from the part's proof of knowledge");
        var statement = DecryptionProof.Statement(context, Index, Commitment(), point, partial.Point.Span);
        Multiply(a);
        if (partial.Index == Index && partial.Point.FixedTimeEquals(a))
            return DecryptionProof.Create(_scalar, fresh, statement);
        statement.Dispose();
        throw new ThresholdException(ThresholdFailure.Share, $"guardian {Index} proves nothing: the partial decryption is not its own of the point {point}; hand in what it answered for this part");
    }

    /// <summary>S_i = s_i·B.</summary>
    internal Hash32 Commitment()
    {
        Span<byte> point = stackalloc byte[Edwards25519.Size];
        if (!Edwards25519.MultiplyBase(_scalar.Span, point))
            throw new CryptographicException("libsodium refused a multiplication of the base point, which only a zero scalar explains");
        return new Hash32(point);
    }

    // In place, only for a point of prime order.
    private void Multiply(Span<byte> point)
    {
        if (!Edwards25519.Multiply(_scalar.Span, point, point))
            throw new CryptographicException("libsodium refused to multiply a point that was found to be of prime order");
    }

    /// <summary>Zeroes the scalar.</summary>
    public void Dispose() => _scalar.Dispose();

    /// <summary>Index and threshold.</summary>
    public override string ToString() => $"share of guardian {Index}, threshold {Threshold}";
}
