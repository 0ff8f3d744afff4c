using System.Security.Cryptography;

namespace Trove.Core.Queries;

/// <summary>
/// All chance in the answer to one query. Who has it takes the noise off; the same twice gives the same answer. Zeroed on disposal.
/// </summary>
public sealed class QuerySeed : IDisposable
{
    /// <summary>Length of each of the two keys in bytes.</summary>
    public const int KeySize = 32;

    private readonly byte[] _noise, _cells;
    private bool _disposed;

    /// <summary>Of two independent keys of <see cref="KeySize"/> bytes, which are copied.</summary>
    public QuerySeed(ReadOnlySpan<byte> noise, ReadOnlySpan<byte> cells)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(noise.Length, KeySize);
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, KeySize);
        (_noise, _cells) = (GC.AllocateArray<byte>(KeySize, pinned: true), GC.AllocateArray<byte>(KeySize, pinned: true));
        noise.CopyTo(_noise);
        cells.CopyTo(_cells);
    }

    /// <summary>Of the operating system's generator, for answers that nobody has to compute again.</summary>
    public static QuerySeed Random() => new(RandomNumberGenerator.GetBytes(KeySize), RandomNumberGenerator.GetBytes(KeySize));

    /// <summary>What the noise of one number of one cell is drawn from.</summary>
    /// <param name="part">0 for the members, then the counts, sums and averages in the order of the columns.</param>
    /// <param name="cell">Canonical bytes of the cell.</param>
    /// <exception cref="ObjectDisposedException">After disposal.</exception>
    public RandomBits Noise(int part, ReadOnlySpan<byte> cell) =>
        new(Alive(_noise), new CanonicalWriter("trove/query/noise/1").UInt32((uint)part).Data(cell).Bytes);

    /// <summary>By what a member's cells are ordered: uniform and independent for each.</summary>
    /// <param name="member">Number of the member.</param>
    /// <param name="cell">Canonical bytes of the cell.</param>
    /// <exception cref="ObjectDisposedException">After disposal.</exception>
    public Hash32 Rank(int member, ReadOnlySpan<byte> cell) =>
        new(HMACSHA256.HashData(Alive(_cells), new CanonicalWriter("trove/query/cell/1").UInt32((uint)member).Data(cell).Bytes));

    /// <summary>Zeroes both keys.</summary>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_noise);
        CryptographicOperations.ZeroMemory(_cells);
    }

    /// <summary>Nothing of it.</summary>
    public override string ToString() => "seed of a query's answer";

    private byte[] Alive(byte[] key)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return key;
    }
}
