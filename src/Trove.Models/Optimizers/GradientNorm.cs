using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models.Optimizers;

/// <summary>The Euclidean norm of all gradients as one vector, in one order: sixteen sums in double a block, then block after block.</summary>
public sealed unsafe class GradientNorm : IDisposable
{
    private const int Block = 1 << 14; // floats; part of the result's definition

    private readonly NativeBuffer<double> _sums;
    private readonly long _length;

    /// <summary>For gradients of that many floats.</summary>
    public GradientNorm(long length) => (_length, _sums) = (length, new NativeBuffer<double>((length + Block - 1) / Block));

    /// <summary>√Σg². Infinite or NaN if any gradient is: squares of floats cannot overflow a double.</summary>
    /// <exception cref="ArgumentException">Other gradients than the constructor was told of.</exception>
    public double Compute(WorkPool pool, Gradients gradients)
    {
        if (gradients.Length != _length)
            throw new ArgumentException($"Gradients of {gradients.Length} floats are none of a model of {_length}: make them from its parameters");
        var job = new Job { From = gradients.Pointer, Length = gradients.Length, Sums = _sums.Pointer };
        pool.Run(ref job, checked((int)_sums.Length));
        double sum = 0;
        for (long i = 0; i < _sums.Length; i++)
            sum += _sums.Pointer[i];
        return Math.Sqrt(sum);
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _sums.Dispose();

    private struct Job : ITileJob
    {
        public float* From;
        public double* Sums;
        public long Length;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            long begin = (long)tile * Block, end = Math.Min(Length, begin + Block);
            Vector512<double> lower = default, upper = default;
            for (long i = begin; i < end; i += Lanes.Count)
            {
                var (a, b) = Vector512.Widen(Vector512.Load(From + i));
                lower = Vector512.FusedMultiplyAdd(a, a, lower);
                upper = Vector512.FusedMultiplyAdd(b, b, upper);
            }
            Sums[tile] = Lanes.Sum(lower, upper);
        }
    }
}
