using System.Buffers.Binary;
using System.IO.Compression;

namespace Trove.Exports.Source;

/// <summary>
/// Reads one whole gzip member (RFC 1952) with the plain header that <see cref="PartWriter"/> writes. <c>GZipStream</c> takes
/// a stream that is cut short for its end; here length and checksum must be there and right.
/// </summary>
internal sealed class GzipReader : ReadOnlyStream
{
    private const int HeaderSize = 10;

    private readonly Stream _stream;
    private TailKeeper? _body;
    private DeflateStream? _inflated;
    private Crc32 _crc = new();
    private uint _length; // modulo 2^32, RFC 1952 section 2.3.1

    /// <summary>Leaves the stream open.</summary>
    public GzipReader(Stream stream) => _stream = stream;

    public override int Read(Span<byte> buffer)
    {
        if (_body is null)
            Start();
        int read = _inflated!.Read(buffer);
        _crc.Append(buffer[..read]);
        _length = unchecked(_length + (uint)read);
        if (read == 0 && buffer.Length > 0)
            End();
        return read;
    }

    private void Start()
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        if (_stream.ReadAtLeast(header, HeaderSize, throwOnEndOfStream: false) < HeaderSize || !header.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B, 8, 0, 0, 0, 0, 0]))
            throw new InvalidDataException("it does not begin as a gzip stream without name and time");
        _body = new TailKeeper(_stream);
        _inflated = new DeflateStream(_body, CompressionMode.Decompress);
    }

    private void End()
    {
        Span<byte> rest = stackalloc byte[1];
        if (_body!.Read(rest) > 0 || !_body.IsWhole || BinaryPrimitives.ReadUInt32LittleEndian(_body.Tail) != _crc.Value
            || BinaryPrimitives.ReadUInt32LittleEndian(_body.Tail[4..]) != _length)
            throw new InvalidDataException("it is no whole gzip stream: its checksum or length is wrong");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _inflated?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Passes on everything but the last eight bytes, gzip's trailer, without knowing the length beforehand.</summary>
    private sealed class TailKeeper(Stream stream) : ReadOnlyStream
    {
        private const int TailSize = 8;

        private readonly byte[] _buffer = new byte[16_384];
        private int _start, _end;

        public ReadOnlySpan<byte> Tail => _buffer.AsSpan(_start, TailSize);

        /// <summary>Were there eight bytes?</summary>
        public bool IsWhole => _end - _start == TailSize;

        public override int Read(Span<byte> destination)
        {
            if (_end - _start <= TailSize)
            {
                _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                (_start, _end) = (0, _end - _start);
                _end += stream.ReadAtLeast(_buffer.AsSpan(_end), TailSize + 1, throwOnEndOfStream: false);
            }
            int take = Math.Min(destination.Length, Math.Max(0, _end - _start - TailSize));
            _buffer.AsSpan(_start, take).CopyTo(destination);
            _start += take;
            return take;
        }
    }
}
