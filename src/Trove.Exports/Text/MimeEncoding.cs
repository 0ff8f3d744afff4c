using System.Buffers;
using System.Buffers.Text;

namespace Trove.Exports.Text;

/// <summary>What Content-Transfer-Encoding does to bytes (RFC 2045 section 6), undone. Damaged input gives what of it can be read.</summary>
internal static class MimeEncoding
{
    /// <summary>Decodes by the encoding's name; any but <c>base64</c> and <c>quoted-printable</c> leaves the bytes alone.</summary>
    public static byte[] Decode(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> encoding, out bool isWhole)
    {
        isWhole = true;
        return System.Text.Ascii.EqualsIgnoreCase(encoding, "base64"u8) ? Base64Of(bytes, out isWhole)
            : System.Text.Ascii.EqualsIgnoreCase(encoding, "quoted-printable"u8) ? QuotedPrintable(bytes) : bytes.ToArray();
    }

    /// <summary>Base64 with white space in it, up to where it is no more.</summary>
    public static byte[] Base64Of(ReadOnlySpan<byte> text, out bool isWhole)
    {
        var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
        var status = Base64.DecodeFromUtf8(text, bytes, out int read, out int written, isFinalBlock: true);
        isWhole = status == OperationStatus.Done && text[read..].IndexOfAnyExcept(" \t\r\n"u8) < 0;
        return bytes.AsSpan(0, written).ToArray();
    }

    /// <summary>Quoted-printable (RFC 2045 section 6.7): <c>=41</c>, and <c>=</c> at a line's end joins it with the next. Any other <c>=</c> stays.</summary>
    public static byte[] QuotedPrintable(ReadOnlySpan<byte> text)
    {
        var bytes = new byte[text.Length];
        int filled = 0;
        while (true)
        {
            int at = text.IndexOf((byte)'=');
            var run = at < 0 ? text : text[..at];
            run.CopyTo(bytes.AsSpan(filled));
            filled += run.Length;
            if (at < 0)
                return bytes.AsSpan(0, filled).ToArray();
            text = text[(at + 1)..];
            int blank = text.IndexOfAnyExcept((byte)' ', (byte)'\t');
            var rest = blank < 0 ? [] : text[blank..];
            if (text is [var high, var low, ..] && Hex(high) is >= 0 and var h && Hex(low) is >= 0 and var l)
            {
                bytes[filled++] = (byte)(h << 4 | l);
                text = text[2..];
            }
            else if (rest is [(byte)'\n', ..])
            {
                text = rest[1..];
            }
            else if (rest is [(byte)'\r', (byte)'\n', ..])
            {
                text = rest[2..];
            }
            else if (!rest.IsEmpty)
            {
                bytes[filled++] = (byte)'=';
            }
            else
            {
                text = [];
            }
        }
    }

    /// <summary>The value of a hexadecimal digit of either case; -1 for what is none.</summary>
    public static int Hex(byte digit) => char.IsAsciiHexDigit((char)digit) ? (digit & 0xF) + (digit > '9' ? 9 : 0) : -1;
}
