using System.Text;
using System.Text.Json;

namespace Trove.Exports.Text;

/// <summary>
/// Reads the elements of a top-level JSON array one by one, so that a file of hundreds of megabytes needs memory for its
/// largest element only. With <c>members</c> it also takes a top-level object: it gives the elements of each member that
/// is an array, and every other member's value as one element. The buffer doubles while an element is incomplete, up to <see cref="ExportLimits.JsonValueBytes"/>,
/// which keeps the work linear.
/// </summary>
internal sealed class JsonArrayReader(Stream stream, ExportLimits limits, bool members = false)
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    private byte[] _buffer = new byte[16_384];
    private int _start, _end;
    private bool _final, _opened, _inObject, _named;
    private JsonReaderState _state = new(new JsonReaderOptions { MaxDepth = limits.JsonDepth });

    /// <summary>How many elements were read.</summary>
    public long Count { get; private set; }

    /// <summary>The member of the top-level object that the current element belongs to; empty in a top-level array.</summary>
    public string Member { get; private set; } = "";

    /// <summary>The next element, which the caller disposes; null at the end of the array or object.</summary>
    /// <exception cref="InvalidDataException">It is not a JSON array, is cut short, or an element breaks a limit.</exception>
    public JsonDocument? Next()
    {
        try
        {
            if (!_opened)
                Open();
            while (true)
            {
                switch (TryNext(out var element))
                {
                    case Step.Element:
                        Count++;
                        return element;
                    case Step.End:
                        return null;
                    case Step.Entered:
                        continue;
                }
                Fill();
            }
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"it is cut short or no valid JSON after {Count} whole elements, or nests deeper than {limits.JsonDepth}", e);
        }
    }

    private enum Step { More, Entered, Element, End }

    private Step TryNext(out JsonDocument? element)
    {
        element = null;
        var json = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), _final, _state);
        if (!json.Read())
            return _final ? throw new JsonException() : Step.More;
        switch (json.TokenType)
        {
            case JsonTokenType.EndArray when !_inObject:
            case JsonTokenType.EndObject:
                return Step.End;
            case JsonTokenType.EndArray:
                return Enter(json, named: false);
            case JsonTokenType.PropertyName:
                Member = Encoding.UTF8.GetString(json.ValueSpan);
                return Enter(json, named: true);
            case JsonTokenType.StartArray when _named:
                return Enter(json, named: false);
        }
        int first = (int)json.TokenStartIndex;
        if (!_final && !json.TrySkip())
            return Step.More;
        if (_final)
            json.Skip();
        int last = (int)json.BytesConsumed;

        // A copy, because the document keeps its memory and the buffer is refilled.
        var bytes = _buffer.AsSpan(_start + first, last - first).ToArray();
        element = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = limits.JsonDepth });
        _state = json.CurrentState;
        _start += last;
        _named = false;
        return Step.Element;
    }

    private Step Enter(Utf8JsonReader json, bool named)
    {
        _named = named;
        _state = json.CurrentState;
        _start += (int)json.BytesConsumed;
        return Step.Entered;
    }

    private void Open()
    {
        do
            Fill();
        while (!_final && _end < 3);
        if (_buffer.AsSpan(0, _end).StartsWith(ByteOrderMark))
            _start = 3;
        while (true)
        {
            var json = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), _final, _state);
            if (json.Read())
            {
                _inObject = members && json.TokenType == JsonTokenType.StartObject;
                if (json.TokenType != JsonTokenType.StartArray && !_inObject)
                    throw new InvalidDataException($"it is not a JSON array{(members ? " or object" : "")}");
                _state = json.CurrentState;
                _start += (int)json.BytesConsumed;
                _opened = true;
                return;
            }
            if (_final)
                throw new InvalidDataException("it is empty or cut short before its first element");
            Fill();
        }
    }

    private void Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= limits.JsonValueBytes)
                throw new InvalidDataException($"element {Count + 1} is longer than {limits.JsonValueBytes} bytes");
            Array.Resize(ref _buffer, (int)Math.Min(2L * _buffer.Length, limits.JsonValueBytes));
        }

        // Filling the whole buffer first keeps a stream that gives one byte at a time from making the work quadratic.
        int read = stream.ReadAtLeast(_buffer.AsSpan(_end), _buffer.Length - _end, throwOnEndOfStream: false);
        _final |= read < _buffer.Length - _end;
        _end += read;
    }
}
