using System.Globalization;
using Trove.Core.Queries;

namespace Trove.Node.Queries;

/// <summary>
/// Writes DuckDB's SQL from the tree of a query. Every name in it is one of ours and every value an integer: no text of
/// the buyer's and none of the members' is in it. The inner query makes one row of each cell and member, clipped; the
/// outer one adds them up and leaves out cells with too few members.
/// </summary>
internal static class QuerySql
{
    /// <summary>The table that <see cref="QueryTable"/> fills; all columns are integers.</summary>
    public const string Table = "records";

    /// <summary>The columns before those of the keywords, w0, w1, …</summary>
    public static readonly string[] Columns = ["member", "kind", "platform", "community", "year", "month", "weekday", "hour", "length", "words"];

    private static readonly string[] Comparisons = ["=", "<>", "<", "<=", ">", ">="];

    /// <summary>CREATE TABLE with one column for each keyword.</summary>
    public static string Create(int keywords) =>
        $"CREATE TABLE {Table} ({string.Join(", ", Columns.Concat(Enumerable.Range(0, keywords).Select(i => $"w{i}")).Select(c => $"{c} INTEGER NOT NULL"))})";

    /// <summary>The query; <paramref name="labels"/> knows the ids of labels. One row more than may be shown tells that there are too many.</summary>
    public static string Write(Query query, int groupSize, QueryTable labels)
    {
        var writer = new Writer(query, labels);
        var inner = query.Columns.Select((column, i) => $"{writer.PerMember(column)} AS c{i}");
        var outer = query.Columns.Select((column, i) => $"CAST({OverMembers(column, $"c{i}")} AS BIGINT)");
        var keys = string.Concat(query.Columns.Select((column, i) => column is KeyColumn ? $", c{i}" : ""));
        var where = query.Where is { } condition ? $" WHERE {writer.Condition(condition)}" : "";
        var group = keys.Length > 0 ? $" GROUP BY {keys[2..]}" : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"SELECT {string.Join(", ", outer)} FROM (SELECT member, {string.Join(", ", inner)} FROM {Table}{where} GROUP BY member{keys}){group} HAVING count(*) >= {groupSize} LIMIT {QueryResult.MaxRows + 1}");
    }

    // Sums are HUGEINT in DuckDB, 128 bits: 10^6 times the length of all texts of a member fits, as do all means together.
    private static string OverMembers(QueryColumn column, string inner) => column switch
    {
        KeyColumn => inner,
        CountColumn or SumColumn => $"sum({inner})",
        AverageColumn => $"sum({inner}) // count(*)",
        MembersColumn => "count(*)",
        _ => throw new NotSupportedException($"no SQL for {column.GetType().Name}"),
    };

    private sealed class Writer(Query query, QueryTable labels)
    {
        public string PerMember(QueryColumn column) => column switch
        {
            KeyColumn key => Key(key.Key),
            CountColumn count => $"least(count(*), {Integer(count.Clip)})",
            SumColumn sum => $"least(sum({Number(sum.Number)}), {Integer(sum.Clip)})",
            AverageColumn average => $"least(sum({Number(average.Number)}) * 1000000 // count(*), {Integer(average.Clip * 1_000_000)})",
            MembersColumn => "1",
            _ => throw new NotSupportedException($"no SQL for {column.GetType().Name}"),
        };

        public string Condition(QueryCondition condition) => condition switch
        {
            AllOf all => $"({string.Join(" AND ", all.Conditions.Select(Condition))})",
            AnyOf any => $"({string.Join(" OR ", any.Conditions.Select(Condition))})",
            Not not => $"(NOT {Condition(not.Condition)})",
            Compare compare => $"({Number(compare.Number)} {Comparisons[(int)compare.Comparison]} {Integer(compare.Value)})",
            Mentioned mentioned => $"({Number(mentioned.Mentions)} = 1)",
            LabelIn label => Labels(label),
            LabelDiffers label => labels.Id(label.Column, label.Value) is { } id ? $"({Name(label.Column)} <> {Integer(id)})" : "TRUE",
            _ => throw new NotSupportedException($"no SQL for {condition.GetType().Name}"),
        };

        // A label that no record has is no id, and a record cannot have it.
        private string Labels(LabelIn label)
        {
            var ids = label.Values.Select(value => labels.Id(label.Column, value)).OfType<int>().ToList();
            return ids.Count == 0 ? "FALSE" : $"({Name(label.Column)} IN ({string.Join(", ", ids.Select(id => Integer(id)))}))";
        }

        private string Key(QueryKey key) => key switch
        {
            LabelKey label => Name(label.Column),
            TimeKey time => Name(time.Column),
            BucketKey bucket => $"{Number(bucket.Number)} // {Integer(bucket.Width)} * {Integer(bucket.Width)}",
            _ => throw new NotSupportedException($"no SQL for {key.GetType().Name}"),
        };

        private string Number(QueryNumber number) => number switch
        {
            ColumnNumber column => Name(column.Column),
            MentionsNumber mentions => $"w{Integer(query.Keywords.IndexOf(mentions.Word))}",
            _ => throw new NotSupportedException($"no SQL for {number.GetType().Name}"),
        };

        private static string Name(Enum column) => column.ToString().ToLowerInvariant();

        private static string Integer(long value) => value.ToString(CultureInfo.InvariantCulture);
    }
}
