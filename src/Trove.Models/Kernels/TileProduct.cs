using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Trove.Models.Kernels;

/// <summary>
/// C = A·B for tiles that lie in the first caches: the products inside attention. As in <see cref="Gemm"/>, C[i, j] is one
/// chain of fused multiply-adds over k in order, so the shapes of the register blocks below change no bit.
/// </summary>
internal static unsafe class TileProduct
{
    /// <summary>C = A·B, or C += A·B, on one thread.</summary>
    /// <param name="n">Columns, a multiple of 16.</param>
    /// <param name="a">A[i, k] at <c>a[i·rowStep + k·depthStep]</c>.</param>
    /// <param name="b">[k, n], row-major.</param>
    /// <param name="c">[m, n], row-major.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(int m, int n, int k, float* a, int rowStep, int depthStep, float* b, int ldb, float* c, int ldc, bool accumulate)
    {
        int j = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; j + 32 <= n; j += 32)
            {
                int i = 0;
                for (; i + 8 <= m; i += 8)
                    EightByTwo(k, a + (long)i * rowStep, rowStep, depthStep, b + j, ldb, c + (long)i * ldc + j, ldc, accumulate);
                for (; i < m; i++)
                    OneByTwo(k, a + (long)i * rowStep, depthStep, b + j, ldb, c + (long)i * ldc + j, accumulate);
            }
        for (; j < n; j += 16)
        {
            int i = 0;
            for (; i + 4 <= m; i += 4)
                FourByOne(k, a + (long)i * rowStep, rowStep, depthStep, b + j, ldb, c + (long)i * ldc + j, ldc, accumulate);
            for (; i < m; i++)
                OneByOne(k, a + (long)i * rowStep, depthStep, b + j, ldb, c + (long)i * ldc + j, accumulate);
        }
    }

    // Sixteen sums of 512 bits: enough to hide the latency of the multiply-add, and they fit the 32 registers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void EightByTwo(int k, float* a, int rowStep, int depthStep, float* b, int ldb, float* c, int ldc, bool accumulate)
    {
        Vector512<float> c00, c01, c10, c11, c20, c21, c30, c31, c40, c41, c50, c51, c60, c61, c70, c71;
        c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = c40 = c41 = c50 = c51 = c60 = c61 = c70 = c71 = Vector512<float>.Zero;
        float* row = c;
        if (accumulate)
        {
            (c00, c01) = (Vector512.Load(row), Vector512.Load(row + 16)); row += ldc;
            (c10, c11) = (Vector512.Load(row), Vector512.Load(row + 16)); row += ldc;
            (c20, c21) = (Vector512.Load(row), Vector512.Load(row + 16)); row += ldc;
            (c30, c31) = (Vector512.Load(row), Vector512.Load(row + 16)); row += ldc;
            (c40, c41) = (Vector512.Load(row), Vector512.Load(row + 16)); row += ldc;
            (c50, c51) = (Vector512.Load(row), Vector512.Load(row + 16)); row += ldc;
            (c60, c61) = (Vector512.Load(row), Vector512.Load(row + 16)); row += ldc;
            (c70, c71) = (Vector512.Load(row), Vector512.Load(row + 16));
        }
        float* a4 = a + 4L * rowStep;
        long two = 2L * rowStep, three = 3L * rowStep;
        for (int p = 0; p < k; p++, a += depthStep, a4 += depthStep, b += ldb)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            var x = Vector512.Create(*a);
            c00 = Vector512.FusedMultiplyAdd(x, b0, c00); c01 = Vector512.FusedMultiplyAdd(x, b1, c01);
            x = Vector512.Create(a[rowStep]);
            c10 = Vector512.FusedMultiplyAdd(x, b0, c10); c11 = Vector512.FusedMultiplyAdd(x, b1, c11);
            x = Vector512.Create(a[two]);
            c20 = Vector512.FusedMultiplyAdd(x, b0, c20); c21 = Vector512.FusedMultiplyAdd(x, b1, c21);
            x = Vector512.Create(a[three]);
            c30 = Vector512.FusedMultiplyAdd(x, b0, c30); c31 = Vector512.FusedMultiplyAdd(x, b1, c31);
            x = Vector512.Create(*a4);
            c40 = Vector512.FusedMultiplyAdd(x, b0, c40); c41 = Vector512.FusedMultiplyAdd(x, b1, c41);
            x = Vector512.Create(a4[rowStep]);
            c50 = Vector512.FusedMultiplyAdd(x, b0, c50); c51 = Vector512.FusedMultiplyAdd(x, b1, c51);
            x = Vector512.Create(a4[two]);
            c60 = Vector512.FusedMultiplyAdd(x, b0, c60); c61 = Vector512.FusedMultiplyAdd(x, b1, c61);
            x = Vector512.Create(a4[three]);
            c70 = Vector512.FusedMultiplyAdd(x, b0, c70); c71 = Vector512.FusedMultiplyAdd(x, b1, c71);
        }
        c00.Store(c); c01.Store(c + 16); c += ldc;
        c10.Store(c); c11.Store(c + 16); c += ldc;
        c20.Store(c); c21.Store(c + 16); c += ldc;
        c30.Store(c); c31.Store(c + 16); c += ldc;
        c40.Store(c); c41.Store(c + 16); c += ldc;
        c50.Store(c); c51.Store(c + 16); c += ldc;
        c60.Store(c); c61.Store(c + 16); c += ldc;
        c70.Store(c); c71.Store(c + 16);
    }

    // Eight sums of 256 bits where those are the widest: they fit the sixteen registers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourByOne(int k, float* a, int rowStep, int depthStep, float* b, int ldb, float* c, int ldc, bool accumulate)
    {
        Vector512<float> c0, c1, c2, c3;
        c0 = c1 = c2 = c3 = Vector512<float>.Zero;
        float* d1 = c + ldc, d2 = d1 + ldc, d3 = d2 + ldc;
        if (accumulate)
            (c0, c1, c2, c3) = (Vector512.Load(c), Vector512.Load(d1), Vector512.Load(d2), Vector512.Load(d3));
        long two = 2L * rowStep, three = 3L * rowStep;
        for (int p = 0; p < k; p++, a += depthStep, b += ldb)
        {
            var x = Vector512.Load(b);
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(*a), x, c0);
            c1 = Vector512.FusedMultiplyAdd(Vector512.Create(a[rowStep]), x, c1);
            c2 = Vector512.FusedMultiplyAdd(Vector512.Create(a[two]), x, c2);
            c3 = Vector512.FusedMultiplyAdd(Vector512.Create(a[three]), x, c3);
        }
        c0.Store(c);
        c1.Store(d1);
        c2.Store(d2);
        c3.Store(d3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OneByTwo(int k, float* a, int depthStep, float* b, int ldb, float* c, bool accumulate)
    {
        var (c0, c1) = accumulate ? (Vector512.Load(c), Vector512.Load(c + 16)) : (Vector512<float>.Zero, Vector512<float>.Zero);
        for (int p = 0; p < k; p++, a += depthStep, b += ldb)
        {
            var x = Vector512.Create(*a);
            c0 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b), c0);
            c1 = Vector512.FusedMultiplyAdd(x, Vector512.Load(b + 16), c1);
        }
        c0.Store(c);
        c1.Store(c + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OneByOne(int k, float* a, int depthStep, float* b, int ldb, float* c, bool accumulate)
    {
        var sum = accumulate ? Vector512.Load(c) : Vector512<float>.Zero;
        for (int p = 0; p < k; p++, a += depthStep, b += ldb)
            sum = Vector512.FusedMultiplyAdd(Vector512.Create(*a), Vector512.Load(b), sum);
        sum.Store(c);
    }
}
