namespace Trove.Exports;

/// <summary>
/// Substring search in time linear in the text (Knuth, Morris, Pratt 1977). <c>IndexOf</c> compares at every position,
/// which a text of one repeated letter turns into hours.
/// </summary>
internal static class LinearSearch
{
    private const int Brief = 64; // up to here the framework's vectorised search is linear enough

    public static int IndexOf(ReadOnlySpan<char> text, ReadOnlySpan<char> pattern) =>
        pattern.Length <= Brief ? text.IndexOf(pattern) : Search(text, pattern, ignoreCase: false);

    /// <summary>Ignores case by the invariant upper case of each UTF-16 unit, so that a match is as long as the pattern.</summary>
    public static int IndexOfIgnoreCase(ReadOnlySpan<char> text, ReadOnlySpan<char> pattern) =>
        pattern.Length <= Brief ? text.IndexOf(pattern, StringComparison.OrdinalIgnoreCase) : Search(text, pattern, ignoreCase: true);

    private static int Search(ReadOnlySpan<char> text, ReadOnlySpan<char> pattern, bool ignoreCase)
    {
        if (pattern.Length > text.Length)
            return -1;
        var border = new int[pattern.Length]; // border[i]: longest proper prefix that is a suffix of pattern[..(i + 1)]
        for (int i = 1, matched = 0; i < pattern.Length; i++)
        {
            while (matched > 0 && !Same(pattern[i], pattern[matched], ignoreCase))
                matched = border[matched - 1];
            if (Same(pattern[i], pattern[matched], ignoreCase))
                matched++;
            border[i] = matched;
        }
        for (int i = 0, matched = 0; i < text.Length; i++)
        {
            while (matched > 0 && !Same(text[i], pattern[matched], ignoreCase))
                matched = border[matched - 1];
            if (Same(text[i], pattern[matched], ignoreCase))
                matched++;
            if (matched == pattern.Length)
                return i - matched + 1;
        }
        return -1;
    }

    private static bool Same(char a, char b, bool ignoreCase) => ignoreCase ? char.ToUpperInvariant(a) == char.ToUpperInvariant(b) : a == b;
}
