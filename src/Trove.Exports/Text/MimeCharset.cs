using System.Text;
using System.Text.Unicode;

namespace Trove.Exports.Text;

/// <summary>Text of mails in the charsets of the IANA registry that .NET knows; what is not valid becomes U+FFFD.</summary>
internal static class MimeCharset
{
    private const int LongestName = 40;

    /// <summary>Decodes bytes.</summary>
    /// <param name="bytes">In the charset.</param>
    /// <param name="name">Empty where the mail names none: then it is UTF-8 where it can be, else Latin-1.</param>
    /// <param name="isKnown">False for a name that says nothing: then it was read as Latin-1, which any bytes are.</param>
    public static string Decode(ReadOnlySpan<byte> bytes, string name, out bool isKnown)
    {
        isKnown = true;
        if (name.Length == 0 || name.Equals("us-ascii", StringComparison.OrdinalIgnoreCase) || name.Equals("utf-8", StringComparison.OrdinalIgnoreCase))
            return name is ['u' or 'U', 't' or 'T', ..] || Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : Encoding.Latin1.GetString(bytes);
        var encoding = Find(name);
        isKnown = encoding is not null;
        return (encoding ?? Encoding.Latin1).GetString(bytes);
    }

    /// <summary>UTF-7 is none: it was made to slip markup past filters.</summary>
    private static Encoding? Find(string name)
    {
        if (name.Length > LongestName || name.StartsWith("utf-7", StringComparison.OrdinalIgnoreCase) || name.StartsWith("unicode-1-1-utf-7", StringComparison.OrdinalIgnoreCase))
            return null;
        try
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(name) ?? Encoding.GetEncoding(name);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return null;
        }
    }
}
