namespace Trove.Models.Tokenization;

/// <summary>A token that is found in the text as it stands, before the text is cut into words: an entry of <c>added_tokens</c>.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text; at most <see cref="MaxContent"/> bytes in UTF-8.</param>
/// <param name="Special">Does it steer the model instead of standing for text? Such a token is found only where the caller asks for it.</param>
public sealed record AddedToken(int Id, string Content, bool Special)
{
    /// <summary>Longest content, in bytes: finding tokens takes this much time for each byte of a text at worst.</summary>
    public const int MaxContent = 256;

    /// <summary>Only where no word character (<c>\w</c>) stands next to it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Takes the white space before it along.</summary>
    public bool LeftStrip { get; init; }

    /// <summary>Takes the white space behind it along.</summary>
    public bool RightStrip { get; init; }

    /// <summary>Is looked for in the normalised text.</summary>
    public bool Normalized { get; init; }
}
