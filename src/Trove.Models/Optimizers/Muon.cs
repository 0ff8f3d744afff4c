using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models.Optimizers;

/// <summary>Numbers of <see cref="Muon"/>.</summary>
/// <param name="Rate">Learning rate of the matrices at the peak of the schedule.</param>
/// <param name="Momentum">Decay of the sum of gradients; Nesterov's variant is used.</param>
/// <param name="WeightDecay">Decoupled, of the matrices.</param>
/// <param name="Others">For embeddings, gains and biases; its <see cref="AdamWOptions.Clip"/> holds for all gradients.</param>
public sealed record MuonOptions(double Rate, double Momentum, double WeightDecay, AdamWOptions Others);

/// <summary>
/// Momentum made nearly orthogonal (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024): the
/// matrices of the layers move by U·Vᵀ of their momentum, approximated by five steps of Newton-Schulz, times
/// √max(1, rows/columns). Everything else is left to <see cref="AdamW"/>.
/// </summary>
public sealed unsafe class Muon : IOptimizer
{
    private const int Iterations = 5;
    private const float A = 3.4445f, B = -4.7750f, C = 2.0315f; // of the quintic polynomial in that text

    private readonly Parameters _parameters;
    private readonly MuonOptions _options;
    private readonly Tensor[] _matrices;
    private readonly AdamW _others;
    private readonly NativeBuffer<float> _momentum, _scratch;
    private readonly float* _x, _next, _gram, _square;

    /// <summary>A momentum of zero.</summary>
    public Muon(Parameters parameters, MuonOptions options)
    {
        (_parameters, _options) = (parameters, options);
        _matrices = [.. parameters.Tensors.Where(IsMatrix)];
        _others = new AdamW(parameters, options.Others, [.. parameters.Tensors.Where(t => !IsMatrix(t))]);
        long largest = Pad(_matrices.Max(t => t.Length)), smaller = _matrices.Max(t => Math.Min(t.Rows, t.Columns)), gram = Pad(smaller * smaller);
        _momentum = new NativeBuffer<float>(_matrices.Sum(t => Pad(t.Length)));
        _scratch = new NativeBuffer<float>(checked(2 * largest + 2 * gram));
        _x = _scratch.Pointer;
        _next = _x + largest;
        _gram = _next + largest;
        _square = _gram + gram;

        static bool IsMatrix(Tensor t) => t.Role is TensorRole.ResidualReading or TensorRole.ResidualWriting;
    }

    /// <summary>The optimiser of everything that is no matrix of a layer.</summary>
    public AdamW Others => _others;

    /// <summary>A matrix's momentum: with <see cref="Others"/> the whole state.</summary>
    /// <exception cref="ArgumentException">The tensor is no matrix of a layer.</exception>
    public Span<float> Momentum(Tensor matrix)
    {
        int index = Array.IndexOf(_matrices, matrix);
        return index < 0 ? throw new ArgumentException($"{matrix.Name} has no momentum: it is left to AdamW")
            : _momentum.Slice(_matrices[..index].Sum(t => Pad(t.Length)), checked((int)matrix.Length));
    }

    /// <inheritdoc/>
    public StepOutcome Step(WorkPool pool, Gradients gradients, double loss, double rate)
    {
        double norm = _others.Norm.Compute(pool, gradients), clip = _options.Others.Clip;
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
            return new StepOutcome(false, norm);
        double factor = norm > clip ? clip / norm : 1;
        _others.Apply(pool, gradients, factor, rate);
        float* momentum = _momentum.Pointer;
        foreach (var matrix in _matrices)
        {
            Accumulate(pool, matrix, gradients.Pointer + matrix.Offset, momentum, (float)factor);
            Orthogonalize(pool, matrix.Rows, matrix.Columns);
            double step = _options.Rate * rate, scale = Math.Sqrt(Math.Max(1, (double)matrix.Rows / matrix.Columns));
            var job = new CombineJob { Length = matrix.Length, X = _parameters.Pointer + matrix.Offset, Y = _x, To = _parameters.Pointer + matrix.Offset, P = (float)(1 - step * _options.WeightDecay), Q = (float)(-step * scale) };
            job.Run(pool);
            momentum += Pad(matrix.Length);
        }
        return new StepOutcome(true, norm);
    }

    /// <summary>Frees the state.</summary>
    public void Dispose()
    {
        _others.Dispose();
        _momentum.Dispose();
        _scratch.Dispose();
    }

    /// <summary>Replaces the [rows, columns] matrix in the scratch by one whose singular values are near 1, and the rest unchanged.</summary>
    internal void Orthogonalize(WorkPool pool, int rows, int columns)
    {
        long length = (long)rows * columns;
        var sum = Vector512<double>.Zero;
        var upperSum = Vector512<double>.Zero;
        for (long i = 0; i < length; i += Lanes.Count)
        {
            var (lower, upper) = Vector512.Widen(Vector512.Load(_x + i));
            sum = Vector512.FusedMultiplyAdd(lower, lower, sum);
            upperSum = Vector512.FusedMultiplyAdd(upper, upper, upperSum);
        }
        var scale = new CombineJob { Length = length, X = _x, Y = _x, To = _x, P = (float)(1 / (Math.Sqrt(Lanes.Sum(sum, upperSum)) + 1e-7)), Q = 0 };
        scale.Run(pool);
        bool tall = rows > columns;
        int small = Math.Min(rows, columns);
        float* x = _x, next = _next;
        for (int i = 0; i < Iterations; i++)
        {
            // G = X·Xᵀ of the shorter side, P = b·G + c·G², X ← a·X + P·X.
            Gemm.Run(pool, tall ? GemmKind.TN : GemmKind.NT, small, small, tall ? rows : columns, x, columns, x, columns, _gram, small);
            Gemm.Run(pool, GemmKind.NN, small, small, small, _gram, small, _gram, small, _square, small);
            var polynomial = new CombineJob { Length = (long)small * small, X = _gram, Y = _square, To = _gram, P = B, Q = C };
            polynomial.Run(pool);
            if (tall)
                Gemm.Run(pool, GemmKind.NN, rows, columns, columns, x, columns, _gram, small, next, columns);
            else
                Gemm.Run(pool, GemmKind.NN, rows, columns, rows, _gram, small, x, columns, next, columns);
            var combined = new CombineJob { Length = length, X = x, Y = next, To = x, P = A, Q = 1 };
            combined.Run(pool);
        }
    }

    internal Span<float> Scratch(int length) => new(_x, length);

    // B ← μB + g; X = g + μB.
    private void Accumulate(WorkPool pool, Tensor matrix, float* gradient, float* momentum, float clip)
    {
        float mu = (float)_options.Momentum;
        var sum = new CombineJob { Length = matrix.Length, X = momentum, Y = gradient, To = momentum, P = mu, Q = clip };
        sum.Run(pool);
        var nesterov = new CombineJob { Length = matrix.Length, X = momentum, Y = gradient, To = _x, P = mu, Q = clip };
        nesterov.Run(pool);
    }

    private static long Pad(long floats) => checked(floats + 15) / 16 * 16;

    // To = p·X + q·Y; what is below the smallest normal float becomes zero.
    private struct CombineJob : ITileJob
    {
        private const int Size = 1 << 14;

        public long Length;
        public float* X, Y, To;
        public float P, Q;

        public void Run(WorkPool pool) => pool.Run(ref this, checked((int)((Length + Size - 1) / Size)));

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            long end = Math.Min(Length, (tile + 1L) * Size);
            Vector512<float> p = Vector512.Create(P), q = Vector512.Create(Q), smallest = Vector512.Create(1.17549435e-38f);
            for (long i = (long)tile * Size; i < end; i += Lanes.Count)
            {
                var v = Vector512.FusedMultiplyAdd(Vector512.Load(X + i), p, Vector512.Load(Y + i) * q);
                Vector512.AndNot(v, Vector512.LessThan(Vector512.Abs(v), smallest)).Store(To + i);
            }
        }
    }
}
