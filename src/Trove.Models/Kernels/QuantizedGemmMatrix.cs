using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// Weights of a layer, [outputs, inputs], in 8 bits with a half-precision scale for each 32 inputs: the values of GGUF's Q8_0
/// (ggml, <c>block_q8_0</c>: f16 scale d, then 32 signed bytes q; weight = d·q), laid out for the kernel.
/// </summary>
/// <remarks>Layout: for each 16 outputs (a panel), for each 32 inputs (a block): 16 scales, then for each pair of inputs
/// the two bytes of each of the 16 outputs. Missing outputs of the last panel are zero.</remarks>
public sealed unsafe class QuantizedGemmMatrix : IDisposable
{
    /// <summary>Inputs that share a scale.</summary>
    public const int BlockSize = 32;

    /// <summary>Bytes of one block of Q8_0.</summary>
    public const int EncodedBlockBytes = 2 + BlockSize;

    internal const int PanelOutputs = 16, BlockBytes = PanelOutputs * EncodedBlockBytes, QuantsOffset = PanelOutputs * 2;

    private readonly NativeBuffer<byte> _panels;

    private QuantizedGemmMatrix(int outputs, int inputs)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputs);
        if (inputs % BlockSize != 0)
            throw new ArgumentException($"QuantizedGemmMatrix: rows of {inputs} weights do not divide into blocks of {BlockSize}", nameof(inputs));
        (Outputs, Inputs) = (outputs, inputs);
        _panels = new NativeBuffer<byte>(checked(((long)outputs + PanelOutputs - 1) / PanelOutputs * PanelBytes));
    }

    /// <summary>Rows: features the layer gives out.</summary>
    public int Outputs { get; }

    /// <summary>Columns: features the layer takes in; a multiple of 32.</summary>
    public int Inputs { get; }

    /// <summary>Bytes taken.</summary>
    public long Bytes => _panels.Length;

    internal long PanelBytes => (long)Inputs / BlockSize * BlockBytes;

    internal byte* Panels => _panels.Pointer;

    /// <summary>Reads Q8_0 as it stands in a file: rows one after the other, each of inputs/32 blocks of 34 bytes.</summary>
    /// <exception cref="ArgumentException">Not exactly that many bytes, or <paramref name="inputs"/> is no multiple of 32.</exception>
    /// <exception cref="FormatException">A scale is infinite or not a number.</exception>
    public static QuantizedGemmMatrix Decode(ReadOnlySpan<byte> encoded, int outputs, int inputs)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputs);
        long expected = checked((long)outputs * (inputs / BlockSize) * EncodedBlockBytes);
        if (encoded.Length != expected)
            throw new ArgumentException($"QuantizedGemmMatrix: {outputs} × {inputs} weights take {expected} bytes of Q8_0, not {encoded.Length}", nameof(encoded));
        var matrix = new QuantizedGemmMatrix(outputs, inputs);
        try
        {
            for (int output = 0, at = 0; output < outputs; output++)
                for (int block = 0; block < inputs / BlockSize; block++, at += EncodedBlockBytes)
                {
                    var scale = BinaryPrimitives.ReadHalfLittleEndian(encoded[at..]);
                    if (!Half.IsFinite(scale))
                        throw new FormatException($"QuantizedGemmMatrix: the scale of block {block} of row {output} is {scale}");
                    matrix.Set(output, block, scale, MemoryMarshal.Cast<byte, sbyte>(encoded.Slice(at + 2, BlockSize)));
                }
            return matrix;
        }
        catch
        {
            matrix.Dispose();
            throw;
        }
    }

    /// <summary>Rounds weights: in each block the scale is the largest magnitude over 127, each weight the nearest multiple of it, ties to even.</summary>
    /// <param name="pool">Who computes; its caller must be this thread.</param>
    /// <param name="weights">[outputs, inputs].</param>
    /// <exception cref="ArgumentException">A weight is not finite or too large for a scale in half precision, or <paramref name="inputs"/> is no multiple of 32.</exception>
    public static QuantizedGemmMatrix Quantize(WorkPool pool, float* weights, int outputs, int inputs) =>
        Quantize(pool, (row, to) => new ReadOnlySpan<float>(weights + (long)row * inputs, to.Length).CopyTo(to), outputs, inputs);

    /// <summary>The same of weights that are read as they are needed.</summary>
    /// <param name="rows">[outputs, inputs]; what it throws is thrown here.</param>
    /// <inheritdoc cref="Quantize(WorkPool, float*, int, int)"/>
    internal static QuantizedGemmMatrix Quantize(WorkPool pool, RowReader rows, int outputs, int inputs)
    {
        var matrix = new QuantizedGemmMatrix(outputs, inputs);
        try
        {
            var job = new QuantizeJob { Matrix = (nint)matrix.Panels, PanelBytes = matrix.PanelBytes, Rows = rows, Outputs = outputs, Inputs = inputs };
            pool.Run(ref job, (outputs + PanelOutputs - 1) / PanelOutputs);
            return matrix;
        }
        catch
        {
            matrix.Dispose();
            throw;
        }
    }

    /// <summary>The weights of one output, as floats.</summary>
    /// <param name="to">[inputs]</param>
    public void Row(int output, float* to)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)output, (uint)Outputs, nameof(output));
        int lane = output % PanelOutputs;
        for (int block = 0; block < Inputs / BlockSize; block++)
        {
            byte* from = Panels + output / PanelOutputs * PanelBytes + (long)block * BlockBytes;
            float scale = (float)BitConverter.UInt16BitsToHalf(((ushort*)from)[lane]);
            var lanes = (sbyte*)from + QuantsOffset + 2 * lane;
            for (int i = 0; i < BlockSize; i++)
                to[block * BlockSize + i] = scale * lanes[i / 2 * 2 * PanelOutputs + i % 2];
        }
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose() => _panels.Dispose();

    private void Set(int output, int block, Half scale, ReadOnlySpan<sbyte> quants) => Set(Panels + output / PanelOutputs * PanelBytes, output % PanelOutputs, block, scale, quants);

    private static void Set(byte* panel, int lane, int block, Half scale, ReadOnlySpan<sbyte> quants)
    {
        byte* to = panel + (long)block * BlockBytes;
        ((ushort*)to)[lane] = BitConverter.HalfToUInt16Bits(scale);
        var lanes = (sbyte*)to + QuantsOffset + 2 * lane;
        for (int i = 0; i < BlockSize; i++)
            lanes[i / 2 * 2 * PanelOutputs + i % 2] = quants[i];
    }

    private struct QuantizeJob : ITileJob
    {
        public nint Matrix;
        public long PanelBytes;
        public RowReader Rows;
        public int Outputs, Inputs;

        public readonly void Run(int tile)
        {
            var quants = stackalloc sbyte[BlockSize];
            int first = tile * PanelOutputs, count = Math.Min(PanelOutputs, Outputs - first);
            var rows = ArrayPool<float>.Shared.Rent(count * Inputs);
            try
            {
                Rows(first, rows.AsSpan(0, count * Inputs));
                fixed (float* weights = rows)
                    for (int output = 0; output < count; output++)
                        for (int block = 0; block < Inputs / BlockSize; block++)
                        {
                            float scale = QuantizedGemmBlock.Quantize(weights + (long)output * Inputs + block * BlockSize, quants);
                            if (!Half.IsFinite((Half)scale))
                                throw new ArgumentException($"QuantizedGemmMatrix: block {block} of row {first + output} has a weight that is not finite or too large");
                            Set((byte*)Matrix + tile * PanelBytes, output, block, (Half)scale, new ReadOnlySpan<sbyte>(quants, BlockSize));
                        }
            }
            finally
            {
                ArrayPool<float>.Shared.Return(rows);
            }
        }
    }
}
