using System.Text.Json;

namespace Trove.Exports.Text;

/// <summary>
/// Where the tokens of one JSON value lie in its bytes: a flat list that is filled in one pass of <see cref="Utf8JsonReader"/> and used
/// again for the next value, so that reading a file makes no garbage but the texts that are asked for.
/// </summary>
internal sealed class JsonTape(ExportLimits limits)
{
    /// <summary>A token. Of an object or array <c>Next</c> is the row behind its last; a member is its name's row and then its value's.</summary>
    public struct Row
    {
        /// <summary>Its first byte, from the value's first on.</summary>
        public int Start;

        /// <summary>Its bytes, with quotes and brackets. While an object or array is open: the row that it lies in.</summary>
        public int Length;

        public int Next;
        public JsonTokenType Kind;

        /// <summary>Does a string hold escapes?</summary>
        public bool Escaped;
    }

    private Row[] _rows = new Row[64];
    private int _count, _open;
    private byte[] _bytes = [], _copy = [];
    private int _origin;

    public ShortTexts Short { get; } = new();

    public ref readonly Row this[int row] => ref _rows[row];

    /// <summary>The bytes of a row.</summary>
    public ReadOnlySpan<byte> Raw(in Row row) => _bytes.AsSpan(_origin + row.Start, row.Length);

    /// <summary>Reads one value and nothing behind it; undefined when it is no JSON. Valid until the next.</summary>
    public JsonValue Parse(ReadOnlySpan<byte> utf8)
    {
        var json = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = limits.JsonDepth });
        try
        {
            if (!json.Read())
                return default;
            int start = (int)json.TokenStartIndex;
            if (!Begin(ref json, -start) || json.Read())
                return default;
            if (_copy.Length < utf8.Length)
                _copy = new byte[Math.Max(utf8.Length, Math.Min(2 * _copy.Length, limits.JsonValueBytes))];
            utf8.CopyTo(_copy);
            return Complete(_copy, start);
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            return default;
        }
    }

    /// <summary>Where the value's bytes are, once it is whole.</summary>
    public JsonValue Complete(byte[] bytes, int origin)
    {
        (_bytes, _origin) = (bytes, origin);
        return new JsonValue(this, 0);
    }

    /// <summary>Begins with the value whose first token was just read.</summary>
    /// <param name="json">Stands at that token.</param>
    /// <param name="shift">What to add to its offsets to count from the value's first byte.</param>
    /// <returns>Is it whole?</returns>
    public bool Begin(ref Utf8JsonReader json, int shift)
    {
        (_count, _open) = (0, -1);
        Add(ref json, shift);
        return _open < 0 || Continue(ref json, shift);
    }

    /// <summary>Goes on to the end of the value that was begun; false when the bytes end before it.</summary>
    public bool Continue(ref Utf8JsonReader json, int shift)
    {
        while (json.Read())
        {
            if (json.TokenType is not (JsonTokenType.EndObject or JsonTokenType.EndArray))
            {
                Add(ref json, shift);
                continue;
            }
            ref var closed = ref _rows[_open];
            _open = closed.Length;
            closed.Length = (int)json.BytesConsumed + shift - closed.Start;
            closed.Next = _count;
            if (_open < 0)
                return true;
        }
        return false;
    }

    /// <summary>The row of a member's value; -1 when there is none. A repeated name gives the first.</summary>
    public int Find(int row, ReadOnlySpan<byte> name)
    {
        int end = _rows[row].Next;
        for (int at = row + 1; at < end; at = _rows[at + 1].Next)
        {
            ref readonly var member = ref _rows[at];
            if (member.Length == name.Length + 2 && _bytes.AsSpan(_origin + member.Start + 1, name.Length).SequenceEqual(name))
                return at + 1;
        }
        return -1;
    }

    private void Add(ref Utf8JsonReader json, int shift)
    {
        if (_count == _rows.Length)
        {
            if (_count >= limits.JsonTokens)
                throw new InvalidDataException($"an element has more than {limits.JsonTokens} tokens");
            Array.Resize(ref _rows, Math.Min(2 * _count, limits.JsonTokens));
        }
        ref var row = ref _rows[_count++];
        row.Start = (int)json.TokenStartIndex + shift;
        row.Next = _count;
        row.Kind = json.TokenType;
        row.Escaped = json.ValueIsEscaped;
        if (json.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            (row.Length, _open) = (_open, _count - 1);
        else
            row.Length = json.ValueSpan.Length + (json.TokenType is JsonTokenType.String or JsonTokenType.PropertyName ? 2 : 0);
    }
}
