using System.Buffers;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// Weights of a layer, [outputs, inputs], laid out once as the products of <see cref="PackedGemm"/> read them: panels of as many outputs as two
/// vectors hold, each [inputs, outputs]. Missing outputs of the last panel are zero.
/// </summary>
internal sealed unsafe class PackedMatrix : IDisposable
{
    private readonly NativeBuffer<float> _panels;

    /// <summary>Packs weights, panel after panel: they are nowhere in memory as a whole beside their panels.</summary>
    /// <param name="rows">[outputs, inputs]; what it throws is thrown here.</param>
    public PackedMatrix(WorkPool pool, RowReader rows, int outputs, int inputs)
    {
        (Outputs, Inputs) = (outputs, inputs);
        _panels = new NativeBuffer<float>(checked((long)Count * Width * inputs));
        try
        {
            var job = new PackJob { Rows = rows, To = _panels.Pointer, Outputs = outputs, Inputs = inputs };
            pool.Run(ref job, Count);
        }
        catch
        {
            _panels.Dispose();
            throw;
        }
    }

    /// <summary>Outputs of a panel on this machine.</summary>
    public static int Width => Vector512.IsHardwareAccelerated ? Pair512.Width : Pair256.Width;

    public int Outputs { get; }

    public int Inputs { get; }

    /// <summary>Panels.</summary>
    public int Count => (Outputs + Width - 1) / Width;

    public float* Pointer => _panels.Pointer;

    /// <summary>Bytes taken.</summary>
    public long Bytes => _panels.Length * sizeof(float);

    /// <summary>The weights of one output, [inputs].</summary>
    public void Row(int output, float* to)
    {
        float* from = Pointer + (long)(output / Width) * Width * Inputs + output % Width;
        for (int i = 0; i < Inputs; i++)
            to[i] = from[(long)i * Width];
    }

    public void Dispose() => _panels.Dispose();

    private struct PackJob : ITileJob
    {
        public RowReader Rows;
        public float* To;
        public int Outputs, Inputs;

        public readonly void Run(int tile)
        {
            int first = tile * Width, count = Math.Min(Width, Outputs - first);
            float* to = To + (long)first * Inputs;
            var rows = ArrayPool<float>.Shared.Rent(count * Inputs);
            try
            {
                Rows(first, rows.AsSpan(0, count * Inputs));
                fixed (float* from = rows)
                    GemmPack.Along(from, Inputs, count, Width, Inputs, to);
            }
            finally
            {
                ArrayPool<float>.Shared.Return(rows);
            }
            for (int i = 0; count < Width && i < Inputs; i++)
                new Span<float>(to + (long)i * Width + count, Width - count).Clear();
        }
    }
}
