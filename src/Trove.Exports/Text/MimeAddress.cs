namespace Trove.Exports.Text;

/// <summary>Who a mail is from or to: <c>Ida Brook &lt;ida@example.org&gt;, "Otter, Bob" &lt;bob@example.org&gt;</c> (RFC 5322 section 3.4).</summary>
/// <param name="Name">As it is shown; empty when there is none.</param>
/// <param name="Address">In lower case; empty when there is none.</param>
public readonly record struct MimeAddress(string Name, string Address)
{
    private const int MostAddresses = 256;

    /// <summary>The addresses in a header's value, at most 256; groups (<c>friends: a, b;</c>) give their members.</summary>
    public static List<MimeAddress> Parse(ReadOnlySpan<byte> value)
    {
        var found = new List<MimeAddress>();
        int start = 0, depth = 0;
        bool isQuoted = false, isAngled = false;
        for (int i = 0; i <= value.Length && found.Count < MostAddresses; i++)
        {
            byte b = i < value.Length ? value[i] : (byte)',';
            if (i < value.Length && isQuoted)
            {
                i += b == '\\' ? 1 : 0;
                isQuoted = b != '"';
                continue;
            }
            isQuoted = b == '"';
            depth += b == '(' ? 1 : b == ')' && depth > 0 ? -1 : 0;
            isAngled = b == '<' || (isAngled && b != '>');
            if (i < value.Length && (depth > 0 || isAngled || b is not ((byte)',' or (byte)';' or (byte)':')))
                continue;
            if (b != ':' && One(value[start..Math.Min(i, value.Length)]) is { } address)
                found.Add(address);
            start = i + 1;
        }
        return found;
    }

    /// <summary>Without the person, who does not belong in logs.</summary>
    public override string ToString() => "an address";

    private static MimeAddress? One(ReadOnlySpan<byte> text)
    {
        text = text.Trim(" \t\r\n"u8);
        int open = text.LastIndexOf((byte)'<');
        if (open >= 0)
        {
            int close = text[open..].IndexOf((byte)'>');
            var address = text[(open + 1)..(close < 0 ? text.Length : open + close)];
            var name = MimeWords.Decode(Unquoted(text[..open].Trim(" \t\r\n"u8)));
            return address.IsEmpty && name.Length == 0 ? null : new(name, Lower(address));
        }
        int comment = text.IndexOf((byte)'('); // the name in a comment, as mails had it once
        if (comment > 0 && text[..comment].IndexOf((byte)'@') > 0)
            return new(MimeWords.Decode(text[(comment + 1)..].TrimEnd(")"u8)), Lower(text[..comment]));
        return text.IsEmpty ? null : text.IndexOf((byte)'@') > 0 ? new("", Lower(text)) : new(MimeWords.Decode(Unquoted(text)), "");
    }

    private static string Lower(ReadOnlySpan<byte> address) => MimeWords.Decode(address).ToLowerInvariant();

    private static ReadOnlySpan<byte> Unquoted(ReadOnlySpan<byte> name)
    {
        if (name is not [(byte)'"', .. var inner, (byte)'"'])
            return name;
        if (inner.IndexOf((byte)'\\') < 0)
            return inner;
        var plain = new List<byte>(inner.Length);
        for (int i = 0; i < inner.Length; i++)
        {
            i += inner[i] == '\\' && i + 1 < inner.Length ? 1 : 0;
            plain.Add(inner[i]);
        }
        return plain.ToArray();
    }
}
