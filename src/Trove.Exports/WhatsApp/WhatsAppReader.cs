using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.WhatsApp;

/// <summary>Reads chats line by line. Times are those of the telephone's clock, whose zone no export tells.</summary>
internal sealed class WhatsAppReader : ExportReader
{
    // Of nearly every record, made once.
    private static readonly Metadata Local = Metadata.Of(("clock", "local"));

    private readonly ExportOptions _options;
    private readonly Dictionary<ExportFile, WhatsAppScan> _chats = [];
    private readonly string _me;
    private readonly WhatsAppNames _names = new();

    public WhatsAppReader(ExportFiles files, ExportOptions options)
    {
        _options = options;
        foreach (var file in files.All.Where(file => file.IsReadable && WhatsAppFiles.ChatHead(file, options.Limits).Length > 0))
            _chats.Add(file, WhatsAppScan.Of(file, options.Limits));
        var shown = _chats.Values.Select(scan => scan.Me).Where(me => me.Length > 0).Distinct(StringComparer.Ordinal).ToList();
        Account = shown is [{ Length: <= RecordRules.Name }] ? shown[0] : "";
        _me = WhatsAppLine.Name(Account.Length > 0 ? Account : options.Me);
    }

    public override string Account { get; }

    public override string? WhyIgnored(ExportFile file) => _chats.ContainsKey(file) ? null
        : file.Name.EndsWith(".txt", StringComparison.OrdinalIgnoreCase) ? "a text whose first line is no message's"
        : "media or an attached file";

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) => includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => new WhatsAppChecks(_chats, _options).Run();

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        var scan = _chats[file];
        var thread = WhatsAppFiles.Thread(file);
        using var stream = file.Open();
        var messages = new Messages(stream, scan.Style, _options.Limits.RowLength);
        long undated = 0, own = 0, records = 0, broken = 0;
        log.Warn("times are those of the telephone's clock: no zone is given, so they are read as UTC and may be off by up to 14 hours");
        while (messages.Next())
        {
            if (messages.IsTooLong)
            {
                log.Skip($"a message is longer than {_options.Limits.RowLength} bytes", $"line {messages.Line}");
                continue;
            }
            if (!messages.HasHeader)
            {
                log.Skip("a line before the first message", $"line {messages.Line}");
                continue;
            }
            broken += messages.IsText ? 0 : 1;
            var record = ToRecord(messages, scan, thread);
            if (record is null)
            {
                log.Skip("a message without text", $"line {messages.Line}");
                continue;
            }
            undated += record.Time is null ? 1 : 0;
            own += record.Own ? 1 : 0;
            records++;
            yield return record;
        }
        if (undated > 0)
            log.Warn(scan.Order == DateOrder.Undecided ? $"day and month cannot be told apart in this chat: the times of {undated} messages were left out, and their dates kept as they stand"
                : $"the times of {undated} messages are not certain and were left out; their dates were kept as they stand");
        if (broken > 0)
            log.Warn($"{broken} messages hold bytes that are not UTF-8, replaced by U+FFFD");
        if (_me.Length > 0 && records > 0 && own == 0)
            log.Warn("no message is by the account: its name is the one that the exporting telephone shows");
    }

    private Record? ToRecord(Messages message, WhatsAppScan scan, string thread)
    {
        var header = message.Header;
        var time = scan.Time(header);
        var body = WhatsAppBody.Parse(Encoding.UTF8.GetString(message.Body));
        bool isNotice = body.IsNotice || message.Author.IsEmpty;
        if (!isNotice && body.IsEmpty)
            return null;
        var author = isNotice ? "system" : _names.Of(message.Author);
        return new Record
        {
            Platform = WhatsAppFiles.Platform,
            Kind = isNotice ? RecordKind.Other : RecordKind.Message,
            Thread = thread,
            Author = author,
            Own = !isNotice && _me.Length > 0 && author.Equals(_me, StringComparison.OrdinalIgnoreCase),
            Time = time,
            Text = body.Text,
            Meta = time is not null && body is { Text.Length: > 0, IsEdited: false, Attachment: "", Options: "" } && !isNotice ? Local : Metadata.Of(
                ("clock", time is null ? "" : "local"),
                ("date", time is null ? WhatsAppLine.Name(message.Stamp) : ""),
                ("what", isNotice ? "notice" : body.Options.Length > 0 ? "poll" : ""),
                ("options", body.Options),
                ("media", body.Media),
                ("attachments", body.Attachment),
                ("location", body.Location),
                ("state", body.IsDeleted ? "deleted" : ""),
                ("edited", body.IsEdited ? "yes" : "")),
        };
    }

    /// <summary>Puts lines together to messages: what has no header goes on with the message before it.</summary>
    private sealed class Messages(Stream stream, HeaderStyle style, int longest)
    {
        private readonly LineReader _lines = new(stream, longest);
        private readonly ArrayBufferWriter<byte> _current = new(), _next = new();
        private WhatsAppHeader _nextHeader;
        private bool _nextKnown, _nextCut;
        private long _nextLine;
        private int _body, _author, _authorLength;

        public WhatsAppHeader Header { get; private set; }
        public bool HasHeader { get; private set; }
        public bool IsTooLong { get; private set; }
        public long Line { get; private set; }
        public ReadOnlySpan<byte> Author => _current.WrittenSpan.Slice(_author, _authorLength);
        public ReadOnlySpan<byte> Body => _current.WrittenSpan[_body..];
        public ReadOnlySpan<byte> Stamp => _current.WrittenSpan.Slice(Header.Stamp.Start, Header.Stamp.Length);
        public bool IsText => Utf8.IsValid(_current.WrittenSpan);

        public bool Next()
        {
            _current.ResetWrittenCount();
            if (_nextKnown)
            {
                Write(_next.WrittenSpan);
                (Header, HasHeader, Line, IsTooLong, _nextKnown) = (_nextHeader, true, _nextLine, _nextCut, false);
            }
            else
            {
                if (!_lines.Read(out var first))
                    return false;
                (Line, IsTooLong) = (_lines.Number, _lines.IsCut);
                Write(first);
                HasHeader = WhatsAppHeader.TryParse(first, out var header) && header.Style == style;
                Header = header;
                if (!HasHeader)
                    return true;
            }
            while (_lines.Read(out var line))
            {
                if (WhatsAppHeader.TryParse(line, out var header) && header.Style == style)
                {
                    (_nextHeader, _nextKnown, _nextLine, _nextCut) = (header, true, _lines.Number, _lines.IsCut);
                    _next.ResetWrittenCount();
                    _next.Write(line);
                    break;
                }
                IsTooLong |= _lines.IsCut || _current.WrittenCount + line.Length >= longest;
                if (!IsTooLong)
                {
                    Write("\n"u8);
                    Write(line);
                }
            }
            var author = WhatsAppLine.Author(FirstLine(), Header.End, out _body);
            (_author, _authorLength) = (Header.End, author.Length);
            return true;
        }

        private ReadOnlySpan<byte> FirstLine() => _current.WrittenSpan.IndexOf((byte)'\n') is >= 0 and var end ? _current.WrittenSpan[..end] : _current.WrittenSpan;

        private void Write(ReadOnlySpan<byte> bytes) => _current.Write(bytes);
    }
}
