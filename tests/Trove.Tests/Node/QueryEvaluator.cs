using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Core.Rewards;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Node;

/// <summary>What specs/queries.md says, as plainly as it can be written: the reference that DuckDB is compared with.</summary>
internal static partial class QueryEvaluator
{
    public static readonly byte[] NoiseKey = [.. Enumerable.Range(0, 32).Select(i => (byte)i)], CellsKey = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    /// <summary>The chance in what <see cref="Run"/> gives.</summary>
    public static QuerySeed Seed() => new(NoiseKey, CellsKey);

    public static QueryResult Run(Query query, int groupSize, long epsilon, IEnumerable<(int Member, Record Record)> records)
    {
        var keys = query.Keys.ToList();
        var columns = query.Columns.OfType<AggregateColumn>().Where(c => c is not MembersColumn).ToList();
        var cells = records.Where(r => query.Where is null || Holds(query.Where, r.Record))
            .Select(r => (r.Member, r.Record, Keys: keys.Select(k => KeyOf(k.Key, r.Record)).ToList()))
            .GroupBy(r => (r.Member, Cell: Convert.ToHexString(CellBytes(r.Keys)))) // the records of a member in a cell
            .GroupBy(g => g.Key.Member)
            .SelectMany(cellsOfOne => cellsOfOne.OrderBy(g => Rank(g.Key.Member, Convert.FromHexString(g.Key.Cell)), StringComparer.Ordinal).Take(query.Cells))
            .GroupBy(g => g.Key.Cell)
            .Select(cell => (Bytes: Convert.FromHexString(cell.Key), cell.First().First().Keys, Members: cell.Select(g => g.Select(r => r.Record).ToList()).ToList()))
            .Where(cell => cell.Members.Count >= groupSize);
        var rows = new List<IReadOnlyList<ResultValue>>();
        foreach (var (bytes, values, members) in cells)
        {
            BigInteger Noise(int part, BigInteger clip) => (BigInteger)Scale(clip).Sample(new RandomBits(NoiseKey, Noises(part, bytes)));
            var count = members.Count + Noise(0, 1);
            if (count < groupSize + (BigInteger)Scale(1).Tail(1, 1_000_000 * (ulong)query.Cells))
                continue;
            var row = new List<ResultValue>();
            foreach (var column in query.Columns)
            {
                int part = column is AggregateColumn and not MembersColumn ? columns.FindIndex(c => ReferenceEquals(c, column)) + 1 : 0;
                row.Add(column switch
                {
                    KeyColumn key => values[keys.IndexOf(key)],
                    MembersColumn => new ResultValue((long)count),
                    AverageColumn average => new ResultValue((long)Floor(Aggregate(column, members) + Noise(part, average.Clip * 1_000_000), BigInteger.Max(count, 1))),
                    AggregateColumn other => new ResultValue((long)(Aggregate(column, members) + Noise(part, other.Clip))),
                    _ => throw new NotSupportedException(),
                });
            }
            rows.Add(row);
        }
        return new QueryResult(QueryResult.ColumnsOf(query), rows);

        DiscreteLaplace Scale(BigInteger clip) => new((UInt128)((columns.Count + 1) * query.Cells * clip * 1_000_000), (UInt128)epsilon);
    }

    private static string Rank(int member, byte[] cell)
    {
        byte[] input = [.. Sized("trove/query/cell/1"u8), .. BigEndian(member), .. Sized(cell)];
        return Convert.ToHexString(HMACSHA256.HashData(CellsKey, input));
    }

    private static byte[] Noises(int part, byte[] cell) => [.. Sized("trove/query/noise/1"u8), .. BigEndian(part), .. Sized(cell)];

    private static byte[] CellBytes(List<ResultValue> keys) => [.. keys.SelectMany(k => k.Label is { } label ? Sized(Encoding.UTF8.GetBytes(label)) : [0, 0, 0, 0, .. BigEndian((int)k.Number)])];

    private static byte[] Sized(ReadOnlySpan<byte> bytes) => [.. BigEndian(bytes.Length), .. bytes];

    private static byte[] BigEndian(int number) => [(byte)(number >> 24), (byte)(number >> 16 & 255), (byte)(number >> 8 & 255), (byte)(number & 255)];

    private static BigInteger Floor(BigInteger value, BigInteger divisor) => BigInteger.DivRem(value, divisor, out var rest) - (rest.Sign < 0 ? 1 : 0);

    private static BigInteger Aggregate(QueryColumn column, List<List<Record>> members) => column switch
    {
        CountColumn count => Sum(members.Select(m => BigInteger.Min(m.Count, count.Clip))),
        SumColumn sum => Sum(members.Select(m => BigInteger.Min(Total(sum.Number, m), sum.Clip))),
        AverageColumn average => Sum(members.Select(m => BigInteger.Min(Total(average.Number, m) * 1_000_000 / m.Count, average.Clip * 1_000_000))),
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
