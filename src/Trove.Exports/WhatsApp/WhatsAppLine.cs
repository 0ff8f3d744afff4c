using System.Text;

namespace Trove.Exports.WhatsApp;

/// <summary>A message's first line: its header, author and where the words begin.</summary>
internal static class WhatsAppLine
{
    private const int LongestAuthor = 300;

    /// <summary>
    /// The author's bytes and where the body begins; no author for a line of the platform's own. Such a line may hold a colon itself, in
    /// a quoted subject: what cuts a quotation apart is no author.
    /// </summary>
    public static ReadOnlySpan<byte> Author(ReadOnlySpan<byte> line, int at, out int body)
    {
        body = at;
        var rest = line[at..Math.Min(line.Length, at + LongestAuthor)];
        int colon = rest.IndexOf(": "u8);
        if (colon < 0 && rest is [.., (byte)':'])
            colon = rest.Length - 1;
        if (colon <= 0 || rest[..colon].Count((byte)'"') % 2 == 1 || (Curly(rest[..colon]) & 1) == 1 || rest[..colon].Count("«"u8) != rest[..colon].Count("»"u8))
            return default;
        body = Math.Min(line.Length, at + colon + 2);
        return rest[..colon];

        static int Curly(ReadOnlySpan<byte> text) => text.Count("“"u8) + text.Count("”"u8) + text.Count("„"u8);
    }

    /// <summary>A name as it is compared and kept: no marks, plain spaces, and no <c>~</c>, which iOS puts before who is no contact.</summary>
    public static string Name(ReadOnlySpan<byte> raw) => Name(Encoding.UTF8.GetString(raw));

    /// <inheritdoc cref="Name(ReadOnlySpan{byte})"/>
    public static string Name(string raw)
    {
        var name = new StringBuilder(raw.Length);
        foreach (char c in raw)
        {
            if (c is '\u00A0' or '\u202F')
                name.Append(' ');
            else if (c is not ((>= '\u200B' and <= '\u200F') or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069') or '\uFEFF'))
                name.Append(c);
        }
        return name.ToString().Trim().TrimStart('~').Trim();
    }
}
