using Trove.Exports.Text;

namespace Trove.Exports.Mbox;

/// <summary>
/// Cuts an mbox into its mails (RFC 4155): each begins with a line as <c>From bob@example.org Mon Feb 10 22:12:47 2020</c>. Searches bytes and
/// decodes nothing. A mail is held whole up to a bound; what of it lies beyond is passed over.
/// </summary>
/// <param name="stream">Stays the caller's.</param>
/// <param name="longest">Bytes of one mail.</param>
/// <param name="isSingle">Is it one mail without such a line, as <c>.eml</c> files are?</param>
internal sealed class MboxMessages(Stream stream, int longest, bool isSingle)
{
    // More than a line that parts two mails has, and room to read in.
    private const int LongestSeparator = 512, Room = 1 << 18;

    private byte[] _buffer = new byte[Room];
    private int _start, _end, _length, _separator, _after;
    private bool _begun, _final;

    /// <summary>The number of the current mail, from 1.</summary>
    public long Number { get; private set; }

    /// <summary>The line that the current mail begins with, without its end.</summary>
    public ReadOnlySpan<byte> Separator => _buffer.AsSpan(_start, _separator).TrimEnd("\r\n"u8);

    /// <summary>The current mail without that line; valid until the next.</summary>
    public ReadOnlySpan<byte> Mail => _buffer.AsSpan(_start + _separator, _length - _separator);

    /// <summary>Is the current mail longer than what is held of it?</summary>
    public bool IsCut { get; private set; }

    /// <summary>Moves to the next mail.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="InvalidDataException">It does not begin as an mbox does.</exception>
    public bool Next()
    {
        if (_begun)
            _start = _after;
        else
            Begin();
        if (_start == _end && _final)
            return false;
        Number++;
        int searched = 0, held = -1; // from _start; held: what is kept of a mail that is too long
        while (true)
        {
            int at = isSingle ? -1 : FindSeparator(ref searched);
            if (at >= 0 || _final)
            {
                int end = at >= 0 ? at : _end - _start;
                IsCut = held >= 0 || end > longest;
                _length = held >= 0 ? held : Math.Min(end, longest);
                _after = _start + end;
                _separator = isSingle ? 0 : _buffer.AsSpan(_start, _length).IndexOf((byte)'\n') is >= 0 and var line ? line + 1 : _length;
                return true;
            }
            if (_end - _start >= longest + Room)
            {
                // Keeps the beginning and, behind it, the end of what was searched, where a line may have begun.
                held = searched = longest;
                _buffer.AsSpan(_end - LongestSeparator, LongestSeparator).CopyTo(_buffer.AsSpan(_start + longest));
                _end = _start + longest + LongestSeparator;
            }
            Fill();
        }
    }

    /// <summary>Does a line part two mails? It has a clock's time and a year, which a sentence that begins with From has not.</summary>
    public static bool IsSeparator(ReadOnlySpan<byte> line)
    {
        if (!line.StartsWith("From "u8) || line.Length > LongestSeparator)
            return false;
        int colon = line.IndexOf((byte)':');
        while (colon >= 0 && !(colon >= 2 && colon + 2 < line.Length && IsDigit(line[colon - 2]) && IsDigit(line[colon - 1]) && IsDigit(line[colon + 1]) && IsDigit(line[colon + 2])))
            colon = line[(colon + 1)..].IndexOf((byte)':') is >= 0 and var next ? colon + 1 + next : -1;
        return colon >= 0 && (line[colon..].IndexOf(" 19"u8) >= 0 || line[colon..].IndexOf(" 20"u8) >= 0);
    }

    /// <summary>When the mail was put into the file, by a line that parts two mails; null where it does not say. Its clock may be local.</summary>
    public static long? Stored(ReadOnlySpan<byte> separator)
    {
        if (!IsSeparator(separator))
            return null;
        var text = System.Text.Encoding.Latin1.GetString(separator).TrimEnd();
        return (text.Length >= 30 ? Times.ParseDated(text[^30..]) : null)
            ?? (text.Length >= 24 ? Times.Exactly(text[^24..].Replace("  ", " ", StringComparison.Ordinal), "ddd MMM d HH:mm:ss yyyy") : null);
    }

    private static bool IsDigit(byte b) => char.IsAsciiDigit((char)b);

    private void Begin()
    {
        _begun = true;
        Fill();
        while (_start < _end && _buffer[_start] is (byte)'\r' or (byte)'\n')
            _start++;
        if (_start == _end)
            throw new InvalidDataException("it is empty");
        if (!isSingle && !_buffer.AsSpan(_start, _end - _start).StartsWith("From "u8))
            throw new InvalidDataException("it does not begin with a line as \"From … Mon Feb 10 22:12:47 2020\", as an mbox does");
    }

    // Where the next mail begins, from _start; -1 when that is not known yet.
    private int FindSeparator(ref int searched)
    {
        var rest = _buffer.AsSpan(_start, _end - _start);
        while (true)
        {
            int at = rest[searched..].IndexOf("\nFrom "u8);
            if (at < 0)
            {
                searched = Math.Max(searched, rest.Length - 5);
                return -1;
            }
            at += searched + 1;
            var line = rest[at..];
            int end = line[..Math.Min(line.Length, LongestSeparator)].IndexOf((byte)'\n');
            if (end < 0 && line.Length < LongestSeparator && !_final)
            {
                searched = at - 1;
                return -1;
            }
            if (end >= 0 && IsSeparator(line[..end]))
                return at;
            searched = at;
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
            Array.Resize(ref _buffer, (int)Math.Min(2L * _buffer.Length, (long)longest + Room));
        int read = stream.ReadAtLeast(_buffer.AsSpan(_end), _buffer.Length - _end, throwOnEndOfStream: false);
        _final |= read < _buffer.Length - _end;
        _end += read;
    }
}
