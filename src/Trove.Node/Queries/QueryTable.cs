using System.Text;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Core.Rewards;
using Trove.Exports;

namespace Trove.Node.Queries;

/// <summary>
/// Turns records into rows of integers for DuckDB: derived numbers, ids of labels, 0 or 1 for each keyword. The labels
/// themselves stay here, and no text of a record goes any further.
/// </summary>
internal sealed class QueryTable(Query query, QueryLimits limits)
{
    private readonly Dictionary<string, int>[] _ids = [new(StringComparer.Ordinal), new(StringComparer.Ordinal), new(StringComparer.Ordinal)];
    private readonly List<string>[] _labels = [[], [], []];
    private readonly Dictionary<int, HashSet<string>> _communities = [];
    private int _count; // of labels

    /// <summary>Communities that count of one member; further ones are none.</summary>
    public const int MaxCommunities = 1000;

    /// <summary>The id of a label; null when no record has it.</summary>
    public int? Id(LabelColumn column, string label) => _ids[(int)column].TryGetValue(label, out int id) ? id : null;

    /// <summary>The label of an id.</summary>
    public string Label(LabelColumn column, long id) => _labels[(int)column][(int)id];

    /// <summary>Creates the table and fills it; null when all went well.</summary>
    public QueryFailure? Load(DuckDb database, IEnumerable<(int Member, Record Record)> records, CancellationToken ct)
    {
        database.Execute(QuerySql.Create(query.Keywords.Length));
        Span<int> row = stackalloc int[QuerySql.Columns.Length + query.Keywords.Length];
        using var appender = database.Append(QuerySql.Table, row.Length);
        long count = 0;
        foreach (var (member, record) in records)
        {
            ct.ThrowIfCancellationRequested();
            ArgumentOutOfRangeException.ThrowIfNegative(member);
            if (++count > limits.MaxRecords)
                return QueryFailure.TooManyRecords;
            row.Clear();
            row[0] = member;
            row[1] = IdOf(LabelColumn.Kind, record.Kind.Name());
            row[2] = IdOf(LabelColumn.Platform, record.Platform);
            row[3] = IdOf(LabelColumn.Community, CommunityOf(member, record));
            if (_count > limits.MaxLabels)
                return QueryFailure.TooManyLabels;
            FillTime(record, row[4..8]);
            FillText(record, row[8..]);
            appender.Add(row);
        }
        appender.Finish();
        return null;
    }

    /// <summary>
    /// The public community a record was written in (specs/queries.md): Reddit's subreddit. A profile's page, u_NAME, is a
    /// person and no community; neither is what cannot be a label.
    /// </summary>
    public static string Community(Record record) => record.Meta.TryGetValue("subreddit", out var name)
        && !name.StartsWith("u_", StringComparison.OrdinalIgnoreCase) && QueryLabel.IsValid(name) ? name : "";

    // One member's invented communities must not use up the labels of all.
    private string CommunityOf(int member, Record record)
    {
        var name = Community(record);
        if (name.Length == 0)
            return name;
        if (!_communities.TryGetValue(member, out var named))
            _communities[member] = named = new HashSet<string>(StringComparer.Ordinal);
        return named.Contains(name) || (named.Count < MaxCommunities && named.Add(name)) ? name : "";
    }

    private int IdOf(LabelColumn column, string label)
    {
        if (!QueryLabel.IsValid(label))
            label = "";
        var ids = _ids[(int)column];
        if (ids.TryGetValue(label, out int id))
            return id;
        id = ids.Count;
        ids.Add(label, id);
        _labels[(int)column].Add(label);
        _count++;
        return id;
    }

    // Year, month, weekday, hour; all 0 when the time is unknown.
    private static void FillTime(Record record, Span<int> row)
    {
        if (record.Time is not (>= RecordRules.FirstTime and <= RecordRules.LastTime and { } milliseconds))
            return;
        var time = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
        row[0] = time.Year;
        row[1] = time.Month;
        row[2] = time.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)time.DayOfWeek;
        row[3] = time.Hour;
    }

    // Length, words, then a column for each keyword.
    private void FillText(Record record, Span<int> row)
    {
        foreach (var text in (ReadOnlySpan<string>)[Redaction.WithoutMarks(record.Title), Redaction.WithoutMarks(record.Text)])
        {
            foreach (Rune _ in text.EnumerateRunes())
                row[0]++;
            foreach (var word in Words.Split(text))
            {
                row[1]++;
                if (query.Keywords.Length > 0 && query.Keywords.IndexOf(Folding.Fold(word)) is >= 0 and var keyword)
                    row[2 + keyword] = 1;
            }
        }
    }
}
