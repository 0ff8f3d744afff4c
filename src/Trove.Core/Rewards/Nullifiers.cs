namespace Trove.Core.Rewards;

/// <summary>
/// What is put into an asset's pseudorandom function so that its output stands for an account, or keys the tags of records (specs/custody.md,
/// "Nullifiers nobody can guess"). These bytes are as secret as what they are made of.
/// </summary>
public static class Nullifiers
{
    /// <summary>Of (asset, platform, account): one account feeds an asset once, whatever the wallet. Account names are compared
    /// without case, as platforms do.</summary>
    public static byte[] Input(Address asset, string platform, string account) =>
        new CanonicalWriter("trove/oprf/nullifier/1").Address(asset).Text(platform).Text(Folding.Fold(account.Trim())).Bytes.ToArray();

    /// <summary>Of the key of an asset's record tags (<see cref="RecordTags"/>), which a verifier asks for once: the records of a
    /// contribution cost the guardians nothing.</summary>
    public static byte[] TagKeyInput(Address asset) => new CanonicalWriter("trove/oprf/record-tag-key/1").Address(asset).Bytes.ToArray();

    /// <summary>The nullifier: the first 32 bytes of an output.</summary>
    /// <exception cref="ArgumentException">Shorter than that.</exception>
    public static Hash32 FromOutput(ReadOnlySpan<byte> output) => new(TagKeyFromOutput(output));

    /// <summary>The key of record tags: the first 32 bytes of an output. As secret as the output.</summary>
    /// <exception cref="ArgumentException">Shorter than that.</exception>
    public static ReadOnlySpan<byte> TagKeyFromOutput(ReadOnlySpan<byte> output) => output.Length >= Hash32.Size
        ? output[..Hash32.Size]
        : throw new ArgumentException($"an output of {output.Length} bytes makes no tag of {Hash32.Size}; take all of it");
}
