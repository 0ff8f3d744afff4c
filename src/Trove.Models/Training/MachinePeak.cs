using System.Diagnostics;
using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models.Training;

/// <summary>How fast this machine multiplies matrices, and how much of a training step that is.</summary>
public static unsafe class MachinePeak
{
    private const int Side = 512;
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(0.4); // until the code is compiled in full and the processor has left its sleep

    /// <summary>Floating-point operations a second of the best of some products of matrices that fit the caches; takes a few tenths of a second.</summary>
    public static double Measure(WorkPool pool)
    {
        using var memory = new NativeBuffer<float>(3L * Side * Side);
        float* a = memory.Pointer, b = a + Side * Side, c = b + Side * Side;
        double best = 0;
        for (long begin = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begin) < Least;)
        {
            long start = Stopwatch.GetTimestamp();
            Gemm.Run(pool, GemmKind.NT, Side, Side, Side, a, Side, b, Side, c, Side);
            best = Math.Max(best, 2.0 * Side * Side * Side / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    /// <summary>Operations that learning from one token takes: six for each weight of a matrix, and twelve for each pair of floats that attention compares (Chowdhery et al., arXiv 2204.02311, appendix B; half of the pairs are visible).</summary>
    public static double OperationsOf(Parameters parameters, int rowTokens)
    {
        var c = parameters.Config;
        long matrices = parameters.Tensors.Where(t => t.Role is TensorRole.ResidualReading or TensorRole.ResidualWriting).Sum(t => t.Length) + (long)c.Vocabulary * c.Width;
        return 6.0 * matrices + 12.0 * c.Layers * c.Heads * c.HeadWidth * rowTokens / 2;
    }
}
