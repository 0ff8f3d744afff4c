using System.Text;
using System.Text.Unicode;

namespace Trove.Exports.Text;

/// <summary>
/// Unfolds a header's value and decodes its encoded words, <c>=?utf-8?Q?caf=C3=A9?=</c> (RFC 2047). White space between two of them is none, and
/// words of one charset are put together as bytes first: many programs cut characters in two.
/// </summary>
internal static class MimeWords
{
    /// <summary>Longer values are cut there, which no header of a person's mail comes near.</summary>
    private const int Longest = 1 << 18;

    // Stops: beginnings of words, each looked for an end through all the rest.
    private const int LongestWord = 1 << 13;

    /// <summary>The value as text, in one line.</summary>
    public static string Decode(ReadOnlySpan<byte> value)
    {
        value = value[..Math.Min(value.Length, Longest)];
        if (value.IndexOf("=?"u8) < 0)
            return Plain(value).Trim();
        var text = new StringBuilder(value.Length);
        var pending = new List<byte>();
        var charset = "";
        while (!value.IsEmpty)
        {
            int start = value.IndexOf("=?"u8);
            if (start < 0)
                break;
            if (!TryWord(value[start..], out var name, out var bytes, out int length))
            {
                Flush();
                text.Append(Plain(value[..(start + 2)]));
                value = value[(start + 2)..];
                continue;
            }
            bool joins = pending.Count > 0 && value[..start].IndexOfAnyExcept(" \t\r\n"u8) < 0;
            if (!joins || !charset.Equals(name, StringComparison.OrdinalIgnoreCase))
                Flush();
            if (!joins)
                text.Append(Plain(value[..start]));
            charset = name;
            value = value[(start + length)..];
            pending.AddRange(bytes);
            if (value.IndexOfAnyExcept(" \t\r\n"u8) is var next && (next < 0 || !value[next..].StartsWith("=?"u8)))
                Flush();
        }
        Flush();
        return text.Append(Plain(value)).ToString().Trim();

        void Flush()
        {
            if (pending.Count > 0)
                text.Append(OneLine(MimeCharset.Decode(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(pending), charset, out _)));
            pending.Clear();
        }
    }

    // =?charset*language?B?text?=, the language by RFC 2231 section 5.
    private static bool TryWord(ReadOnlySpan<byte> at, out string charset, out byte[] bytes, out int length)
    {
        (charset, bytes, length) = ("", [], 0);
        int first = at[2..].IndexOf((byte)'?') + 2;
        if (first is <= 2 or > 60 || at.Length < first + 5 || at[first + 2] != '?')
            return false;
        var text = at[(first + 3)..Math.Min(at.Length, LongestWord)];
        int end = text.IndexOf("?="u8);
        if (end < 0 || text[..end].IndexOfAny((byte)'\n', (byte)'?') >= 0)
            return false;
        var name = at[2..first];
        charset = Encoding.ASCII.GetString(name.IndexOf((byte)'*') is >= 0 and var star ? name[..star] : name);
        length = first + 3 + end + 2;
        switch ((char)(at[first + 1] | 0x20))
        {
            case 'b':
                bytes = MimeEncoding.Base64Of(text[..end], out _);
                return true;
            case 'q':
                var spaced = text[..end].ToArray();
                spaced.AsSpan().Replace((byte)'_', (byte)' ');
                bytes = MimeEncoding.QuotedPrintable(spaced);
                return true;
            default:
                return false;
        }
    }

    private static string Plain(ReadOnlySpan<byte> raw) => OneLine(Utf8.IsValid(raw) ? Encoding.UTF8.GetString(raw) : Encoding.Latin1.GetString(raw));

    // A fold is its line end taken out (RFC 5322 section 2.2.3).
    private static string OneLine(string text)
    {
        if (!text.AsSpan().ContainsAny('\r', '\n', '\t'))
            return text;
        return text.Replace("\r", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal).Replace('\t', ' ');
    }
}
