using System.Text;

namespace Trove.Core;

/// <summary>
/// One encrypted part of a contribution: canonical records of one kind and year in one age file with one stanza.
/// </summary>
/// <param name="Kind">Record kind, lower-case ASCII, at most 32 characters (<c>comment</c>).</param>
/// <param name="Year">Calendar year in UTC, 0 when the records carry no time.</param>
/// <param name="EphemeralShare">The X25519 ephemeral share E of the part's only stanza.</param>
/// <param name="HeaderHash">SHA-256 of the age header, through the newline after its MAC.</param>
/// <param name="Sha256">SHA-256 of the whole ciphertext, its name in the vault.</param>
/// <param name="Size">Bytes of the ciphertext.</param>
public sealed record PartDescriptor(string Kind, int Year, Hash32 EphemeralShare, Hash32 HeaderHash, Hash32 Sha256, long Size)
{
    /// <summary>Most parts of one contribution: 15 kinds over some thirty years, with room.</summary>
    public const int MaxPerContribution = 512;

    /// <summary>The part's leaf under the contribution's parts root (specs/parts.md).</summary>
    public Hash32 Leaf(Hash32 contribution) => MerkleTree.Leaf(new AbiWords()
        .Bytes32(contribution).Bytes32(ShortString(Kind)).UInt((UInt128)Year)
        .Bytes32(EphemeralShare).Bytes32(HeaderHash).Bytes32(Sha256).UInt((UInt128)Size).Span);

    /// <summary>The tree over a contribution's parts, in the order of (kind, year, SHA-256).</summary>
    public static MerkleTree Tree(Hash32 contribution, IEnumerable<PartDescriptor> parts) =>
        new(Ordered(parts).Select(part => part.Leaf(contribution)));

    /// <summary>The one order in which parts are listed and hashed.</summary>
    public static IEnumerable<PartDescriptor> Ordered(IEnumerable<PartDescriptor> parts) =>
        parts.OrderBy(p => p.Kind, StringComparer.Ordinal).ThenBy(p => p.Year).ThenBy(p => p.Sha256);

    /// <summary>
    /// What a proof of knowledge of a part's ephemeral secret is bound to: it is worth nothing for another chain,
    /// ledger, asset, contribution, owner or header.
    /// </summary>
    public static byte[] ProofContext(ulong chainId, Address ledger, Address asset, Hash32 contribution, Address owner, Hash32 headerHash) =>
        new CanonicalWriter("trove/part-proof/1").UInt64(chainId).Address(ledger).Address(asset)
            .Hash(contribution).Address(owner).Hash(headerHash).Bytes.ToArray();

    /// <summary>ASCII text as a <c>bytes32</c>, padded with zeros on the right.</summary>
    private static Hash32 ShortString(string text)
    {
        Span<byte> word = stackalloc byte[32];
        word.Clear();
        if (text.Length > 32 || !Encoding.ASCII.TryGetBytes(text, word, out _))
            throw new ArgumentException($"a part's kind is at most 32 ASCII characters");
        return new Hash32(word);
    }
}
