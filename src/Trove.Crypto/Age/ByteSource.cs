namespace Trove.Crypto;

/// <summary>
/// Bytes to read, with a way to put some back. <c>async</c> says whether a read may wait asynchronously; with
/// false it completes before it returns, so that one code path serves both ways.
/// </summary>
internal abstract class ByteSource
{
    private byte[] _unread = [];
    private int _unreadStart;

    /// <summary>Puts bytes back in front.</summary>
    public void Unread(ReadOnlySpan<byte> bytes) => (_unread, _unreadStart) = ([.. bytes, .. _unread.AsSpan(_unreadStart)], 0);

    /// <summary>Reads at least one byte; 0 at the end.</summary>
    public ValueTask<int> Read(Memory<byte> destination, bool async, CancellationToken cancel)
    {
        if (_unreadStart == _unread.Length)
            return Pull(destination, async, cancel);
        var available = _unread.AsSpan(_unreadStart);
        int count = Math.Min(available.Length, destination.Length);
        available[..count].CopyTo(destination.Span);
        _unreadStart += count;
        return new ValueTask<int>(count);
    }

    /// <summary>Reads until the destination is full or the source ends.</summary>
    public async ValueTask<int> Fill(Memory<byte> destination, bool async, CancellationToken cancel)
    {
        int filled = 0;
        while (filled < destination.Length)
        {
            int read = await Read(destination[filled..], async, cancel).ConfigureAwait(false);
            if (read == 0)
                break;
            filled += read;
        }
        return filled;
    }

    /// <summary>Reads from below.</summary>
    protected abstract ValueTask<int> Pull(Memory<byte> destination, bool async, CancellationToken cancel);
}

/// <summary>A stream as it is.</summary>
internal sealed class StreamSource(Stream stream) : ByteSource
{
    protected override ValueTask<int> Pull(Memory<byte> destination, bool async, CancellationToken cancel)
    {
        if (async)
            return stream.ReadAsync(destination, cancel);
        cancel.ThrowIfCancellationRequested();
        return new ValueTask<int>(stream.Read(destination.Span));
    }
}

/// <summary>Where bytes are written. <c>async</c> as in <see cref="ByteSource"/>.</summary>
internal abstract class ByteSink
{
    public abstract ValueTask Write(ReadOnlyMemory<byte> bytes, bool async, CancellationToken cancel);

    /// <summary>Writes what is held back; nothing may be written after it.</summary>
    public abstract ValueTask Finish(bool async, CancellationToken cancel);
}

/// <summary>A stream as it is.</summary>
internal sealed class StreamSink(Stream stream) : ByteSink
{
    public override ValueTask Write(ReadOnlyMemory<byte> bytes, bool async, CancellationToken cancel)
    {
        if (async)
            return stream.WriteAsync(bytes, cancel);
        stream.Write(bytes.Span);
        return default;
    }

    public override ValueTask Finish(bool async, CancellationToken cancel)
    {
        if (async)
            return new ValueTask(stream.FlushAsync(cancel));
        stream.Flush();
        return default;
    }
}
