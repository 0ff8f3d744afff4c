namespace Trove.Exports.Source;

/// <summary>A stretch of a shared stream that can seek. Keeps its own position and leaves that stream open.</summary>
internal sealed class StreamSlice(Stream stream, long start, long length) : ReadOnlyStream
{
    private long _position;

    public override int Read(Span<byte> buffer)
    {
        int take = (int)Math.Min(buffer.Length, length - _position);
        if (take == 0)
            return 0;
        stream.Position = start + _position;
        int read = stream.Read(buffer[..take]);
        if (read == 0)
            throw new InvalidDataException("the file that holds it ends inside it");
        _position += read;
        return read;
    }
}

/// <summary>What every stream that is only read forwards has in common.</summary>
internal abstract class ReadOnlyStream : Stream
{
    public abstract override int Read(Span<byte> buffer);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
