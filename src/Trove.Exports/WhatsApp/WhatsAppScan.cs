using System.Runtime.CompilerServices;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.WhatsApp;

/// <summary>The order of the numbers in the dates of one file.</summary>
internal enum DateOrder { DayFirst, MonthFirst, Undecided }

/// <summary>
/// A first pass over a chat for what only the whole file tells: the order of day and month, and who the telephone's owner is. Holds a few
/// names, whatever the size.
/// </summary>
internal sealed class WhatsAppScan
{
    private const int FirstYear = 2009, LastYear = 2100, Buddhist = 543, MostNames = 3;

    private static readonly ConditionalWeakTable<ExportFile, WhatsAppScan> Made = [];

    private readonly HashSet<string> _authors = [], _deleters = [];
    private readonly WhatsAppNames _names = new();
    private readonly string _stem;
    private string _title = "";
    private long _days, _months, _fallsByDay, _fallsByMonth;
    private int _lastByDay, _lastByMonth;
    private (int, int, int) _lastDate, _dayOf;
    private long? _day;
    private bool _anyOpen;

    private WhatsAppScan(string stem) => _stem = stem;

    /// <summary>How all headers of the file look.</summary>
    public HeaderStyle Style { get; private set; }

    /// <summary>
    /// A number above twelve decides; without one, the order under which the messages run forward. Undecided where neither tells, and
    /// where numbers above twelve stand in both places.
    /// </summary>
    public DateOrder Order =>
        _days > 0 || _months > 0 ? (_months == 0 ? DateOrder.DayFirst : _days == 0 ? DateOrder.MonthFirst : DateOrder.Undecided)
        : !_anyOpen || 4 * _fallsByDay < _fallsByMonth ? DateOrder.DayFirst
        : 4 * _fallsByMonth < _fallsByDay ? DateOrder.MonthFirst
        : DateOrder.Undecided;

    /// <summary>
    /// Who exported the chat, where the file shows it: who took a message back in words that only the account sees; or, of two who write,
    /// the one whom the chat is not called after. Empty where it does not.
    /// </summary>
    public string Me
    {
        get
        {
            if (_deleters.Count > 0)
                return _deleters.Count == 1 ? _deleters.First() : "";
            if (_authors.Count != 2)
                return "";
            var others = _authors.Where(name => name == _title || _stem.EndsWith(" " + name, StringComparison.Ordinal)).ToList();
            return others.Count == 1 ? _authors.First(name => name != others[0]) : "";
        }
    }

    /// <summary>The scan of a file, made once though an import has several readers.</summary>
    public static WhatsAppScan Of(ExportFile file, ExportLimits limits) => Made.GetValue(file, _ => Scan(file, limits));

    private static WhatsAppScan Scan(ExportFile file, ExportLimits limits)
    {
        var scan = new WhatsAppScan(WhatsAppLine.Name(Path.GetFileNameWithoutExtension(Names.File(file.Name))));
        try
        {
            using var stream = file.Open();
            var lines = new LineReader(stream, limits.RowLength);
            bool begun = false;
            while (lines.Read(out var line))
            {
                if (!WhatsAppHeader.TryParse(line, out var header) || (begun && header.Style != scan.Style))
                    continue;
                if (!begun)
                    (scan.Style, begun) = (header.Style, true);
                scan.Look(line, header);
            }
        }
        catch (Exception e) when (ExportFile.IsFault(e))
        {
            // What was seen before the fault holds; reading the file reports the fault.
        }
        return scan;
    }

    /// <summary>When a message was sent, in milliseconds by the telephone's own clock; null where its date or half of the day is not certain.</summary>
    public long? Time(in WhatsAppHeader header)
    {
        if (header.Date != _dayOf)
            (_dayOf, _day) = (header.Date, Day(header));
        return _day + header.Clock;
    }

    private long? Day(in WhatsAppHeader header)
    {
        var order = Order;
        if (order == DateOrder.Undecided && IsOpen(header))
            return null;
        var (year, month, day) = Ordered(header, order);
        year += year < 100 ? 2000 : year is > 2500 and < 2700 ? -Buddhist : 0;
        if (year is < FirstYear or > LastYear || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month))
            return null; // other calendars, or no date
        return new DateTimeOffset(year, month, day, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
    }

    private static (int Year, int Month, int Day) Ordered(in WhatsAppHeader header, DateOrder order)
    {
        var (first, second, third) = header.Date;
        return header.Style.YearFirst || first > 31 ? (first, second, third) : order == DateOrder.MonthFirst ? (third, first, second) : (third, second, first);
    }

    /// <summary>Can either of the first two numbers be the month, with another date for it?</summary>
    private static bool IsOpen(in WhatsAppHeader header) => !header.Style.YearFirst && header.Date is (<= 12, <= 12, _) && header.Date.First != header.Date.Second;

    private void Look(ReadOnlySpan<byte> line, in WhatsAppHeader header)
    {
        if (header.Date != _lastDate && !header.Style.YearFirst && header.Date.First <= 31)
        {
            _lastDate = header.Date;
            var (first, second, year) = header.Date;
            _days += first > 12 && second <= 12 ? 1 : 0;
            _months += second > 12 && first <= 12 ? 1 : 0;
            _anyOpen |= IsOpen(header);
            int byDay = (year * 12 + second) * 31 + first, byMonth = (year * 12 + first) * 31 + second;
            _fallsByDay += byDay < _lastByDay ? 1 : 0;
            _fallsByMonth += byMonth < _lastByMonth ? 1 : 0;
            (_lastByDay, _lastByMonth) = (byDay, byMonth);
        }
        var author = WhatsAppLine.Author(line, header.End, out int at);
        if (author.IsEmpty)
            return;
        var body = line[at..];
        bool marked = body.StartsWith("\u200E"u8);
        if (_title.Length == 0 && marked && _authors.Count == 0)
            _title = _names.Of(author); // iOS opens each chat with a notice in its name
        else if (!marked && _authors.Count < MostNames)
            _authors.Add(_names.Of(author));
        if (_deleters.Count < MostNames && WhatsAppBody.IsDeletedByMe(body))
            _deleters.Add(_names.Of(author));
    }
}
