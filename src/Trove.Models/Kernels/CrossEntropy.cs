using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// Softmax and cross-entropy in place on a block of rows of logits. A whole batch's logits are the largest thing a small
/// model would hold, so the caller goes through them <see cref="BlockRows"/> at a time.
/// </summary>
internal static unsafe class CrossEntropy
{
    /// <summary>A target to leave out: no loss, no gradient.</summary>
    public const int Ignore = -1;

    private const int TileRows = 4;

    /// <summary>Rows at a time: 16 MiB of logits, so that the products around them still have work to share out. The bits of no result depend on it.</summary>
    public static int BlockRows(int vocabulary) => Math.Clamp((4 << 20) / vocabulary, 64, 1024);

    /// <summary>Losses, and gradients in place of the logits.</summary>
    /// <param name="logits">[rows, vocabulary]; afterwards (softmax − one-hot) · <paramref name="scale"/>, or what is left of the exponentials if that is zero.</param>
    /// <param name="targets">[rows] ids, or <see cref="Ignore"/>.</param>
    /// <param name="scale">What the gradient is multiplied with, 1/(counted tokens); 0 for losses only.</param>
    /// <param name="losses">[rows] in nats, written.</param>
    public static void Run(WorkPool pool, int rows, int vocabulary, float* logits, int* targets, float scale, float* losses)
    {
        var job = new Job { Rows = rows, Vocabulary = vocabulary, Logits = logits, Targets = targets, Scale = scale, Losses = losses };
        pool.Run(ref job, (rows + TileRows - 1) / TileRows);
    }

    private struct Job : ITileJob
    {
        public int Rows, Vocabulary;
        public float Scale;
        public float* Logits, Losses;
        public int* Targets;

        public readonly void Run(int tile)
        {
            int end = Math.Min(Rows, (tile + 1) * TileRows);
            for (int row = tile * TileRows; row < end; row++)
                Losses[row] = Row(Logits + (long)row * Vocabulary, Targets[row]);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly float Row(float* x, int target)
        {
            if (target == Ignore)
            {
                new Span<float>(x, Vocabulary).Clear();
                return 0;
            }
            int whole = Vocabulary & ~(Lanes.Count - 1);
            var maxima = Vector512.Create(float.NegativeInfinity);
            for (int i = 0; i < whole; i += Lanes.Count)
                maxima = Lanes.Max(maxima, Vector512.Load(x + i));
            float maximum = Lanes.Max(maxima);
            for (int i = whole; i < Vocabulary; i++)
                maximum = Math.Max(maximum, x[i]);

            float logit = x[target];
            var offset = Vector512.Create(maximum);
            var sums = Vector512<float>.Zero;
            for (int i = 0; i < whole; i += Lanes.Count)
            {
                var e = FloatMath.Exp(Vector512.Load(x + i) - offset);
                sums += e;
                e.Store(x + i);
            }
            if (whole < Vocabulary)
                sums += Rest(x + whole, Vocabulary - whole, maximum);
            float sum = Lanes.Sum(sums);
            if (Scale != 0)
            {
                var factor = Vector512.Create(Scale / sum);
                for (int i = 0; i < whole; i += Lanes.Count)
                    (Vector512.Load(x + i) * factor).Store(x + i);
                for (int i = whole; i < Vocabulary; i++)
                    x[i] *= factor[0];
                x[target] -= Scale;
            }
            return maximum - logit + FloatMath.Log(sum);
        }

        // Apart, so that the loops above keep their registers.
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static Vector512<float> Rest(float* x, int count, float maximum)
        {
            var e = FloatMath.Exp(Lanes.Load(x, count) - Vector512.Create(maximum)) & Vector512.LessThan(Lanes.Indices, Vector512.Create(count)).AsSingle();
            Lanes.Store(e, x, count);
            return e;
        }
    }
}
