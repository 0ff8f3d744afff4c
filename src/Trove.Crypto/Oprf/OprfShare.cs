using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// A guardian's share k_i of the key of an asset's pseudorandom function, in memory that is zeroed on disposal (specs/custody.md,
/// "Nullifiers nobody can guess"). It multiplies blinded elements, which say nothing of what is asked; how often and by whom it may
/// be asked is for the caller to limit. Prints its index only.
/// </summary>
public sealed class OprfShare : IDisposable
{
    private static readonly byte[] Magic = "trove/oprf-share/1\n"u8.ToArray();

    private readonly SecretBytes _scalar;
    private readonly byte[] _commitment = new byte[Ristretto255.Size];

    /// <summary>Takes ownership of the scalar, which is reduced and not zero.</summary>
    internal OprfShare(int index, int threshold, SecretBytes scalar)
    {
        (Index, Threshold, _scalar) = (index, threshold, scalar);
        if (!Ristretto255.MultiplyBase(scalar.Span, _commitment))
            throw new CryptographicException("libsodium refused a multiplication of the base point, which only a zero scalar explains");
    }

    /// <summary>Length of the canonical bytes.</summary>
    public static int Size => Magic.Length + 2 + Edwards25519.Size;

    /// <summary>Which guardian this is, from 1.</summary>
    public int Index { get; }

    /// <summary>How many compute together.</summary>
    public int Threshold { get; }

    /// <summary>k_i, for dealing it on in a ceremony.</summary>
    internal SecretBytes Scalar => _scalar;

    /// <summary>K_i = k_i·G.</summary>
    public Hash32 Commitment => new(_commitment);

    /// <summary>Of a scalar that a dealing gave this guardian; it is copied.</summary>
    /// <param name="index">From 1 to <see cref="ThresholdKey.MaxGuardians"/>.</param>
    /// <param name="threshold">How many compute together.</param>
    /// <param name="scalar">32 bytes little-endian, from 1 to L − 1.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Encoding"/>; the message does not repeat the scalar.</exception>
    public static OprfShare FromScalar(int index, int threshold, ReadOnlySpan<byte> scalar)
    {
        if (index is < 1 or > ThresholdKey.MaxGuardians || threshold is < 1 or > ThresholdKey.MaxGuardians)
            throw Malformed($"index {index} and threshold {threshold} must be from 1 to {ThresholdKey.MaxGuardians}");
        if (scalar.Length != Edwards25519.Size || !Edwards25519.IsBelowOrder(scalar) || !scalar.ContainsAnyExcept((byte)0))
            throw Malformed("its scalar is zero, not reduced or not 32 bytes");
        return new OprfShare(index, threshold, new SecretBytes(scalar));
    }

    /// <summary>Reads the canonical bytes.</summary>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Encoding"/>; the message does not repeat the bytes.</exception>
    public static OprfShare Parse(ReadOnlySpan<byte> bytes) => bytes.Length == Size && bytes.StartsWith(Magic)
        ? FromScalar(bytes[Magic.Length], bytes[Magic.Length + 1], bytes[^Edwards25519.Size..])
        : throw Malformed($"it must be {Size} bytes that start with trove/oprf-share/1");

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
    public bool Matches(OprfKey key) => key.Threshold == Threshold && Index <= key.Guardians && key.Commitments[Index - 1] == Commitment;

    /// <summary>β = k_i·α for each element, and one proof for all of them.</summary>
    /// <param name="blinded">α, 32 bytes each, from 1 to <see cref="Batch.MaxItems"/>: <see cref="OprfBlinding.Blinded"/>.</param>
    /// <param name="threads">How many cores to use at most.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Encoding"/>: another length, or one that is no element;
    /// <see cref="ThresholdFailure.Range"/>: none, or too many.</exception>
    public OprfEvaluation Evaluate(ReadOnlyMemory<byte> blinded, int threads = 1)
    {
        Span<byte> fresh = stackalloc byte[32];
        RandomNumberGenerator.Fill(fresh);
        var elements = Multiply(blinded, threads);
        return Finish(elements, VoprfProof.Create(_scalar, _commitment, blinded.Span, elements, fresh, threads));
    }

    /// <summary>With the nonce of the proof given, for vectors.</summary>
    internal OprfEvaluation Evaluate(ReadOnlyMemory<byte> blinded, SecretBytes nonce)
    {
        var elements = Multiply(blinded, 1);
        return Finish(elements, VoprfProof.Create(_scalar, _commitment, blinded.Span, elements, nonce, 1));
    }

    private OprfEvaluation Finish(byte[] elements, byte[]? proof) => new(Index, elements,
        proof ?? throw new CryptographicException("libsodium refused to multiply elements that were found to be some"));

    private byte[] Multiply(ReadOnlyMemory<byte> blinded, int threads)
    {
        int count = blinded.Length / Ristretto255.Size;
        if (blinded.Length != count * Ristretto255.Size)
            throw new ThresholdException(ThresholdFailure.Encoding, $"guardian {Index} evaluates nothing: {blinded.Length} bytes are no blinded elements of {Ristretto255.Size} bytes each; blind again");
        Batch.CheckCount(count, $"blinded elements for guardian {Index}");
        var elements = new byte[blinded.Length];
        Batch.ForEach(count, threads, (from, to) =>
        {
            for (int i = from; i < to; i++)
            {
                if (!Ristretto255.Multiply(_scalar.Span, Batch.Item(blinded.Span, i), Batch.Item(elements.AsSpan(), i)))
                    throw new ThresholdException(ThresholdFailure.Encoding, $"guardian {Index} evaluates nothing: blinded element {i} is no element of ristretto255 other than the neutral one; blind again");
            }
        });
        return elements;
    }

    /// <summary>Zeroes the scalar.</summary>
    public void Dispose() => _scalar.Dispose();

    /// <summary>Index and threshold.</summary>
    public override string ToString() => $"share of guardian {Index} of a pseudorandom function, threshold {Threshold}";

    private static ThresholdException Malformed(string why) =>
        new(ThresholdFailure.Encoding, $"this is not a share of a pseudorandom function: {why}; open the file that was sealed to this guardian when the key was made");
}
