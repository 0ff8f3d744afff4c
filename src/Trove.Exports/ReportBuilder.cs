using System.Text;

namespace Trove.Exports;

/// <summary>Notes what happens to one file. Reasons are bounded however many rows are bad, and never quote a member's text.</summary>
internal sealed class FileLog(string name)
{
    private const int MostReasons = 8, MostWarnings = 8;

    private readonly Dictionary<string, (long Count, string First)> _reasons = [];
    private readonly List<string> _warnings = [];
    private string? _ended;

    public string Name => name;
    public long Records { get; set; }
    public long Skipped { get; private set; }
    public FileStatus? Fixed { get; private set; }
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Something was passed over: why, and where it first happened.</summary>
    public void Skip(string reason, string where)
    {
        Skipped++;
        if (_reasons.TryGetValue(reason, out var seen))
            _reasons[reason] = (seen.Count + 1, seen.First);
        else if (_reasons.Count < MostReasons)
            _reasons.Add(reason, (1, where));
    }

    /// <summary>Something the member should know.</summary>
    public void Warn(string warning)
    {
        if (_warnings.Count < MostWarnings)
            _warnings.Add($"{name}: {warning}");
    }

    public void Ignore(string reason) => (Fixed, _ended) = (FileStatus.Ignored, reason);

    public void Fail(string reason) => (Fixed, _ended) = (FileStatus.Failed, reason);

    public FileReport Report()
    {
        var reason = new StringBuilder(_ended);
        foreach (var (why, (count, first)) in _reasons)
        {
            reason.Append(reason.Length > 0 ? "; " : "");
            reason.Append(count == 1 ? $"{why} ({first})" : $"{why} ({first} and {count - 1} more)");
        }
        long told = _reasons.Values.Sum(seen => seen.Count);
        if (told < Skipped)
            reason.Append($"; {Skipped - told} more for other reasons");
        return new FileReport(name, Fixed ?? (Records > 0 ? FileStatus.Read : FileStatus.Empty), Records, Skipped, reason.ToString());
    }
}

/// <summary>Adds up an import.</summary>
internal sealed class ReportBuilder(string platform, string account)
{
    private readonly List<FileLog> _files = [];
    private readonly List<string> _warnings = [];
    private readonly long[] _kinds = new long[Enum.GetValues<RecordKind>().Length];
    private long _records, _own, _other;
    private long? _from, _to;

    public long Records => _records;

    public FileLog Start(string name)
    {
        var log = new FileLog(name);
        _files.Add(log);
        return log;
    }

    public void Warn(string warning) => _warnings.Add(warning);

    public void Add(Record record)
    {
        _records++;
        _kinds[(int)record.Kind]++;
        long words = Redaction.CountWords(record);
        if (record.Own)
            _own += words;
        else
            _other += words;
        if (record.Time is not { } time)
            return;
        _from = Math.Min(_from ?? time, time);
        _to = Math.Max(_to ?? time, time);
    }

    public ExportReport Build() => new()
    {
        Platform = platform,
        Account = account,
        Files = [.. _files.Select(file => file.Report())],
        Records = _records,
        Kinds = Enum.GetValues<RecordKind>().Where(kind => _kinds[(int)kind] > 0).ToDictionary(kind => kind, kind => _kinds[(int)kind]),
        OwnWords = _own,
        OtherWords = _other,
        From = _from,
        To = _to,
        Warnings = [.. _warnings, .. _files.SelectMany(file => file.Warnings)],
    };
}
