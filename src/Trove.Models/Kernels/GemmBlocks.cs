using System.Runtime.CompilerServices;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// The blocks of one product. For each block of columns and, within, of k: all threads pack what it needs of A and B, then all
/// compute strips of C. A block of B stays in the second-level cache while strips of A, in the first, sweep over it.
/// </summary>
internal unsafe struct GemmBlocks<TPair> : ITileJob where TPair : struct, IGemmPair<TPair>
{
    private const int MaxDepth = 384, BlockFloats = 144 * 1024, AcrossRows = 32;

    private GemmKind _kind;
    private int _m;
    private float* _a, _b, _start, _c, _packedA, _packedB;
    private long _lda, _ldb, _ldStart, _ldc;

    private int _strips, _groups, _packTilesA;
    private int _k0, _depth, _n0, _width;
    private bool _packing;

    public static void Run(WorkPool pool, GemmKind kind, int m, int n, int k, float* a, long lda, float* b, long ldb, float* start, long ldStart, float* c, long ldc)
    {
        int depth = Even(k, MaxDepth, 1), width = Even(n, Math.Max(BlockFloats / Math.Max(depth, 1), TPair.Width), TPair.Width);
        int strips = (m + TPair.Height - 1) / TPair.Height;
        var job = new GemmBlocks<TPair>
        {
            _kind = kind, _m = m, _a = a, _lda = lda, _b = b, _ldb = ldb, _start = start, _ldStart = ldStart, _c = c, _ldc = ldc,
            _strips = strips,
        };
        long sizeA = ((long)strips * TPair.Height * k + 15) / 16 * 16;
        job._packedA = pool.Scratch<float>(sizeA + (long)width * depth);
        job._packedB = job._packedA + sizeA;
        for (int n0 = 0; n0 < n; n0 += width)
            for (int k0 = 0; k0 < k || k0 == 0; k0 += Math.Max(depth, 1))
                job.Block(pool, n0, Math.Min(width, n - n0), k0, Math.Min(depth, k - k0));
    }

    // Blocks of even size, rather than one small remainder.
    private static int Even(int size, int most, int unit)
    {
        int blocks = (size + most - 1) / most;
        if (blocks == 0)
            return 0;
        int units = (size + unit - 1) / unit;
        return (units + blocks - 1) / blocks * unit;
    }

    private void Block(WorkPool pool, int n0, int width, int k0, int depth)
    {
        (_n0, _width, _k0, _depth) = (n0, width, k0, depth);
        int panels = (width + TPair.Width - 1) / TPair.Width;
        int chunks = (depth + AcrossRows - 1) / AcrossRows;
        _packing = true;
        _packTilesA = n0 > 0 ? 0 : _kind == GemmKind.TN ? chunks : _strips;
        pool.Run(ref this, _packTilesA + (_kind == GemmKind.NT ? panels : chunks));
        _packing = false;
        _groups = Math.Clamp((8 * pool.Threads + _strips - 1) / _strips, 1, panels);
        pool.Run(ref this, _strips * _groups);
    }

    public readonly void Run(int tile)
    {
        if (!_packing)
            Compute(tile / _groups, tile % _groups);
        else if (tile < _packTilesA)
            PackA(tile);
        else
            PackB(tile - _packTilesA);
    }

    // Rows of the strip's kernel: the least of a third, two thirds and the whole height that will do.
    private readonly int StripRows(int strip)
    {
        int rows = Math.Min(TPair.Height, _m - strip * TPair.Height), third = TPair.Height / 3;
        return (rows + third - 1) / third * third;
    }

    private readonly float* StripOf(int strip) => _packedA + (long)_strips * TPair.Height * _k0 + (long)strip * TPair.Height * _depth;

    private readonly void PackA(int tile)
    {
        if (_kind != GemmKind.TN)
        {
            int row = tile * TPair.Height;
            GemmPack.Along(_a + row * _lda + _k0, _lda, Math.Min(TPair.Height, _m - row), StripRows(tile), _depth, StripOf(tile));
            return;
        }
        int first = tile * AcrossRows, count = Math.Min(AcrossRows, _depth - first);
        for (int strip = 0; strip < _strips; strip++)
        {
            int row = strip * TPair.Height, height = StripRows(strip);
            GemmPack.Across(_a + (_k0 + first) * _lda + row, _lda, Math.Min(TPair.Height, _m - row), height, count, StripOf(strip) + first * height);
        }
    }

    private readonly void PackB(int tile)
    {
        if (_kind == GemmKind.NT)
        {
            int column = tile * TPair.Width;
            GemmPack.Along(_b + (_n0 + column) * _ldb + _k0, _ldb, Math.Min(TPair.Width, _width - column), TPair.Width, _depth, _packedB + (long)column * _depth);
            return;
        }
        int first = tile * AcrossRows, count = Math.Min(AcrossRows, _depth - first);
        for (int column = 0; column < _width; column += TPair.Width)
            GemmPack.Across(_b + (_k0 + first) * _ldb + _n0 + column, _ldb, Math.Min(TPair.Width, _width - column), TPair.Width, count,
                _packedB + (long)column * _depth + first * TPair.Width);
    }

    // A strip of A times the panels of one group.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Compute(int strip, int group)
    {
        int panels = (_width + TPair.Width - 1) / TPair.Width, end = panels * (group + 1) / _groups;
        int row = strip * TPair.Height, height = StripRows(strip);
        bool whole = row + height <= _m;
        float* a = StripOf(strip), c = _c + row * _ldc + _n0;
        float* start = _k0 > 0 ? c : _start == null ? null : _start + row * _ldStart + _n0;
        long ldStart = _k0 > 0 ? _ldc : _ldStart;
        for (int panel = panels * group / _groups; panel < end; panel++)
        {
            int column = panel * TPair.Width;
            float* b = _packedB + (long)column * _depth, from = start == null ? null : start + column;
            if (whole && column + TPair.Width <= _width)
                GemmKernel.Run<TPair>(height, _depth, a, b, TPair.Width, from, ldStart, c + column, _ldc);
            else
                Edge(height, a, b, from, ldStart, c + column, Math.Min(height, _m - row), Math.Min(TPair.Width, _width - column));
        }
    }

    // A tile that reaches beyond C is computed beside it.
    private readonly void Edge(int height, float* a, float* b, float* start, long ldStart, float* c, int rows, int columns)
    {
        float* tile = stackalloc float[TPair.Height * TPair.Width];
        if (start != null)
            for (int i = 0; i < rows; i++)
                new Span<float>(start + i * ldStart, columns).CopyTo(new Span<float>(tile + i * TPair.Width, columns));
        GemmKernel.Run<TPair>(height, _depth, a, b, TPair.Width, start == null ? null : tile, TPair.Width, tile, TPair.Width);
        for (int i = 0; i < rows; i++)
            new Span<float>(tile + i * TPair.Width, columns).CopyTo(new Span<float>(c + i * _ldc, columns));
    }
}
