using Trove.Core;

namespace Trove.Node.Guardians;

/// <summary>Something that a guardian evaluates: an announcement, whose verifiers it draws, or a verifier's question.</summary>
/// <param name="Asset">What it is about.</param>
/// <param name="Verifier">Who asks; zero: an announcement.</param>
/// <param name="Contribution">What it is for; zero: the key of record tags.</param>
/// <param name="Name">Digest of what was signed.</param>
/// <param name="Owner">Who announced; as it was counted: zero where it counts as a stranger's.</param>
internal readonly record struct EvaluationEntry(Address Asset, Address Verifier, Hash32 Contribution, Hash32 Name, Address Owner = default)
{
    /// <summary>Bytes of an entry.</summary>
    public const int Size = 2 * Trove.Core.Address.Size + 2 * Hash32.Size;

    // In the place of the contribution of an announcement that counts as its owner's. No contribution has it: those are hashes of other bytes.
    private static readonly Hash32 OfOwner = new CanonicalWriter("trove/draw-of-an-owner/1").Sha256();

    /// <summary>As it is counted on disk; of an owner's announcement without its contribution.</summary>
    public byte[] ToBytes() => Owner == default
        ? [.. Asset.ToArray(), .. Verifier.ToArray(), .. Contribution.ToArray(), .. Name.ToArray()]
        : [.. Asset.ToArray(), .. Owner.ToArray(), .. OfOwner.ToArray(), .. Name.ToArray()];

    /// <summary>Reads an entry of <see cref="Size"/> bytes, which may be any.</summary>
    public static EvaluationEntry Read(ReadOnlySpan<byte> b)
    {
        var (asset, who, contribution, name) = (new Address(b[..20]), new Address(b[20..40]), new Hash32(b[40..72]), new Hash32(b[72..104]));
        return contribution == OfOwner ? new EvaluationEntry(asset, default, default, name, who) : new EvaluationEntry(asset, who, contribution, name);
    }
}
