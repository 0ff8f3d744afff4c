using System.Text;
using System.Text.Json;

namespace Trove.Tests.Fuzz;

/// <summary>
/// Changes a JSON text value by value, on its bytes, so that what is no valid document can be written too: names that stand twice,
/// half of a surrogate pair, numbers beyond every type, other types, deep nesting.
/// </summary>
internal sealed class JsonMutator(Random random)
{
    private static readonly string[] Values =
    [
        "null", "true", "false", "[]", "{}", "[null]", "\"\"", "0", "-1", "1.5", "1e400", "-1e-400", "4294967295", "4294967296", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
        "18446744073709551616", "340282366920938463463374607431768211456", "\"0\"", "\"1\"", "\"0x\"", "\"0x0\"", "\"0x10\"", "\"0xffffffffffffffff\"", "\"0xffffffffffffffffff\"", "\"-1\"", "\"340282366920938463463374607431768211455\"",
        "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u0000\"", "\"\\u202e\"", "\"\u00e9\"", "\"aGVsbG8=\"", "\"../../etc/passwd\"",
        "\"0x" + "ff" + "00000000000000000000000000000000000000\"", "\"0x" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
    ];

    private sealed record Span(int NameStart, int Start, int End);

    /// <summary>One change; <paramref name="other"/> is another input to take values from.</summary>
    public List<byte> Mutate(List<byte> input, byte[] other)
    {
        var json = input.ToArray();
        var spans = Spans(json);
        if (spans.Count == 0)
            return input;
        var at = spans[random.Next(spans.Count)];
        switch (random.Next(9))
        {
            case 0 or 1:
                return Replace(json, at.Start, at.End, Encoding.UTF8.GetBytes(Values[random.Next(Values.Length)]));
            case 2: // a value of another place or document
                var from = random.Next(2) == 0 ? json : other;
                var others = from == json ? spans : Spans(from);
                return others.Count == 0 ? input : Replace(json, at.Start, at.End, others[random.Next(others.Count)] is var o ? from[o.Start..o.End] : []);
            case 3: // the member or element once more
                return Replace(json, at.End, at.End, [(byte)',', .. json[at.NameStart..at.End]]);
            case 4: // gone, with a comma beside it
                int end = at.End, start = at.NameStart;
                if (end < json.Length && json[end] == ',')
                    end++;
                else if (start > 0 && json[start - 1] == ',')
                    start--;
                return Replace(json, start, end, []);
            case 5: // deeper
                int depth = (int[])[1, 4, 17, 33, 65, 1000] is var depths ? depths[random.Next(depths.Length)] : 0;
                bool list = random.Next(2) == 0;
                return Replace(json, at.Start, at.End,
                [
                    .. Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(list ? "[" : "{\"a\":", depth))), .. json[at.Start..at.End],
                    .. Encoding.ASCII.GetBytes(new string(list ? ']' : '}', depth)),
                ]);
            case 6 when json[at.Start] == '"': // a longer, shorter or slightly other text
                var text = json[(at.Start + 1)..(at.End - 1)];
                byte[] changed = random.Next(4) switch
                {
                    0 => [.. text, .. text],
                    1 => text[..(text.Length / 2)],
                    2 => [.. text, .. "\\ud83d"u8],
                    _ => text.Length == 0 ? [.. "x"u8] : [.. text[..^1], (byte)(text[^1] ^ 1)],
                };
                return Replace(json, at.Start + 1, at.End - 1, changed);
            case 7 when json[at.Start] == '"':
                return Replace(json, at.Start, at.End, Encoding.ASCII.GetBytes($"\"{new string((char)('a' + random.Next(26)), 1 << random.Next(13))}\""));
            default: // exchange two
                var second = spans[random.Next(spans.Count)];
                var (first, last) = at.Start < second.Start ? (at, second) : (second, at);
                return first.End > last.Start ? input
                    : [.. json[..first.Start], .. json[last.Start..last.End], .. json[first.End..last.Start], .. json[first.Start..first.End], .. json[last.End..]];
        }
    }

    private static List<byte> Replace(byte[] json, int start, int end, ReadOnlySpan<byte> by) => [.. json[..start], .. by, .. json[end..]];

    // Of all values, as far as the text can be read.
    private static List<Span> Spans(byte[] json)
    {
        var spans = new List<Span>();
        var open = new Stack<(int NameStart, int Start)>();
        int name = -1;
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 2000 });
            while (reader.Read() && spans.Count < 2000)
            {
                int start = (int)reader.TokenStartIndex, end = (int)reader.BytesConsumed;
                switch (reader.TokenType)
                {
                    case JsonTokenType.PropertyName:
                        name = start;
                        continue;
                    case JsonTokenType.StartObject or JsonTokenType.StartArray:
                        open.Push((name < 0 ? start : name, start));
                        break;
                    case JsonTokenType.EndObject or JsonTokenType.EndArray:
                        var (nameStart, from) = open.Pop();
                        spans.Add(new Span(nameStart, from, end));
                        break;
                    default:
                        spans.Add(new Span(name < 0 ? start : name, start, end));
                        break;
                }
                name = -1;
            }
        }
        catch (JsonException)
        {
            // What was read until here can be changed.
        }
        return spans;
    }
}
