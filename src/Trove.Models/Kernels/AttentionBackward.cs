using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// Gradients of <see cref="Attention"/>: weights are computed again from the queries' log-sums (Dao et al., arXiv 2205.14135,
/// algorithm 4). One tile is one document and one key/value head, so that every sum has one owner and one order.
/// </summary>
internal static unsafe class AttentionBackward
{
    private const int Block = Attention.Block;

    /// <summary>Gradients of queries, keys and values, before <see cref="Rope"/> turns them back.</summary>
    /// <param name="qkv">[tokens, <see cref="AttentionShape.FusedWidth"/>] as given to forward.</param>
    /// <param name="output">[tokens, <see cref="AttentionShape.QueryWidth"/>] of forward.</param>
    /// <param name="logSums">[tokens, heads] of forward.</param>
    /// <param name="doutput">[tokens, <see cref="AttentionShape.QueryWidth"/>]</param>
    /// <param name="dqkv">[tokens, <see cref="AttentionShape.FusedWidth"/>], written.</param>
    public static void Run(WorkPool pool, AttentionShape shape, Segments segments, float* qkv, float* output, float* logSums, float* doutput, float* dqkv)
    {
        var job = new Job { Shape = shape, Starts = segments.Starts, Qkv = qkv, Output = output, LogSums = logSums, Doutput = doutput, Dqkv = dqkv };
        pool.Run(ref job, checked(segments.Count * shape.KeyValueHeads));
    }

    private struct Job : ITileJob
    {
        public AttentionShape Shape;
        public int* Starts;
        public float* Qkv, Output, LogSums, Doutput, Dqkv;

        [SkipLocalsInit]
        public readonly void Run(int tile)
        {
            int start = Starts[tile / Shape.KeyValueHeads], end = Starts[tile / Shape.KeyValueHeads + 1], head = tile % Shape.KeyValueHeads;
            int stride = Shape.FusedWidth, width = Shape.HeadWidth, key = Shape.QueryWidth + head * width, value = key + Shape.KeyValueHeads * width;
            float* scratch = stackalloc float[Attention.Aligned(2 * Block * Block + 2 * Block * Attention.MaxHeadWidth)];
            float* weights = Attention.Align(scratch), slopes = weights + Block * Block, keys = slopes + Block * Block, values = keys + Block * Attention.MaxHeadWidth;
            for (int k = start; k < end; k += Block)
            {
                int columns = Math.Min(Block, end - k);
                Attention.Pack(Qkv + (long)k * stride + key, stride, columns, width, keys);
                Attention.Pack(Qkv + (long)k * stride + value, stride, columns, width, values);
                for (int q = k; q < end; q += Block)
                    for (int g = 0; g < Shape.Group; g++)
                        Pair(k, columns, q, Math.Min(Block, end - q), head * Shape.Group + g, key, value, keys, values, weights, slopes, firstKeys: k == start, firstQueries: q == k && g == 0);
            }
        }

        // A block of queries of one head with a block of keys.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Pair(int k, int columns, int q, int rows, int head, int key, int value, float* keys, float* values, float* weights, float* slopes, bool firstKeys, bool firstQueries)
        {
            const int Step = 16;
            int stride = Shape.FusedWidth, width = Shape.HeadWidth, queryWidth = Shape.QueryWidth;
            float* queries = Qkv + (long)q * stride + head * width, dqueries = Dqkv + (long)q * stride + head * width;
            float* dout = Doutput + (long)q * queryWidth + head * width;
            bool diagonal = q == k;
            for (int r = 0; r < rows; r += Step)
            {
                int some = Math.Min(Step, rows - r), seen = diagonal ? Math.Min(columns, r + some) : columns, padded = Math.Min(Block, seen + 31 & ~31);
                float* p = weights + r * Block, ds = slopes + r * Block;
                TileProduct.Run(some, padded, width, queries + (long)r * stride, stride, 1, keys, Block, p, Block, accumulate: false);
                TileProduct.Run(some, padded, width, dout + (long)r * queryWidth, queryWidth, 1, values, Block, ds, Block, accumulate: false);
                for (int i = 0; i < some; i++)
                {
                    long token = q + r + i;
                    float delta = Dot(Doutput + token * queryWidth + head * width, Output + token * queryWidth + head * width, width);
                    Slopes(p + i * Block, ds + i * Block, diagonal ? r + i + 1 : columns, padded, LogSums[token * Shape.Heads + head], delta);
                }
                TileProduct.Run(some, width, seen, ds, Block, 1, Qkv + (long)k * stride + key, stride, dqueries + (long)r * stride, stride, accumulate: !firstKeys);
            }
            float* dkeys = Dqkv + (long)k * stride + key, dvalues = Dqkv + (long)k * stride + value;
            for (int c = 0; c < columns; c += Step)
            {
                // On the diagonal no query before c sees key c.
                int some = Math.Min(Step, columns - c), skip = diagonal ? c : 0;
                TileProduct.Run(some, width, rows - skip, weights + skip * Block + c, 1, Block, dout + (long)skip * queryWidth, queryWidth, dvalues + (long)c * stride, stride, accumulate: !firstQueries);
                TileProduct.Run(some, width, rows - skip, slopes + skip * Block + c, 1, Block, queries + (long)skip * stride, stride, dkeys + (long)c * stride, stride, accumulate: !firstQueries);
            }
        }

        // Scores to weights, gradients of weights to gradients of scores; zero from limit to padded.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Slopes(float* p, float* ds, int limit, int padded, float logSum, float delta)
        {
            float scale = Shape.Scale;
            var (factor, offset, mean) = (Vector512.Create(scale), Vector512.Create(-logSum), Vector512.Create(delta));
            for (int j = 0; j < padded; j += Lanes.Count)
            {
                var visible = Vector512.LessThan(Lanes.Indices + Vector512.Create(j), Vector512.Create(limit)).AsSingle();
                var weight = FloatMath.Exp(Vector512.FusedMultiplyAdd(Vector512.Load(p + j), factor, offset)) & visible;
                weight.Store(p + j);
                (weight * ((Vector512.Load(ds + j) & visible) - mean) * factor).Store(ds + j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static float Dot(float* a, float* b, int width)
        {
            var sum = Vector512<float>.Zero;
            for (int i = 0; i < width; i += Lanes.Count)
                sum = Vector512.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), sum);
            return Lanes.Sum(sum);
        }
    }
}
