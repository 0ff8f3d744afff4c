using System.Runtime.CompilerServices;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// y = x·Wᵀ with 8-bit weights for inference, the same bits everywhere: activations are rounded to 8 bits in blocks of 32 of their
/// row, the 32 products of a block are summed exactly in integers, and the blocks, scaled, in order.
/// </summary>
/// <remarks>
/// y[i,j] is one chain of fused multiply-adds over the blocks b = 0, 1, …: sum ← dot(b)·(scaleW·scaleX) + sum, the product of scales
/// rounded. |dot| ≤ 32·128·127 &lt; 2²⁴, so its conversion is exact. Row i does not depend on m. A row of x with a value that is
/// not finite gives outputs that are not numbers.
/// </remarks>
public static unsafe class QuantizedGemm
{
    // A half's exponent and fraction, moved to where a single has them, read as 2⁻¹¹² of the value, subnormals too.
    internal const float HalfToSingle = 5.192296858534828e33f;

    /// <summary>y = S + x·Wᵀ.</summary>
    /// <param name="pool">Who computes; its caller must be this thread.</param>
    /// <param name="m">Rows of x and y: tokens.</param>
    /// <param name="x">Activations [m, inputs].</param>
    /// <param name="ldx">Floats from one row of x to the next.</param>
    /// <param name="weights">W [outputs, inputs].</param>
    /// <param name="start">S [m, outputs]: y itself or apart from it; null for zero.</param>
    /// <param name="ldStart">Floats from one row of S to the next; 0 gives every row the same, a bias.</param>
    /// <param name="y">Result [m, outputs], apart from x.</param>
    /// <param name="ldy">Floats from one row of y to the next.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative size, or a stride shorter than a row.</exception>
    public static void Run(WorkPool pool, int m, float* x, int ldx, QuantizedGemmMatrix weights, float* start, int ldStart, float* y, int ldy)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        ArgumentOutOfRangeException.ThrowIfLessThan(ldx, weights.Inputs);
        ArgumentOutOfRangeException.ThrowIfLessThan(ldy, weights.Outputs);
        if (ldStart != 0)
            ArgumentOutOfRangeException.ThrowIfLessThan(ldStart, weights.Outputs);
        if (m == 0)
            return;
        QuantizedGemmJob.Run(pool, m, x, ldx, weights, start, ldStart, y, ldy);
    }
}

/// <summary>First strips of activations are rounded and packed, then panels of weights pass over them.</summary>
internal unsafe struct QuantizedGemmJob : ITileJob
{
    private const int Block = QuantizedGemmMatrix.BlockSize, Outputs = QuantizedGemmMatrix.PanelOutputs, Height = QuantizedGemmKernel.Height, TilesPerThread = 16;

    private int _m, _outputs, _inputs, _panels, _panelsPerTile;
    private float* _x, _start, _y, _scales;
    private int* _pairs;
    private byte* _weights;
    private long _ldx, _ldStart, _ldy, _panelBytes;
    private bool _packing;

    public static void Run(WorkPool pool, int m, float* x, long ldx, QuantizedGemmMatrix weights, float* start, long ldStart, float* y, long ldy)
    {
        int strips = (m + Height - 1) / Height, panels = (weights.Outputs + Outputs - 1) / Outputs;
        long pairs = (long)strips * Height * (weights.Inputs / 2), scales = (long)strips * Height * (weights.Inputs / Block);
        int* packed = pool.Scratch<int>(checked(pairs + scales));
        var job = new QuantizedGemmJob
        {
            _m = m, _outputs = weights.Outputs, _inputs = weights.Inputs, _x = x, _ldx = ldx, _start = start, _ldStart = ldStart, _y = y, _ldy = ldy,
            _weights = weights.Panels, _panelBytes = weights.PanelBytes, _panels = panels, _panelsPerTile = Math.Max(1, panels / (TilesPerThread * pool.Threads)),
            _pairs = packed, _scales = (float*)(packed + pairs), _packing = true,
        };
        pool.Run(ref job, strips);
        job._packing = false;
        pool.Run(ref job, (panels + job._panelsPerTile - 1) / job._panelsPerTile);
    }

    public readonly void Run(int tile)
    {
        if (_packing)
        {
            Pack(tile * Height);
            return;
        }
        int first = tile * _panelsPerTile, end = Math.Min(_panels, first + _panelsPerTile);
        for (int row = 0; row < _m; row += Height)
            for (int panel = first; panel < end; panel++)
                Compute(row, panel);
    }

    private readonly void Pack(int row)
    {
        int height = QuantizedGemmKernel.HeightFor(_m - row);
        int* pairs = _pairs + (long)row * (_inputs / 2);
        float* scales = _scales + (long)row * (_inputs / Block);
        for (int i = 0; i < height; i++)
        {
            float* from = _x + Math.Min(row + i, _m - 1) * _ldx; // what comes of rows beyond the last is dropped
            for (int block = 0; block < _inputs / Block; block++)
                scales[(long)block * height + i] = QuantizedGemmBlock.Quantize(from + block * Block, pairs + (long)block * (Block / 2) * height + i, height);
        }
    }

    [SkipLocalsInit]
    private readonly void Compute(int row, int panel)
    {
        int column = panel * Outputs, columns = Math.Min(Outputs, _outputs - column), rows = Math.Min(Height, _m - row);
        float* sums = stackalloc float[Height * Outputs];
        new Span<float>(sums, Height * Outputs).Clear();
        if (_start != null)
            for (int i = 0; i < rows; i++)
                new Span<float>(_start + (row + i) * _ldStart + column, columns).CopyTo(new Span<float>(sums + i * Outputs, columns));
        QuantizedGemmKernel.Run(QuantizedGemmKernel.HeightFor(_m - row), _inputs / Block, (float*)_pairs + (long)row * (_inputs / 2), _scales + (long)row * (_inputs / Block),
            _weights + panel * _panelBytes, sums);
        for (int i = 0; i < rows; i++)
            new Span<float>(sums + i * Outputs, columns).CopyTo(new Span<float>(_y + (row + i) * _ldy + column, columns));
    }
}
