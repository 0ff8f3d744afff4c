namespace Trove.Crypto;

/// <summary>The authenticated plaintext of a <see cref="ChunkPipeline"/>, which it owns, as a read-only, forward-only stream.</summary>
internal sealed class PlaintextStream(ChunkPipeline pipeline) : Stream
{
    private ReadOnlyMemory<byte> _current;
    private bool _ended, _disposed;

    public override bool CanRead => !_disposed;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException("the length of an age file's plaintext is known at its end only");
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        var pending = Advance(async: false, default);
        pending.GetAwaiter().GetResult(); // completed: with async false nothing waits asynchronously
        return Take(buffer);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await Advance(async: true, cancellationToken).ConfigureAwait(false);
        return Take(buffer.Span);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            pipeline.Dispose();
        }
        base.Dispose(disposing);
    }

    private async ValueTask Advance(bool async, CancellationToken cancel)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_current.IsEmpty || _ended)
            return;
        _current = await pipeline.Next(async, cancel).ConfigureAwait(false);
        _ended = _current.IsEmpty;
    }

    private int Take(Span<byte> buffer)
    {
        int count = Math.Min(buffer.Length, _current.Length);
        _current.Span[..count].CopyTo(buffer);
        _current = _current[count..];
        return count;
    }
}
