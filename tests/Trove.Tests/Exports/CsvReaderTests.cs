using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Trove.Exports;
using Trove.Exports.Text;

namespace Trove.Tests.Exports;

public class CsvReaderTests
{
    private static readonly ExportLimits Limits = new();

    [Fact]
    public void A_written_table_reads_back()
    {
        var cell = Gen.Elements("", "a", "\"", ",", "\n", "\r\n", "\r", "é", "😀", " ", "x\"y", "\"\"", "a,b").ListOf(4).Select(parts => string.Concat(parts));
        var table = cell.ArrayOf(3).ListOf(5);
        Check.QuickThrowOnFailure(Prop.ForAll(table.ToArbitrary(), rows =>
        {
            var text = string.Concat(rows.Select(row => string.Join(',', row.Select(Quote)) + "\r\n"));
            Assert.Equal(rows.Select(row => string.Join('|', row)), Rows(text).Select(row => string.Join('|', row.Fields)));
        }));
    }

    [Fact]
    public void TruncatedInsideQuotedField()
    {
        var rows = Rows("a,b\n1,\"two and");
        Assert.Equal("the file ends inside a quoted field", rows[1].Problem);
        Assert.Equal(2, rows[1].Line);
    }

    [Fact]
    public void TruncatedAfterAComma() => Assert.Equal(["1", ""], Rows("a,b\n1,")[1].Fields);

    [Fact]
    public void TextAfterAClosingQuote()
    {
        var rows = Rows("\"a\"b,c\nd,e\n");
        Assert.Equal("there is text after a closing quote", rows[0].Problem);
        Assert.Null(rows[1].Problem);
    }

    [Fact]
    public void QuoteInsideAPlainField() => Assert.Equal(["5\" pipe", "x"], Rows("5\" pipe,x\n")[0].Fields);

    [Fact]
    public void UnclosedQuoteSwallowsAtMostTheLimit()
    {
        var rows = Rows("a\n\"" + new string('x', 5000) + "\n", new ExportLimits { RowLength = 100 });
        Assert.Equal(2, rows.Count);
        Assert.Contains("longer than 100", rows[1].Problem, StringComparison.Ordinal);
        Assert.True(rows[1].Fields.Sum(field => field.Length) <= 100);
    }

    [Fact]
    public void ARowOfCommas()
    {
        var row = Rows(new string(',', 100_000) + "\n")[0];
        Assert.Contains("more than 256 fields", row.Problem, StringComparison.Ordinal);
        Assert.Equal(256, row.Fields.Count);
    }

    [Fact]
    public void Lines_are_counted_through_quoted_breaks() =>
        Assert.Equal([1L, 4, 6], Rows("\"a\nb\r\nc\"\nd\r\n\n\"e\"").Select(row => row.Line).Where(line => line != 5));

    [Fact]
    public void NulBytesAreDropped() => Assert.Equal(["ab", "c"], Rows("a\0b,\0c\n\0\0")[0].Fields);

    [Fact]
    public void Utf16WithAByteOrderMark()
    {
        using var reader = new CsvReader(new MemoryStream([0xFF, 0xFE, .. Encoding.Unicode.GetBytes("ä,b\n")]), Limits);
        Assert.True(reader.Read());
        Assert.Equal(["ä", "b"], reader.Fields);
    }

    [Fact]
    public void BytesThatAreNotUtf8AreCounted()
    {
        using var reader = new CsvReader(new MemoryStream([0x61, 0xE9, 0x0A]), Limits);
        Assert.True(reader.Read());
        Assert.Equal(["a\uFFFD"], reader.Fields);
        Assert.Equal(1, reader.Undecodable);
    }

    [Theory]
    [InlineData("2023-04-17 19:02:11 UTC", 1681758131000L)]
    [InlineData("2023-04-17T19:02:11Z", 1681758131000L)]
    [InlineData("2023-04-17 19:02:11.5 UTC", 1681758131500L)]
    [InlineData("2023-04-17T21:02:11.123456+02:00", 1681758131123L)]
    [InlineData("2023-04-17 19:02:11+00:00", 1681758131000L)]
    public void Times_that_are_certain(string text, long expected) => Assert.Equal(expected, Times.Parse(text));

    [Theory]
    [InlineData("2023-04-17 19:02:11")] // no zone
    [InlineData("2023-02-30 19:02:11 UTC")]
    [InlineData("17/04/2023")]
    [InlineData("1970-01-01 00:00:00 UTC")]
    [InlineData("0001-01-01 00:00:00 UTC")]
    [InlineData("")]
    public void Times_that_are_not(string text) => Assert.Null(Times.Parse(text));

    [Fact]
    public void Rows_that_reach_over_the_buffer_in_any_way_are_the_same()
    {
        var text = "a,\"b\"\"\r\nc\",é\r\n\r\n\"x\ry\",\"\"\n😀,\"1,2\"\r";
        var expected = Rows(text);
        for (int before = 65_536 - 40; before <= 65_536 + 2; before++)
        {
            var rows = Rows(new string('p', before) + "\n" + text);
            Assert.Equal(expected.Select(r => (string.Join('|', r.Fields), r.Line + 1, r.Problem)), rows.Skip(1).Select(r => (string.Join('|', r.Fields), r.Line, r.Problem)));
        }
    }

    [Fact]
    public void Only_fields_that_are_asked_for_are_made_text_of()
    {
        var bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("one,\"two, quoted\",three and some more words\r\n", 10_000)));
        Sum(bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(10_000 * 3, Sum(bytes));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000 + 10_000 * 32); // the text of one field of each row

        static int Sum(byte[] bytes)
        {
            using var reader = new CsvReader(new MemoryStream(bytes), Limits);
            int sum = 0;
            while (reader.Read())
                sum += reader[0].Length;
            return sum;
        }
    }

    [Fact]
    public void ARowOfTheLimitsLengthBeforeTheBuffersEndStaysWhole()
    {
        var limits = new ExportLimits { RowLength = 65_533 };
        var rows = Rows(new string('x', 65_533) + "\r\ny\n", limits);
        Assert.Null(rows[0].Problem);
        Assert.Equal(65_533, rows[0].Fields[0].Length);
        Assert.Equal(["y"], rows[1].Fields);
        rows = Rows(new string('x', 300_000) + ",\"" + new string('y', 300_000) + "\"\r\nz\n", limits);
        Assert.Contains("longer than 65533", rows[0].Problem, StringComparison.Ordinal);
        Assert.Equal((1, 2), (rows[0].Fields.Count, rows.Count));
        Assert.Equal(["z"], rows[1].Fields);
        Assert.Equal(2, rows[1].Line);
    }

    private static string Quote(string cell) =>
        cell.IndexOfAny(['"', ',', '\n', '\r']) >= 0 || cell.Length == 0 ? $"\"{cell.Replace("\"", "\"\"")}\"" : cell;

    private static List<(IReadOnlyList<string> Fields, long Line, string? Problem)> Rows(string text, ExportLimits? limits = null)
    {
        using var reader = new CsvReader(new MemoryStream(Encoding.UTF8.GetBytes(text)), limits ?? Limits);
        var rows = new List<(IReadOnlyList<string>, long, string?)>();
        while (reader.Read())
            rows.Add(([.. reader.Fields], reader.Line, reader.Problem));
        return rows;
    }
}
