using System.Buffers.Binary;

namespace Trove.Crypto;

/// <summary>
/// What one guardian holds of an asset's two keys while one committee is in force: its share of the custody key and its share of
/// the key of the asset's pseudorandom function, under the same index and threshold (specs/custody.md, "Bytes"). Owns both shares.
/// Prints its epoch and index only.
/// </summary>
public sealed class EpochShares : IDisposable
{
    private static readonly byte[] Magic = "trove/guardian-shares/1\n"u8.ToArray();

    private EpochShares(uint epoch, GuardianShare custody, OprfShare oprf) => (Epoch, Custody, Oprf) = (epoch, custody, oprf);

    /// <summary>Length of the canonical bytes.</summary>
    public static int Size => Magic.Length + sizeof(uint) + 2 + 2 * Edwards25519.Size;

    /// <summary>Epoch of the committee (<see cref="Core.Ceremonies.Committee.Epoch"/>).</summary>
    public uint Epoch { get; }

    /// <summary>Which guardian of the committee this is, from 1.</summary>
    public int Index => Custody.Index;

    /// <summary>How many decrypt and compute together.</summary>
    public int Threshold => Custody.Threshold;

    /// <summary>Share of the key that parts are sealed to.</summary>
    public GuardianShare Custody { get; }

    /// <summary>Share of the key of the pseudorandom function.</summary>
    public OprfShare Oprf { get; }

    /// <summary>Reads the canonical bytes.</summary>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Encoding"/>; the message does not repeat the bytes.</exception>
    public static EpochShares Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size || !bytes.StartsWith(Magic))
            throw Malformed($"they must be {Size} bytes that start with trove/guardian-shares/1");
        var numbers = bytes.Slice(Magic.Length, sizeof(uint) + 2);
        return Create(BinaryPrimitives.ReadUInt32BigEndian(numbers), numbers[^2], numbers[^1], bytes[^(2 * Edwards25519.Size)..^Edwards25519.Size], bytes[^Edwards25519.Size..]);
    }

    /// <summary>Of two scalars, which are copied.</summary>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Encoding"/>.</exception>
    internal static EpochShares Create(uint epoch, int index, int threshold, ReadOnlySpan<byte> custody, ReadOnlySpan<byte> oprf)
    {
        if (index is < 1 or > ThresholdKey.MaxGuardians || threshold is < 1 or > ThresholdKey.MaxGuardians)
            throw Malformed($"index {index} and threshold {threshold} must be from 1 to {ThresholdKey.MaxGuardians}");
        if (!IsScalar(custody) || !IsScalar(oprf))
            throw Malformed("a scalar is zero or not reduced");
        return new EpochShares(epoch, new GuardianShare(index, threshold, new SecretBytes(custody)), new OprfShare(index, threshold, new SecretBytes(oprf)));
    }

    /// <summary>The canonical bytes, to be sealed to the guardian; the caller disposes them.</summary>
    public SecretBytes Encode()
    {
        var bytes = SecretBytes.Allocate(Size);
        Magic.CopyTo(bytes.Buffer);
        var rest = bytes.Buffer[Magic.Length..];
        BinaryPrimitives.WriteUInt32BigEndian(rest, Epoch);
        (rest[sizeof(uint)], rest[sizeof(uint) + 1]) = ((byte)Index, (byte)Threshold);
        Custody.Scalar.Span.CopyTo(rest[^(2 * Edwards25519.Size)..]);
        Oprf.Scalar.Span.CopyTo(rest[^Edwards25519.Size..]);
        return bytes;
    }

    /// <summary>Are these the shares that both keys' commitments for this index are of, with the same threshold?</summary>
    public bool Matches(ThresholdKey key, OprfKey function) => Custody.Matches(key) && Oprf.Matches(function);

    /// <summary>The same shares once more; the caller disposes them.</summary>
    internal EpochShares Copy() => Create(Epoch, Index, Threshold, Custody.Scalar.Span, Oprf.Scalar.Span);

    /// <summary>Zeroes both scalars.</summary>
    public void Dispose()
    {
        Custody.Dispose();
        Oprf.Dispose();
    }

    /// <summary>Epoch, index and threshold.</summary>
    public override string ToString() => $"shares of guardian {Index} in epoch {Epoch}, threshold {Threshold}";

    private static bool IsScalar(ReadOnlySpan<byte> scalar) => Edwards25519.IsBelowOrder(scalar) && scalar.ContainsAnyExcept((byte)0);

    private static ThresholdException Malformed(string why) =>
        new(ThresholdFailure.Encoding, $"these are not the shares of a guardian: {why}; open the file that the guardian sealed after the ceremony of this epoch");
}
