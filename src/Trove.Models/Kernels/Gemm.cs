using System.Runtime.Intrinsics;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// Products of matrices in single precision, packed and blocked as in BLIS (Van Zee and van de Geijn, "BLIS: A Framework for
/// Rapidly Instantiating BLAS Functionality", ACM TOMS 41(3), 2015).
/// </summary>
/// <remarks>
/// C[i,j] is one chain of fused multiply-adds over k = 0, 1, …, each rounded once, that starts from zero or from a given matrix.
/// Blocks of k continue the chain from C. Hence the bits depend on no tile, block, width of vectors or number of threads; and row i
/// does not depend on m: a token's result is the same alone and in a batch. Which of several NaNs comes out is not specified.
/// </remarks>
public static unsafe class Gemm
{
    /// <summary>C = A·B in the given kind, or C += A·B, then with the chains starting from C.</summary>
    /// <param name="pool">Who computes; its caller must be this thread.</param>
    /// <param name="kind">Which factor is transposed.</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Terms of each element; 0 leaves zeros, or C as it is when accumulating.</param>
    /// <param name="a">A, [m, k]; for TN [k, m].</param>
    /// <param name="lda">Floats from one row of A to the next.</param>
    /// <param name="b">B, [k, n]; for NT [n, k].</param>
    /// <param name="ldb">Floats from one row of B to the next.</param>
    /// <param name="c">C [m, n], apart from A and B.</param>
    /// <param name="ldc">Floats from one row of C to the next.</param>
    /// <param name="accumulate">Add to what C holds.</param>
    /// <exception cref="ArgumentOutOfRangeException">An unknown kind, a negative size, or a stride shorter than a row.</exception>
    public static void Run(WorkPool pool, GemmKind kind, int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc, bool accumulate = false) =>
        RunFrom(pool, kind, m, n, k, a, lda, b, ldb, accumulate ? c : null, ldc, c, ldc);

    /// <summary>C = S + A·B in the given kind, the chains starting from S: a residual, or with a stride of 0 a bias.</summary>
    /// <param name="start">S [m, n]: C itself or apart from it; null for zero.</param>
    /// <param name="ldStart">Floats from one row of S to the next; 0 gives every row the same.</param>
    /// <inheritdoc cref="Run"/>
    public static void RunFrom(WorkPool pool, GemmKind kind, int m, int n, int k, float* a, int lda, float* b, int ldb, float* start, int ldStart, float* c, int ldc)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)kind, (uint)GemmKind.TN, nameof(kind));
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        ArgumentOutOfRangeException.ThrowIfLessThan(lda, kind == GemmKind.TN ? m : k);
        ArgumentOutOfRangeException.ThrowIfLessThan(ldb, kind == GemmKind.NT ? k : n);
        ArgumentOutOfRangeException.ThrowIfLessThan(ldc, n);
        if (ldStart != 0)
            ArgumentOutOfRangeException.ThrowIfLessThan(ldStart, n);
        if (m == 0 || n == 0)
            return;
        if (Vector512.IsHardwareAccelerated)
            Run<Pair512>(pool, kind, m, n, k, a, lda, b, ldb, start, ldStart, c, ldc);
        else
            Run<Pair256>(pool, kind, m, n, k, a, lda, b, ldb, start, ldStart, c, ldc);
    }

    private static void Run<TPair>(WorkPool pool, GemmKind kind, int m, int n, int k, float* a, long lda, float* b, long ldb, float* start, long ldStart, float* c, long ldc)
        where TPair : struct, IGemmPair<TPair>
    {
        if (m <= GemmPanels<TPair>.MaxRows)
            GemmPanels<TPair>.Run(pool, kind, m, n, k, a, lda, b, ldb, start, ldStart, c, ldc);
        else
            GemmBlocks<TPair>.Run(pool, kind, m, n, k, a, lda, b, ldb, start, ldStart, c, ldc);
    }
}
