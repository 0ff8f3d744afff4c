using System.Runtime.CompilerServices;

namespace Trove.Models.Kernels;

/// <summary>
/// One tile of C held in registers while a strip of A and a panel of B pass by. Each element is one chain of fused
/// multiply-adds over k in order, so its bits depend on neither the tile's shape nor the vectors' width.
/// </summary>
internal static unsafe class GemmKernel
{
    /// <summary>Rows of a tile, known when a kernel is compiled; even.</summary>
    private interface IRows
    {
        static abstract int Count { get; }
    }

    private readonly struct Rows12 : IRows { public static int Count => 12; }
    private readonly struct Rows8 : IRows { public static int Count => 8; }
    private readonly struct Rows6 : IRows { public static int Count => 6; }
    private readonly struct Rows4 : IRows { public static int Count => 4; }
    private readonly struct Rows2 : IRows { public static int Count => 2; }

    /// <summary>Rows of the lowest tile that holds so many, at most the tallest.</summary>
    public static int HeightFor<TPair>(int rows) where TPair : struct, IGemmPair<TPair>
    {
        int third = TPair.Height / 3;
        return Math.Min(3, (rows + third - 1) / third) * third;
    }

    /// <summary>C = start + A·B over one block of k.</summary>
    /// <param name="rows">Rows of the tile: the height of <typeparamref name="TPair"/>, or one or two thirds of it.</param>
    /// <param name="k">Length of the block.</param>
    /// <param name="a">Packed strip [k, rows].</param>
    /// <param name="b">Packed panel [k, width].</param>
    /// <param name="start">What the chains begin with [rows, width]; null for zero.</param>
    /// <param name="c">Result [rows, width].</param>
    public static void Run<TPair>(int rows, long k, float* a, float* b, float* start, long ldStart, float* c, long ldc)
        where TPair : struct, IGemmPair<TPair>
    {
        switch (rows)
        {
            case 12: Tile<TPair, Rows12>(k, a, b, start, ldStart, c, ldc); break;
            case 8: Tile<TPair, Rows8>(k, a, b, start, ldStart, c, ldc); break;
            case 6: Tile<TPair, Rows6>(k, a, b, start, ldStart, c, ldc); break;
            case 4: Tile<TPair, Rows4>(k, a, b, start, ldStart, c, ldc); break;
            default: Tile<TPair, Rows2>(k, a, b, start, ldStart, c, ldc); break;
        }
    }

    // Named one by one: only locals live in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile<TPair, TRows>(long k, float* a, float* b, float* start, long ldStart, float* c, long ldc)
        where TPair : struct, IGemmPair<TPair> where TRows : struct, IRows
    {
        TPair c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
        TPair c6 = default, c7 = default, c8 = default, c9 = default, c10 = default, c11 = default;
        if (start != null)
        {
            c0 = TPair.Load(start);
            c1 = TPair.Load(start + ldStart);
            if (TRows.Count > 2)
            {
                c2 = TPair.Load(start + 2 * ldStart);
                c3 = TPair.Load(start + 3 * ldStart);
            }
            if (TRows.Count > 4)
            {
                c4 = TPair.Load(start + 4 * ldStart);
                c5 = TPair.Load(start + 5 * ldStart);
            }
            if (TRows.Count > 6)
            {
                c6 = TPair.Load(start + 6 * ldStart);
                c7 = TPair.Load(start + 7 * ldStart);
            }
            if (TRows.Count > 8)
            {
                c8 = TPair.Load(start + 8 * ldStart);
                c9 = TPair.Load(start + 9 * ldStart);
            }
            if (TRows.Count > 10)
            {
                c10 = TPair.Load(start + 10 * ldStart);
                c11 = TPair.Load(start + 11 * ldStart);
            }
        }
        for (; k > 0; k--)
        {
            var row = TPair.Load(b);
            c0 = TPair.MultiplyAdd(a, row, c0);
            c1 = TPair.MultiplyAdd(a + 1, row, c1);
            if (TRows.Count > 2)
            {
                c2 = TPair.MultiplyAdd(a + 2, row, c2);
                c3 = TPair.MultiplyAdd(a + 3, row, c3);
            }
            if (TRows.Count > 4)
            {
                c4 = TPair.MultiplyAdd(a + 4, row, c4);
                c5 = TPair.MultiplyAdd(a + 5, row, c5);
            }
            if (TRows.Count > 6)
            {
                c6 = TPair.MultiplyAdd(a + 6, row, c6);
                c7 = TPair.MultiplyAdd(a + 7, row, c7);
            }
            if (TRows.Count > 8)
            {
                c8 = TPair.MultiplyAdd(a + 8, row, c8);
                c9 = TPair.MultiplyAdd(a + 9, row, c9);
            }
            if (TRows.Count > 10)
            {
                c10 = TPair.MultiplyAdd(a + 10, row, c10);
                c11 = TPair.MultiplyAdd(a + 11, row, c11);
            }
            a += TRows.Count;
            b += TPair.Width;
        }
        TPair.Store(c, c0);
        TPair.Store(c + ldc, c1);
        if (TRows.Count > 2)
        {
            TPair.Store(c + 2 * ldc, c2);
            TPair.Store(c + 3 * ldc, c3);
        }
        if (TRows.Count > 4)
        {
            TPair.Store(c + 4 * ldc, c4);
            TPair.Store(c + 5 * ldc, c5);
        }
        if (TRows.Count > 6)
        {
            TPair.Store(c + 6 * ldc, c6);
            TPair.Store(c + 7 * ldc, c7);
        }
        if (TRows.Count > 8)
        {
            TPair.Store(c + 8 * ldc, c8);
            TPair.Store(c + 9 * ldc, c9);
        }
        if (TRows.Count > 10)
        {
            TPair.Store(c + 10 * ldc, c10);
            TPair.Store(c + 11 * ldc, c11);
        }
    }
}
