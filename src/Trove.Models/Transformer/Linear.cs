using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models;

/// <summary>
/// y = x·Wᵀ + b, with W [outputs, inputs] as PyTorch stores it. One product may span several tensors that lie side by side.
/// The gradient of the input and that of the weights are apart: a frozen base needs only the first; scoring and adapters
/// need what the second is made of.
/// </summary>
/// <param name="Offset">W's first float in the arena.</param>
/// <param name="Inputs">Floats of x.</param>
/// <param name="Outputs">Floats of y.</param>
/// <param name="Bias">b's first float in the arena; negative when there is none.</param>
public readonly unsafe record struct Linear(long Offset, int Inputs, int Outputs, long Bias = -1)
{
    /// <summary>y = x·Wᵀ + b, or y = residual + x·Wᵀ of a layer without bias; the sums start from the bias or the residual.</summary>
    /// <param name="arena">The model's weights.</param>
    /// <param name="x">[rows, <see cref="Inputs"/>]</param>
    /// <param name="y">[rows, <see cref="Outputs"/>]</param>
    /// <param name="residual">[rows, <see cref="Outputs"/>] or null.</param>
    public void Forward(WorkPool pool, float* arena, int rows, float* x, float* y, float* residual = null)
    {
        float* start = residual == null && Bias >= 0 ? arena + Bias : residual;
        Gemm.RunFrom(pool, GemmKind.NT, rows, Outputs, Inputs, x, Inputs, arena + Offset, Inputs, start, residual == null ? 0 : Outputs, y, Outputs);
    }

    /// <summary>dx = dy·W.</summary>
    public void BackwardInput(WorkPool pool, float* arena, int rows, float* dy, float* dx) =>
        Gemm.Run(pool, GemmKind.NN, rows, Inputs, Outputs, dy, Outputs, arena + Offset, Inputs, dx, Inputs, accumulate: false);

    /// <summary>Gives dW += dyᵀ·x and db += Σ dy to whom it concerns.</summary>
    /// <param name="x">[rows, <see cref="Inputs"/>] of forward.</param>
    /// <param name="dy">[rows, <see cref="Outputs"/>]</param>
    /// <param name="sink">Null: the weights are frozen.</param>
    public void BackwardWeights(WorkPool pool, int rows, float* x, float* dy, IGradientSink? sink) => sink?.Linear(pool, this, rows, x, dy);
}
