using System.Collections.Immutable;

namespace Trove.Models.Tokenization;

/// <summary>What a tokenizer is made of; what its file says. Whoever makes one has checked it.</summary>
/// <param name="Tokens">Bytes by id; added tokens' are their content.</param>
/// <param name="InModel">By id: is the token in the model's vocabulary? Added tokens need not be.</param>
/// <param name="Merges">By rank; each pair once, the result being both tokens' bytes.</param>
/// <param name="Added">By id.</param>
/// <param name="PreTokenizer">How text is cut into words.</param>
internal sealed record TokenizerParts(IReadOnlyList<byte[]> Tokens, IReadOnlyList<bool> InModel, IReadOnlyList<Merge> Merges, IReadOnlyList<AddedToken> Added, PreTokenizer PreTokenizer)
{
    /// <summary>Is text brought to normalization form C first?</summary>
    public bool Nfc { get; init; }

    /// <summary>Does a word that is a token become it, whatever the merges say?</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>Stands for bytes that have no token; null when there is none.</summary>
    public int? Unknown { get; init; }

    /// <summary>Ids put in front of a text.</summary>
    public ImmutableArray<int> Prefix { get; init; } = [];

    /// <summary>Ids put behind a text.</summary>
    public ImmutableArray<int> Suffix { get; init; } = [];
}
