using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>h = silu(gate) · up (Shazeer, arXiv 2002.05202), gate and up side by side in one row of 2·width.</summary>
internal static unsafe class SwiGlu
{
    private const int BlockRows = 16;

    /// <summary>Forward.</summary>
    /// <param name="gateUp">[rows, 2·width]</param>
    /// <param name="h">[rows, width]</param>
    public static void Forward(WorkPool pool, int rows, int width, float* gateUp, float* h)
    {
        var job = new ForwardJob { Rows = rows, Width = width, GateUp = gateUp, H = h };
        pool.Run(ref job, (rows + BlockRows - 1) / BlockRows);
    }

    /// <summary>Gradients, in place: no second pair of the largest activations is needed.</summary>
    /// <param name="gateUp">[rows, 2·width]; afterwards the gradients of gate and up.</param>
    /// <param name="dh">[rows, width] gradient of h; afterwards h itself, computed again, for the gradient of the weights after it.</param>
    public static void Backward(WorkPool pool, int rows, int width, float* gateUp, float* dh)
    {
        var job = new BackwardJob { Rows = rows, Width = width, GateUp = gateUp, Dh = dh };
        pool.Run(ref job, (rows + BlockRows - 1) / BlockRows);
    }

    private struct ForwardJob : ITileJob
    {
        public int Rows, Width;
        public float* GateUp, H;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            int end = Math.Min(Rows, (tile + 1) * BlockRows);
            for (int row = tile * BlockRows; row < end; row++)
            {
                float* gate = GateUp + 2L * row * Width, up = gate + Width, h = H + (long)row * Width;
                for (int i = 0; i < Width; i += Lanes.Count)
                {
                    var g = Lanes.Load(gate + i, Width - i);
                    Lanes.Store(g * FloatMath.Sigmoid(g) * Lanes.Load(up + i, Width - i), h + i, Width - i);
                }
            }
        }
    }

    private struct BackwardJob : ITileJob
    {
        public int Rows, Width;
        public float* GateUp, Dh;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            int end = Math.Min(Rows, (tile + 1) * BlockRows);
            for (int row = tile * BlockRows; row < end; row++)
            {
                float* gate = GateUp + 2L * row * Width, up = gate + Width, dh = Dh + (long)row * Width;
                for (int i = 0; i < Width; i += Lanes.Count)
                {
                    var g = Lanes.Load(gate + i, Width - i);
                    var u = Lanes.Load(up + i, Width - i);
                    var d = Lanes.Load(dh + i, Width - i);
                    var s = FloatMath.Sigmoid(g);
                    var silu = g * s;
                    Lanes.Store(silu * u, dh + i, Width - i);
                    Lanes.Store(d * silu, up + i, Width - i);
                    // silu'(g) = s + silu·(1 − s)
                    Lanes.Store(d * u * Vector512.FusedMultiplyAdd(silu, Vector512<float>.One - s, s), gate + i, Width - i);
                }
            }
        }
    }
}
