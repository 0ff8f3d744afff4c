using System.Buffers;
using System.Collections.Frozen;
using System.Net;
using System.Text;

namespace Trove.Exports.Text;

/// <summary>What <see cref="HtmlReader"/> gives.</summary>
internal enum HtmlToken
{
    /// <summary>Text, or a piece of one that is long.</summary>
    Text,

    /// <summary>A start tag.</summary>
    Start,

    /// <summary>An end tag, whether or not anything was started.</summary>
    End,
}

/// <summary>
/// Cuts HTML into text and tags as browsers do (WHATWG HTML, section 13.2.5), but builds no tree: nothing nests, nothing is missing, no input is
/// an error. Comments, doctypes and instructions are passed over; CDATA and a <c>&lt;</c> before what is no name are text. Memory does not grow with
/// the file: text comes in pieces, and of a tag's attributes only a bounded part is kept, so that pictures inside attributes cost nothing.
/// </summary>
internal sealed class HtmlReader(TextReader input)
{
    private const int BufferSize = 16_384, LongestEntity = 40;

    // Stops: a tag without end, and a tag of a million attributes.
    private const int LongestName = 64, MostAttributes = 64, LongestValue = 16_384, LongestTag = 65_536;

    private static readonly SearchValues<char> White = SearchValues.Create(" \t\n\f\r"), NameEnd = SearchValues.Create(" \t\n\f\r/>"),
        AttributeEnd = SearchValues.Create(" \t\n\f\r/>="), BareEnd = SearchValues.Create(" \t\n\f\r>"), Quote = SearchValues.Create("\""), Apostrophe = SearchValues.Create("'");

    // Whose content is no markup (section 13.1.2); of some not even character references.
    private static readonly FrozenSet<string> RawElements = FrozenSet.Create("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes");

    // Names that need no new string.
    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Known = FrozenSet.Create(StringComparer.Ordinal,
        "a", "b", "blockquote", "body", "br", "code", "dd", "div", "dl", "dt", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "head", "hr", "html", "i", "img", "li", "link", "meta", "ol", "p",
        "pre", "script", "span", "strong", "style", "sub", "sup", "table", "tbody", "td", "textarea", "th", "thead", "title", "tr", "u", "ul").GetAlternateLookup<ReadOnlySpan<char>>();

    private readonly char[] _buffer = new char[BufferSize];
    private readonly (int Name, int NameLength, int Value, int ValueLength)[] _attributes = new (int, int, int, int)[MostAttributes];
    private char[] _tag = new char[256];
    private int _start, _end, _tagLength, _attributeCount, _text;
    private bool _final, _inData;
    private string? _decoded;

    /// <summary>Reads a file, which stays the caller's: in the charset of its byte order mark, else of its <c>meta</c>, else UTF-8.</summary>
    public static HtmlReader Open(Stream stream)
    {
        var head = new byte[HtmlCharset.HeadBytes];
        int read = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        return new HtmlReader(new StreamReader(new HeadedStream(head.AsMemory(0, read), stream), HtmlCharset.Of(head.AsSpan(0, read)), detectEncodingFromByteOrderMarks: true, BufferSize));
    }

    /// <summary>What was read last.</summary>
    public HtmlToken Token { get; private set; }

    /// <summary>The element of a tag, ASCII in lower case.</summary>
    public string Name { get; private set; } = "";

    /// <summary>The element whose content is no markup, such as <c>title</c>, when the text is in one; else empty.</summary>
    public string Within { get; private set; } = "";

    /// <summary>The text with character references resolved, its white space as it stands; valid until the next call.</summary>
    public ReadOnlySpan<char> Text => _decoded is null ? _buffer.AsSpan(_start - _text, _text) : _decoded;

    /// <summary>Moves to the next token.</summary>
    /// <returns>False at the end of the file. A tag that the end cuts short is none.</returns>
    public bool Read()
    {
        (_tagLength, _attributeCount, _decoded) = (0, 0, null);
        while (true)
        {
            if (TakeText())
            {
                Token = HtmlToken.Text;
                return true;
            }
            if (_start == _end)
                return false;
            if (TakeMarkup())
                return true;
        }
    }

    /// <summary>The value of a tag's attribute, any case; empty when it is missing, has none or more than 16,384 characters. A repeated name gives the first.</summary>
    public string Attribute(string name)
    {
        foreach (var at in _attributes.AsSpan(0, _attributeCount))
        {
            if (_tag.AsSpan(at.Name, at.NameLength).Equals(name, StringComparison.OrdinalIgnoreCase))
                return Decode(_tag.AsSpan(at.Value, at.ValueLength));
        }
        return "";
    }

    private static string Decode(ReadOnlySpan<char> text) => text.Contains('&') ? WebUtility.HtmlDecode(text.ToString()) : text.ToString();

    private ReadOnlySpan<char> Rest => _buffer.AsSpan(_start, _end - _start);

    /// <summary>The text up to the next markup, or as much of it as the buffer holds; false when there is none.</summary>
    private bool TakeText()
    {
        int searched = 0;
        while (true)
        {
            var rest = Rest;
            int at = _inData ? rest[searched..].IndexOf("]]>") : rest[searched..].IndexOf('<');
            if (at >= 0)
            {
                at += searched;
                bool isKnown = _final || _inData || at + Within.Length + 3 <= rest.Length;
                if (isKnown && !_inData && !IsMarkup(rest[at..]))
                {
                    searched = at + 1;
                    continue;
                }
                if (isKnown || at > 0)
                    return Emit(at);
                Fill();
                continue;
            }
            if (_final)
                return Emit(rest.Length);
            if (rest.Length == BufferSize)
                return Emit(Whole(rest));
            searched = Math.Max(0, rest.Length - 2); // may hold the front of what is looked for
            Fill();
        }
    }

    // Cuts neither a character reference, nor a pair of surrogates, nor the end of CDATA in two.
    private static int Whole(ReadOnlySpan<char> text)
    {
        int end = text.Length - 2, reference = text[^LongestEntity..].LastIndexOf('&');
        if (reference >= 0)
            return text.Length - LongestEntity + reference;
        return char.IsHighSurrogate(text[end - 1]) ? end - 1 : end;
    }

    private bool Emit(int length)
    {
        _text = length;
        var text = Rest[..length];
        if (!_inData && Within is "" or "title" or "textarea" && text.Contains('&'))
            _decoded = Decode(text);
        _start += length;
        return length > 0;
    }

    private bool IsMarkup(ReadOnlySpan<char> text)
    {
        if (text.Length < 2)
            return false;
        bool isEnd = text[1] == '/';
        if (Within.Length > 0)
            return isEnd && text[2..].StartsWith(Within, StringComparison.OrdinalIgnoreCase) && (text.Length == 2 + Within.Length || NameEnd.Contains(text[2 + Within.Length]));
        return isEnd ? text.Length > 2 && char.IsAsciiLetter(text[2]) : char.IsAsciiLetter(text[1]) || text[1] is '!' or '?';
    }

    /// <summary>Goes past what begins here; true when it is a tag.</summary>
    private bool TakeMarkup()
    {
        if (_inData)
        {
            _start += "]]>".Length;
            _inData = false;
            return false;
        }
        while (!_final && Rest.Length < "<![CDATA[".Length)
            Fill();
        if (Rest[1] is '!' or '?')
        {
            if (Rest.StartsWith("<![CDATA["))
            {
                _start += "<![CDATA[".Length;
                _inData = true;
            }
            else if (Rest.StartsWith("<!--"))
            {
                _start += 2; // <!--> and <!---> are whole
                PassOver("-->");
            }
            else
            {
                PassOver(">");
            }
            return false;
        }
        bool isEnd = Rest[1] == '/';
        _start += isEnd ? 2 : 1;
        var (at, length) = Take(NameEnd, LongestName);
        var name = _tag.AsSpan(at, length);
        Ascii.ToLowerInPlace(name, out _);
        Name = Known.TryGetValue(name, out var known) ? known : name.ToString();
        if (!TakeAttributes(out bool isEmpty))
            return false;
        Token = isEnd ? HtmlToken.End : HtmlToken.Start;
        Within = !isEnd && !isEmpty && RawElements.Contains(Name) ? Name : "";
        return true;
    }

    private bool TakeAttributes(out bool isEmpty)
    {
        isEmpty = false;
        while (true)
        {
            PassOver(White);
            switch (Peek())
            {
                case -1:
                    return false;
                case '>':
                    _start++;
                    return true;
                case '/':
                    _start++;
                    isEmpty = Peek() == '>';
                    continue;
                case '=':
                    _start++; // belongs to a name that nobody asks for
                    continue;
            }
            var name = Take(AttributeEnd, LongestName);
            PassOver(White);
            var value = (Start: 0, Length: 0);
            if (Peek() == '=')
            {
                _start++;
                PassOver(White);
                if (Peek() is '"' or '\'')
                {
                    value = Take(_buffer[_start++] == '"' ? Quote : Apostrophe, LongestValue);
                    if (Peek() != -1)
                        _start++;
                }
                else
                {
                    value = Take(BareEnd, LongestValue);
                }
            }
            if (_attributeCount < MostAttributes)
                _attributes[_attributeCount++] = (name.Start, name.Length, value.Start, value.Length);
        }
    }

    /// <summary>Keeps what comes before one of these characters, unless it is too long.</summary>
    private (int Start, int Length) Take(SearchValues<char> ends, int longest)
    {
        int first = _tagLength;
        bool fits = true;
        while (Peek() != -1)
        {
            int at = Rest.IndexOfAny(ends), length = at < 0 ? Rest.Length : at;
            fits &= _tagLength - first + length <= longest && _tagLength + length <= LongestTag;
            if (fits)
            {
                if (_tagLength + length > _tag.Length)
                    Array.Resize(ref _tag, Math.Max(2 * _tag.Length, _tagLength + length));
                Rest[..length].CopyTo(_tag.AsSpan(_tagLength));
                _tagLength += length;
            }
            _start += length;
            if (at >= 0)
                break;
        }
        if (!fits)
            _tagLength = first;
        return (first, _tagLength - first);
    }

    private void PassOver(SearchValues<char> characters)
    {
        while (Peek() != -1)
        {
            int at = Rest.IndexOfAnyExcept(characters);
            _start = at < 0 ? _end : _start + at;
            if (at >= 0)
                return;
        }
    }

    private void PassOver(ReadOnlySpan<char> end)
    {
        while (true)
        {
            int at = Rest.IndexOf(end);
            if (at >= 0 || _final)
            {
                _start = at < 0 ? _end : _start + at + end.Length;
                return;
            }
            _start = Math.Max(_start, _end - (end.Length - 1));
            Fill();
        }
    }

    private int Peek()
    {
        if (_start == _end && !_final)
            Fill();
        return _start < _end ? _buffer[_start] : -1;
    }

    private void Fill()
    {
        Rest.CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        int read = input.ReadBlock(_buffer.AsSpan(_end));
        _final |= read < _buffer.Length - _end;
        _end += read;
    }

    /// <summary>The first bytes, already read, and the rest.</summary>
    private sealed class HeadedStream(ReadOnlyMemory<byte> head, Stream rest) : Source.ReadOnlyStream
    {
        private ReadOnlyMemory<byte> _head = head;

        public override int Read(Span<byte> buffer)
        {
            if (_head.IsEmpty)
                return rest.Read(buffer);
            int taken = Math.Min(buffer.Length, _head.Length);
            _head.Span[..taken].CopyTo(buffer);
            _head = _head[taken..];
            return taken;
        }
    }
}
