using System.Text;

namespace Trove.Exports.Text;

/// <summary>
/// The header of a mail or of one of its parts (RFC 5322 section 2.2, RFC 2045): raw values of those fields that records need, with folds and
/// encoded words as they stand; empty where there is none. Of a repeated field the first counts, as it does for those who show mail.
/// </summary>
internal readonly ref struct MimeHeader
{
    public ReadOnlySpan<byte> ContentType { get; private init; }
    public ReadOnlySpan<byte> TransferEncoding { get; private init; }
    public ReadOnlySpan<byte> Disposition { get; private init; }
    public ReadOnlySpan<byte> MessageId { get; private init; }
    public ReadOnlySpan<byte> InReplyTo { get; private init; }
    public ReadOnlySpan<byte> References { get; private init; }
    public ReadOnlySpan<byte> Date { get; private init; }
    public ReadOnlySpan<byte> From { get; private init; }
    public ReadOnlySpan<byte> To { get; private init; }
    public ReadOnlySpan<byte> Cc { get; private init; }
    public ReadOnlySpan<byte> Subject { get; private init; }
    public ReadOnlySpan<byte> DeliveredTo { get; private init; }
    public ReadOnlySpan<byte> ContentLength { get; private init; }
    public ReadOnlySpan<byte> MozillaStatus { get; private init; }
    public ReadOnlySpan<byte> GmailLabels { get; private init; }
    public ReadOnlySpan<byte> GmailThread { get; private init; }

    /// <summary>What comes after the blank line that ends the header.</summary>
    public ReadOnlySpan<byte> Body { get; private init; }

    /// <summary>How many fields there are, of any name.</summary>
    public int Fields { get; private init; }

    /// <summary>Reads a header; a line that is no field is passed over.</summary>
    public static MimeHeader Read(ReadOnlySpan<byte> entity)
    {
        var header = new MimeHeader();
        int fields = 0;
        while (!entity.IsEmpty)
        {
            int end = FieldEnd(entity);
            var field = entity[..end].TrimEnd("\r\n"u8);
            entity = entity[end..];
            if (field.IsEmpty)
                break;
            int colon = field.IndexOf((byte)':');
            if (colon <= 0 || field[..colon].IndexOfAny((byte)'\n', (byte)'\0') >= 0)
                continue;
            fields++;
            header = With(header, field[..colon].TrimEnd(" \t"u8), field[(colon + 1)..].Trim(" \t\r\n"u8));
        }
        return header with { Body = entity, Fields = fields };
    }

    private static MimeHeader With(MimeHeader header, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        // By length first: mails have some fifty fields and nearly all are nobody's business.
        switch (name.Length)
        {
            case 2 when Is(name, "To"u8) && header.To.IsEmpty:
                return header with { To = value };
            case 2 when Is(name, "Cc"u8) && header.Cc.IsEmpty:
                return header with { Cc = value };
            case 4 when Is(name, "From"u8) && header.From.IsEmpty:
                return header with { From = value };
            case 4 when Is(name, "Date"u8) && header.Date.IsEmpty:
                return header with { Date = value };
            case 7 when Is(name, "Subject"u8) && header.Subject.IsEmpty:
                return header with { Subject = value };
            case 10 when Is(name, "Message-ID"u8) && header.MessageId.IsEmpty:
                return header with { MessageId = value };
            case 10 when Is(name, "References"u8) && header.References.IsEmpty:
                return header with { References = value };
            case 10 when Is(name, "X-GM-THRID"u8) && header.GmailThread.IsEmpty:
                return header with { GmailThread = value };
            case 11 when Is(name, "In-Reply-To"u8) && header.InReplyTo.IsEmpty:
                return header with { InReplyTo = value };
            case 12 when Is(name, "Content-Type"u8) && header.ContentType.IsEmpty:
                return header with { ContentType = value };
            case 12 when Is(name, "Delivered-To"u8) && header.DeliveredTo.IsEmpty:
                return header with { DeliveredTo = value };
            case 14 when Is(name, "Content-Length"u8) && header.ContentLength.IsEmpty:
                return header with { ContentLength = value };
            case 14 when Is(name, "X-Gmail-Labels"u8) && header.GmailLabels.IsEmpty:
                return header with { GmailLabels = value };
            case 16 when Is(name, "X-Mozilla-Status"u8) && header.MozillaStatus.IsEmpty:
                return header with { MozillaStatus = value };
            case 19 when Is(name, "Content-Disposition"u8) && header.Disposition.IsEmpty:
                return header with { Disposition = value };
            case 25 when Is(name, "Content-Transfer-Encoding"u8) && header.TransferEncoding.IsEmpty:
                return header with { TransferEncoding = value };
            default:
                return header;
        }
    }

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> known) => Ascii.EqualsIgnoreCase(name, known);

    // Behind the line end after which no fold goes on.
    private static int FieldEnd(ReadOnlySpan<byte> entity)
    {
        int at = 0;
        while (true)
        {
            int line = entity[at..].IndexOf((byte)'\n');
            if (line < 0)
                return entity.Length;
            bool isBlank = at == 0 && (line == 0 || (line == 1 && entity[0] == '\r'));
            at += line + 1;
            if (isBlank || at == entity.Length || entity[at] is not ((byte)' ' or (byte)'\t'))
                return at;
        }
    }
}
