namespace Trove.Crypto;

/// <summary>What all batches of custody have in common: 32 bytes an item in one buffer, a bounded number, work shared by cores.</summary>
public static class Batch
{
    /// <summary>Most items of a batch, 2 MiB of points: as many as RFC 9497, section 2.2.1, has numbers for.</summary>
    public const int MaxItems = 65_535;

    /// <summary>The 32 bytes of one item.</summary>
    internal static Span<byte> Item(Span<byte> buffer, int item) => buffer.Slice(item * Edwards25519.Size, Edwards25519.Size);

    /// <summary>The same, to read.</summary>
    internal static ReadOnlySpan<byte> Item(ReadOnlySpan<byte> buffer, int item) => buffer.Slice(item * Edwards25519.Size, Edwards25519.Size);

    /// <summary>Refuses an empty batch and one that is too large.</summary>
    internal static void CheckCount(int count, string what)
    {
        if (count is < 1 or > MaxItems)
            throw new ThresholdException(ThresholdFailure.Range, $"{count} {what} are no batch: it has from 1 to {MaxItems}; split the work into several");
    }

    /// <summary>Runs the work on ranges that together are all items, one for each thread.</summary>
    internal static void ForEach(int count, int threads, Action<int, int> work)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        threads = Math.Min(threads, count);
        if (threads == 1)
        {
            work(0, count);
            return;
        }
        try
        {
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads },
                thread => work((int)((long)count * thread / threads), (int)((long)count * (thread + 1) / threads)));
        }
        catch (AggregateException e) when (e.InnerExceptions.All(i => i is ThresholdException))
        {
            throw new ThresholdException(((ThresholdException)e.InnerException!).Failure, e.InnerException.Message);
        }
    }
}
