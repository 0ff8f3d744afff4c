namespace Trove.Tests.Crypto;

/// <summary>A stream that only gives bytes.</summary>
internal abstract class GivingStream : Stream
{
    public long Given { get; private set; }
    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => Given; set => throw new NotSupportedException(); }
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override int Read(Span<byte> buffer)
    {
        int count = Give(buffer);
        Given += count;
        return count;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested ? ValueTask.FromCanceled<int>(cancellationToken) : new(Read(buffer.Span));

    protected abstract int Give(Span<byte> buffer);
}

/// <summary>A beginning, then the letter A for ever.</summary>
internal sealed class EndlessStream(byte[] start) : GivingStream
{
    protected override int Give(Span<byte> buffer)
    {
        buffer.Fill((byte)'A');
        if (Given >= start.Length)
            return buffer.Length;
        int count = Math.Min(buffer.Length, start.Length - (int)Given);
        start.AsSpan((int)Given, count).CopyTo(buffer);
        return count;
    }
}

/// <summary>So many zero bytes, allocating nothing.</summary>
internal sealed class ZeroStream(long length) : GivingStream
{
    protected override int Give(Span<byte> buffer)
    {
        int count = (int)Math.Min(buffer.Length, length - Given);
        buffer[..count].Clear();
        return count;
    }
}

/// <summary>Gives so many bytes, then breaks.</summary>
internal sealed class FailingStream(long length) : GivingStream
{
    protected override int Give(Span<byte> buffer) =>
        Given < length ? (int)Math.Min(buffer.Length, length - Given) : throw new IOException("the disk is gone");
}
