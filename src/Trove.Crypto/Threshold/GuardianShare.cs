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
        if (proof.Length != ProofOfKnowledge.Size)
            throw new ThresholdException(ThresholdFailure.Proof, $"share {ephemeralShare} is not released: its proof of knowledge must be {ProofOfKnowledge.Size} bytes, not {proof.Length}; take it from the contribution's announcement");
        var point = proof[..Edwards25519.Size];
        ThresholdException.CheckPoint(point, $"share {ephemeralShare} is not released: the point of its proof of knowledge", "take the proof from the contribution's announcement");
        if (!ProofOfKnowledge.Verify(proof, ephemeralShare, context))
            throw new ThresholdException(ThresholdFailure.Proof, $"share {ephemeralShare} is not released: the proof of knowledge does not hold for it and for this contribution, owner and header; who asks did not make this part");
        return Multiply(point);
    }

    /// <summary>
    /// Proves on demand that a partial decryption is right, against <see cref="ThresholdKey.Verify"/>: 64 bytes.
    /// </summary>
    /// <param name="point">A, as in <see cref="ProofOfKnowledge.PointOf"/>.</param>
    /// <param name="partial">What <see cref="Decrypt"/> gave for that point.</param>
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
        var a = point.ToArray();
        ThresholdException.CheckPoint(a, $"guardian {Index} proves nothing: the point {point}", "take it from the part's proof of knowledge");
        using var own = Multiply(a);
        if (partial.Index != Index || !own.Point.FixedTimeEquals(partial.Point.Span))
            throw new ThresholdException(ThresholdFailure.Share, $"guardian {Index} proves nothing: the partial decryption is not its own of the point {point}; hand in what it answered for this part");
        return DecryptionProof.Create(_scalar, fresh, DecryptionProof.Statement(context, Index, Commitment(), point, own));
    }

    /// <summary>S_i = s_i·B.</summary>
    internal Hash32 Commitment()
    {
        Span<byte> point = stackalloc byte[Edwards25519.Size];
        if (!Edwards25519.MultiplyBase(_scalar.Span, point))
            throw new CryptographicException("libsodium refused a multiplication of the base point, which only a zero scalar explains");
        return new Hash32(point);
    }

    // Only for a point of prime order.
    private PartialDecryption Multiply(ReadOnlySpan<byte> point)
    {
        var product = SecretBytes.Allocate(Edwards25519.Size);
        if (Edwards25519.Multiply(_scalar.Span, point, product.Buffer))
            return new PartialDecryption(Index, product);
        product.Dispose();
        throw new CryptographicException("libsodium refused to multiply a point that was found to be of prime order");
    }

    /// <summary>Zeroes the scalar.</summary>
    public void Dispose() => _scalar.Dispose();

    /// <summary>Index and threshold.</summary>
    public override string ToString() => $"share of guardian {Index}, threshold {Threshold}";
}
