namespace Trove.Crypto;

/// <summary>
/// What guardian i adds to the release of many parts: D_k = s_i·A_k for each, in one buffer. Secret until the release like
/// <see cref="PartialDecryption"/>, and maybe a lie like it: zeroed on disposal, prints index and number only.
/// </summary>
public sealed class PartialDecryptions : IDisposable
{
    /// <summary>Takes ownership of the points.</summary>
    internal PartialDecryptions(int index, SecretBytes points) => (Index, Points) = (index, points);

    /// <summary>The guardian it says it is from.</summary>
    public int Index { get; }

    /// <summary>How many parts.</summary>
    public int Count => Points.Length / Edwards25519.Size;

    /// <summary>32 bytes for each part, unchecked.</summary>
    internal SecretBytes Points { get; }

    /// <summary>Reads the canonical bytes. Whether the points are points is checked where they are used.</summary>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Encoding"/>.</exception>
    public static PartialDecryptions Parse(ReadOnlySpan<byte> bytes)
    {
        int count = (bytes.Length - 1) / Edwards25519.Size;
        return count is >= 1 and <= Batch.MaxItems && bytes.Length == 1 + count * Edwards25519.Size && bytes[0] is >= 1 and <= ThresholdKey.MaxGuardians
            ? new PartialDecryptions(bytes[0], new SecretBytes(bytes[1..]))
            : throw new ThresholdException(ThresholdFailure.Encoding, $"these are no partial decryptions: they must be a byte from 1 to {ThresholdKey.MaxGuardians}, then 32 bytes for each of 1 to {Batch.MaxItems} parts; ask the guardian again");
    }

    /// <summary>The canonical bytes, to be sealed to whoever combines; the caller disposes them.</summary>
    public SecretBytes Encode()
    {
        var bytes = SecretBytes.Allocate(1 + Points.Length);
        bytes.Buffer[0] = (byte)Index;
        Points.Span.CopyTo(bytes.Buffer[1..]);
        return bytes;
    }

    /// <summary>Zeroes the points.</summary>
    public void Dispose() => Points.Dispose();

    /// <summary>Index and number.</summary>
    public override string ToString() => $"{Count} partial decryptions of guardian {Index}";
}
