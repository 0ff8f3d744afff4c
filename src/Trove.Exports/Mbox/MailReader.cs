using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Mbox;

/// <summary>Makes a record of a mail; Gmail's mails in a Google export are made the same way.</summary>
/// <param name="platform">Whose export it is.</param>
/// <param name="me">The account's address; empty when it is not known.</param>
/// <param name="longest">Bytes of one mail that are looked at.</param>
internal sealed class MailReader(string platform, string me, int longest)
{
    private const int MozillaExpunged = 0x0008; // nsMsgMessageFlags: deleted, and still in the file until it is compacted

    /// <summary>The mails of one file.</summary>
    public IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        using var stream = file.Open();
        bool isSingle = MboxFiles.Of(file) == MboxFiles.Sort.Mail;
        var messages = new MboxMessages(stream, longest, isSingle);
        var (charsets, damaged, cut, undated) = (0L, 0L, 0L, 0L);
        while (messages.Next())
        {
            var where = $"mail {messages.Number}";
            var header = MimeHeader.Read(messages.Mail);
            if (header.Fields == 0)
            {
                log.Skip("a mail without header", where);
                continue;
            }
            if (Flags(header.MozillaStatus) is var flags && (flags & MozillaExpunged) != 0)
            {
                log.Skip("a mail that was deleted, which its program had not yet taken out of the file", where);
                continue;
            }
            var body = MimeBody.Read(header, unquote: !isSingle);
            if (body.Text.Length > RecordRules.Text)
            {
                log.Skip($"a mail whose text is longer than {RecordRules.Text} characters", where);
                continue;
            }
            var record = ToRecord(header, body);
            charsets += body.HasUnknownCharset ? 1 : 0;
            damaged += body.IsDamaged ? 1 : 0;
            cut += body.IsCut || messages.IsCut ? 1 : 0;
            undated += record.Time is null ? 1 : 0;
            yield return record;
        }
        if (charsets > 0)
            log.Warn($"{charsets} mails name a charset that is not known and were read as Latin-1");
        if (damaged > 0)
            log.Warn($"{damaged} mails are damaged; what of them can be read was");
        if (cut > 0)
            log.Warn($"{cut} mails are longer than {longest} bytes or have too many parts; what lies beyond was not looked at");
        if (undated > 0)
            log.Warn($"{undated} mails have no date with a zone; their times were left out");
    }

    private Record ToRecord(in MimeHeader header, MimeBody body)
    {
        var from = MimeAddress.Parse(header.From) is [var first, ..] ? first : default;
        var author = from.Address is { Length: > 0 } address ? address : from.Name ?? "";
        var labels = MailLabels.Of(MimeWords.Decode(header.GmailLabels));
        var (text, quoted) = MailQuotes.Strip(body.Text);
        var subject = MimeWords.Decode(header.Subject);
        // Anybody can write anybody's address: spam does.
        bool isOwn = me.Length > 0 && author.Equals(me, StringComparison.OrdinalIgnoreCase) && !labels.IsSpam;
        bool repeats = !header.InReplyTo.IsEmpty || !header.References.IsEmpty || IsAnswer(subject);
        var (id, parent) = (MailIds.First(header.MessageId), MailIds.First(header.InReplyTo));
        var root = header.GmailThread.Length is > 0 and <= 64 ? MimeWords.Decode(header.GmailThread)
            : MailIds.First(header.References) is { Length: > 0 } referred ? referred
            : parent.Length > 0 ? parent : id;
        return new Record
        {
            Platform = platform,
            Kind = labels.IsDraft ? RecordKind.Note : labels.IsChat ? RecordKind.Message : RecordKind.Mail,
            Id = id,
            Thread = root,
            Author = author.Length <= RecordRules.Name ? author : "",
            Own = isOwn,
            Time = MimeDate.Parse(header.Date),
            Title = repeats || subject.Length > RecordRules.Title ? "" : subject,
            Text = text,
            Meta = Metadata.Of(
                ("attachments", Metadata.List(body.Attachments.Take(100), '\n')),
                ("from", from.Name is { Length: > 0 and <= RecordRules.Name } name ? name : ""),
                ("labels", Metadata.List(labels.All, ',')),
                ("parent", parent),
                ("quoted", quoted > 0 ? quoted.ToString(System.Globalization.CultureInfo.InvariantCulture) : ""),
                ("subject", repeats && subject.Length <= RecordRules.MetaValue ? subject : ""),
                ("to", Metadata.List(MimeAddress.Parse(header.To).Concat(MimeAddress.Parse(header.Cc)).Take(100).Select(to => to.Address.Length > 0 ? to.Address : to.Name))),
                ("what", labels.IsDraft ? "draft" : "")),
        };
    }

    // Re:, AW:, Fwd:, TR: and their like, in any language.
    private static bool IsAnswer(string subject) => subject.IndexOf(':') is >= 2 and <= 3 and var colon && subject.AsSpan(0, colon).IndexOfAnyExceptInRange('A', 'z') < 0
        && colon + 1 < subject.Length && subject[colon + 1] == ' ';

    private static int Flags(ReadOnlySpan<byte> value) =>
        int.TryParse(value, System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture, out int flags) ? flags : 0;
}
