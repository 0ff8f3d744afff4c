using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Mbox;

/// <summary>
/// Whose mail it is. No mailbox says so; the address that most mails in "Sent" are from does, else the one that most were delivered to. Where
/// neither has more than half of them, nobody is guessed.
/// </summary>
/// <param name="Address">Empty when it is not clear.</param>
/// <param name="Source">Where it comes from, for the report.</param>
internal readonly record struct MailAccount(string Address, string Source)
{
    // Enough to know, and little enough to read each time that an export is opened. Stops: a scan as long as the export.
    private const long MostBytes = 256L << 20;
    private const int MostMails = 20_000, MostAddresses = 10_000;

    /// <summary>Reads the beginning of the files of mail.</summary>
    public static MailAccount Find(IEnumerable<ExportFile> files, ExportLimits limits)
    {
        var (sent, delivered) = (new Dictionary<string, int>(StringComparer.Ordinal), new Dictionary<string, int>(StringComparer.Ordinal));
        long bytes = 0;
        int mails = 0;
        foreach (var file in files)
        {
            if (bytes > MostBytes || mails > MostMails)
                break;
            bool isSentFile = MailFolders.IsSent(file.Name);
            try
            {
                using var stream = file.Open();
                var messages = new MboxMessages(stream, limits.RowLength, MboxFiles.Of(file) == MboxFiles.Sort.Mail);
                while (bytes <= MostBytes && mails <= MostMails && messages.Next())
                {
                    mails++;
                    bytes += messages.Mail.Length;
                    var header = MimeHeader.Read(messages.Mail);
                    if (isSentFile || (!header.GmailLabels.IsEmpty && MailLabels.Of(MimeWords.Decode(header.GmailLabels)).IsSent))
                        Count(sent, header.From);
                    else if (!header.DeliveredTo.IsEmpty)
                        Count(delivered, header.DeliveredTo);
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                // Whoever reads the file will report the fault.
            }
        }
        return Most(sent) is { Length: > 0 } from ? new(from, "the address that most mails in Sent are from")
            : sent.Count == 0 && Most(delivered) is { Length: > 0 } to ? new(to, "the address that most mails were delivered to")
            : new("", "");
    }

    private static void Count(Dictionary<string, int> counts, ReadOnlySpan<byte> value)
    {
        if (MboxFiles.Address(value) is { Length: > 0 } address && (counts.ContainsKey(address) || counts.Count < MostAddresses))
            counts[address] = counts.GetValueOrDefault(address) + 1;
    }

    private static string Most(Dictionary<string, int> counts)
    {
        var first = counts.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal).FirstOrDefault();
        return 2L * first.Value > counts.Values.Sum(count => (long)count) ? first.Key : "";
    }
}

/// <summary>Folders of mail programs, by the names they give their files.</summary>
internal static class MailFolders
{
    /// <summary>Is the file the one of mails sent: <c>Sent</c>, <c>Sent-1</c>, <c>Sent.mbox</c>, <c>Sent Messages.mbox/mbox</c>?</summary>
    public static bool IsSent(string name)
    {
        var file = Names.File(name);
        if (file.Equals("mbox", StringComparison.OrdinalIgnoreCase) && name.Length > file.Length)
            file = Names.File(name[..^(file.Length + 1)]);
        var stem = file.EndsWith(".mbox", StringComparison.OrdinalIgnoreCase) ? file[..^5] : file;
        stem = stem.TrimEnd("0123456789-_() ".ToCharArray());
        return stem.ToLowerInvariant() is "sent" or "sent messages" or "sent items" or "sent mail" or "sent-mail" or "gesendet" or "gesendete elemente" or "envoyés" or "enviados" or "inviati" or "verzonden";
    }
}
