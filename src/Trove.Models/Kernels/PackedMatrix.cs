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

    /// <summary>Packs weights.</summary>
    /// <param name="weights">[outputs, inputs]</param>
    public PackedMatrix(WorkPool pool, float* weights, int outputs, int inputs)
    {
        (Outputs, Inputs) = (outputs, inputs);
        _panels = new NativeBuffer<float>(checked((long)Count * Width * inputs));
        var job = new PackJob { From = weights, To = _panels.Pointer, Outputs = outputs, Inputs = inputs };
        pool.Run(ref job, Count);
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
        public float* From, To;
        public int Outputs, Inputs;

        public readonly void Run(int tile)
        {
            int first = tile * Width, count = Math.Min(Width, Outputs - first);
            float* to = To + (long)first * Inputs;
            GemmPack.Along(From + (long)first * Inputs, Inputs, count, Width, Inputs, to);
            for (int i = 0; count < Width && i < Inputs; i++)
                new Span<float>(to + (long)i * Width + count, Width - count).Clear();
        }
    }
}
