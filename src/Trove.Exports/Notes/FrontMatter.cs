namespace Trove.Exports.Notes;

/// <summary>
/// The properties before a Markdown note, a small part of YAML that programs for notes write:
/// <code>
/// ---
/// created: 2024-03-01T10:00:00+01:00
/// tags: [oak, "to read"]
/// aliases:
///   - Oars
/// ---
/// </code>
/// What nests deeper is passed over. Names are compared without case, blanks, <c>_</c> and <c>-</c>.
/// </summary>
internal sealed class FrontMatter
{
    // Stops: a note that begins with a rule and is read as properties to its end.
    private const int MostLines = 256, MostValues = 64;

    private readonly Dictionary<string, List<string>> _values = new(StringComparer.Ordinal);

    /// <summary>The properties at the front of a text; none when it does not begin with any.</summary>
    /// <param name="text">Lines that end with <c>\n</c>.</param>
    /// <param name="body">Where the rest begins.</param>
    public static FrontMatter Parse(string text, out int body)
    {
        body = 0;
        var found = new FrontMatter();
        if (!text.StartsWith("---\n", StringComparison.Ordinal))
            return found;
        string key = "";
        int at = "---\n".Length;
        for (int lines = 0; lines < MostLines && at < text.Length; lines++)
        {
            int end = text.IndexOf('\n', at);
            var line = text.AsSpan()[at..(end < 0 ? text.Length : end)].TrimEnd();
            at = end < 0 ? text.Length : end + 1;
            if (line is "---" or "...")
            {
                body = at;
                return found;
            }
            var item = line.TrimStart();
            if (item.IsEmpty || item[0] == '#')
                continue;
            if (item.StartsWith("- ") && key.Length > 0)
                found.Add(key, item[2..]);
            else if (item.Length == line.Length && !found.AddProperty(line, out key))
                break;
        }
        return new FrontMatter(); // a rule, and text below it
    }

    /// <summary>The first value of the first of these names that has one; else empty.</summary>
    public string First(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (_values.TryGetValue(name, out var values) && values is [{ Length: > 0 } first, ..])
                return first;
        }
        return "";
    }

    /// <summary>All values of a name.</summary>
    public IReadOnlyList<string> All(string name) => _values.GetValueOrDefault(name) ?? [];

    /// <summary>Is there such a name, with or without value?</summary>
    public bool Has(string name) => _values.ContainsKey(name);

    private bool AddProperty(ReadOnlySpan<char> line, out string key)
    {
        key = "";
        int colon = line.IndexOf(':');
        if (colon < 1 || (colon + 1 < line.Length && line[colon + 1] != ' '))
            return false;
        key = string.Concat(line[..colon].ToString().Where(char.IsLetterOrDigit)).ToLowerInvariant();
        _values.TryAdd(key, []);
        var value = line[(colon + 1)..].Trim();
        if (value is ['[', .. var list, ']'] && !value.StartsWith("[["))
        {
            foreach (var part in list.Split(','))
                Add(key, list[part]);
        }
        else if (value is not ("|" or ">" or "|-" or ">-"))
        {
            Add(key, value);
        }
        return true;
    }

    private void Add(string key, ReadOnlySpan<char> value)
    {
        value = value.Trim();
        if (value.Length > 1 && value[0] is '"' or '\'' && value[^1] == value[0])
            value = value[1..^1];
        else if (value.IndexOf(" #") is >= 0 and var comment)
            value = value[..comment].TrimEnd();
        if (!value.IsEmpty && _values[key].Count < MostValues)
            _values[key].Add(value.ToString());
    }
}
