using System.Numerics;
using System.Text.RegularExpressions;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Core.Rewards;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Node;

/// <summary>What specs/queries.md says, as plainly as it can be written: the reference that DuckDB is compared with.</summary>
internal static partial class QueryEvaluator
{
    public static QueryResult Run(Query query, int groupSize, IEnumerable<(int Member, Record Record)> records)
    {
        var keys = query.Keys.ToList();
        var cells = records.Where(r => query.Where is null || Holds(query.Where, r.Record))
            .GroupBy(r => string.Join('\0', keys.Select(k => KeyOf(k.Key, r.Record).ToString())))
            .Select(cell => (First: cell.First().Record, Members: cell.GroupBy(r => r.Member).Select(m => m.Select(r => r.Record).ToList()).ToList()))
            .Where(cell => cell.Members.Count >= groupSize);
        return new QueryResult(QueryResult.ColumnsOf(query), cells.Select(cell =>
            query.Columns.Select(column => column is KeyColumn key ? KeyOf(key.Key, cell.First) : new ResultValue((long)Aggregate(column, cell.Members))).ToList()));
    }

    private static BigInteger Aggregate(QueryColumn column, List<List<Record>> members) => column switch
    {
        CountColumn count => Sum(members.Select(m => BigInteger.Min(m.Count, count.Clip))),
        SumColumn sum => Sum(members.Select(m => BigInteger.Min(Total(sum.Number, m), sum.Clip))),
        AverageColumn average => Sum(members.Select(m => BigInteger.Min(Total(average.Number, m) * 1_000_000 / m.Count, average.Clip * 1_000_000))) / members.Count,
        MembersColumn => members.Count,
        _ => throw new NotSupportedException(),
    };

    private static BigInteger Total(QueryNumber number, List<Record> records) => Sum(records.Select(r => (BigInteger)NumberOf(number, r)));

    private static BigInteger Sum(IEnumerable<BigInteger> numbers) => numbers.Aggregate(BigInteger.Zero, (a, b) => a + b);

    private static ResultValue KeyOf(QueryKey key, Record record) => key switch
    {
        LabelKey label => new ResultValue(LabelOf(label.Column, record)),
        TimeKey time => new ResultValue(NumberOf(new ColumnNumber(time.Column), record)),
        BucketKey bucket => new ResultValue(NumberOf(bucket.Number, record) / bucket.Width * bucket.Width),
        _ => throw new NotSupportedException(),
    };

    private static bool Holds(QueryCondition condition, Record record) => condition switch
    {
        AllOf all => all.Conditions.All(c => Holds(c, record)),
        AnyOf any => any.Conditions.Any(c => Holds(c, record)),
        Not not => !Holds(not.Condition, record),
        Compare compare => compare.Comparison switch
        {
            Comparison.Equal => NumberOf(compare.Number, record) == compare.Value,
            Comparison.NotEqual => NumberOf(compare.Number, record) != compare.Value,
            Comparison.Less => NumberOf(compare.Number, record) < compare.Value,
            Comparison.LessOrEqual => NumberOf(compare.Number, record) <= compare.Value,
            Comparison.Greater => NumberOf(compare.Number, record) > compare.Value,
            _ => NumberOf(compare.Number, record) >= compare.Value,
        },
        Mentioned mentioned => NumberOf(mentioned.Mentions, record) == 1,
        LabelIn label => label.Values.Contains(LabelOf(label.Column, record)),
        LabelDiffers label => LabelOf(label.Column, record) != label.Value,
        _ => throw new NotSupportedException(),
    };

    private static string LabelOf(LabelColumn column, Record record) => column switch
    {
        LabelColumn.Kind => record.Kind.ToString().ToLowerInvariant(),
        LabelColumn.Platform => record.Platform,
        _ => record.Meta.GetValueOrDefault("subreddit", "") is var name && name.Length <= 128 && !name.StartsWith("u_", StringComparison.OrdinalIgnoreCase) && !name.Any(char.IsControl) ? name : "",
    };

    private static long NumberOf(QueryNumber number, Record record)
    {
        var text = Marks().Replace(record.Title, "") + "\n" + Marks().Replace(record.Text, "");
        var time = record.Time is { } t ? DateTime.UnixEpoch.AddMilliseconds(t) : (DateTime?)null;
        return number switch
        {
            MentionsNumber mentions => RecordScore.FoldedWords(text).Contains(mentions.Word) ? 1 : 0,
            ColumnNumber { Column: NumberColumn.Length } => text.Count(c => !char.IsLowSurrogate(c)) - 1,
            ColumnNumber { Column: NumberColumn.Words } => Words.Count(text),
            ColumnNumber { Column: NumberColumn.Year } => time?.Year ?? 0,
            ColumnNumber { Column: NumberColumn.Month } => time?.Month ?? 0,
            ColumnNumber { Column: NumberColumn.Weekday } => time is { } day ? ((int)day.DayOfWeek + 6) % 7 + 1 : 0,
            ColumnNumber { Column: NumberColumn.Hour } => time?.Hour ?? 0,
            _ => throw new NotSupportedException(),
        };
    }

    [GeneratedRegex(@"\[redacted:(mail|phone|url|ip|card|bank|place|secret|health|person|text):[0-9a-f]{8}\]")]
    private static partial Regex Marks();
}
