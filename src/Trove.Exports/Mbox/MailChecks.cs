using System.Buffers.Binary;
using System.Security.Cryptography;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Mbox;

/// <summary>Do files of mail agree with themselves (specs/exports/mbox.md)?</summary>
internal sealed class MailChecks(IEnumerable<ExportFile> files, string me, ExportLimits limits)
{
    private const long Day = 86_400_000;

    // Clocks of one's own computer, zones left out of separators, and mails that waited for a connection.
    private const long Tolerance = 2 * Day;

    // 1971-01-01, the year of the first mail.
    private const long FirstMail = 31_536_000_000;

    // Memory for ids: 64 MiB at most.
    private const int MostIds = 1 << 21;

    private readonly Dictionary<ulong, ulong> _ids = [];
    private long _lengths, _otherLength, _repeated, _unlike, _dated, _implausible;

    public IReadOnlyList<ExportCheck> Run(string platform)
    {
        string? unreadable = null;
        foreach (var file in files)
        {
            try
            {
                using var stream = file.Open();
                var messages = new MboxMessages(stream, limits.RowLength, MboxFiles.Of(file) == MboxFiles.Sort.Mail);
                while (messages.Next())
                    Add(messages);
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                unreadable ??= $"{Names.Printable(file.Name)}: {ExportFile.Reason(e)}";
            }
        }
        string length = platform + ".length", ids = platform + ".ids", dates = platform + ".dates";
        return
        [
            _lengths == 0 ? ExportCheck.Absent(length, "no mail gives its length")
                : _otherLength > 0 ? ExportCheck.Failed(length, $"{_otherLength} of {_lengths} mails have another length than they give")
                : ExportCheck.Passed(length, $"{_lengths} mails have the length that they give"),
            unreadable is not null ? ExportCheck.Failed(ids, $"the mails cannot be read to their end; {unreadable}")
                : _ids.Count == 0 ? ExportCheck.Absent(ids, "no mail has an id")
                : _unlike > 0 ? ExportCheck.Failed(ids, $"{_unlike} mails have the id of another with another date or author")
                : ExportCheck.Passed(ids, $"{_ids.Count} ids, {_repeated} of them repeated by copies of the same mail"),
            _dated == 0 ? ExportCheck.Absent(dates, "no mail by the account has a date and one on which it was stored")
                : _implausible > 0 ? ExportCheck.Failed(dates, $"{_implausible} of {_dated} mails by the account are dated before there was mail, or after they were stored")
                : ExportCheck.Passed(dates, $"{_dated} mails by the account are dated before they were stored"),
        ];
    }

    private void Add(MboxMessages messages)
    {
        var header = MimeHeader.Read(messages.Mail);
        if (MboxFiles.Number(header.ContentLength) is { } claimed && !messages.IsCut)
        {
            _lengths++;
            // Up to the blank line before the next mail.
            _otherLength += header.Body.Length - claimed is >= 0 and <= 4 ? 0 : 1;
        }
        if (MailIds.FirstRaw(header.MessageId) is { IsEmpty: false } id)
        {
            var (key, like) = (Hash(id), Hash([.. header.Date, 0, .. header.From]));
            if (_ids.TryGetValue(key, out ulong known))
            {
                _repeated++;
                _unlike += known == like ? 0 : 1;
            }
            else if (_ids.Count < MostIds)
            {
                _ids.Add(key, like);
            }
        }
        if (me.Length > 0 && MboxFiles.Address(header.From).Equals(me, StringComparison.OrdinalIgnoreCase)
            && MimeDate.Parse(header.Date) is { } date && MboxMessages.Stored(messages.Separator) is { } stored)
        {
            _dated++;
            _implausible += date < FirstMail || date > stored + Tolerance ? 1 : 0;
        }
    }

    private static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }
}
