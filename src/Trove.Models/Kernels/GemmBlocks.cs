using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// The blocks of one product. For each block of columns and, within, of k: all threads pack the block of B, then all compute
/// strips of C. The block of B stays in the second-level cache while strips of A, in the first, sweep over it.
/// </summary>
internal unsafe struct GemmBlocks<TPair> : ITileJob where TPair : struct, IGemmPair<TPair>
{
    // A strip of A to the depth of a piece fits in the first-level cache, a block of B in the second.
    private const int PieceDepth = 384, BlockFloats = 144 * 1024, AcrossRows = 32, TilesPerThread = 8, AcrossStrips = 4;

    private GemmKind _kind;
    private int _m;
    private float* _a, _b, _start, _c, _packedB;
    private long _lda, _ldb, _ldStart, _ldc;

    // From a strip of A, whose rows lie along memory, to the one this thread will likely take next, in floats.
    private long _next;

    // Rows of A that a tile packs: where they lie across memory, several strips together use up the cache lines they touch. Not so many that
    // tiles become too few and are cut into groups of columns, each of which packs the same rows again.
    private int _rows;

    private int _n0, _width, _panels, _k0, _depth, _groups;
    private bool _packing;

    public static void Run(WorkPool pool, GemmKind kind, int m, int n, int k, float* a, long lda, float* b, long ldb, float* start, long ldStart, float* c, long ldc)
    {
        int depth = Math.Max(1, EvenBlock(k, Math.Max(PieceDepth, BlockFloats / Math.Max(n, TPair.Width)), 1)), width = EvenBlock(n, Math.Max(BlockFloats / depth, TPair.Width), TPair.Width);
        var job = new GemmBlocks<TPair>
        {
            _kind = kind, _m = m, _a = a, _lda = lda, _b = b, _ldb = ldb, _start = start, _ldStart = ldStart, _c = c, _ldc = ldc,
            _rows = kind == GemmKind.TN ? Math.Clamp(m / (TPair.Height * TilesPerThread * pool.Threads), 1, AcrossStrips) * TPair.Height : TPair.Height,
            _next = pool.Threads * TPair.Height * lda, _packedB = pool.Scratch<float>((long)width * depth),
        };
        for (int n0 = 0; n0 < n; n0 += width)
        {
            int k0 = 0;
            do
            {
                job.Block(pool, n0, Math.Min(width, n - n0), k0, Math.Min(depth, k - k0));
                k0 += depth;
            }
            while (k0 < k);
        }
    }

    // Blocks of about the same size, rather than one small remainder.
    private static int EvenBlock(int size, int most, int unit)
    {
        int blocks = (size + most - 1) / most, units = (size + unit - 1) / unit;
        return blocks == 0 ? 0 : (units + blocks - 1) / blocks * unit;
    }

    private void Block(WorkPool pool, int n0, int width, int k0, int depth)
    {
        (_n0, _width, _k0, _depth) = (n0, width, k0, depth);
        _panels = (width + TPair.Width - 1) / TPair.Width;
        _packing = true;
        pool.Run(ref this, _kind == GemmKind.NT ? _panels : (depth + AcrossRows - 1) / AcrossRows);
        _packing = false;
        int strips = (_m + _rows - 1) / _rows;
        _groups = Math.Clamp((TilesPerThread * pool.Threads + strips - 1) / strips, 1, _panels);
        pool.Run(ref this, strips * _groups);
    }

    public readonly void Run(int tile)
    {
        if (_packing)
            PackB(tile);
        else
            Strips(tile / _groups * _rows, tile % _groups);
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

    // Strips of A, packed piece by piece on the stack, times the panels of one group.
    private readonly void Strips(int row, int group)
    {
        int piece = EvenBlock(_depth, PieceDepth, 1), k1 = 0;
        do
        {
            Piece(row, group, k1, Math.Min(piece, _depth - k1));
            k1 += piece;
        }
        while (k1 < _depth);
    }

    [SkipLocalsInit]
    private readonly void Piece(int row, int group, int k1, int depth)
    {
        float* packed = stackalloc float[AcrossStrips * TPair.Height * PieceDepth];
        int end = Math.Min(_m, row + _rows);
        Fetch(row, (int)((long)_panels * group / _groups), _k0 + k1 == 0);
        if (_kind == GemmKind.TN)
        {
            int line = row;
            for (float* a = packed; line < end; line += TPair.Height, a += TPair.Height * depth)
                GemmPack.Across(_a + (_k0 + k1) * _lda + line, _lda, Math.Min(TPair.Height, _m - line), GemmKernel.HeightFor<TPair>(_m - line), depth, a);
        }
        else
            GemmPack.Along(_a + row * _lda + _k0 + k1, _lda, end - row, GemmKernel.HeightFor<TPair>(end - row), depth, packed, _next);
        for (; row < end; row += TPair.Height, packed += TPair.Height * depth)
            Multiply(row, group, k1, depth, packed);
    }

    // One packed strip of A.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(int row, int group, int k1, int depth, float* a)
    {
        int rows = Math.Min(TPair.Height, _m - row), height = GemmKernel.HeightFor<TPair>(rows);
        bool first = _k0 + k1 == 0;
        float* c = _c + row * _ldc + _n0, start = !first ? c : _start == null ? null : _start + row * _ldStart + _n0;
        long ldStart = first ? _ldStart : _ldc;
        int end = (int)((long)_panels * (group + 1) / _groups);
        for (int panel = (int)((long)_panels * group / _groups); panel < end; panel++)
        {
            int column = panel * TPair.Width;
            float* b = _packedB + (long)column * _depth + k1 * TPair.Width, from = start == null ? null : start + column;
            if (start != null)
                Fetch(panel + 1 < end ? row : row + TPair.Height, panel + 1 < end ? panel + 1 : (int)((long)_panels * group / _groups), first);
            if (rows == height && column + TPair.Width <= _width)
                GemmKernel.Run<TPair>(height, depth, a, b, from, ldStart, c + column, _ldc);
            else
                Edge(height, depth, a, b, from, ldStart, c + column, _ldc, rows, Math.Min(TPair.Width, _width - column));
        }
    }

    // The chains of a tile begin with what is there, which another core may have written last: it is asked for while the tile before is computed.
    private readonly void Fetch(int row, int panel, bool first)
    {
        float* start = first ? _start : _c;
        if (!Sse.IsSupported || start == null)
            return;
        long ld = first ? _ldStart : _ldc;
        int end = Math.Min(_m, row + TPair.Height);
        for (float* line = start + row * ld + _n0 + panel * TPair.Width; row < end; row++, line += ld)
            for (int i = 0; i < TPair.Width; i += 16)
                Sse.Prefetch0(line + i);
    }

    // A tile that reaches beyond C is computed beside it.
    private static void Edge(int height, int depth, float* a, float* b, float* start, long ldStart, float* c, long ldc, int rows, int columns)
    {
        float* tile = stackalloc float[TPair.Height * TPair.Width];
        if (start != null)
            for (int i = 0; i < rows; i++)
                new Span<float>(start + i * ldStart, columns).CopyTo(new Span<float>(tile + i * TPair.Width, columns));
        GemmKernel.Run<TPair>(height, depth, a, b, start == null ? null : tile, TPair.Width, tile, TPair.Width);
        for (int i = 0; i < rows; i++)
            new Span<float>(tile + i * TPair.Width, columns).CopyTo(new Span<float>(c + i * ldc, columns));
    }
}
