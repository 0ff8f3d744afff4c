namespace Trove.Exports.Text;

/// <summary>A CSV file whose first row names its columns. Malformed and ragged rows are reported and passed over.</summary>
internal sealed class CsvTable : IDisposable
{
    private const int MostPreamble = 16, MostAsked = 64;

    private readonly CsvReader _rows;
    private readonly FileLog _log;
    private readonly Dictionary<string, int> _columns = new(StringComparer.OrdinalIgnoreCase);
    private readonly (string Column, int At)[] _asked = new (string, int)[MostAsked];
    private int _width, _next;

    private CsvTable(CsvReader rows, FileLog log) => (_rows, _log) = (rows, log);

    /// <summary>Reads the header.</summary>
    /// <exception cref="InvalidDataException">There is none, or a required column is missing.</exception>
    public static CsvTable Open(Stream stream, ExportLimits limits, FileLog log, params ReadOnlySpan<string> required) =>
        Open(stream, limits, log, CsvDialect.None, required);

    /// <summary>Reads the header of a table in a dialect.</summary>
    /// <exception cref="InvalidDataException">There is none, or a required column is missing.</exception>
    public static CsvTable Open(Stream stream, ExportLimits limits, FileLog log, CsvDialect dialect, params ReadOnlySpan<string> required)
    {
        var table = new CsvTable(new CsvReader(stream, limits, dialect), log);
        try
        {
            table.ReadHeader(required, dialect.HasFlag(CsvDialect.Preamble) ? MostPreamble : 0);
            return table;
        }
        catch
        {
            table.Dispose();
            throw;
        }
    }

    /// <summary>The line, from 1, on which the current row begins.</summary>
    public long Line => _rows.Line;

    /// <summary>The current row's field in a column; empty when there is no such column.</summary>
    public string this[string column] => Find(column) is >= 0 and var at ? _rows[at] : "";

    /// <summary>The instant in a column, as <see cref="Times.Parse(ReadOnlySpan{char})"/> takes it; null when there is none.</summary>
    public long? Time(string column) => Find(column) is >= 0 and var at ? Times.Parse(_rows.Bytes(at)) : null;

    /// <summary>The current row's field in a column as it stands, without the quotes around it; empty when there is no such column.</summary>
    public ReadOnlySpan<byte> Bytes(string column) => Find(column) is >= 0 and var at ? _rows.Bytes(at) : [];

    /// <summary>Moves to the next good row.</summary>
    public bool Read()
    {
        _next = 0;
        while (_rows.Read())
        {
            if (_rows.Problem is null && _rows.Count == _width)
                return true;
            _log.Skip(_rows.Problem ?? $"a row has {_rows.Count} fields where the header has {_width}", $"line {_rows.Line}");
        }
        if (_rows.Nuls > 0)
            _log.Warn($"{_rows.Nuls} NUL bytes were dropped");
        if (_rows.Undecodable > 0)
            _log.Warn($"{_rows.Undecodable} characters are not valid in the file's encoding and were replaced by U+FFFD");
        return false;
    }

    public void Dispose() => _rows.Dispose();

    // Of every row the same columns are asked for in the same order: where the next of them is, is remembered.
    private int Find(string column)
    {
        int place = _next++ % MostAsked;
        if (!ReferenceEquals(_asked[place].Column, column))
            _asked[place] = (column, _columns.GetValueOrDefault(column, -1));
        return _asked[place].At;
    }

    private void ReadHeader(ReadOnlySpan<string> required, int preamble)
    {
        do
        {
            if (!_rows.Read())
                throw new InvalidDataException("it is empty, even without the row that names its columns");
        }
        while (preamble-- > 0 && !required.IsEmpty && !_rows.Fields.Select(field => field.Trim()).Contains(required[0], StringComparer.OrdinalIgnoreCase));
        if (_rows.Problem is { } problem)
            throw new InvalidDataException($"its first row cannot be read: {problem}");
        _width = _rows.Count;
        for (int i = 0; i < _width; i++)
            _columns.TryAdd(_rows[i].Trim(), i);
        foreach (var column in required)
        {
            if (!_columns.ContainsKey(column))
                throw new InvalidDataException($"it has no column '{column}'");
        }
    }
}
