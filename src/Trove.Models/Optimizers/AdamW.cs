using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models.Optimizers;

/// <summary>Numbers of <see cref="AdamW"/>.</summary>
/// <param name="Rate">Learning rate at the peak of the schedule.</param>
/// <param name="Beta1">Decay of the mean of gradients.</param>
/// <param name="Beta2">Decay of the mean of their squares.</param>
/// <param name="Epsilon">Added to the root of the latter.</param>
/// <param name="WeightDecay">Of matrices and embeddings; gains and biases do not decay.</param>
/// <param name="Clip">Largest norm of the gradients; larger ones are scaled down to it.</param>
public sealed record AdamWOptions(double Rate = 1e-3, double Beta1 = 0.9, double Beta2 = 0.95, double Epsilon = 1e-8, double WeightDecay = 0.1, double Clip = 1);

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2, as in PyTorch: the decay is
/// multiplied by the learning rate). Moments below the smallest normal float are set to zero by comparison: no mode of the
/// processor is relied on, and no step is slowed by subnormal numbers.
/// </summary>
public sealed unsafe class AdamW : IOptimizer
{
    private readonly Parameters _parameters;
    private readonly AdamWOptions _options;
    private readonly Tensor[] _tensors;
    private readonly NativeBuffer<float> _moments; // means of gradients, then of squares; each tensor's begin at a whole vector, as in the arena
    private readonly long[] _offsets; // of each tensor's moments
    private readonly long _half;

    /// <summary>Moments of zero.</summary>
    public AdamW(Parameters parameters, AdamWOptions options) : this(parameters, options, [.. parameters.Tensors])
    {
    }

    internal AdamW(Parameters parameters, AdamWOptions options, Tensor[] tensors)
    {
        (_parameters, _options, _tensors) = (parameters, options, tensors);
        _offsets = Lay(tensors, out _half);
        _moments = new NativeBuffer<float>(checked(2 * _half));
        Norm = new GradientNorm(parameters.Length);
    }

    /// <summary>Steps applied. With the moments it is the whole state: set both to go on from a saved one.</summary>
    public long Steps { get; set; }

    /// <summary>A tensor's mean of gradients, or of their squares.</summary>
    public Span<float> Moments(Tensor tensor, bool squares) =>
        _moments.Slice(_offsets[Array.IndexOf(_tensors, tensor)] + (squares ? _half : 0), checked((int)tensor.Length));

    internal GradientNorm Norm { get; }

    /// <inheritdoc/>
    public StepOutcome Step(WorkPool pool, Gradients gradients, double loss, double rate)
    {
        double norm = Norm.Compute(pool, gradients);
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
            return new StepOutcome(false, norm);
        Apply(pool, gradients, norm > _options.Clip ? _options.Clip / norm : 1, rate);
        return new StepOutcome(true, norm);
    }

    /// <summary>A step with gradients already judged, multiplied by <paramref name="clip"/>.</summary>
    internal void Apply(WorkPool pool, Gradients gradients, double clip, double rate)
    {
        Steps++;
        double step = _options.Rate * rate, correction1 = 1 - DoubleMath.Pow(_options.Beta1, Steps), correction2 = 1 - DoubleMath.Pow(_options.Beta2, Steps);
        for (int i = 0; i < _tensors.Length; i++)
        {
            var tensor = _tensors[i];
            double decay = tensor.Role is TensorRole.Norm or TensorRole.Bias ? 0 : _options.WeightDecay;
            var job = new Job
            {
                Length = tensor.Length,
                Weights = _parameters.Pointer + tensor.Offset,
                Gradients = gradients.Pointer + tensor.Offset,
                Means = _moments.Pointer + _offsets[i],
                Squares = _moments.Pointer + _half + _offsets[i],
                Clip = (float)clip,
                Beta1 = (float)_options.Beta1,
                Beta2 = (float)_options.Beta2,
                Keep = (float)(1 - step * decay),
                Rate = (float)(step / correction1),
                Root = (float)(1 / Math.Sqrt(correction2)),
                Epsilon = (float)_options.Epsilon,
            };
            pool.Run(ref job, checked((int)((tensor.Length + Job.Size - 1) / Job.Size)));
        }
    }

    /// <summary>Frees the moments.</summary>
    public void Dispose()
    {
        _moments.Dispose();
        Norm.Dispose();
    }

    private static long[] Lay(Tensor[] tensors, out long length)
    {
        var offsets = new long[tensors.Length];
        length = 0;
        for (int i = 0; i < tensors.Length; i++)
        {
            offsets[i] = length;
            length = checked(length + (tensors[i].Length + Lanes.Count - 1) / Lanes.Count * Lanes.Count);
        }
        return offsets;
    }

    private struct Job : ITileJob
    {
        public const int Size = 1 << 14;

        public long Length;
        public float* Weights, Gradients, Means, Squares;
        public float Clip, Beta1, Beta2, Keep, Rate, Root, Epsilon;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            Vector512<float> clip = Vector512.Create(Clip), beta1 = Vector512.Create(Beta1), rest1 = Vector512.Create(1 - Beta1), beta2 = Vector512.Create(Beta2), rest2 = Vector512.Create(1 - Beta2);
            Vector512<float> keep = Vector512.Create(Keep), rate = Vector512.Create(-Rate), root = Vector512.Create(Root), epsilon = Vector512.Create(Epsilon), smallest = Vector512.Create(1.17549435e-38f);
            long end = Math.Min(Length, (tile + 1L) * Size);
            for (long i = (long)tile * Size; i < end; i += Lanes.Count)
            {
                var g = Vector512.Load(Gradients + i) * clip;
                var mean = Vector512.FusedMultiplyAdd(g, rest1, Vector512.Load(Means + i) * beta1);
                var square = Vector512.FusedMultiplyAdd(g * g, rest2, Vector512.Load(Squares + i) * beta2);
                mean = Vector512.AndNot(mean, Vector512.LessThan(Vector512.Abs(mean), smallest));
                square = Vector512.AndNot(square, Vector512.LessThan(square, smallest));
                mean.Store(Means + i);
                square.Store(Squares + i);
                var change = mean / Vector512.FusedMultiplyAdd(Vector512.Sqrt(square), root, epsilon);
                Vector512.FusedMultiplyAdd(change, rate, Vector512.Load(Weights + i) * keep).Store(Weights + i);
            }
        }
    }
}
