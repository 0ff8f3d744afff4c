using System.Buffers;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Trove.Exports;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Exports;

public class RecordJsonTests
{
    private static readonly JsonElement Vectors =
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(ExportFixture.Root, "specs", "vectors", "records.json"))).RootElement;

    public static TheoryData<string> Valid => [.. Vectors.GetProperty("valid").EnumerateArray().Select(vector => vector.GetProperty("name").GetString()!)];
    public static TheoryData<string> Invalid => [.. Vectors.GetProperty("invalid").EnumerateArray().Select(vector => vector.GetProperty("name").GetString()!)];

    [Fact]
    public void What_is_written_reads_back_equal() =>
        Check.QuickThrowOnFailure(Prop.ForAll(RecordGen.Any.ToArbitrary(), record => Assert.Equal(record, RecordJson.Read(Write(record)))));

    [Fact]
    public void What_is_written_is_JSON_that_others_read_the_same() =>
        Check.QuickThrowOnFailure(Prop.ForAll(RecordGen.Any.ToArbitrary(), record =>
        {
            using var json = JsonDocument.Parse(Write(record));
            Assert.Equal(record.Text, json.RootElement.GetProperty("text").GetString());
            Assert.Equal(record.Meta.ToDictionary(), json.RootElement.GetProperty("meta").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!));
        }));

    [Theory]
    [MemberData(nameof(Valid))]
    public void Vector(string name)
    {
        var vector = Vectors.GetProperty("valid").EnumerateArray().Single(vector => vector.GetProperty("name").GetString() == name);
        var line = vector.GetProperty("line").GetString()!;
        var record = RecordJson.Read(Encoding.UTF8.GetBytes(line));
        Assert.Equal(line + "\n", Encoding.UTF8.GetString(Write(record)));
        Assert.Equal(vector.GetProperty("year").GetInt32(), record.Year);
        Assert.Equal(vector.GetProperty("words").GetInt64(), Redaction.CountWords(record));
    }

    [Theory]
    [MemberData(nameof(Invalid))]
    public void Refused(string name)
    {
        var vector = Vectors.GetProperty("invalid").EnumerateArray().Single(vector => vector.GetProperty("name").GetString() == name);
        var error = Assert.Throws<FormatException>(() => RecordJson.Read(Encoding.UTF8.GetBytes(vector.GetProperty("line").GetString()!)));
        Assert.DoesNotContain("hello", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BytesThatAreNotUtf8() =>
        Assert.Throws<FormatException>(() => RecordJson.Read([.. """{"platform":"a","kind":"post","id":"""u8, (byte)'"', 0xFF, (byte)'"']));

    [Fact]
    public void HalfASurrogatePairIsNotWritten() =>
        Assert.Throws<ArgumentException>(() => Write(new Record { Platform = "a", Kind = RecordKind.Post, Text = "\uD83D" }));

    [Fact]
    public void TextBeyondTheBoundIsNotWritten() =>
        Assert.Throws<ArgumentException>(() => Write(new Record { Platform = "a", Kind = RecordKind.Post, Title = new string('x', RecordRules.Title + 1) }));

    [Fact]
    public void A_record_does_not_print_its_text() =>
        Assert.DoesNotContain("secret", new Record { Platform = "a", Kind = RecordKind.Post, Text = "secret" }.ToString(), StringComparison.Ordinal);

    public static byte[] Write(Record record)
    {
        var buffer = new ArrayBufferWriter<byte>();
        RecordJson.Write(buffer, record);
        return buffer.WrittenSpan.ToArray();
    }
}
