using System.Text;

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
/// <see cref="Problem"/>, so that the caller can report it and go on with the next one.
/// </summary>
internal sealed class CsvReader : IDisposable
{
    private readonly TextReader _text;
    private readonly ExportLimits _limits;
    private readonly bool _backslashes;
    private readonly StringBuilder _field = new();
    private readonly List<string> _fields = [];
    private readonly char[] _buffer = new char[16_384];
    private int _at, _filled, _rowLength;
    private long _line = 1;

    /// <summary>Reads UTF-8, or UTF-16 where a byte order mark says so; bytes that are neither become U+FFFD.</summary>
    public CsvReader(Stream stream, ExportLimits limits, CsvDialect dialect = CsvDialect.None)
    {
        _backslashes = dialect.HasFlag(CsvDialect.Backslashes);
        _text = new StreamReader(stream, new UTF8Encoding(false), detectEncodingFromByteOrderMarks: true, bufferSize: 16_384);
        _limits = limits;
    }

    /// <summary>The fields of the current row.</summary>
    public IReadOnlyList<string> Fields => _fields;

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
            _field.Clear();
            Problem = null;
            _rowLength = 0;
            Line = _line;
            if (Peek() < 0)
                return false;
            ReadRow();
        }
        while (_fields is [""] && Problem is null);
        return true;
    }

    public void Dispose() => _text.Dispose();

    private void ReadRow()
    {
        while (true)
        {
            if (Peek() == '"')
                ReadQuoted();
            else
                ReadPlain();
            EndField();
            int next = Next();
            if (next == ',')
                continue;
            if (next == '\r' && Peek() == '\n')
                Next();
            if (next >= 0)
                _line++;
            return;
        }
    }

    private void ReadPlain()
    {
        while (Peek() is not (-1 or ',' or '\r' or '\n'))
            Append((char)Next());
    }

    private void ReadQuoted()
    {
        Next();
        while (true)
        {
            int c = Next();
            if (c < 0)
            {
                Problem ??= "the file ends inside a quoted field";
                return;
            }
            if (_backslashes && c == '\\' && Peek() == '"')
            {
                c = Next();
            }
            else if (c == '"')
            {
                if (Peek() != '"')
                    break;
                Next();
            }
            else if (c == '\n' || (c == '\r' && Peek() != '\n'))
            {
                _line++;
            }
            Append((char)c);
        }
        if (Peek() is -1 or ',' or '\r' or '\n')
            return;
        Problem ??= "there is text after a closing quote";
        ReadPlain();
    }

    private void Append(char c)
    {
        if (++_rowLength > _limits.RowLength)
            Problem ??= $"the row is longer than {_limits.RowLength} characters";
        else
            _field.Append(c);
    }

    private void EndField()
    {
        if (_fields.Count < _limits.Columns)
            _fields.Add(_field.ToString());
        else
            Problem ??= $"the row has more than {_limits.Columns} fields";
        _field.Clear();
    }

    private int Peek()
    {
        while (true)
        {
            if (_at == _filled)
            {
                _filled = _text.Read(_buffer);
                _at = 0;
                if (_filled == 0)
                    return -1;
            }
            if (_buffer[_at] != '\0')
                return _buffer[_at];
            Nuls++;
            _at++;
        }
    }

    private int Next()
    {
        int c = Peek();
        if (c >= 0)
            _at++;
        if (c == '\uFFFD')
            Undecodable++;
        return c;
    }
}
