using System.Text;
using Trove.Core.Queries;

namespace Trove.Tests.Core;

public class QueryResultTests
{
    private static readonly ResultColumn[] Columns = [new("community", ResultType.Label), new("count", ResultType.Integer), new("mean", ResultType.Millionths)];

    private const string Canonical = """{"columns":[{"name":"community","type":"label"},{"name":"count","type":"integer"},{"name":"mean","type":"millionths"}],"rows":[["","9223372036854775807","0.000001"],["a\"b\\c","0","12.345678"],["münchen 🚲","7","9223372036854.775807"]]}""";

    [Fact]
    public void Json_and_csv_are_as_specified()
    {
        var result = new QueryResult(Columns, [Row("münchen 🚲", 7, long.MaxValue), Row("", long.MaxValue, 1), Row("a\"b\\c", 0, 12_345_678)]);
        Assert.Equal(Canonical, Encoding.UTF8.GetString(result.ToJson()));
        Assert.Equal("community,count,mean\r\n\"\",9223372036854775807,0.000001\r\n\"a\"\"b\\c\",0,12.345678\r\n\"münchen 🚲\",7,9223372036854.775807\r\n", Encoding.UTF8.GetString(result.ToCsv()));
        Assert.Equal("community\r\n\"'=HYPERLINK(1)\"\r\n", Encoding.UTF8.GetString(new QueryResult(Columns[..1], [[new ResultValue("=HYPERLINK(1)")]]).ToCsv()));
    }

    [Fact]
    public void Numbers_below_zero_have_one_form()
    {
        long[] numbers = [long.MinValue, -12_345_678, -1_000_000, -999_999, -1, 0, 1, long.MaxValue];
        string[] millionths = ["-9223372036854.775808", "-12.345678", "-1.000000", "-0.999999", "-0.000001", "0.000000", "0.000001", "9223372036854.775807"];
        var result = new QueryResult(Columns, numbers.Select(n => Row("", n, n)));
        var json = Encoding.UTF8.GetString(result.ToJson());
        Assert.EndsWith(string.Join(",", numbers.Zip(millionths, (n, m) => $"[\"\",\"{n}\",\"{m}\"]")) + "]}", json, StringComparison.Ordinal);
        Assert.Equal(json, Encoding.UTF8.GetString(QueryResult.TryRead(result.ToJson())!.ToJson()));
        foreach (var (good, bad) in ((string, string)[])[("-0.000001", "-.000001"), ("\"0.000000\"", "\"-0.000000\""), ("\"0\"", "\"-0\""), ("\"1\"", "\"+1\""), ("-12.345678", "--12.345678"), ("-1000000", "-01000000"), ("-9223372036854775808", "-9223372036854775809"), ("\"-1\"", "\"- 1\"")])
        {
            Assert.Contains(good, json, StringComparison.Ordinal);
            Assert.Null(QueryResult.TryRead(Encoding.UTF8.GetBytes(json.Replace(good, bad, StringComparison.Ordinal))));
        }
    }

    [Fact]
    public void Canonical_json_is_read_and_everything_else_is_not()
    {
        Assert.Equal(Canonical, Encoding.UTF8.GetString(QueryResult.TryRead(Encoding.UTF8.GetBytes(Canonical))!.ToJson()));
        string[] others =
        [
            "", "{}", "null", Canonical + " ", " " + Canonical, Canonical[..^1], Canonical + "}",
            Canonical.Replace("\"0\"", "\"00\"", StringComparison.Ordinal), Canonical.Replace("\"0\"", "\"-0\"", StringComparison.Ordinal),
            Canonical.Replace("\"0\"", "0", StringComparison.Ordinal), Canonical.Replace("\"0\"", "null", StringComparison.Ordinal),
            Canonical.Replace("\"7\"", "\"9223372036854775808\"", StringComparison.Ordinal), Canonical.Replace("\"7\"", "\"+7\"", StringComparison.Ordinal),
            Canonical.Replace("12.345678", "12.34567", StringComparison.Ordinal), Canonical.Replace("12.345678", "12345678", StringComparison.Ordinal), Canonical.Replace("0.000001", ".000001", StringComparison.Ordinal),
            Canonical.Replace("\"label\"", "\"Label\"", StringComparison.Ordinal), Canonical.Replace("\"integer\"", "\"7\"", StringComparison.Ordinal), Canonical.Replace("\"integer\"", "\"1\"", StringComparison.Ordinal),
            Canonical.Replace("ü", "\\u00fc", StringComparison.Ordinal), Canonical.Replace("ü", "\u202E", StringComparison.Ordinal), Canonical.Replace("münchen", "A", StringComparison.Ordinal),
            Canonical.Replace("\"count\"", "\"Count\"", StringComparison.Ordinal), Canonical.Replace("{\"name\":\"count\"", "{\"name\":\"count\",\"name\":\"count\"", StringComparison.Ordinal),
            Canonical.Replace("],\"rows\"", "],\"rows\":[],\"rows\"", StringComparison.Ordinal), new string('[', 100_000),
        ];
        Assert.All(others, text => Assert.Null(QueryResult.TryRead(Encoding.UTF8.GetBytes(text))));
        Assert.Null(QueryResult.TryRead([.. Encoding.UTF8.GetBytes(Canonical[..^20]), 0xFF]));
        Assert.Null(QueryResult.TryRead(new byte[QueryResult.MaxBytes + 1]));
    }

    [Fact]
    public void Mutated_bytes_are_refused_or_canonical()
    {
        var random = new Random(1);
        const string pieces = "-0123456789abc\"[]{},:\\";
        var good = Encoding.UTF8.GetBytes(Canonical);
        int read = 0;
        for (int i = 0; i < 5000; i++)
        {
            var bytes = good.ToList();
            int at = random.Next(bytes.Count);
            if (random.Next(3) == 0)
                bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at));
            else
                bytes[at] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)pieces[random.Next(pieces.Length)];
            if (QueryResult.TryRead([.. bytes]) is not { } result)
                continue;
            read++;
            Assert.Equal(bytes, result.ToJson());
        }
        Assert.True(read > 50, $"only {read} mutated results were read: the test sees too little");
    }

    [Fact]
    public void The_largest_result_can_be_read()
    {
        var label = new string('漢', QueryLabel.MaxLength);
        var columns = Enumerable.Range(0, Query.MaxColumns).Select(i => new ResultColumn($"c{i}", i < 3 ? ResultType.Label : ResultType.Millionths)).ToList();
        var row = columns.Select(c => c.Type == ResultType.Label ? new ResultValue(label) : new ResultValue(long.MaxValue)).ToList();
        var json = new QueryResult(columns, Enumerable.Repeat(row, QueryResult.MaxRows)).ToJson();
        Assert.InRange(json.Length, QueryResult.MaxBytes / 4, QueryResult.MaxBytes);
        Assert.NotNull(QueryResult.TryRead(json));
        Assert.Throws<ArgumentException>(() => new QueryResult(columns, Enumerable.Repeat(row, QueryResult.MaxRows + 1)));
    }

    private static ResultValue[] Row(string label, long count, long mean) => [new(label), new(count), new(mean)];
}
