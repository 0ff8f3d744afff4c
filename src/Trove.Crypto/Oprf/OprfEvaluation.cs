namespace Trove.Crypto;

/// <summary>
/// What guardian i answers to blinded elements: β_k = k_i·α_k for each, and one proof for all. Not secret: without the blinds, which
/// never leave who asked, nothing follows from it. May be a lie until <see cref="OprfKey.Verify"/> was asked.
/// </summary>
public sealed class OprfEvaluation
{
    private readonly byte[] _elements, _proof;

    internal OprfEvaluation(int index, byte[] elements, byte[] proof) => (Index, _elements, _proof) = (index, elements, proof);

    /// <summary>The guardian it says it is from.</summary>
    public int Index { get; }

    /// <summary>How many elements.</summary>
    public int Count => _elements.Length / Ristretto255.Size;

    /// <summary>β, 32 bytes each, unchecked.</summary>
    public ReadOnlySpan<byte> Elements => _elements;

    /// <summary>64 bytes, unchecked.</summary>
    public ReadOnlySpan<byte> Proof => _proof;

    /// <summary>Reads the canonical bytes. Whether elements and proof are some is checked where they are used.</summary>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Encoding"/>.</exception>
    public static OprfEvaluation Parse(ReadOnlySpan<byte> bytes)
    {
        int count = (bytes.Length - 1 - VoprfProof.Size) / Ristretto255.Size;
        return count is >= 1 and <= Batch.MaxItems && bytes.Length == 1 + count * Ristretto255.Size + VoprfProof.Size && bytes[0] is >= 1 and <= ThresholdKey.MaxGuardians
            ? new OprfEvaluation(bytes[0], bytes[1..^VoprfProof.Size].ToArray(), bytes[^VoprfProof.Size..].ToArray())
            : throw new ThresholdException(ThresholdFailure.Encoding, $"this is no evaluation: it must be a byte from 1 to {ThresholdKey.MaxGuardians}, then 32 bytes for each of 1 to {Batch.MaxItems} elements, then {VoprfProof.Size}; ask the guardian again");
    }

    /// <summary>The canonical bytes.</summary>
    public byte[] Encode() => [(byte)Index, .. _elements, .. _proof];

    /// <summary>Index and number.</summary>
    public override string ToString() => $"{Count} evaluations of guardian {Index}";
}
