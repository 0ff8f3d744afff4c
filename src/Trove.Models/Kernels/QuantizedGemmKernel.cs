using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Trove.Models.Kernels;

/// <summary>One panel of 8-bit weights times one strip of activations: exact sums of a block in registers, then scaled and added up.</summary>
internal static unsafe class QuantizedGemmKernel
{
    private interface IRows
    {
        static abstract int Count { get; }
    }

    private readonly struct Rows6 : IRows { public static int Count => 6; }
    private readonly struct Rows4 : IRows { public static int Count => 4; }
    private readonly struct Rows2 : IRows { public static int Count => 2; }
    private readonly struct Rows1 : IRows { public static int Count => 1; }

    private const int Ahead = 4096; // bytes

    /// <summary>Rows of the tallest tile the registers can hold.</summary>
    public const int Height = 6;

    /// <summary>Rows of the lowest tile that holds so many, at most the tallest.</summary>
    public static int HeightFor(int rows) => rows <= 2 ? rows : rows <= 4 ? 4 : Height;

    /// <summary>sums += activations · weightsᵀ, block after block.</summary>
    /// <param name="rows">1, 2, 4 or 6.</param>
    /// <param name="pairs">Activations [blocks, 16, rows], each two 16-bit integers; see <see cref="QuantizedGemmLanes.MultiplyAdd"/>.</param>
    /// <param name="scales">Their scales [blocks, rows].</param>
    /// <param name="panel">Weights: <see cref="QuantizedGemmMatrix"/>.</param>
    /// <param name="sums">[rows, 16].</param>
    public static void Run(int rows, int blocks, float* pairs, float* scales, byte* panel, float* sums)
    {
        switch (rows)
        {
            case 6: Tile<Rows6>(blocks, pairs, scales, panel, sums); break;
            case 4: Tile<Rows4>(blocks, pairs, scales, panel, sums); break;
            case 2: Tile<Rows2>(blocks, pairs, scales, panel, sums); break;
            default: Tile<Rows1>(blocks, pairs, scales, panel, sums); break;
        }
    }

    // Named one by one: only locals live in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile<TRows>(int blocks, float* pairs, float* scales, byte* panel, float* sums) where TRows : struct, IRows
    {
        for (; blocks > 0; blocks--, panel += QuantizedGemmMatrix.BlockBytes, scales += TRows.Count)
        {
            if (Sse.IsSupported)
                for (int line = 0; line < QuantizedGemmMatrix.BlockBytes; line += 64)
                    Sse.Prefetch1(panel + Ahead + line);
            QuantizedGemmLanes c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
            var quants = (sbyte*)panel + QuantizedGemmMatrix.QuantsOffset;
            for (int i = 0; i < QuantizedGemmMatrix.BlockSize / 2; i++, quants += 2 * QuantizedGemmMatrix.PanelOutputs, pairs += TRows.Count)
            {
                var weights = QuantizedGemmLanes.Widen(quants);
                c0 = QuantizedGemmLanes.MultiplyAdd(weights, pairs, c0);
                if (TRows.Count > 1)
                    c1 = QuantizedGemmLanes.MultiplyAdd(weights, pairs + 1, c1);
                if (TRows.Count > 2)
                {
                    c2 = QuantizedGemmLanes.MultiplyAdd(weights, pairs + 2, c2);
                    c3 = QuantizedGemmLanes.MultiplyAdd(weights, pairs + 3, c3);
                }
                if (TRows.Count > 4)
                {
                    c4 = QuantizedGemmLanes.MultiplyAdd(weights, pairs + 4, c4);
                    c5 = QuantizedGemmLanes.MultiplyAdd(weights, pairs + 5, c5);
                }
            }
            var halves = (ushort*)panel;
            QuantizedGemmLanes.AddScaled(c0, halves, scales[0], sums);
            if (TRows.Count > 1)
                QuantizedGemmLanes.AddScaled(c1, halves, scales[1], sums + 16);
            if (TRows.Count > 2)
            {
                QuantizedGemmLanes.AddScaled(c2, halves, scales[2], sums + 32);
                QuantizedGemmLanes.AddScaled(c3, halves, scales[3], sums + 48);
            }
            if (TRows.Count > 4)
            {
                QuantizedGemmLanes.AddScaled(c4, halves, scales[4], sums + 64);
                QuantizedGemmLanes.AddScaled(c5, halves, scales[5], sums + 80);
            }
        }
    }
}
