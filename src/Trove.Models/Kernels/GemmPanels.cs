using System.Runtime.CompilerServices;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// A product of few rows, as in decoding: reading B is all the work. Each tile takes a panel of B from memory once, piece by piece
/// through the first-level cache, and computes all rows of C of its columns.
/// </summary>
internal unsafe struct GemmPanels<TPair> : ITileJob where TPair : struct, IGemmPair<TPair>
{
    /// <summary>Most rows of C: beyond, packing blocks of B once and sharing them is no slower.</summary>
    public const int MaxRows = 24;

    // A piece of a panel and the strips of A against it fit in the first-level cache.
    private const int PieceDepth = 128;

    private GemmKind _kind;
    private int _m, _n, _k;
    private float* _packedA, _b, _start, _c;
    private long _ldb, _ldStart, _ldc;

    // From a panel of B to the one this thread will likely take next, in floats.
    private long _nextPanel;

    public static void Run(WorkPool pool, GemmKind kind, int m, int n, int k, float* a, long lda, float* b, long ldb, float* start, long ldStart, float* c, long ldc)
    {
        var job = new GemmPanels<TPair>
        {
            _kind = kind, _m = m, _n = n, _k = k, _b = b, _ldb = ldb, _start = start, _ldStart = ldStart, _c = c, _ldc = ldc,
            _nextPanel = pool.Threads * TPair.Width * ldb,
            _packedA = pool.Scratch<float>((long)(m + TPair.Height) * k),
        };
        for (int row = 0; row < m; row += TPair.Height)
        {
            int rows = Math.Min(TPair.Height, m - row), height = GemmKernel.HeightFor<TPair>(rows);
            if (kind == GemmKind.TN)
                GemmPack.Across(a + row, lda, rows, height, k, job._packedA + (long)row * k);
            else
                GemmPack.Along(a + row * lda, lda, rows, height, k, job._packedA + (long)row * k);
        }
        pool.Run(ref job, (n + TPair.Width - 1) / TPair.Width);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int tile)
    {
        int column = tile * TPair.Width, columns = Math.Min(TPair.Width, _n - column);
        float* sums = stackalloc float[(MaxRows + TPair.Height) * TPair.Width], piece = stackalloc float[PieceDepth * TPair.Width];
        for (int i = 0; i < _m; i++)
        {
            var row = new Span<float>(sums + i * TPair.Width, columns);
            if (_start == null)
                row.Clear();
            else
                new Span<float>(_start + i * _ldStart + column, columns).CopyTo(row);
        }
        for (int k0 = 0; k0 < _k; k0 += PieceDepth)
        {
            int depth = Math.Min(PieceDepth, _k - k0);
            if (_kind == GemmKind.NT)
                GemmPack.Along(_b + column * _ldb + k0, _ldb, columns, TPair.Width, depth, piece, k0 + PieceDepth < _k ? PieceDepth : _nextPanel - k0);
            else
                GemmPack.Across(_b + k0 * _ldb + column, _ldb, columns, TPair.Width, depth, piece);
            for (int row = 0; row < _m; row += TPair.Height)
            {
                int height = GemmKernel.HeightFor<TPair>(_m - row);
                float* sum = sums + row * TPair.Width;
                GemmKernel.Run<TPair>(height, depth, _packedA + (long)row * _k + (long)k0 * height, piece, sum, TPair.Width, sum, TPair.Width);
            }
        }
        for (int i = 0; i < _m; i++)
            new Span<float>(sums + i * TPair.Width, columns).CopyTo(new Span<float>(_c + i * _ldc + column, columns));
    }
}
