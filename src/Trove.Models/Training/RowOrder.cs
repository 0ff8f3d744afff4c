using System.Numerics;
using Trove.Models.Kernels;

namespace Trove.Models.Training;

/// <summary>
/// Which tokens each row of an epoch has. The tokens are taken as a circle, cut into rows from a place that differs from epoch to epoch, and
/// the rows come in the order of a keyed permutation: a Feistel network over the next power of four, walked until it hits a row (Black and
/// Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002). Integers only, no memory: any row of any epoch is found at once, which is
/// what lets a run go on from its step number alone. specs/engine.md has the definition, specs/vectors/engine.json vectors.
/// </summary>
public readonly struct RowOrder
{
    private const ulong FirstStream = 1UL << 32; // tensors' initial values have those below
    private const ulong ShiftIndex = 1UL << 63;
    private const int Rounds = 6;

    private readonly CounterRandom _random;
    private readonly long _tokens;
    private readonly int _rowTokens, _half;

    /// <summary>Of one epoch.</summary>
    /// <param name="seed">Of the run.</param>
    /// <param name="epoch">From 0.</param>
    /// <param name="tokens">Tokens in all.</param>
    /// <param name="rowTokens">Tokens of a row; the last of an epoch has what is left.</param>
    public RowOrder(ulong seed, long epoch, long tokens, int rowTokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowTokens, 1);
        (_tokens, _rowTokens, _random) = (tokens, rowTokens, new CounterRandom(seed, FirstStream + (ulong)epoch));
        Rows = CountRows(tokens, rowTokens);
        Shift = (long)(_random.Bits(ShiftIndex) % (ulong)tokens);
        _half = (64 - BitOperations.LeadingZeroCount((ulong)(Rows - 1)) + 1) / 2;
    }

    /// <summary>Rows of an epoch.</summary>
    public long Rows { get; }

    /// <summary>Where the first row begins.</summary>
    public long Shift { get; }

    /// <summary>Rows of an epoch of so many tokens.</summary>
    public static long CountRows(long tokens, int rowTokens) => checked(tokens + rowTokens - 1) / rowTokens;

    /// <summary>The row that comes at this place.</summary>
    /// <param name="place">From 0 to <see cref="Rows"/> − 1.</param>
    /// <returns>Its first token, and how many it has; they go on at token 0 after the last.</returns>
    public (long Start, int Length) At(long place)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)place, (ulong)Rows, nameof(place));
        ulong row = (ulong)place;
        if (Rows > 1)
            do
                row = Permute(row);
            while (row >= (ulong)Rows);
        long start = (long)row * _rowTokens;
        return ((Shift + start) % _tokens, (int)Math.Min(_rowTokens, _tokens - start));
    }

    private ulong Permute(ulong value)
    {
        ulong mask = (1UL << _half) - 1, left = value >> _half, right = value & mask;
        for (ulong round = 0; round < Rounds; round++)
            (left, right) = (right, left ^ _random.Bits(round << 32 | right) & mask);
        return left << _half | right;
    }
}
