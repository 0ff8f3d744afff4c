namespace Trove.Core.Queries;

/// <summary>A text is no query: where, what was found there, and what is allowed.</summary>
public sealed class QuerySyntaxException(int position, string found, string allowed)
    : FormatException($"query, character {position}: found {found}; allowed here: {allowed}")
{
    /// <summary>The character, counted from 1 in UTF-16 units; one behind the last when the text ends too early.</summary>
    public int Position { get; } = position;

    /// <summary>What stands there, shortened and in ASCII.</summary>
    public string Found { get; } = found;

    /// <summary>What may stand there instead.</summary>
    public string Allowed { get; } = allowed;
}
