using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// Rotary position embedding (Su et al., arXiv 2104.09864) in the layout of Llama in Hugging Face: element i of a head's
/// first half turns with element i of its second, by position · θ^(−2i/headWidth). Angles are computed in double and
/// rounded once.
/// </summary>
internal sealed unsafe class Rope : IDisposable
{
    private const int BlockRows = 32;

    private readonly NativeBuffer<float> _table; // [context, headWidth]: cosines, then sines
    private readonly int _headWidth;

    /// <summary>A table for positions 0 .. <paramref name="context"/> − 1.</summary>
    public Rope(int context, int headWidth, double theta)
    {
        (Positions, _headWidth) = (context, headWidth);
        _table = new NativeBuffer<float>(checked((long)context * headWidth));
        int half = headWidth / 2;
        for (int i = 0; i < half; i++)
        {
            double frequency = DoubleMath.Pow(theta, -2.0 * i / headWidth);
            for (int position = 0; position < context; position++)
            {
                var (sin, cos) = DoubleMath.SinCos(position * frequency);
                _table.Pointer[(long)position * headWidth + i] = (float)cos;
                _table.Pointer[(long)position * headWidth + half + i] = (float)sin;
            }
        }
    }

    /// <summary>Positions of the table.</summary>
    public int Positions { get; }

    /// <summary>Turns the first <paramref name="heads"/> heads of each row in place.</summary>
    /// <param name="x">[rows, …], a row every <paramref name="stride"/> floats.</param>
    /// <param name="positions">[rows], each below the table's context.</param>
    /// <param name="inverse">Turn back: the gradient's way.</param>
    public void Apply(WorkPool pool, int rows, int heads, float* x, int stride, int* positions, bool inverse)
    {
        var job = new Job { Rows = rows, Heads = heads, HeadWidth = _headWidth, Stride = stride, X = x, Positions = positions, Table = _table.Pointer, Sign = inverse ? -1 : 1 };
        pool.Run(ref job, (rows + BlockRows - 1) / BlockRows);
    }

    public void Dispose() => _table.Dispose();

    private struct Job : ITileJob
    {
        public int Rows, Heads, HeadWidth, Stride;
        public float Sign;
        public float* X, Table;
        public int* Positions;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            int end = Math.Min(Rows, (tile + 1) * BlockRows), half = HeadWidth / 2, whole = half & ~(Lanes.Count - 1);
            var sign = Vector512.Create(Sign);
            for (int row = tile * BlockRows; row < end; row++)
            {
                float* cosines = Table + (long)Positions[row] * HeadWidth, sines = cosines + half;
                for (int i = 0; i < whole; i += Lanes.Count)
                {
                    var cos = Vector512.Load(cosines + i);
                    var sin = Vector512.Load(sines + i) * sign;
                    float* first = X + (long)row * Stride + i;
                    for (int head = 0; head < Heads; head++, first += HeadWidth)
                    {
                        var a = Vector512.Load(first);
                        var b = Vector512.Load(first + half);
                        Vector512.FusedMultiplyAdd(-b, sin, a * cos).Store(first);
                        Vector512.FusedMultiplyAdd(a, sin, b * cos).Store(first + half);
                    }
                }
                if (whole < half)
                    Rest(cosines + whole, sines + whole, X + (long)row * Stride + whole, half - whole);
            }
        }

        // Heads that are an odd multiple of 16 wide; apart, so that the loop above keeps its registers.
        [MethodImpl(MethodImplOptions.NoInlining)]
        private readonly void Rest(float* cosines, float* sines, float* first, int count)
        {
            var cos = Lanes.Load(cosines, count);
            var sin = Lanes.Load(sines, count) * Vector512.Create(Sign);
            for (int head = 0; head < Heads; head++, first += HeadWidth)
            {
                var a = Lanes.Load(first, count);
                var b = Lanes.Load(first + HeadWidth / 2, count);
                Lanes.Store(Vector512.FusedMultiplyAdd(-b, sin, a * cos), first, count);
                Lanes.Store(Vector512.FusedMultiplyAdd(a, sin, b * cos), first + HeadWidth / 2, count);
            }
        }
    }
}
