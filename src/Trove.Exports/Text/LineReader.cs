namespace Trove.Exports.Text;

/// <summary>
/// Reads lines as UTF-8 bytes without making strings of them. They end with LF or CRLF; a byte order mark at the start is
/// passed over. The buffer doubles up to the longest line allowed, so that a file without line ends does not fill memory.
/// </summary>
internal sealed class LineReader(Stream stream, int longest)
{
    private byte[] _buffer = new byte[Math.Min(65_536, longest + 2)];
    private int _start, _end;
    private bool _final;

    /// <summary>The number of the current line, from 1.</summary>
    public long Number { get; private set; }

    /// <summary>Is the current line only the first part of one that is too long? The rest was passed over.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Moves to the next line.</summary>
    /// <param name="line">Without its end; valid until the next call.</param>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="InvalidDataException">It is UTF-16, as its first bytes say.</exception>
    public bool Read(out ReadOnlySpan<byte> line)
    {
        int searched = 0;
        if (Number == 0)
            Begin();
        IsCut = false;
        while (true)
        {
            int at = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (at >= 0)
            {
                line = Take(searched + at, searched + at + 1);
                return true;
            }
            searched = _end - _start;
            if (_final)
            {
                line = Take(searched, searched);
                return searched > 0;
            }
            if (searched > longest + 1) // with the CR of a line that just fits
            {
                Number++;
                IsCut = true;
                line = _buffer.AsSpan(_start, longest).ToArray(); // the buffer is overwritten while the rest is passed over
                PassOver();
                return true;
            }
            Fill();
        }
    }

    private ReadOnlySpan<byte> Take(int length, int consumed)
    {
        var line = _buffer.AsSpan(_start, length);
        _start += consumed;
        Number += consumed > 0 ? 1 : 0;
        line = line is [.., (byte)'\r'] ? line[..^1] : line;
        IsCut = line.Length > longest;
        return IsCut ? line[..longest] : line;
    }

    private void Begin()
    {
        Fill();
        var head = _buffer.AsSpan(0, _end);
        if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || head.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
            throw new InvalidDataException("it is written in UTF-16, where UTF-8 is expected");
        if (head.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
            _start = 3;
    }

    private void PassOver()
    {
        while (true)
        {
            int at = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            _start = at < 0 ? _end : _start + at + 1;
            if (at >= 0 || _final)
                return;
            Fill();
        }
    }

    private void Fill()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, (int)Math.Min(2L * _buffer.Length, longest + 2L));
        int read = stream.ReadAtLeast(_buffer.AsSpan(_end), _buffer.Length - _end, throwOnEndOfStream: false);
        _final |= read < _buffer.Length - _end;
        _end += read;
    }
}
