using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>Rows of a table by token id.</summary>
internal static unsafe class Embedding
{
    private const int BlockRows = 32, Slice = 64;

    /// <summary>y[t] = table[tokens[t]].</summary>
    /// <param name="tokens">[rows], each a row of the table: the caller has checked.</param>
    /// <param name="table">[vocabulary, width], the width a multiple of 16.</param>
    /// <param name="y">[rows, width]</param>
    public static void Forward(WorkPool pool, int rows, int width, int* tokens, float* table, float* y)
    {
        var job = new GatherJob { Rows = rows, Width = width, Tokens = tokens, Table = table, Y = y };
        pool.Run(ref job, (rows + BlockRows - 1) / BlockRows);
    }

    /// <summary>dtable[tokens[t]] += dy[t], in the order of t: threads share out columns, never tokens.</summary>
    public static void Backward(WorkPool pool, int rows, int width, int* tokens, float* dy, float* dtable)
    {
        var job = new ScatterJob { Rows = rows, Width = width, Tokens = tokens, Dy = dy, Table = dtable };
        pool.Run(ref job, (width + Slice - 1) / Slice);
    }

    private struct GatherJob : ITileJob
    {
        public int Rows, Width;
        public int* Tokens;
        public float* Table, Y;

        public readonly void Run(int tile)
        {
            int end = Math.Min(Rows, (tile + 1) * BlockRows);
            for (int row = tile * BlockRows; row < end; row++)
                new ReadOnlySpan<float>(Table + (long)Tokens[row] * Width, Width).CopyTo(new Span<float>(Y + (long)row * Width, Width));
        }
    }

    private struct ScatterJob : ITileJob
    {
        public int Rows, Width;
        public int* Tokens;
        public float* Dy, Table;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            int from = tile * Slice, end = Math.Min(Width, from + Slice);
            for (int row = 0; row < Rows; row++)
            {
                float* dy = Dy + (long)row * Width, target = Table + (long)Tokens[row] * Width;
                for (int j = from; j < end; j += Lanes.Count)
                    (Vector512.Load(target + j) + Vector512.Load(dy + j)).Store(target + j);
            }
        }
    }
}
