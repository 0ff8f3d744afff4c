namespace Trove.Tests.Crypto;

/// <summary>Gives its bytes in pieces of uneven length, as a network does, and sometimes later than asked.</summary>
internal sealed class TrickleStream(byte[] data) : MemoryStream(data)
{
    private int _turn;

    public override int Read(Span<byte> buffer) => base.Read(buffer[..Next(buffer.Length)]);

    public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Next(count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_turn % 7 == 0)
            await Task.Yield();
        return base.Read(buffer.Span[..Next(buffer.Length)]);
    }

    private int Next(int wanted) => Math.Min(wanted, (_turn++ * 7919 % 50_000) + 1);
}
