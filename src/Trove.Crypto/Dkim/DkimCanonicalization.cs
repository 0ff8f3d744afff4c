using System.Text;

namespace Trove.Crypto.Dkim;

/// <summary>How white space may have changed on the way (RFC 6376 section 3.4).</summary>
internal static class DkimCanonicalization
{
    /// <summary>A header field with its CRLF, as it is hashed.</summary>
    public static string Header(DkimField field, bool relaxed)
    {
        if (!relaxed)
            return $"{field.Name}:{field.Value}";
        // Section 3.4.2: the name in lower case, unfolded, white space as one space and none at the ends or around the colon.
        var text = new StringBuilder(field.Name.TrimEnd(' ', '\t').ToLowerInvariant()).Append(':');
        bool isSpace = false;
        int start = text.Length;
        foreach (char c in field.Value)
        {
            if (c is ' ' or '\t' or '\r' or '\n')
            {
                isSpace = true;
                continue;
            }
            if (isSpace && text.Length > start)
                text.Append(' ');
            isSpace = false;
            text.Append(c);
        }
        return text.Append("\r\n").ToString();
    }

    /// <summary>The body as it is hashed.</summary>
    /// <param name="body">Its lines end with CRLF, but for the last perhaps.</param>
    /// <param name="relaxed">Else simple.</param>
    public static byte[] Body(ReadOnlySpan<byte> body, bool relaxed)
    {
        var bytes = new byte[body.Length + 2];
        int length = 0;
        bool isSpace = false;
        for (int i = 0; i < body.Length; i++)
        {
            byte b = body[i];
            if (relaxed && b is (byte)' ' or (byte)'\t')
            {
                isSpace = true;
                continue;
            }
            // White space goes at a line's end, and is one space elsewhere (section 3.4.4).
            if (isSpace && !body[i..].StartsWith("\r\n"u8))
                bytes[length++] = (byte)' ';
            isSpace = false;
            bytes[length++] = b;
        }
        while (length > 0 && bytes.AsSpan(0, length).EndsWith("\r\n"u8))
            length -= 2;
        if (length > 0 || !relaxed) // an empty body is a CRLF by the simple way (section 3.4.3), nothing by the relaxed one
        {
            bytes[length++] = (byte)'\r';
            bytes[length++] = (byte)'\n';
        }
        return bytes[..length];
    }
}
