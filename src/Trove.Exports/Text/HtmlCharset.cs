using System.Text;

namespace Trove.Exports.Text;

/// <summary>The charset that an HTML file declares in its first 1,024 bytes (WHATWG HTML, section 13.2.3.2).</summary>
internal static class HtmlCharset
{
    /// <summary>Where browsers look for it.</summary>
    public const int HeadBytes = 1024;

    private const int LongestName = 40;

    /// <summary>What <c>&lt;meta charset="…"&gt;</c> or <c>&lt;meta content="text/html; charset=…"&gt;</c> names; UTF-8 when there is none, or an unknown one.</summary>
    public static Encoding Of(ReadOnlySpan<byte> head)
    {
        var rest = Encoding.Latin1.GetString(head).AsSpan();
        for (int at; (at = rest.IndexOf("<meta", StringComparison.OrdinalIgnoreCase)) >= 0;)
        {
            rest = rest[(at + 1)..];
            int end = rest.IndexOf('>');
            var tag = end < 0 ? rest : rest[..end];
            int name = tag.IndexOf("charset", StringComparison.OrdinalIgnoreCase);
            if (name < 0)
                continue;
            tag = tag[(name + "charset".Length)..].TrimStart();
            if (tag.Length == 0 || tag[0] != '=')
                continue;
            tag = tag[1..].Trim(" \t\r\n\"'");
            int stop = tag.IndexOfAny(" \t\r\n\"';/");
            return Named(stop < 0 ? tag : tag[..stop]);
        }
        return Encoding.UTF8;
    }

    private static Encoding Named(ReadOnlySpan<char> name)
    {
        // A file in which ASCII can be read is not in UTF-16, whatever it says.
        if (name.Length is 0 or > LongestName || name.StartsWith("utf", StringComparison.OrdinalIgnoreCase))
            return Encoding.UTF8;
        bool isLatin = name.Equals("iso-8859-1", StringComparison.OrdinalIgnoreCase) || name.Equals("us-ascii", StringComparison.OrdinalIgnoreCase) || name.Equals("latin1", StringComparison.OrdinalIgnoreCase);
        return CodePagesEncodingProvider.Instance.GetEncoding(isLatin ? "windows-1252" : name.ToString()) ?? Encoding.UTF8;
    }
}
