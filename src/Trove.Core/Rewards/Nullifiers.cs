namespace Trove.Core.Rewards;

/// <summary>
/// What is put into an asset's pseudorandom function so that its output stands for an account or a text (specs/custody.md,
/// "Nullifiers nobody can guess"). These bytes are as secret as what they are made of.
/// </summary>
public static class Nullifiers
{
    /// <summary>Of (asset, platform, account): one account feeds an asset once, whatever the wallet. Account names are compared
    /// without case, as platforms do.</summary>
    public static byte[] Input(Address asset, string platform, string account) =>
        new CanonicalWriter("trove/oprf/nullifier/1").Address(asset).Text(platform).Text(Folding.Fold(account.Trim())).Bytes.ToArray();

    /// <summary>Of a record's text as novelty sees it (<see cref="RecordScore.Normalise"/>), by its hash: texts can be longer than
    /// an input may be.</summary>
    public static byte[] TagInput(Address asset, ReadOnlySpan<char> text) =>
        new CanonicalWriter("trove/oprf/record-tag/1").Address(asset).Hash(new CanonicalWriter("trove/oprf/record-text/1").Text(RecordScore.Normalise(text)).Sha256()).Bytes.ToArray();

    /// <summary>The first 32 bytes of an output.</summary>
    /// <exception cref="ArgumentException">Shorter than that.</exception>
    public static Hash32 FromOutput(ReadOnlySpan<byte> output) => new(Cut(output, Hash32.Size));

    /// <summary>The first 16 bytes of an output, big-endian.</summary>
    /// <exception cref="ArgumentException">Shorter than that.</exception>
    public static UInt128 TagFromOutput(ReadOnlySpan<byte> output) => System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(Cut(output, 16));

    private static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> output, int size) => output.Length >= size
        ? output[..size]
        : throw new ArgumentException($"an output of {output.Length} bytes makes no tag of {size}; take all of it");
}
