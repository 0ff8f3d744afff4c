using System.Buffers;
using System.Buffers.Text;

namespace Trove.Crypto;

/// <summary>The ASCII armor of age: strict PEM (RFC 7468, section 3, figure 3) with label AGE ENCRYPTED FILE.</summary>
internal static class Armor
{
    public const int Columns = 64;
    public const int BytesPerLine = Columns / 4 * 3;
    public const int MaxWhitespace = 1024; // before and after the block

    public static ReadOnlySpan<byte> Begin => "-----BEGIN AGE ENCRYPTED FILE-----"u8;
    public static ReadOnlySpan<byte> End => "-----END AGE ENCRYPTED FILE-----"u8;

    /// <summary>Wraps the source if it looks armored: it starts with dashes, or does not start as a binary file but has the
    /// first line of an armor within its first KiB (so that garbage before an armor is named as such).</summary>
    public static async ValueTask<ByteSource> Detect(ByteSource source, bool async, CancellationToken cancel)
    {
        var start = new byte[MaxWhitespace];
        int length = await source.Fill(start, async, cancel).ConfigureAwait(false);
        bool armored = IsArmored(start.AsSpan(0, length));
        source.Unread(start.AsSpan(0, length));
        return armored ? new ArmorSource(source) : source;
    }

    public static bool IsWhitespace(byte b) => b is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n';

    public static AgeException Bad(string what) =>
        new(AgeFailure.Armor, $"the armor of the age file {what}; copy the file again, from the line of BEGIN to the line of END");

    private static bool IsArmored(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("age-encryption.org/"u8))
            return false;
        int text = 0;
        while (text < start.Length && IsWhitespace(start[text]))
            text++;
        return start[text..].StartsWith("-----"u8) || start.IndexOf(Begin) >= 0;
    }
}

/// <summary>Decodes an armor. White space is allowed before and after the block, CRLF or LF ends a line, nothing else varies.</summary>
internal sealed class ArmorSource(ByteSource source) : ByteSource
{
    private enum State { Before, Body, Ended }

    private readonly byte[] _text = new byte[16 * 1024];
    private readonly byte[] _line = new byte[Armor.Columns + 2];
    private State _state;
    private int _start, _end; // what of _text is not decoded yet
    private bool _short; // a line of fewer than 64 characters was seen: only END may follow

    protected override async ValueTask<int> Pull(Memory<byte> destination, bool async, CancellationToken cancel)
    {
        if (_state == State.Before)
            await ReadBegin(async, cancel).ConfigureAwait(false);
        int written = 0;
        while (_state == State.Body && destination.Length - written >= Armor.BytesPerLine)
        {
            int length = await ReadLine(async, cancel).ConfigureAwait(false);
            var line = _line.AsMemory(0, length);
            if (line.Span.SequenceEqual(Armor.End))
            {
                await ReadEnd(async, cancel).ConfigureAwait(false);
                break;
            }
            if (length is 0 or > Armor.Columns || _short)
                throw Armor.Bad("has a line of the wrong length");
            _short = length < Armor.Columns;
            written += Decode(line.Span, destination.Span[written..], out bool padded);
            _short |= padded;
        }
        if (written > 0 || _state == State.Ended)
            return written;
        // A destination shorter than a line: decode one aside and hand it out piece by piece.
        var aside = new byte[Armor.BytesPerLine];
        Unread(aside.AsSpan(0, await Pull(aside, async, cancel).ConfigureAwait(false)));
        return await Read(destination, async, cancel).ConfigureAwait(false);
    }

    private static int Decode(ReadOnlySpan<byte> line, Span<byte> destination, out bool padded)
    {
        Span<byte> again = stackalloc byte[Armor.Columns];
        padded = line[^1] == '=';
        // Decoding skips white space and odd trailing bits; comparing with the encoding refuses both.
        if (line.Length % 4 != 0 || Base64.DecodeFromUtf8(line, destination, out _, out int written) != OperationStatus.Done
            || Base64.EncodeToUtf8(destination[..written], again, out _, out int length) != OperationStatus.Done || !line.SequenceEqual(again[..length]))
            throw Armor.Bad("has a line that is not canonical base64");
        return written;
    }

    private async ValueTask ReadBegin(bool async, CancellationToken cancel)
    {
        for (int skipped = 0; ; skipped++)
        {
            int next = await Peek(async, cancel).ConfigureAwait(false);
            if (next < 0 || !Armor.IsWhitespace((byte)next))
                break;
            if (skipped == Armor.MaxWhitespace)
                throw Armor.Bad("has too much white space before it");
            _start++;
        }
        int length = await ReadLine(async, cancel).ConfigureAwait(false);
        if (!_line.AsSpan(0, length).SequenceEqual(Armor.Begin))
            throw Armor.Bad("does not start with its BEGIN line");
        _state = State.Body;
    }

    private async ValueTask ReadEnd(bool async, CancellationToken cancel)
    {
        for (int skipped = 0; await Peek(async, cancel).ConfigureAwait(false) is >= 0 and var next; skipped++)
        {
            if (!Armor.IsWhitespace((byte)next) || skipped == Armor.MaxWhitespace)
                throw Armor.Bad("has something after its END line");
            _start++;
        }
        _state = State.Ended;
    }

    // Into _line, without its end; the last line may lack one.
    private async ValueTask<int> ReadLine(bool async, CancellationToken cancel)
    {
        int length = 0;
        while (await Peek(async, cancel).ConfigureAwait(false) is >= 0)
        {
            var rest = _text.AsSpan(_start, _end - _start);
            int newline = rest.IndexOf((byte)'\n');
            var piece = newline < 0 ? rest : rest[..newline];
            if (length + piece.Length > _line.Length)
                throw Armor.Bad($"has a line of more than {Armor.Columns} characters");
            piece.CopyTo(_line.AsSpan(length));
            length += piece.Length;
            _start += piece.Length + (newline < 0 ? 0 : 1);
            if (newline >= 0)
                return length > 0 && _line[length - 1] == '\r' ? length - 1 : length;
        }
        return length > 0 ? length : throw Armor.Bad("has no END line; it is truncated");
    }

    private async ValueTask<int> Peek(bool async, CancellationToken cancel)
    {
        if (_start == _end)
            (_start, _end) = (0, await source.Read(_text, async, cancel).ConfigureAwait(false));
        return _start == _end ? -1 : _text[_start];
    }
}

/// <summary>Encodes an armor.</summary>
internal sealed class ArmorSink(ByteSink sink) : ByteSink
{
    private const int Lines = 1024;
    private readonly byte[] _data = new byte[Lines * Armor.BytesPerLine];
    private readonly byte[] _text = new byte[Lines * (Armor.Columns + 1)];
    private int _held;
    private bool _begun;

    public override async ValueTask Write(ReadOnlyMemory<byte> bytes, bool async, CancellationToken cancel)
    {
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, _data.Length - _held);
            bytes[..count].CopyTo(_data.AsMemory(_held));
            bytes = bytes[count..];
            if ((_held += count) == _data.Length)
                await Encode(async, cancel).ConfigureAwait(false);
        }
    }

    public override async ValueTask Finish(bool async, CancellationToken cancel)
    {
        await Encode(async, cancel).ConfigureAwait(false);
        await sink.Write((byte[])[.. Armor.End, (byte)'\n'], async, cancel).ConfigureAwait(false);
        await sink.Finish(async, cancel).ConfigureAwait(false);
    }

    private async ValueTask Encode(bool async, CancellationToken cancel)
    {
        if (!_begun)
            await sink.Write((byte[])[.. Armor.Begin, (byte)'\n'], async, cancel).ConfigureAwait(false);
        _begun = true;
        int length = 0;
        for (int at = 0; at < _held; at += Armor.BytesPerLine)
        {
            Base64.EncodeToUtf8(_data.AsSpan(at, Math.Min(Armor.BytesPerLine, _held - at)), _text.AsSpan(length), out _, out int written);
            _text[length + written] = (byte)'\n';
            length += written + 1;
        }
        _held = 0;
        await sink.Write(_text.AsMemory(0, length), async, cancel).ConfigureAwait(false);
    }
}
