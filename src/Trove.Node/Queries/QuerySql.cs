using System.Globalization;
using Trove.Core.Queries;

namespace Trove.Node.Queries;

/// <summary>
/// Writes DuckDB's SQL from the tree of a query. Every name in it is one of ours and every value an integer: no text of
/// the buyer's and none of the members' is in it. It makes one row of each member and cell: the member, the keys, and the clipped terms of
/// counts, sums and averages, each in the order of the columns. A member's rows follow each other.
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

    /// <summary>The columns of what <see cref="Write"/> selects.</summary>
    public static int Width(Query query) => 1 + query.Keys.Count() + query.Parts.Count();

    /// <summary>The query; <paramref name="labels"/> knows the ids of labels.</summary>
    public static string Write(Query query, QueryTable labels)
    {
        var writer = new Writer(query, labels);
        var keys = query.Keys.Select((key, i) => $", CAST({writer.Key(key.Key)} AS BIGINT) AS k{i}").ToList();
        var terms = query.Parts.Select(c => $", CAST({writer.Term(c)} AS BIGINT)");
        var cell = keys.Select((_, i) => $", k{i}");
        var where = query.Where is { } condition ? $" WHERE {writer.Condition(condition)}" : "";
        return $"SELECT CAST(member AS BIGINT) AS m{string.Concat(keys)}{string.Concat(terms)} FROM {Table}{where} GROUP BY m{string.Concat(cell)} ORDER BY m";
    }

    private sealed class Writer(Query query, QueryTable labels)
    {
        // Sums are HUGEINT in DuckDB, 128 bits: 10^6 times the length of all texts of a member fits.
        public string Term(AggregateColumn column) => column switch
        {
            CountColumn count => $"least(count(*), {Integer(count.Clip)})",
            SumColumn sum => $"least(sum({Number(sum.Number)}), {Integer(sum.Clip)})",
            AverageColumn average => $"least(sum({Number(average.Number)}) * 1000000 // count(*), {Integer(average.Clip * 1_000_000)})",
            _ => throw new NotSupportedException($"no SQL for {column.GetType().Name}"),
        };

        public string Key(QueryKey key) => key switch
        {
            LabelKey label => Name(label.Column),
            TimeKey time => Name(time.Column),
            BucketKey bucket => $"{Number(bucket.Number)} // {Integer(bucket.Width)} * {Integer(bucket.Width)}",
            _ => throw new NotSupportedException($"no SQL for {key.GetType().Name}"),
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
