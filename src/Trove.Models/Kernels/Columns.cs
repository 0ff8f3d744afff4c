using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>Sums down the columns of a matrix: gradients of gains and biases.</summary>
internal static unsafe class Columns
{
    private const int Slice = 64;

    /// <summary>sums[j] += x[0, j], then x[1, j], and so on: one chain of additions a column.</summary>
    /// <param name="x">[rows, width], a row every <paramref name="stride"/> floats; the width a multiple of 16.</param>
    public static void AddSums(WorkPool pool, int rows, int width, float* x, int stride, float* sums)
    {
        var job = new Job { Rows = rows, Width = width, Stride = stride, X = x, Sums = sums };
        pool.Run(ref job, (width + Slice - 1) / Slice);
    }

    private struct Job : ITileJob
    {
        public int Rows, Width, Stride;
        public float* X, Sums;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            int end = Math.Min(Width, (tile + 1) * Slice);
            for (int j = tile * Slice; j < end; j += Lanes.Count)
            {
                var sum = Vector512.Load(Sums + j);
                for (int row = 0; row < Rows; row++)
                    sum += Vector512.Load(X + (long)row * Stride + j);
                sum.Store(Sums + j);
            }
        }
    }
}
