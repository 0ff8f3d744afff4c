using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Bench.Engine;

/// <summary>
/// What one side of the comparison runs, in a process of its own: two pools that spin in one process would ruin both. It answers
/// each line "kind m n k" with the best rate of a few hundred milliseconds, in GFLOP/s: interruptions by others only ever make it worse.
/// </summary>
internal static unsafe partial class GemmWorker
{
    private const double Seconds = 0.15;

    /// <summary>Serves until the input ends. First it says what it is.</summary>
    /// <param name="side">"ours", "peer", or "peak": the register-only loop.</param>
    /// <param name="threads">Threads of our pool; the peer's are set by its environment.</param>
    public static void Serve(string side, int threads)
    {
        Console.WriteLine(side == "peer" ? $"OpenBLAS {Marshal.PtrToStringUTF8(OpenBlasCore())}" : Vector512.IsHardwareAccelerated ? "512" : "256");
        using var pool = new WorkPool(side == "peer" ? 1 : threads);
        while (Console.ReadLine() is { } line)
        {
            double rate;
            if (side == "peak")
                rate = Best(Peak.Flops * threads, () => Peak.Run(pool));
            else
            {
                var words = line.Split(' ');
                rate = Measure(side == "ours" ? pool : null, Enum.Parse<GemmKind>(words[0]), int.Parse(words[1]), int.Parse(words[2]), int.Parse(words[3]));
            }
            Console.WriteLine(rate.ToString("R"));
        }
    }

    private static double Measure(WorkPool? pool, GemmKind kind, int m, int n, int k)
    {
        using NativeBuffer<float> a = new((long)m * k), b = new((long)n * k), c = new((long)m * n);
        foreach (var buffer in (NativeBuffer<float>[])[a, b])
            for (long i = 0; i < buffer.Length; i++)
                buffer.Pointer[i] = i * 7919 % 1009 / 1009f - 0.5f;
        int lda = kind == GemmKind.TN ? m : k, ldb = kind == GemmKind.NT ? k : n;
        return Best(2.0 * m * n * k, () =>
        {
            if (pool is not null)
                Gemm.Run(pool, kind, m, n, k, a.Pointer, lda, b.Pointer, ldb, c.Pointer, n);
            else
                Sgemm(RowMajor, kind == GemmKind.TN ? Transposed : Plain, kind == GemmKind.NT ? Transposed : Plain, m, n, k, 1, a.Pointer, lda, b.Pointer, ldb, 0, c.Pointer, n);
        });
    }

    private static double Best(double flops, Action run)
    {
        double best = 0;
        var all = Stopwatch.StartNew();
        for (int i = 0; i < 4 || all.Elapsed.TotalSeconds < Seconds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            run();
            best = Math.Max(best, flops / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9);
        }
        return best;
    }

    private const int RowMajor = 101, Plain = 111, Transposed = 112;
    private const string Library = "libopenblas.so.0";

    [LibraryImport(Library, EntryPoint = "cblas_sgemm")]
    private static partial void Sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc);

    [LibraryImport(Library, EntryPoint = "openblas_get_corename")]
    private static partial nint OpenBlasCore();

    /// <summary>Twelve chains of fused multiply-adds in registers, twice as many as hide the latency: what the machine can do at most.</summary>
    private readonly struct Peak : ITileJob
    {
        private const int Steps = 200_000;

        public static double Flops => 2.0 * 12 * Steps * (Vector512.IsHardwareAccelerated ? 16 : 8);

        public static void Run(WorkPool pool)
        {
            var job = new Peak();
            pool.Run(ref job, pool.Threads);
        }

        public void Run(int tile)
        {
            // Adding nothing to one keeps the values from growing; the result is looked at, so that the loop stays.
            if (Vector512.IsHardwareAccelerated ? Loop512() != 12 : Loop256() != 12)
                throw new InvalidOperationException("the chains were not computed");
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Loop512()
        {
            Vector512<float> a = Vector512<float>.One, b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a, one = a, zero = a - a;
            for (int step = 0; step < Steps; step++)
            {
                (a, b, c) = (Vector512.FusedMultiplyAdd(a, one, zero), Vector512.FusedMultiplyAdd(b, one, zero), Vector512.FusedMultiplyAdd(c, one, zero));
                (d, e, f) = (Vector512.FusedMultiplyAdd(d, one, zero), Vector512.FusedMultiplyAdd(e, one, zero), Vector512.FusedMultiplyAdd(f, one, zero));
                (g, h, i) = (Vector512.FusedMultiplyAdd(g, one, zero), Vector512.FusedMultiplyAdd(h, one, zero), Vector512.FusedMultiplyAdd(i, one, zero));
                (j, k, l) = (Vector512.FusedMultiplyAdd(j, one, zero), Vector512.FusedMultiplyAdd(k, one, zero), Vector512.FusedMultiplyAdd(l, one, zero));
            }
            return (a + b + c + d + e + f + g + h + i + j + k + l)[0];
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Loop256()
        {
            Vector256<float> a = Vector256<float>.One, b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a, one = a, zero = a - a;
            for (int step = 0; step < Steps; step++)
            {
                (a, b, c) = (Vector256.FusedMultiplyAdd(a, one, zero), Vector256.FusedMultiplyAdd(b, one, zero), Vector256.FusedMultiplyAdd(c, one, zero));
                (d, e, f) = (Vector256.FusedMultiplyAdd(d, one, zero), Vector256.FusedMultiplyAdd(e, one, zero), Vector256.FusedMultiplyAdd(f, one, zero));
                (g, h, i) = (Vector256.FusedMultiplyAdd(g, one, zero), Vector256.FusedMultiplyAdd(h, one, zero), Vector256.FusedMultiplyAdd(i, one, zero));
                (j, k, l) = (Vector256.FusedMultiplyAdd(j, one, zero), Vector256.FusedMultiplyAdd(k, one, zero), Vector256.FusedMultiplyAdd(l, one, zero));
            }
            return (a + b + c + d + e + f + g + h + i + j + k + l)[0];
        }
    }
}
