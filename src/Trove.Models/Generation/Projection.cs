using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models.Generation;

/// <summary>A layer's product for inference: its weights as float32, or in 8 bits where asked for and where its inputs divide into blocks.</summary>
internal sealed unsafe class Projection : IDisposable
{
    private readonly PackedMatrix? _packed;
    private readonly QuantizedGemmMatrix? _quantized;
    private readonly NativeBuffer<float>? _bias;

    /// <summary>Lays weights out, a copy.</summary>
    /// <param name="rows">The weights, [outputs, inputs].</param>
    /// <param name="bias">[outputs], or empty.</param>
    public Projection(WorkPool pool, RowReader rows, int outputs, int inputs, ReadOnlySpan<float> bias, bool quantize)
    {
        (Inputs, Outputs) = (inputs, outputs);
        if (quantize && inputs % QuantizedGemmMatrix.BlockSize == 0)
            _quantized = QuantizedGemmMatrix.Quantize(pool, rows, outputs, inputs);
        else
            _packed = new PackedMatrix(pool, rows, outputs, inputs);
        if (bias.IsEmpty)
            return;
        _bias = new NativeBuffer<float>(outputs);
        bias.CopyTo(_bias.Slice(0, outputs));
    }

    public int Inputs { get; }

    public int Outputs { get; }

    /// <summary>Bytes of the weights.</summary>
    public long Bytes => _packed?.Bytes ?? _quantized!.Bytes;

    /// <summary>y = x·Wᵀ + b, or y = residual + x·Wᵀ of a layer without bias.</summary>
    /// <param name="x">[rows, <see cref="Inputs"/>]</param>
    /// <param name="y">[rows, <see cref="Outputs"/>]</param>
    /// <param name="residual">[rows, <see cref="Outputs"/>] or null.</param>
    public void Forward(WorkPool pool, int rows, float* x, float* y, float* residual = null)
    {
        float* start = residual != null || _bias is null ? residual : _bias.Pointer;
        int ldStart = residual == null ? 0 : Outputs;
        if (_packed is not null)
            PackedGemm.Run(pool, rows, x, _packed, start, ldStart, y);
        else
            QuantizedGemm.Run(pool, rows, x, Inputs, _quantized!, start, ldStart, y, Outputs);
    }

    /// <summary>One output's weights, as they are computed with: of an embedding, a token's row.</summary>
    /// <param name="to">[<see cref="Inputs"/>]</param>
    public void Row(int output, float* to)
    {
        if (_packed is not null)
            _packed.Row(output, to);
        else
            _quantized!.Row(output, to);
    }

    public void Dispose()
    {
        _packed?.Dispose();
        _quantized?.Dispose();
        _bias?.Dispose();
    }
}
