using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// y = S + x·Wᵀ with weights that were packed before, as inference has them: of <see cref="Gemm.RunFrom"/> to the bit (each element one chain over the
/// inputs), and in decoding as fast as memory gives the weights.
/// </summary>
internal static unsafe class PackedGemm
{
    /// <summary>One product.</summary>
    /// <param name="m">Rows of x and y: tokens.</param>
    /// <param name="x">[m, inputs]</param>
    /// <param name="start">[m, outputs]: y itself or apart from it; null for zero.</param>
    /// <param name="ldStart">Floats from one row of S to the next; 0 gives every row the same, a bias.</param>
    /// <param name="y">[m, outputs]</param>
    public static void Run(WorkPool pool, int m, float* x, PackedMatrix weights, float* start, int ldStart, float* y)
    {
        if (Vector512.IsHardwareAccelerated)
            PackedGemmJob<Pair512>.Run(pool, m, x, weights, start, ldStart, y);
        else
            PackedGemmJob<Pair256>.Run(pool, m, x, weights, start, ldStart, y);
    }
}

/// <summary>First strips of x are packed, then groups of panels pass over them.</summary>
internal unsafe struct PackedGemmJob<TPair> : ITileJob where TPair : struct, IGemmPair<TPair>
{
    // Of few rows all strips and a piece of one panel fit in the first-level cache; of many, one strip, with a group of panels in the second.
    private const int FewRows = 24, FewDepth = 128, Depth = 384, GroupPanels = 8, TilesPerThread = 8;

    private int _m, _outputs, _inputs, _panels, _groups, _chunks;
    private float* _x, _packed, _weights, _start, _y;
    private long _ldStart;
    private bool _packing;

    public static void Run(WorkPool pool, int m, float* x, PackedMatrix weights, float* start, long ldStart, float* y)
    {
        int strips = (m + TPair.Height - 1) / TPair.Height;
        var job = new PackedGemmJob<TPair>
        {
            _m = m, _outputs = weights.Outputs, _inputs = weights.Inputs, _panels = weights.Count, _x = x, _weights = weights.Pointer, _start = start, _ldStart = ldStart, _y = y,
            _groups = m <= FewRows ? Math.Min(weights.Count, TilesPerThread * pool.Threads) : (weights.Count + GroupPanels - 1) / GroupPanels,
        };
        if (m == 1)
        {
            pool.Run(ref job, job._groups);
            return;
        }
        job._chunks = m <= FewRows ? 1 : Math.Clamp((TilesPerThread * pool.Threads + job._groups - 1) / job._groups, 1, strips); // strips are shared out where groups are few
        job._packed = pool.Scratch<float>((long)strips * TPair.Height * weights.Inputs);
        job._packing = true;
        pool.Run(ref job, strips);
        job._packing = false;
        pool.Run(ref job, job._groups * job._chunks);
    }

    public readonly void Run(int tile)
    {
        if (_packing)
            GemmPack.Along(_x + (long)tile * TPair.Height * _inputs, _inputs, Rows(tile), GemmKernel.HeightFor<TPair>(Rows(tile)), _inputs, _packed + (long)tile * TPair.Height * _inputs);
        else if (_m == 1)
            One(First(tile), First(tile + 1));
        else if (_m <= FewRows)
            Few(First(tile), First(tile + 1));
        else
            Many(tile);
    }

    private readonly int First(int group) => (int)((long)_panels * group / _groups);

    private readonly int Rows(int strip) => Math.Min(TPair.Height, _m - strip * TPair.Height);

    // Two panels side by side: a chain alone would wait for its own sums.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void One(int panel, int end)
    {
        const int Ahead = 2048, Line = 64; // bytes
        float* sums = stackalloc float[2 * TPair.Width];
        for (; panel < end; panel += 2)
        {
            bool two = panel + 1 < end;
            int column = panel * TPair.Width, columns = Math.Min((two ? 2 : 1) * TPair.Width, _outputs - column);
            TPair low = default, high = default;
            if (_start != null)
            {
                new Span<float>(_start + column, columns).CopyTo(new Span<float>(sums, columns));
                low = TPair.Load(sums);
                high = TPair.Load(sums + TPair.Width);
            }
            float* a = _x, b = _weights + (long)column * _inputs, c = two ? b + (long)TPair.Width * _inputs : b;
            for (int k = _inputs; k > 0; k--, a++, b += TPair.Width, c += TPair.Width)
            {
                if (Sse.IsSupported)
                {
                    // Into the second-level cache: into the first there are too few slots for what is on its way from memory.
                    Sse.Prefetch1((byte*)b + Ahead);
                    Sse.Prefetch1((byte*)b + Ahead + Line);
                    Sse.Prefetch1((byte*)c + Ahead);
                    Sse.Prefetch1((byte*)c + Ahead + Line);
                }
                low = TPair.MultiplyAdd(a, TPair.Load(b), low);
                high = TPair.MultiplyAdd(a, TPair.Load(c), high);
            }
            TPair.Store(sums, low);
            TPair.Store(sums + TPair.Width, high);
            new Span<float>(sums, columns).CopyTo(new Span<float>(_y + column, columns));
        }
    }

    private readonly void Few(int panel, int end)
    {
        for (; panel < end; panel++)
            for (int k = 0; k < _inputs; k += FewDepth)
                for (int strip = 0; strip * TPair.Height < _m; strip++)
                    Tile(strip, panel, k, Math.Min(FewDepth, _inputs - k));
    }

    private readonly void Many(int tile)
    {
        int strips = (_m + TPair.Height - 1) / TPair.Height, group = tile % _groups, chunk = tile / _groups, end = Math.Min(_panels, (group + 1) * GroupPanels);
        int last = (int)((long)strips * (chunk + 1) / _chunks);
        for (int k = 0; k < _inputs; k += Depth)
            for (int strip = (int)((long)strips * chunk / _chunks); strip < last; strip++)
                for (int panel = group * GroupPanels; panel < end; panel++)
                    Tile(strip, panel, k, Math.Min(Depth, _inputs - k));
    }

    // One tile of y over a piece of the inputs; what reaches beyond y is computed beside it.
    [SkipLocalsInit]
    private readonly void Tile(int strip, int panel, int k, int depth)
    {
        int row = strip * TPair.Height, rows = Rows(strip), height = GemmKernel.HeightFor<TPair>(rows), column = panel * TPair.Width, columns = Math.Min(TPair.Width, _outputs - column);
        float* a = _packed + (long)row * _inputs + (long)k * height, b = _weights + (long)column * _inputs + (long)k * TPair.Width, y = _y + (long)row * _outputs + column;
        float* start = k > 0 ? y : _start == null ? null : _start + row * _ldStart + column;
        long ldStart = k > 0 ? _outputs : _ldStart;
        if (rows == height && columns == TPair.Width)
        {
            GemmKernel.Run<TPair>(height, depth, a, b, start, ldStart, y, _outputs);
            return;
        }
        float* beside = stackalloc float[TPair.Height * TPair.Width];
        if (start != null)
            for (int i = 0; i < rows; i++)
                new Span<float>(start + i * ldStart, columns).CopyTo(new Span<float>(beside + i * TPair.Width, columns));
        GemmKernel.Run<TPair>(height, depth, a, b, start == null ? null : beside, TPair.Width, beside, TPair.Width);
        for (int i = 0; i < rows; i++)
            new Span<float>(beside + i * TPair.Width, columns).CopyTo(new Span<float>(y + (long)i * _outputs, columns));
    }
}
