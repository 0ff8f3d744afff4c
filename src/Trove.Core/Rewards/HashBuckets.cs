namespace Trove.Core.Rewards;

/// <summary>
/// A set of hashes in little memory: those with the same first 16 bits in one sorted array of what follows these bits. Hashes are
/// keyed and so spread evenly, whatever is hashed. Made for few large additions and many look-ups.
/// </summary>
/// <typeparam name="T">What follows the first bits.</typeparam>
internal sealed class HashBuckets<T> where T : struct, IComparable<T>
{
    private readonly T[][] _buckets = [.. Enumerable.Repeat(Array.Empty<T>(), 1 << 16)];

    /// <summary>How many are in it.</summary>
    public long Count { get; private set; }

    /// <summary>Is it there?</summary>
    /// <param name="bucket">Its first 16 bits.</param>
    /// <param name="next">The 32 bits after them, which tell about where in an array of evenly spread ones it stands.</param>
    /// <param name="rest">All that follows the first ones.</param>
    public bool Contains(int bucket, uint next, T rest)
    {
        ReadOnlySpan<T> all = _buckets[bucket];
        // From there in growing steps, so that uneven ones cost no more than a binary search of all.
        int low = (int)((ulong)next * (uint)all.Length >> 32), high = low;
        for (int step = 8; low > 0 && all[low].CompareTo(rest) > 0; step *= 2)
            (low, high) = (Math.Max(0, low - step), low);
        for (int step = 8; high < all.Length && all[high].CompareTo(rest) <= 0; step *= 2)
            (low, high) = (high, Math.Min(all.Length, high + step));
        return all[low..high].BinarySearch(rest) >= 0;
    }

    /// <summary>Puts hashes into it.</summary>
    /// <param name="bucket">Their first bits.</param>
    /// <param name="sorted">What follows, ascending, each once.</param>
    public void Add(int bucket, ReadOnlySpan<T> sorted)
    {
        var old = _buckets[bucket];
        var all = new T[old.Length + sorted.Length];
        int count = 0;
        for (int i = 0, j = 0; i < old.Length || j < sorted.Length;)
        {
            int order = i == old.Length ? 1 : j == sorted.Length ? -1 : old[i].CompareTo(sorted[j]);
            all[count++] = order <= 0 ? old[i] : sorted[j];
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }
        Array.Resize(ref all, count);
        _buckets[bucket] = all;
        Count += count - old.Length;
    }
}
