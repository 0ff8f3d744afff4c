using System.Globalization;
using System.Text;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.WhatsApp;

/// <summary>Does a WhatsApp chat agree with itself (specs/exports/whatsapp.md)?</summary>
internal sealed class WhatsAppChecks(IReadOnlyDictionary<ExportFile, WhatsAppScan> chats, ExportOptions options)
{
    private const long Day = 86_400_000;

    // A telephone that was without a connection puts in late what came before.
    private const int MostDaysBack = 30;

    public IReadOnlyList<ExportCheck> Run()
    {
        long dated = 0, back = 0, named = 0, other = 0;
        string? unreadable = null;
        foreach (var (file, scan) in chats)
        {
            try
            {
                using var stream = file.Open();
                var lines = new LineReader(stream, options.Limits.RowLength);
                long latest = 0;
                while (lines.Read(out var line))
                {
                    if (!WhatsAppHeader.TryParse(line, out var header) || header.Style != scan.Style || scan.Time(header) is not { } time)
                        continue;
                    dated++;
                    back += time < latest - MostDaysBack * Day ? 1 : 0;
                    latest = Math.Max(latest, time);
                    if (DateOfAttachment(line[header.End..]) is not { } date)
                        continue;
                    named++;
                    other += Math.Abs(date - time) > Day ? 1 : 0;
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                unreadable ??= $"{Names.Printable(file.Name)}: {ExportFile.Reason(e)}";
            }
        }
        const string order = "whatsapp.order", attachments = "whatsapp.attachments";
        return
        [
            unreadable is not null ? ExportCheck.Failed(order, $"the chats cannot be read to their end; {unreadable}")
                : dated == 0 ? ExportCheck.Absent(order, "no message has a time that is certain")
                : back > 0 ? ExportCheck.Failed(order, $"{back} of {dated} messages are dated more than {MostDaysBack} days before one above them")
                : ExportCheck.Passed(order, $"{dated} messages run forward"),
            named == 0 ? ExportCheck.Absent(attachments, "no attachment has a date in its name, as those of iOS do")
                : other > 0 ? ExportCheck.Failed(attachments, $"{other} of {named} attachments bear another date than their message")
                : ExportCheck.Passed(attachments, $"{named} attachments bear the date of their message"),
        ];
    }

    /// <summary>The date and time in <c>00000012-PHOTO-2025-03-04-14-06-11.jpg&gt;</c>, milliseconds by the same clock as the message's.</summary>
    private static long? DateOfAttachment(ReadOnlySpan<byte> line)
    {
        int dot = line is [.., (byte)'>'] ? line.LastIndexOf((byte)'.') : -1;
        int colon = dot < 0 ? -1 : line[..dot].LastIndexOf(": "u8);
        if (colon < 0 || dot - colon is < 24 or > 80 || !char.IsAsciiDigit((char)line[colon + 2]))
            return null;
        return DateTime.TryParseExact(Encoding.UTF8.GetString(line[(dot - 19)..dot]), "yyyy-MM-dd-HH-mm-ss", CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var date) ? new DateTimeOffset(date).ToUnixTimeMilliseconds() : null;
    }
}
