using System.Text;
using System.Text.Json;

namespace Trove.Exports.Text;

/// <summary>
/// Reads some values of a JSON file one by one, in the file's order: those at the paths that are asked for, such as
/// <c>chats.list[].messages[]</c>. All else is passed over token by token, so that a file of gigabytes needs memory for the
/// largest value asked for, or the longest string. Every byte is looked at once: the buffer doubles while a value is incomplete, up to
/// <see cref="ExportLimits.JsonValueBytes"/>, and reading goes on where it stopped.
/// </summary>
internal sealed class JsonReader
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    private const int FirstBuffer = 1 << 16;

    private readonly Stream _stream;
    private readonly ExportLimits _limits;
    private readonly JsonTape _tape;
    private readonly Node _root = new();
    private readonly Stack<Node> _open = new();
    private byte[] _buffer;
    private int _start, _end, _valueStart = -1, _arrays, _passedDepth = -1;
    private bool _final, _begun, _ended;
    private Node? _next;
    private JsonReaderState _state;

    /// <summary>Reads from the stream, which stays the caller's.</summary>
    /// <param name="stream">UTF-8, with or without a byte order mark.</param>
    /// <param name="limits">Bounds of depth and of one value.</param>
    /// <param name="paths">
    /// Names joined by dots, each followed by <c>[]</c> for every element of an array; none within another. <c>*</c> is a member of any
    /// name, and of <c>*</c> and <c>*[]</c> the second takes what is an array.
    /// </param>
    public JsonReader(Stream stream, ExportLimits limits, params ReadOnlySpan<string> paths)
    {
        (_stream, _limits, _tape) = (stream, limits, new JsonTape(limits));
        _buffer = new byte[Math.Min(FirstBuffer, limits.JsonValueBytes)];
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

    /// <summary>The current value; valid until the next call of <see cref="Read"/>.</summary>
    public JsonValue Value { get; private set; }

    /// <summary>Which of the paths the current value is at.</summary>
    public int Path { get; private set; }

    /// <summary>How many values were read.</summary>
    public long Count { get; private set; }

    /// <summary>How many elements of the outermost array on the way were begun: it changes where the next of them begins.</summary>
    public long Item { get; private set; }

    /// <summary>The last member that <c>*</c> stood for; empty before one.</summary>
    public string Member { get; private set; } = "";

    /// <summary>Moves to the next value.</summary>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="InvalidDataException">It is not the object or array that the paths begin with, is cut short, or a value breaks a limit.</exception>
    public bool Read()
    {
        try
        {
            if (!_begun)
                Begin();
            while (!_ended)
            {
                if (Advance())
                {
                    Count++;
                    return true;
                }
                if (!_ended)
                    Fill();
            }
            Value = default;
            return false;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"it is cut short or no valid JSON after {Count} whole elements, or nests deeper than {_limits.JsonDepth}", e);
        }
    }

    // To the end of the next value; false when the bytes end before, or the file does.
    private bool Advance()
    {
        var json = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), _final, _state);
        bool found = _valueStart >= 0 ? _tape.Continue(ref json, _start - _valueStart) : Seek(ref json);
        _state = json.CurrentState;
        _start += (int)json.BytesConsumed;
        if (!found)
            return _final && !_ended ? throw new JsonException() : false;
        Value = _tape.Complete(_buffer, _valueStart);
        _valueStart = -1;
        return true;
    }

    private bool Seek(ref Utf8JsonReader json)
    {
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
                _next = _open.Peek().Find(json, out bool any);
                if (any)
                    Member = Encoding.UTF8.GetString(json.ValueSpan);
                continue;
            }
            if (json.TokenType is JsonTokenType.EndArray or JsonTokenType.EndObject)
            {
                _arrays -= json.TokenType == JsonTokenType.EndArray ? 1 : 0;
                _open.Pop();
                _ended = _open.Count == 0;
                if (_ended)
                    return false;
                _next = null;
                continue;
            }
            bool isElement = _open.TryPeek(out var open) && open.InArray;
            var node = isElement ? open!.Element : _next;
            Item += isElement && _arrays == 1 ? 1 : 0;
            if (node is null || !Enter(node, json.TokenType))
            {
                if (node is { Path: >= 0 })
                {
                    Path = node.Path;
                    _valueStart = _start + (int)json.TokenStartIndex;
                    return _tape.Begin(ref json, -(int)json.TokenStartIndex);
                }
                if (_open.Count == 0)
                    throw new InvalidDataException($"it is not a JSON {(_root.Element is null ? "object" : _root.HasMembers ? "array or object" : "array")}");
                if (json.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject)
                    _passedDepth = json.CurrentDepth;
            }
        }
        return false;
    }

    // Goes into an object or array that is on the way.
    private bool Enter(Node node, JsonTokenType token)
    {
        bool isArray = token == JsonTokenType.StartArray && node.Element is not null;
        if (!isArray && !(token == JsonTokenType.StartObject && node.HasMembers))
            return false;
        node.InArray = isArray; // a node is never open twice
        _open.Push(node);
        _arrays += isArray ? 1 : 0;
        return true;
    }

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
        int kept = _valueStart >= 0 ? _valueStart : _start;
        if (kept > 0)
        {
            _buffer.AsSpan(kept, _end - kept).CopyTo(_buffer);
            (_start, _end) = (_start - kept, _end - kept);
            _valueStart = _valueStart >= 0 ? 0 : -1;
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
        private Node? _any;

        /// <summary>Elements, where it is an array; null when none are asked for.</summary>
        public Node? Element { get; private set; }

        /// <summary>The path that ends here; -1 when none does.</summary>
        public int Path { get; set; } = -1;

        public bool HasMembers => _any is not null || _children.Count > 0;

        /// <summary>While it is open: as an array?</summary>
        public bool InArray { get; set; }

        public Node Child(string name)
        {
            if (name == "[]")
                return Element ??= new Node();
            if (name == "*")
                return _any ??= new Node();
            var known = _children.Find(child => child.Name.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(name))).Node;
            if (known is null)
                _children.Add((Encoding.UTF8.GetBytes(name), known = new Node()));
            return known;
        }

        public Node? Find(in Utf8JsonReader name, out bool any)
        {
            any = false;
            foreach (var (bytes, node) in _children)
            {
                if (name.ValueSpan.SequenceEqual(bytes)) // ValueTextEquals throws on half a surrogate pair
                    return node;
            }
            any = _any is not null;
            return _any;
        }
    }
}
