using System.Globalization;
using System.Text;

namespace Trove.Core.Queries;

/// <summary>What the values of a column of a result are.</summary>
public enum ResultType
{
    /// <summary>A label; empty for "none".</summary>
    Label,

    /// <summary>An integer; with noise it may be negative.</summary>
    Integer,

    /// <summary>An integer that counts millionths: an average.</summary>
    Millionths,
}

/// <summary>A column of a result.</summary>
public sealed record ResultColumn(string Name, ResultType Type);

/// <summary>One value: a label or a number, as the column's type says. <c>default</c> is the number 0.</summary>
public readonly record struct ResultValue : IComparable<ResultValue>
{
    /// <summary>A label.</summary>
    public ResultValue(string label) => Label = label;

    /// <summary>A number, in millionths for averages.</summary>
    public ResultValue(long number) => Number = number;

    /// <summary>The label; null for a number.</summary>
    public string? Label { get; }

    /// <summary>The number, in millionths for averages; 0 for a label.</summary>
    public long Number { get; }

    /// <summary>Numbers by size, labels by their UTF-16 units.</summary>
    public int CompareTo(ResultValue other) =>
        Label is null || other.Label is null ? Number.CompareTo(other.Number) : string.CompareOrdinal(Label, other.Label);
}

/// <summary>
/// The answer to a query: the cells with enough members, in a fixed order (specs/queries.md). How many cells
/// were left out is not said. The canonical form is JSON; what the runner signs is its hash.
/// </summary>
public sealed class QueryResult
{
    /// <summary>Most rows; a query that gives more is refused as a whole.</summary>
    public const int MaxRows = 10_000;

    /// <summary>Longest canonical JSON: rows of three labels and 13 numbers fit.</summary>
    public const int MaxBytes = 32 << 20;

    /// <summary>A result of rows in any order; they are sorted by the values of their columns from left to right.</summary>
    /// <exception cref="ArgumentException">There are too many rows or columns, or a value does not fit its column.</exception>
    public QueryResult(IEnumerable<ResultColumn> columns, IEnumerable<IReadOnlyList<ResultValue>> rows)
    {
        Columns = [.. columns];
        var list = rows.ToList();
        if (Columns.Count is 0 or > Query.MaxColumns || list.Count > MaxRows)
            throw new ArgumentException($"a result has 1 to {Query.MaxColumns} columns and at most {MaxRows} rows, not {Columns.Count} and {list.Count}");
        if (list.Any(row => row.Count != Columns.Count || !row.Zip(Columns).All(pair => Fits(pair.First, pair.Second.Type))))
            throw new ArgumentException("a row of a result has a value that does not fit its column");
        list.Sort(CompareRows);
        Rows = list;
    }

    /// <summary>The columns, as the query names them.</summary>
    public IReadOnlyList<ResultColumn> Columns { get; }

    /// <summary>The cells, sorted by the values of the columns from left to right.</summary>
    public IReadOnlyList<IReadOnlyList<ResultValue>> Rows { get; }

    /// <summary>The columns that the result of a query has.</summary>
    public static IEnumerable<ResultColumn> ColumnsOf(Query query) => query.Columns.Select(column => new ResultColumn(column.Name, column switch
    {
        KeyColumn { Key: LabelKey } => ResultType.Label,
        AverageColumn => ResultType.Millionths,
        _ => ResultType.Integer,
    }));

    /// <summary>
    /// The canonical JSON in UTF-8, without white space:
    /// <c>{"columns":[{"name":"year","type":"integer"}],"rows":[["2021"]]}</c>. Every value is text, because JSON numbers
    /// lose digits; averages have six decimals.
    /// </summary>
    public byte[] ToJson()
    {
        var json = new StringBuilder("{\"columns\":[");
        for (int i = 0; i < Columns.Count; i++)
            json.Append(i > 0 ? "," : "").Append("{\"name\":").Append(Quoted(Columns[i].Name))
                .Append(",\"type\":\"").Append(Columns[i].Type.ToString().ToLowerInvariant()).Append("\"}");
        json.Append("],\"rows\":[");
        for (int r = 0; r < Rows.Count; r++)
        {
            json.Append(r > 0 ? ",[" : "[");
            for (int i = 0; i < Columns.Count; i++)
                json.Append(i > 0 ? "," : "").Append(Quoted(Text(Rows[r][i], Columns[i].Type)));
            json.Append(']');
        }
        return Encoding.UTF8.GetBytes(json.Append("]}").ToString());
    }

    /// <summary>
    /// Comma-separated values (RFC 4180, CRLF, UTF-8) for people: names first, labels in quotes. Spreadsheets run cells
    /// that start with = + - or @, so such a label gets a single quote in front; read the JSON to have it as it is.
    /// </summary>
    public byte[] ToCsv()
    {
        var csv = new StringBuilder().AppendJoin(',', Columns.Select(c => c.Name)).Append("\r\n");
        foreach (var row in Rows)
            csv.AppendJoin(',', row.Zip(Columns, (value, column) => column.Type == ResultType.Label ? CsvLabel(value.Label!) : Text(value, column.Type))).Append("\r\n");
        return Encoding.UTF8.GetBytes(csv.ToString());
    }

    /// <summary>Reads canonical JSON; null for anything that <see cref="ToJson"/> would not have written.</summary>
    public static QueryResult? TryRead(ReadOnlySpan<byte> json) => QueryResultReader.TryRead(json);

    /// <summary>A value as text: a label as it is, an average with six decimals.</summary>
    public static string Text(ResultValue value, ResultType type) => type switch
    {
        ResultType.Label => value.Label!,
        ResultType.Integer => value.Number.ToString(CultureInfo.InvariantCulture),
        _ => Millionths(value.Number),
    };

    private static bool Fits(ResultValue value, ResultType type) => type == ResultType.Label
        ? value.Label is { } label && QueryLabel.IsValid(label)
        : value.Label is null;

    // The size apart from the sign: -0.5 has a whole part of 0.
    private static string Millionths(long value)
    {
        var size = UInt128.CreateChecked(Int128.Abs(value));
        return string.Create(CultureInfo.InvariantCulture, $"{(value < 0 ? "-" : "")}{size / 1_000_000}.{(uint)(size % 1_000_000):000000}");
    }

    private static int CompareRows(IReadOnlyList<ResultValue> a, IReadOnlyList<ResultValue> b)
    {
        for (int i = 0; i < a.Count; i++)
            if (a[i].CompareTo(b[i]) is not 0 and var order)
                return order;
        return 0;
    }

    // Labels have no control characters, so nothing else needs an escape (RFC 8785, section 3.2.2.2).
    private static string Quoted(string text) =>
        $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string CsvLabel(string label) =>
        $"\"{(label is ['=' or '+' or '-' or '@', ..] ? "'" : "")}{label.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
