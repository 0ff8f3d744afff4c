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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Gate(Vector512<float> gate, Vector512<float> up) => FloatMath.Silu(gate) * up;

    // In place of gate, up and the gradient of h: their gradients, and h.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Differentiate(ref Vector512<float> gate, ref Vector512<float> up, ref Vector512<float> dh)
    {
        var sigmoid = FloatMath.Sigmoid(gate);
        var silu = gate * sigmoid;
        var h = silu * up;
        gate = dh * up * Vector512.FusedMultiplyAdd(silu, Vector512<float>.One - sigmoid, sigmoid); // silu' = σ + silu·(1 − σ)
        up = dh * silu;
        dh = h;
    }

    private struct ForwardJob : ITileJob
    {
        public int Rows, Width;
        public float* GateUp, H;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            int end = Math.Min(Rows, (tile + 1) * BlockRows), width = Width, whole = width & ~(Lanes.Count - 1);
            for (int row = tile * BlockRows; row < end; row++)
            {
                float* gate = GateUp + 2L * row * width, up = gate + width, h = H + (long)row * width;
                for (int i = 0; i < whole; i += Lanes.Count)
                    Gate(Vector512.Load(gate + i), Vector512.Load(up + i)).Store(h + i);
                if (whole < width)
                    Rest(gate + whole, up + whole, h + whole, width - whole);
            }
        }

        // Apart, so that the loop above keeps its registers.
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Rest(float* gate, float* up, float* h, int count) => Lanes.Store(Gate(Lanes.Load(gate, count), Lanes.Load(up, count)), h, count);
    }

    private struct BackwardJob : ITileJob
    {
        public int Rows, Width;
        public float* GateUp, Dh;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            int end = Math.Min(Rows, (tile + 1) * BlockRows), width = Width, whole = width & ~(Lanes.Count - 1);
            for (int row = tile * BlockRows; row < end; row++)
            {
                float* gate = GateUp + 2L * row * width, up = gate + width, dh = Dh + (long)row * width;
                for (int i = 0; i < whole; i += Lanes.Count)
                {
                    Vector512<float> g = Vector512.Load(gate + i), u = Vector512.Load(up + i), d = Vector512.Load(dh + i);
                    Differentiate(ref g, ref u, ref d);
                    g.Store(gate + i);
                    u.Store(up + i);
                    d.Store(dh + i);
                }
                if (whole < width)
                    Rest(gate + whole, up + whole, dh + whole, width - whole);
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Rest(float* gate, float* up, float* dh, int count)
        {
            Vector512<float> g = Lanes.Load(gate, count), u = Lanes.Load(up, count), d = Lanes.Load(dh, count);
            Differentiate(ref g, ref u, ref d);
            Lanes.Store(g, gate, count);
            Lanes.Store(u, up, count);
            Lanes.Store(d, dh, count);
        }
    }
}
