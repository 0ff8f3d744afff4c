using System.Numerics;
using System.Runtime.InteropServices;
using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Tests.Models.Kernels;

/// <summary>One product: made-up factors with gaps between rows, and the plain loop the kernels are held to.</summary>
internal sealed unsafe class GemmCase
{
    public enum Start { Zero, C, Residual, Bias }

    private readonly float[] _a, _b, _c, _start;
    private readonly int _lda, _ldb, _ldc;

    public GemmCase(Numbers numbers, GemmKind kind, int m, int n, int k, Start start)
    {
        (Kind, M, N, K, From) = (kind, m, n, k, start);
        _lda = (kind == GemmKind.TN ? m : k) + numbers.Below(4);
        _ldb = (kind == GemmKind.NT ? k : n) + numbers.Below(4);
        _ldc = n + numbers.Below(4);
        _a = numbers.Floats((kind == GemmKind.TN ? k : m) * _lda);
        _b = numbers.Floats((kind == GemmKind.NT ? n : k) * _ldb);
        _c = numbers.Floats(m * _ldc);
        _start = numbers.Floats(m * _ldc);
    }

    public GemmKind Kind { get; }

    public int M { get; }

    public int N { get; }

    public int K { get; }

    public Start From { get; }

    public override string ToString() => $"{Kind} {M}×{N}×{K} from {From}, strides {_lda}, {_ldb}, {_ldc}";

    /// <summary>All of C, the gaps between its rows too, which must keep what they held.</summary>
    public float[] Run(WorkPool pool)
    {
        var result = (float[])_c.Clone();
        fixed (float* a = _a, b = _b, c = result, start = _start)
        {
            if (From is Start.Zero or Start.C)
                Gemm.Run(pool, Kind, M, N, K, a, _lda, b, _ldb, c, _ldc, accumulate: From == Start.C);
            else
                Gemm.RunFrom(pool, Kind, M, N, K, a, _lda, b, _ldb, start, From == Start.Bias ? 0 : _ldc, c, _ldc);
        }
        return result;
    }

    /// <summary>The first rows alone: C as if the others had never been there.</summary>
    public float[] RunRows(WorkPool pool, int rows)
    {
        Assert.NotEqual(GemmKind.TN, Kind);
        var result = (float[])_c.Clone();
        fixed (float* a = _a, b = _b, c = result)
            Gemm.Run(pool, Kind, rows, N, K, a, _lda, b, _ldb, c, _ldc, accumulate: From == Start.C);
        return result[..(rows * _ldc)];
    }

    public float[] Expected()
    {
        var result = (float[])_c.Clone();
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++)
            {
                float sum = From switch { Start.Zero => 0, Start.C => _c[i * _ldc + j], Start.Residual => _start[i * _ldc + j], _ => _start[j] };
                for (int p = 0; p < K; p++)
                    sum = MathF.FusedMultiplyAdd(Kind == GemmKind.TN ? _a[p * _lda + i] : _a[i * _lda + p], Kind == GemmKind.NT ? _b[j * _ldb + p] : _b[p * _ldb + j], sum);
                result[i * _ldc + j] = sum;
            }
        return result;
    }

    public static bool SameBits(ReadOnlySpan<float> a, ReadOnlySpan<float> b) => MemoryMarshal.AsBytes(a).SequenceEqual(MemoryMarshal.AsBytes(b));

    /// <summary>SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): numbers that are the same with every runtime.</summary>
    internal sealed class Numbers(ulong seed)
    {
        public ulong Next()
        {
            ulong z = seed = unchecked(seed + 0x9E3779B97F4A7C15);
            z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9);
            z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EB);
            return z ^ (z >> 31);
        }

        public int Below(int limit) => (int)(Next() % (ulong)limit);

        // Of many magnitudes, so that another order of the sum shows; a few subnormal, which must not be flushed.
        public float[] Floats(int count)
        {
            var floats = new float[count];
            for (int i = 0; i < count; i++)
            {
                float fraction = (int)(Next() >> 40) / (float)(1 << 23) - 1;
                floats[i] = fraction * BitOperations.RotateLeft(1u, Below(8)) * (Below(50) == 0 ? 1e-40f : 1f);
            }
            return floats;
        }
    }
}
