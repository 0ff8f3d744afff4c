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
        .Bytes32(contribution).Bytes32(KindWord(Kind)).UInt((UInt128)Year)
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

    /// <summary>A kind as contracts and leaves have it: a <c>bytes32</c> of its ASCII bytes, then zeros.</summary>
    public static Hash32 KindWord(string kind)
    {
        Span<byte> word = stackalloc byte[32];
        word.Clear();
        if (kind.Length > 32 || !Encoding.ASCII.TryGetBytes(kind, word, out _))
            throw new ArgumentException("a part's kind is at most 32 ASCII characters");
        return new Hash32(word);
    }

    /// <summary>The kind of a word of <see cref="KindWord"/>; null when it is no lower-case ASCII letters with zeros behind.</summary>
    public static string? KindName(Hash32 word)
    {
        Span<byte> bytes = stackalloc byte[32];
        word.CopyTo(bytes);
        int length = bytes.IndexOf((byte)0) is var end and >= 0 ? end : 32;
        return length > 0 && !bytes[..length].ContainsAnyExceptInRange((byte)'a', (byte)'z') && !bytes[length..].ContainsAnyExcept((byte)0)
            ? Encoding.ASCII.GetString(bytes[..length])
            : null;
    }
}
