using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace Trove.Exports.Text;

/// <summary>How a platform's CSV departs from RFC 4180.</summary>
[Flags]
internal enum CsvDialect
{
    None = 0,

    /// <summary>Rows of another kind stand before the one that names the columns.</summary>
    Preamble = 1,

    /// <summary>A quote in a quoted field can be written <c>\"</c>.</summary>
    Backslashes = 2,
}

/// <summary>
/// Reads CSV row by row (RFC 4180): quoted fields with doubled quotes, commas and line breaks; CRLF, LF or CR; a byte
/// order mark; NUL bytes dropped. A row that cannot be trusted is still returned, with what is wrong in
/// <see cref="Problem"/>, so that the caller can report it and go on with the next one. Works on bytes, and makes text of those
/// fields only that are asked for.
/// </summary>
internal sealed class CsvReader : IDisposable
{
    private const int FirstBuffer = 1 << 16;

    private enum Form { Plain, Quoted, Escaped, Odd } // Odd: text after the closing quote, or no closing quote

    // Offsets from the row's beginning, so that moving the row changes none.
    private readonly record struct Field(int Start, int Length, Form Form);

    private readonly ExportLimits _limits;
    private readonly bool _backslashes;
    private readonly List<Field> _fields = [];
    private readonly List<string?> _texts = [];
    private readonly ShortTexts _short = new();
    private Stream _stream;
    private byte[] _buffer = new byte[FirstBuffer];
    private int _row, _at, _end;
    private bool _opened, _final, _dropped, _ascii;
    private long _line = 1;

    /// <summary>Reads UTF-8, or UTF-16 where a byte order mark says so; bytes that are neither become U+FFFD.</summary>
    public CsvReader(Stream stream, ExportLimits limits, CsvDialect dialect = CsvDialect.None) => (_stream, _limits, _backslashes) = (stream, limits, dialect.HasFlag(CsvDialect.Backslashes));

    /// <summary>How many fields the current row has.</summary>
    public int Count => _fields.Count;

    /// <summary>A field of the current row.</summary>
    public string this[int field] => _texts[field] ??= Decode(_fields[field]);

    /// <summary>A field of the current row as it stands, without the quotes around it.</summary>
    public ReadOnlySpan<byte> Bytes(int field) => _buffer.AsSpan(_row + _fields[field].Start, _fields[field].Length);

    /// <summary>The fields of the current row.</summary>
    public IReadOnlyList<string> Fields => [.. Enumerable.Range(0, Count).Select(i => this[i])];

    /// <summary>The line, from 1, on which the current row begins.</summary>
    public long Line { get; private set; }

    /// <summary>What is wrong with the current row; null when nothing is.</summary>
    public string? Problem { get; private set; }

    /// <summary>NUL characters dropped so far.</summary>
    public long Nuls { get; private set; }

    /// <summary>Characters so far that were not valid in the file's encoding.</summary>
    public long Undecodable { get; private set; }

    /// <summary>Moves to the next row that is not blank.</summary>
    /// <returns>False at the end.</returns>
    public bool Read()
    {
        do
        {
            _fields.Clear();
            _texts.Clear();
            (Problem, _dropped) = (null, false);
            _row = _at;
            Line = _line;
            if (Peek() < 0)
                return false;
            ReadRow();
        }
        while (Problem is null && _fields is [{ Length: 0 }]);
        return true;
    }

    public void Dispose() => _stream.Dispose();

    private void ReadRow()
    {
        while (true)
        {
            if (Peek() == '"')
                ReadQuoted();
            else
                Add(_at - _row, ReadPlain(), Form.Plain);
            int next = Peek();
            if (next == ',')
            {
                _at++;
                continue;
            }
            CheckText();
            if (next >= 0)
            {
                _at++;
                _line++;
            }
            if (next == '\r' && Peek() == '\n')
                _at++;
            return;
        }
    }

    // Up to a comma, a line's end or the end; where that is, from the row's beginning.
    private int ReadPlain()
    {
        do
        {
            int found = _buffer.AsSpan(_at, _end - _at).IndexOfAny((byte)',', (byte)'\r', (byte)'\n');
            _at = found < 0 ? _end : _at + found;
        }
        while (_at == _end && Fill());
        return _at - _row;
    }

    private void ReadQuoted()
    {
        int start = _at - _row;
        var form = Form.Quoted;
        _at++;
        while (true)
        {
            var rest = _buffer.AsSpan(_at, _end - _at);
            int quote = rest.IndexOf((byte)'"');
            // A CR at the end of what is there may be the first half of a CRLF: looked at with what follows.
            var inside = quote >= 0 ? rest[..quote] : !_final && rest.Length > 0 && rest[^1] == '\r' ? rest[..^1] : rest;
            CountLines(inside);
            _at += inside.Length;
            if (quote < 0)
            {
                if (Fill() || _at < _end)
                    continue;
                Problem ??= "the file ends inside a quoted field";
                Add(start, _at - _row, Form.Odd);
                return;
            }
            _at++;
            bool escaped = _backslashes && _at - 2 > _row + start && _buffer[_at - 2] == '\\';
            if (!escaped && Peek() != '"')
                break;
            _at += escaped ? 0 : 1;
            form = Form.Escaped;
        }
        if (Peek() is -1 or ',' or '\r' or '\n')
        {
            Add(start + 1, _at - 1 - _row, form);
            return;
        }
        Problem ??= "there is text after a closing quote";
        Add(start, ReadPlain(), Form.Odd);
    }

    private void CountLines(ReadOnlySpan<byte> inside)
    {
        _line += inside.Count((byte)'\n');
        for (int cr; (cr = inside.IndexOf((byte)'\r')) >= 0; inside = inside[(cr + 1)..])
            _line += cr + 1 < inside.Length && inside[cr + 1] == '\n' ? 0 : 1;
    }

    private void Add(int start, int end, Form form)
    {
        if (_fields.Count == _limits.Columns)
        {
            Problem ??= $"the row has more than {_limits.Columns} fields";
            return;
        }
        _fields.Add(new Field(start, end - start, form));
        _texts.Add(null);
    }

    // At the end of a row, before its line's end.
    private void CheckText()
    {
        var row = _buffer.AsSpan(_row, _at - _row);
        if (_dropped || row.Length > _limits.RowLength)
        {
            Problem = $"the row is longer than {_limits.RowLength} bytes";
            CollectionsMarshal.SetCount(_fields, 1);
            CollectionsMarshal.SetCount(_texts, 1);
            (_fields[0], _texts[0]) = (default, "");
        }
        _ascii = Ascii.IsValid(row);
        if (!_ascii && (!Utf8.IsValid(row) || row.IndexOf("\uFFFD"u8) >= 0))
            Undecodable += Encoding.UTF8.GetString(row).AsSpan().Count('\uFFFD');
    }

    private string Decode(Field field)
    {
        var bytes = _buffer.AsSpan(_row + field.Start, field.Length);
        var text = _ascii && bytes.Length > ShortTexts.Longest ? Encoding.Latin1.GetString(bytes) : _short.Get(bytes); // Latin-1 looks at each byte once
        return field.Form switch
        {
            Form.Escaped when _backslashes => Unescape(text, 0),
            Form.Escaped => text.Replace("\"\"", "\"", StringComparison.Ordinal),
            Form.Odd => Unescape(text, 1),
            _ => text,
        };
    }

    // From inside a quoted field on; what follows its closing quote stays as it is.
    private string Unescape(string text, int at)
    {
        var field = new StringBuilder(text.Length);
        for (; at < text.Length; at++)
        {
            char next = at + 1 < text.Length ? text[at + 1] : '\0';
            if (text[at] == '"' && next != '"')
                return field.Append(text, at + 1, text.Length - at - 1).ToString();
            if (text[at] == '"' || (_backslashes && text[at] == '\\' && next == '"'))
                at++;
            field.Append(text[at]);
        }
        return field.ToString();
    }

    private int Peek() => _at < _end || Fill() ? _buffer[_at] : -1;

    // More bytes behind those that are there; false at the end. The row moves to the front; one that is too long is let go of.
    private bool Fill()
    {
        if (!_opened && Open())
            return true;
        if (_final)
            return false;
        if (_at - _row > _limits.RowLength + 2L) // a line's end may be looked for behind a row of the limit's length
        {
            _dropped = true;
            _row = _at;
        }
        if (_row > 0)
        {
            _buffer.AsSpan(_row, _end - _row).CopyTo(_buffer);
            (_at, _end, _row) = (_at - _row, _end - _row, 0);
        }
        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        int read;
        do
        {
            read = _stream.Read(_buffer.AsSpan(_end));
            _final = read == 0;
            read = WithoutNuls(_buffer.AsSpan(_end, read));
        }
        while (read == 0 && !_final);
        _end += read;
        return !_final;
    }

    // Sees what it is; true when the bytes read for that are of the table.
    private bool Open()
    {
        _opened = true;
        _end = _stream.ReadAtLeast(_buffer.AsSpan(0, 3), 3, throwOnEndOfStream: false);
        var head = _buffer.AsSpan(0, _end);
        var encoding = head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) ? Encoding.Unicode : head.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]) ? Encoding.BigEndianUnicode : null;
        if (head.SequenceEqual((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
            _end = 0;
        else if (encoding is null)
            _end = WithoutNuls(head);
        else
            (_stream, _end) = (Encoding.CreateTranscodingStream(new Prefixed(head[2..].ToArray(), _stream), encoding, Encoding.UTF8), 0);
        return _end > 0;
    }

    private int WithoutNuls(Span<byte> bytes)
    {
        int kept = bytes.IndexOf((byte)0);
        if (kept < 0)
            return bytes.Length;
        for (int i = kept; i < bytes.Length; i++)
            if (bytes[i] != 0)
                bytes[kept++] = bytes[i];
        Nuls += bytes.Length - kept;
        return kept;
    }

    // A stream again with the bytes that were read to see what it is.
    private sealed class Prefixed(byte[] prefix, Stream rest) : Stream
    {
        private int _given;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            if (_given == prefix.Length)
                return rest.Read(buffer);
            int length = Math.Min(buffer.Length, prefix.Length - _given);
            prefix.AsSpan(_given, length).CopyTo(buffer);
            _given += length;
            return length;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                rest.Dispose();
            base.Dispose(disposing);
        }
    }
}
