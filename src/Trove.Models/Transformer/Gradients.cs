using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models;

/// <summary>
/// Sums of gradients, laid out as the <see cref="Parameters"/>. They start from zero at <see cref="Clear"/>, and every
/// batch is added to what is there, its products' chains starting from those values.
/// </summary>
public sealed unsafe class Gradients : IGradientSink, IDisposable
{
    private readonly NativeBuffer<float> _memory;

    /// <summary>Zeros.</summary>
    public Gradients(Parameters parameters) => _memory = new NativeBuffer<float>(parameters.Length);

    /// <summary>The first float.</summary>
    public float* Pointer => _memory.Pointer;

    /// <summary>Floats, as in the parameters' arena.</summary>
    public long Length => _memory.Length;

    /// <summary>The gradient of one tensor.</summary>
    public Span<float> Values(Tensor tensor) => _memory.Slice(tensor.Offset, checked((int)tensor.Length));

    /// <summary>
    /// Of gradients this large memory is worth more than the time it takes to touch it anew each step: a batch's gradients come as its
    /// activations go, and neither is held while only the other is needed.
    /// </summary>
    internal bool AreLarge => IsLarge(Length);

    /// <summary>The same of a model with so many weights.</summary>
    internal static bool IsLarge(long floats) => floats * sizeof(float) >= 32 << 20;

    /// <summary>Starts a step.</summary>
    public void Clear(WorkPool pool)
    {
        if (AreLarge)
        {
            _memory.Release(0, Length);
            return;
        }
        var job = new ClearJob { To = Pointer, Length = Length };
        pool.Run(ref job, checked((int)((Length + ClearJob.Size - 1) / ClearJob.Size)));
    }

    void IGradientSink.Linear(WorkPool pool, in Linear layer, int rows, float* x, float* dy)
    {
        Gemm.Run(pool, GemmKind.TN, layer.Outputs, layer.Inputs, rows, dy, layer.Outputs, x, layer.Inputs, At(layer.Offset, (long)layer.Outputs * layer.Inputs), layer.Inputs, accumulate: true);
        if (layer.Bias >= 0)
            Columns.AddSums(pool, rows, layer.Outputs, dy, layer.Outputs, At(layer.Bias, layer.Outputs));
    }

    void IGradientSink.Gain(WorkPool pool, long offset, int rows, int width, float* partials) => Columns.AddSums(pool, rows, width, partials, width, At(offset, width));

    void IGradientSink.Embedding(WorkPool pool, long offset, int vocabulary, int rows, int width, int* tokens, float* dy) => Embedding.Backward(pool, rows, width, tokens, dy, At(offset, (long)vocabulary * width));

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _memory.Dispose();

    private float* At(long offset, long length) =>
        offset >= 0 && length <= Length - offset ? Pointer + offset : throw new ArgumentException($"Gradients of {Length} floats are none of a model with a tensor at {offset}: make them from its parameters");

    private struct ClearJob : ITileJob
    {
        public const int Size = 1 << 16;

        public float* To;
        public long Length;

        public readonly void Run(int tile) => new Span<float>(To + (long)tile * Size, (int)Math.Min(Size, Length - (long)tile * Size)).Clear();
    }
}
