using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// y = x / √(mean(x²) + ε) · gain for each row (Zhang and Sennrich, arXiv 1910.07467). Nothing is kept for backward: it is
/// cheaper to compute the root again than to store it.
/// </summary>
internal static unsafe class RmsNorm
{
    /// <summary>Rows of one tile, and of one partial sum of the gain's gradient: part of the result's definition.</summary>
    public const int BlockRows = 32;

    /// <summary>Partial sums that <see cref="Backward"/> needs, in rows of <c>width</c> floats.</summary>
    public static int PartialRows(int rows) => (rows + BlockRows - 1) / BlockRows;

    /// <summary>Forward.</summary>
    /// <param name="x">[rows, width], the width a multiple of 16.</param>
    /// <param name="gain">[width]</param>
    /// <param name="y">[rows, width]</param>
    public static void Forward(WorkPool pool, int rows, int width, float* x, float* gain, float epsilon, float* y)
    {
        var job = new ForwardJob { Rows = rows, Width = width, X = x, Gain = gain, Epsilon = epsilon, Y = y };
        pool.Run(ref job, PartialRows(rows));
    }

    /// <summary>Gradient of input and gain.</summary>
    /// <param name="dy">[rows, width] gradient of the output; afterwards it holds the output itself, computed again.</param>
    /// <param name="dx">[rows, width], added to.</param>
    /// <param name="partials">[<see cref="PartialRows"/>, width], written: sums of the gain's gradient over blocks of rows, in order.</param>
    public static void Backward(WorkPool pool, int rows, int width, float* x, float* gain, float epsilon, float* dy, float* dx, float* partials)
    {
        var job = new BackwardJob { Rows = rows, Width = width, X = x, Gain = gain, Epsilon = epsilon, Dy = dy, Dx = dx, Partials = partials };
        pool.Run(ref job, PartialRows(rows));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float InverseRoot(float* x, int width, float epsilon)
    {
        var squares = Vector512<float>.Zero;
        for (int i = 0; i < width; i += Lanes.Count)
        {
            var v = Vector512.Load(x + i);
            squares = Vector512.FusedMultiplyAdd(v, v, squares);
        }
        return FloatMath.Rsqrt(Lanes.Sum(squares) / width + epsilon);
    }

    private struct ForwardJob : ITileJob
    {
        public int Rows, Width;
        public float Epsilon;
        public float* X, Gain, Y;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            int end = Math.Min(Rows, (tile + 1) * BlockRows);
            for (int row = tile * BlockRows; row < end; row++)
            {
                float* x = X + (long)row * Width, y = Y + (long)row * Width;
                var scale = Vector512.Create(InverseRoot(x, Width, Epsilon));
                for (int i = 0; i < Width; i += Lanes.Count)
                    (Vector512.Load(x + i) * scale * Vector512.Load(Gain + i)).Store(y + i);
            }
        }
    }

    private struct BackwardJob : ITileJob
    {
        public int Rows, Width;
        public float Epsilon;
        public float* X, Gain, Dy, Dx, Partials;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            float* partial = Partials + (long)tile * Width;
            new Span<float>(partial, Width).Clear();
            int end = Math.Min(Rows, (tile + 1) * BlockRows);
            for (int row = tile * BlockRows; row < end; row++)
            {
                float* x = X + (long)row * Width, dy = Dy + (long)row * Width, dx = Dx + (long)row * Width;
                float root = InverseRoot(x, Width, Epsilon);
                var scale = Vector512.Create(root);
                var projection = Vector512<float>.Zero;
                for (int i = 0; i < Width; i += Lanes.Count)
                    projection = Vector512.FusedMultiplyAdd(Vector512.Load(dy + i) * Vector512.Load(Gain + i), Vector512.Load(x + i) * scale, projection);
                var mean = Vector512.Create(Lanes.Sum(projection) / Width);
                for (int i = 0; i < Width; i += Lanes.Count)
                {
                    var gain = Vector512.Load(Gain + i);
                    var normed = Vector512.Load(x + i) * scale;
                    var d = Vector512.Load(dy + i);
                    Vector512.FusedMultiplyAdd(d, normed, Vector512.Load(partial + i)).Store(partial + i);
                    (normed * gain).Store(dy + i);
                    var inner = Vector512.FusedMultiplyAdd(-normed, mean, d * gain);
                    Vector512.FusedMultiplyAdd(inner, scale, Vector512.Load(dx + i)).Store(dx + i);
                }
            }
        }
    }
}
