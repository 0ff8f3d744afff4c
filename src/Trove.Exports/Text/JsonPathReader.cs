using System.Text;
using System.Text.Json;

namespace Trove.Exports.Text;

/// <summary>
/// Reads some values of a JSON file one by one, in the file's order: those at the paths that are asked for, such as
/// <c>chats.list[].messages[]</c>. All else is passed over token by token, so that a file of gigabytes needs memory for the
/// largest value asked for, or the longest string. The buffer doubles while one is incomplete, up to
/// <see cref="ExportLimits.JsonValueBytes"/>, which keeps the work linear.
/// </summary>
internal sealed class JsonPathReader
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    private readonly Stream _stream;
    private readonly ExportLimits _limits;
    private readonly Node _root = new();
    private readonly Stack<Node> _open = new();
    private byte[] _buffer = new byte[16_384];
    private int _start, _end, _arrays, _passedDepth = -1;
    private bool _final, _begun, _ended;
    private Node? _next;
    private JsonReaderState _state;

    /// <summary>Reads from the stream, which stays the caller's.</summary>
    /// <param name="stream">UTF-8, with or without a byte order mark.</param>
    /// <param name="limits">Bounds of depth and of one value.</param>
    /// <param name="paths">Names joined by dots, each followed by <c>[]</c> for every element of an array; none within another.</param>
    public JsonPathReader(Stream stream, ExportLimits limits, params ReadOnlySpan<string> paths)
    {
        (_stream, _limits) = (stream, limits);
        _state = new(new JsonReaderOptions { MaxDepth = limits.JsonDepth });
        _next = _root;
        for (int i = 0; i < paths.Length; i++)
        {
            var node = _root;
            foreach (var name in paths[i].Replace("[]", ".[]", StringComparison.Ordinal).Split('.', StringSplitOptions.RemoveEmptyEntries))
                node = node.Child(name);
            node.Path = i;
        }
    }

    /// <summary>Which of the paths the last value is at.</summary>
    public int Path { get; private set; }

    /// <summary>How many values were read.</summary>
    public long Count { get; private set; }

    /// <summary>How many elements of the outermost array on the way were begun: it changes where the next of them begins.</summary>
    public long Item { get; private set; }

    /// <summary>The next value, which the caller disposes; null at the end of the file.</summary>
    /// <exception cref="InvalidDataException">It is not the object or array that the paths begin with, is cut short, or a value breaks a limit.</exception>
    public JsonDocument? Next()
    {
        try
        {
            if (!_begun)
                Begin();
            while (true)
            {
                switch (Advance(out var value))
                {
                    case Step.Value:
                        Count++;
                        return value;
                    case Step.End:
                        return null;
                }
                Fill();
            }
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"it is cut short or no valid JSON after {Count} whole elements, or nests deeper than {_limits.JsonDepth}", e);
        }
    }

    private enum Step { More, Value, End }

    private Step Advance(out JsonDocument? value)
    {
        value = null;
        if (_ended)
            return Step.End;
        int origin = _start;
        var json = new Utf8JsonReader(_buffer.AsSpan(origin, _end - origin), _final, _state);
        while (json.Read())
        {
            if (_passedDepth >= 0)
            {
                if (json.CurrentDepth == _passedDepth && json.TokenType is JsonTokenType.EndArray or JsonTokenType.EndObject)
                    _passedDepth = -1;
                continue;
            }
            if (json.TokenType == JsonTokenType.PropertyName)
            {
                _next = _open.Peek().Find(json);
                if (_next is { Path: >= 0 })
                    Keep(json, origin); // to come back to, should the value be incomplete
                continue;
            }
            if (json.TokenType is JsonTokenType.EndArray or JsonTokenType.EndObject)
            {
                _arrays -= _open.Pop().Element is null ? 0 : 1;
                _ended = _open.Count == 0;
                if (!_ended)
                    continue;
                Keep(json, origin);
                return Step.End;
            }
            var node = _open.TryPeek(out var parent) && parent.Element is { } element ? element : _next;
            if (node is { Path: >= 0 })
            {
                int first = (int)json.TokenStartIndex;
                if (!_final && !json.TrySkip())
                    return Step.More;
                if (_final)
                    json.Skip();
                // A copy, because the document keeps its memory and the buffer is refilled.
                var bytes = _buffer.AsSpan(origin + first, (int)json.BytesConsumed - first).ToArray();
                value = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = _limits.JsonDepth });
                Path = node.Path;
            }
            Item += _arrays == 1 && parent?.Element is not null ? 1 : 0;
            if (value is not null)
            {
                Keep(json, origin);
                return Step.Value;
            }
            Enter(json, node);
            if (_open.TryPeek(out var open) && open.Element is { Path: >= 0 })
                Keep(json, origin);
        }
        Keep(json, origin);
        return _final ? throw new JsonException() : Step.More;
    }

    /// <summary>Goes into an object or array that is on the way, and has any other passed over.</summary>
    private void Enter(in Utf8JsonReader json, Node? node)
    {
        bool isArray = json.TokenType == JsonTokenType.StartArray, isObject = json.TokenType == JsonTokenType.StartObject;
        bool fits = node is not null && (node.Element is null ? isObject : isArray);
        if (_open.Count == 0 && !fits)
            throw new InvalidDataException(_root.Element is null ? "it is not a JSON object" : "it is not a JSON array");
        if (fits)
        {
            _open.Push(node!);
            _arrays += isArray ? 1 : 0;
        }
        else if (isArray || isObject)
        {
            _passedDepth = json.CurrentDepth;
        }
    }

    private void Keep(in Utf8JsonReader json, int origin) => (_state, _start) = (json.CurrentState, origin + (int)json.BytesConsumed);

    private void Begin()
    {
        do
            Fill();
        while (!_final && _end < 3);
        if (_buffer.AsSpan(0, _end).StartsWith(ByteOrderMark))
            _start = 3;
        if (_final && _buffer.AsSpan(_start, _end - _start).IndexOfAnyExcept(" \t\r\n"u8) < 0)
            throw new InvalidDataException("it is empty or cut short before its first element");
        _begun = true;
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
            if (_buffer.Length >= _limits.JsonValueBytes)
                throw new InvalidDataException($"element {Count + 1} is longer than {_limits.JsonValueBytes} bytes");
            Array.Resize(ref _buffer, (int)Math.Min(2L * _buffer.Length, _limits.JsonValueBytes));
        }

        // Filling the whole buffer first keeps a stream that gives one byte at a time from making the work quadratic.
        int read = _stream.ReadAtLeast(_buffer.AsSpan(_end), _buffer.Length - _end, throwOnEndOfStream: false);
        _final |= read < _buffer.Length - _end;
        _end += read;
    }

    /// <summary>A step on the way of one or more paths.</summary>
    private sealed class Node
    {
        private readonly List<(byte[] Name, Node Node)> _children = [];

        /// <summary>Elements of an array; null for an object.</summary>
        public Node? Element { get; private set; }

        /// <summary>The path that ends here; -1 when none does.</summary>
        public int Path { get; set; } = -1;

        public Node Child(string name)
        {
            if (name == "[]")
                return Element ??= new Node();
            var known = _children.Find(child => child.Name.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(name))).Node;
            if (known is null)
                _children.Add((Encoding.UTF8.GetBytes(name), known = new Node()));
            return known;
        }

        public Node? Find(in Utf8JsonReader name)
        {
            foreach (var (bytes, node) in _children)
            {
                if (name.ValueSpan.SequenceEqual(bytes)) // ValueTextEquals throws on half a surrogate pair
                    return node;
            }
            return null;
        }
    }
}
