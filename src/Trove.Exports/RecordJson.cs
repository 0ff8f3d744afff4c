using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Trove.Exports;

/// <summary>
/// The canonical line of a record (specs/records.md, vectors in specs/vectors/records.json): one JSON object in UTF-8,
/// keys in fixed order, no white space, the escapes of RFC 8785 section 3.2.2.2 and no others.
/// <c>Utf8JsonWriter</c> cannot write it: its most relaxed encoder still escapes everything beyond the basic plane.
/// </summary>
public static class RecordJson
{
    private static ReadOnlySpan<byte> HexDigits => "0123456789abcdef"u8;

    /// <summary>Writes the line, ended by a line feed.</summary>
    /// <exception cref="ArgumentException">The record breaks <see cref="RecordRules"/>.</exception>
    public static void Write(IBufferWriter<byte> output, Record record)
    {
        if (RecordRules.Problem(record) is { } problem)
            throw new ArgumentException($"a {record.Kind.Name()} record cannot be written: {problem}");
        output.Write("{\"platform\":"u8);
        Quote(output, record.Platform);
        output.Write(",\"kind\":"u8);
        Quote(output, record.Kind.Name());
        output.Write(",\"id\":"u8);
        Quote(output, record.Id);
        output.Write(",\"thread\":"u8);
        Quote(output, record.Thread);
        output.Write(",\"author\":"u8);
        Quote(output, record.Author);
        output.Write(record.Own ? ",\"own\":true,\"time\":"u8 : ",\"own\":false,\"time\":"u8);
        if (record.Time is { } time)
        {
            time.TryFormat(output.GetSpan(20), out int digits, default, CultureInfo.InvariantCulture);
            output.Advance(digits);
        }
        else
        {
            output.Write("null"u8);
        }
        output.Write(",\"title\":"u8);
        Quote(output, record.Title);
        output.Write(",\"text\":"u8);
        Quote(output, record.Text);
        output.Write(",\"url\":"u8);
        Quote(output, record.Url);
        output.Write(",\"meta\":{"u8);
        bool first = true;
        foreach (var (key, value) in record.Meta)
        {
            if (!first)
                output.Write(","u8);
            first = false;
            Quote(output, key);
            output.Write(":"u8);
            Quote(output, value);
        }
        output.Write("}}\n"u8);
    }

    /// <summary>Reads one line, with or without its line feed.</summary>
    /// <exception cref="FormatException">It is not the canonical line of any record; the message does not quote it.</exception>
    public static Record Read(ReadOnlySpan<byte> line)
    {
        if (line.Length > 0 && line[^1] == (byte)'\n')
            line = line[..^1];
        if (line.Length > RecordRules.LineBytes)
            throw new FormatException($"a record line is longer than {RecordRules.LineBytes} bytes");
        Record record;
        try
        {
            record = Parse(line);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException("a record line is not valid JSON with the keys and types of a record");
        }
        if (RecordRules.Problem(record) is { } problem)
            throw new FormatException($"a record is refused: {problem}");

        // One record has one line: what parses but would be written otherwise is refused, so that hashes and
        // comparisons of lines are comparisons of records.
        var again = new ArrayBufferWriter<byte>(line.Length + 1);
        Write(again, record);
        if (!again.WrittenSpan[..^1].SequenceEqual(line))
            throw new FormatException("a record line is not canonical: other key order, escapes or white space than specs/records.md");
        return record;
    }

    private static Record Parse(ReadOnlySpan<byte> line)
    {
        var json = new Utf8JsonReader(line, new JsonReaderOptions { MaxDepth = 2 });
        Expect(ref json, JsonTokenType.StartObject);
        var record = new Record
        {
            Platform = String(ref json, "platform"u8),
            Kind = RecordKinds.TryParse(String(ref json, "kind"u8), out var kind) ? kind : throw new JsonException(),
            Id = String(ref json, "id"u8),
            Thread = String(ref json, "thread"u8),
            Author = String(ref json, "author"u8),
            Own = Value(ref json, "own"u8).GetBoolean(),
            Time = Value(ref json, "time"u8) is { TokenType: JsonTokenType.Number } number
                ? number.TryGetInt64(out long time) ? time : throw new JsonException()
                : json.TokenType == JsonTokenType.Null ? null : throw new JsonException(),
            Title = String(ref json, "title"u8),
            Text = String(ref json, "text"u8),
            Url = String(ref json, "url"u8),
        };
        if (Value(ref json, "meta"u8).TokenType != JsonTokenType.StartObject)
            throw new JsonException();
        List<string> keys = [], values = [];
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            string key = json.GetString()!;
            Expect(ref json, JsonTokenType.String);
            if (keys.Count == RecordRules.MetaKeys || (keys.Count > 0 && string.CompareOrdinal(keys[^1], key) >= 0))
                throw new JsonException();
            keys.Add(key);
            values.Add(json.GetString()!);
        }
        Expect(ref json, JsonTokenType.EndObject);
        if (json.Read())
            throw new JsonException();
        return record with { Meta = Metadata.FromOrdered([.. keys], [.. values]) };
    }

    private static string String(ref Utf8JsonReader json, ReadOnlySpan<byte> name) => Value(ref json, name).GetString() ?? throw new JsonException();

    private static Utf8JsonReader Value(ref Utf8JsonReader json, ReadOnlySpan<byte> name)
    {
        Expect(ref json, JsonTokenType.PropertyName);
        if (!json.ValueTextEquals(name) || !json.Read())
            throw new JsonException();
        return json;
    }

    private static void Expect(ref Utf8JsonReader json, JsonTokenType type)
    {
        if (!json.Read() || json.TokenType != type)
            throw new JsonException();
    }

    private static void Quote(IBufferWriter<byte> output, string text)
    {
        output.Write("\""u8);
        var rest = text.AsSpan();
        while (rest.Length > 0)
        {
            int plain = rest.IndexOfAny(Escaped);
            Utf8(output, plain < 0 ? rest : rest[..plain]);
            if (plain < 0)
                break;
            Escape(output, rest[plain]);
            rest = rest[(plain + 1)..];
        }
        output.Write("\""u8);
    }

    private static readonly SearchValues<char> Escaped =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(c => (char)c), '"', '\\']);

    private static void Escape(IBufferWriter<byte> output, char c)
    {
        var span = output.GetSpan(6);
        span[0] = (byte)'\\';
        byte brief = c switch
        {
            '"' => (byte)'"', '\\' => (byte)'\\', '\b' => (byte)'b', '\t' => (byte)'t', '\n' => (byte)'n', '\f' => (byte)'f', '\r' => (byte)'r',
            _ => 0,
        };
        if (brief != 0)
        {
            span[1] = brief;
            output.Advance(2);
            return;
        }
        "u00"u8.CopyTo(span[1..]);
        span[4] = HexDigits[c >> 4];
        span[5] = HexDigits[c & 15];
        output.Advance(6);
    }

    // In slices, so that one long text does not ask the buffer for three times its length at once.
    private static void Utf8(IBufferWriter<byte> output, ReadOnlySpan<char> text)
    {
        const int slice = 16_384;
        while (text.Length > 0)
        {
            int take = Math.Min(slice, text.Length);
            if (take < text.Length && char.IsHighSurrogate(text[take - 1]))
                take--;
            output.Advance(Encoding.UTF8.GetBytes(text[..take], output.GetSpan(Encoding.UTF8.GetMaxByteCount(take))));
            text = text[take..];
        }
    }
}
