using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Trove.Exports.Text;

/// <summary>
/// A value of a hostile JSON file, read without exceptions: half a surrogate pair and bytes that are not UTF-8, both of which real exports
/// hold, become U+FFFD (Unicode 3.9). A value that is missing or of another type reads as empty. Valid until its reader moves on.
/// </summary>
internal readonly struct JsonValue(JsonTape? tape, int row)
{
    /// <summary>What it is; undefined when it is missing.</summary>
    public JsonValueKind ValueKind => tape is null ? JsonValueKind.Undefined : tape[row].Kind switch
    {
        JsonTokenType.StartObject => JsonValueKind.Object,
        JsonTokenType.StartArray => JsonValueKind.Array,
        JsonTokenType.String => JsonValueKind.String,
        JsonTokenType.Number => JsonValueKind.Number,
        JsonTokenType.True => JsonValueKind.True,
        JsonTokenType.False => JsonValueKind.False,
        _ => JsonValueKind.Null,
    };

    /// <summary>Its bytes as they stand in the file.</summary>
    public ReadOnlySpan<byte> Raw => tape is null ? [] : tape.Raw(tape[row]);

    /// <summary>The name of an object's member; empty for every other value.</summary>
    public string Name => row > 0 && tape![row - 1].Kind == JsonTokenType.PropertyName ? Text(row - 1) : "";

    /// <summary>Is it a member of this name?</summary>
    public bool IsNamed(ReadOnlySpan<byte> name) => row > 0 && tape![row - 1].Kind == JsonTokenType.PropertyName && tape.Raw(tape[row - 1])[1..^1].SequenceEqual(name);

    /// <summary>Has it a member of this name?</summary>
    public bool Has(ReadOnlySpan<byte> name) => Get(name).ValueKind != JsonValueKind.Undefined;

    /// <summary>The member of an object; undefined when there is none. A repeated name gives the first.</summary>
    public JsonValue Get(ReadOnlySpan<byte> name) =>
        tape is not null && tape[row].Kind == JsonTokenType.StartObject && tape.Find(row, name) is >= 0 and var found ? new JsonValue(tape, found) : default;

    /// <summary>The elements of an array; none for everything else.</summary>
    public JsonItems Items() => tape is not null && tape[row].Kind == JsonTokenType.StartArray ? new JsonItems(tape, row, step: 0) : default;

    /// <summary>The values of an object's members, each with its <see cref="Name"/>; none for everything else.</summary>
    public JsonItems Members() => tape is not null && tape[row].Kind == JsonTokenType.StartObject ? new JsonItems(tape, row, step: 1) : default;

    /// <summary>The text of a string; empty for everything else.</summary>
    public string Text() => tape is not null && tape[row].Kind == JsonTokenType.String ? Text(row) : "";

    /// <summary>A member's text; empty when it is missing or no string.</summary>
    public string Text(ReadOnlySpan<byte> name) => Get(name).Text();

    /// <summary>A member that is an id: a number or a string, as it stands; empty for everything else. Ids of 64 bits do not survive as a double.</summary>
    public string IdText(ReadOnlySpan<byte> name) => Get(name).IdText();

    /// <inheritdoc cref="IdText(ReadOnlySpan{byte})"/>
    public string IdText() => ValueKind == JsonValueKind.Number ? Encoding.UTF8.GetString(Raw) : Text();

    /// <summary>Is the member <c>true</c>?</summary>
    public bool IsTrue(ReadOnlySpan<byte> name) => Get(name).ValueKind == JsonValueKind.True;

    /// <summary>A member that is an instant as <see cref="Times.Parse(ReadOnlySpan{char})"/> takes it; null when it is anything else.</summary>
    public long? Time(ReadOnlySpan<byte> name) => Times.Parse(Get(name).Inner);

    /// <summary>Seconds since 1970 as a number, or as a string of one; null when it is anything else.</summary>
    public long? UnixSeconds(ReadOnlySpan<byte> name) => Get(name).UnixSeconds();

    /// <inheritdoc cref="UnixSeconds(ReadOnlySpan{byte})"/>
    public long? UnixSeconds() => Thousandths() is { } plain ? Times.FromUnixMilliseconds(plain) : Number() is { } seconds ? Times.FromUnixSeconds(seconds) : null;

    /// <summary>Milliseconds since 1970 as a number, or as a string of one; null when it is anything else.</summary>
    public long? UnixMilliseconds(ReadOnlySpan<byte> name) => Get(name).Number() is { } milliseconds ? Times.FromUnixMilliseconds(milliseconds) : null;

    /// <summary>A number, or a string of one without sign; null when it is anything else.</summary>
    public decimal? Number()
    {
        decimal number;
        bool known = ValueKind == JsonValueKind.Number ? decimal.TryParse(Raw, NumberStyles.Float, CultureInfo.InvariantCulture, out number)
            : decimal.TryParse(Text(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number);
        return known ? number : null;
    }

    /// <summary>The bytes of a string between its quotes, escapes as they stand; none for everything else.</summary>
    private ReadOnlySpan<byte> Inner => ValueKind == JsonValueKind.String ? Raw[1..^1] : default;

    // 1000 times the value of what is digits and a few more behind a point, rounded down, as nearly all times are; null for the rest.
    private long? Thousandths()
    {
        const int most = 15;
        var digits = ValueKind == JsonValueKind.Number ? Raw : Inner;
        int point = digits.IndexOf((byte)'.');
        var whole = point < 0 ? digits : digits[..point];
        var rest = point < 0 ? default : digits[(point + 1)..];
        if (whole.Length is 0 or > most || rest.Length > most || (point >= 0 && rest.IsEmpty) || whole.ContainsAnyExceptInRange((byte)'0', (byte)'9') || rest.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            return null;
        long value = 0;
        foreach (byte digit in whole)
            value = 10 * value + digit - '0';
        for (int i = 0; i < 3; i++)
            value = 10 * value + (i < rest.Length ? rest[i] - '0' : 0);
        return value;
    }

    private string Text(int at)
    {
        ref readonly var string_ = ref tape![at];
        var utf8 = tape.Raw(string_)[1..^1];
        return string_.Escaped ? Unescape(utf8) : tape.Short.Get(utf8);
    }

    private static string Unescape(ReadOnlySpan<byte> raw)
    {
        var rented = ArrayPool<char>.Shared.Rent(raw.Length); // nothing is longer in UTF-16 than it is here
        var text = rented.AsSpan();
        int length = 0;
        for (int escape; (escape = raw.IndexOf((byte)'\\')) >= 0;)
        {
            length += Encoding.UTF8.GetChars(raw[..escape], text[length..]); // replaces what is not UTF-8
            byte kind = raw[escape + 1]; // the tokeniser has checked that escapes are whole
            text[length++] = kind switch { (byte)'b' => '\b', (byte)'f' => '\f', (byte)'n' => '\n', (byte)'r' => '\r', (byte)'t' => '\t', (byte)'u' => Unit(raw.Slice(escape + 2, 4)), _ => (char)kind };
            raw = raw[(escape + (kind == 'u' ? 6 : 2))..];
        }
        length += Encoding.UTF8.GetChars(raw, text[length..]);
        text = text[..length];
        var rest = text;
        for (int half; (half = rest.IndexOfAnyInRange('\uD800', '\uDFFF')) >= 0;)
        {
            bool isPair = Rune.DecodeFromUtf16(rest[half..], out _, out int units) == OperationStatus.Done;
            rest[half] = isPair ? rest[half] : '\uFFFD';
            rest = rest[(half + (isPair ? units : 1))..];
        }
        var result = text.ToString();
        ArrayPool<char>.Shared.Return(rented);
        return result;
    }

    private static char Unit(ReadOnlySpan<byte> hex)
    {
        int unit = 0;
        foreach (byte digit in hex)
            unit = 16 * unit + (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        return (char)unit;
    }
}

/// <summary>The elements of an array, or the values of an object's members.</summary>
internal readonly struct JsonItems(JsonTape? tape, int row, int step) : IEnumerable<JsonValue>
{
    public Enumerator GetEnumerator() => new(tape, row, step);

    IEnumerator<JsonValue> IEnumerable<JsonValue>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Walks from one to the next; a member's name stands before its value, which is what <c>step</c> passes over.</summary>
    internal struct Enumerator(JsonTape? tape, int row, int step) : IEnumerator<JsonValue>
    {
        private readonly int _end = tape is null ? 0 : tape[row].Next;
        private int _at = -1;

        public readonly JsonValue Current => new(tape, _at);

        readonly object IEnumerator.Current => Current;

        public bool MoveNext()
        {
            if (tape is null)
                return false;
            int next = (_at < 0 ? row + 1 : tape[_at].Next) + step;
            if (next >= _end)
                return false;
            _at = next;
            return true;
        }

        public readonly void Reset() => throw new NotSupportedException();

        public readonly void Dispose()
        {
        }
    }
}
