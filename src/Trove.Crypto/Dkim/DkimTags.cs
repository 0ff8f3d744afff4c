namespace Trove.Crypto.Dkim;

/// <summary>A list of <c>tag=value</c> with semicolons between (RFC 6376 section 3.2), as signatures and key records are.</summary>
internal sealed class DkimTags
{
    private const int Most = 64;

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly List<string> _names = [];

    /// <summary>The value of a tag, folding taken out; null when it is not there.</summary>
    public string? this[string tag] => _values.GetValueOrDefault(tag);

    /// <summary>The tag that stands first; empty when there is none.</summary>
    public string First => _names is [var first, ..] ? first : "";

    /// <summary>Reads a list; null when it is none, or a tag stands in it twice.</summary>
    public static DkimTags? Parse(string text)
    {
        var tags = new DkimTags();
        var parts = text.Split(';');
        for (int i = 0; i < parts.Length; i++)
        {
            var part = parts[i].AsSpan().Trim(" \t\r\n");
            if (part.IsEmpty && i == parts.Length - 1)
                break;
            int equals = part.IndexOf('=');
            if (equals < 1 || tags._names.Count == Most)
                return null;
            var name = part[..equals].TrimEnd(" \t\r\n").ToString();
            if (!char.IsAsciiLetter(name[0]) || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') || !tags._values.TryAdd(name, Unfold(part[(equals + 1)..])))
                return null;
            tags._names.Add(name);
        }
        return tags;
    }

    /// <summary>The value without any white space, as base64 is written.</summary>
    public string Packed(string tag) => string.Concat((this[tag] ?? "").Where(c => c is not (' ' or '\t')));

    // Folding: CRLF before white space. The white space itself stays.
    private static string Unfold(ReadOnlySpan<char> value) => value.Trim(" \t\r\n").ToString().Replace("\r", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal);
}
