namespace Trove.Crypto;

/// <summary>
/// D_i = s_i·A: what guardian i adds to the release of one part. Secret until the release, since t of them open the part:
/// zeroed on disposal, sealed to whoever may combine, prints its index only. May be a lie until it was combined or proven.
/// </summary>
public sealed class PartialDecryption : IDisposable
{
    /// <summary>Length of the canonical bytes: the index, then the compressed point.</summary>
    public const int Size = 1 + Edwards25519.Size;

    /// <summary>Takes ownership of the point.</summary>
    internal PartialDecryption(int index, SecretBytes point) => (Index, Point) = (index, point);

    /// <summary>The guardian it says it is from.</summary>
    public int Index { get; }

    /// <summary>D_i, 32 bytes, unchecked.</summary>
    internal SecretBytes Point { get; }

    /// <summary>Reads the canonical bytes. Whether the point is one is checked where it is used.</summary>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Encoding"/>.</exception>
    public static PartialDecryption Parse(ReadOnlySpan<byte> bytes) => bytes.Length == Size && bytes[0] is >= 1 and <= ThresholdKey.MaxGuardians
        ? new PartialDecryption(bytes[0], new SecretBytes(bytes[1..]))
        : throw new ThresholdException(ThresholdFailure.Encoding, $"this is not a partial decryption: it must be {Size} bytes, the first from 1 to {ThresholdKey.MaxGuardians}; ask the guardian again");

    /// <summary>The canonical bytes, to be sealed to whoever combines; the caller disposes them.</summary>
    public SecretBytes Encode()
    {
        var bytes = SecretBytes.Allocate(Size);
        bytes.Buffer[0] = (byte)Index;
        Point.Span.CopyTo(bytes.Buffer[1..]);
        return bytes;
    }

    /// <summary>Zeroes the point.</summary>
    public void Dispose() => Point.Dispose();

    /// <summary>The index.</summary>
    public override string ToString() => $"partial decryption of guardian {Index}";
}
