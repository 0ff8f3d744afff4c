using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// Gradients of <see cref="Attention"/>: weights are computed again from the queries' log-sums (Dao et al., arXiv 2205.14135,
/// algorithm 4). Sums of a key's gradients run over queries in order, those of a query's over keys in order, each with one owner.
/// </summary>
/// <remarks>
/// One pass over a document and key/value head gives all three gradients by five products a pair of blocks, but in one tile. Where
/// there are too few documents and heads to keep all threads busy, keys' blocks and queries' blocks are tiles of their own, which
/// takes seven products: weights and their slopes twice (as Dao, arXiv 2307.08691, cuts it). The chains, and so the bits, are the same.
/// </remarks>
internal static unsafe class AttentionBackward
{
    private const int Block = Attention.Block, Step = 16;

    /// <summary>Gradients of queries, keys and values, before <see cref="Rope"/> turns them back.</summary>
    /// <param name="qkv">[tokens, <see cref="AttentionShape.FusedWidth"/>] as given to forward.</param>
    /// <param name="output">[tokens, <see cref="AttentionShape.QueryWidth"/>] of forward.</param>
    /// <param name="logSums">[tokens, heads] of forward.</param>
    /// <param name="doutput">[tokens, <see cref="AttentionShape.QueryWidth"/>]</param>
    /// <param name="dqkv">[tokens, <see cref="AttentionShape.FusedWidth"/>], written.</param>
    public static void Run(WorkPool pool, AttentionShape shape, Segments segments, float* qkv, float* output, float* logSums, float* doutput, float* dqkv)
    {
        var job = new Job { Shape = shape, Blocks = segments.Blocks, Starts = segments.Starts, BlockSegment = segments.BlockSegment, BlockIndex = segments.BlockIndex, Qkv = qkv, Output = output, LogSums = logSums, Doutput = doutput, Dqkv = dqkv, Split = Starves(pool.Threads, shape, segments) };
        pool.Run(ref job, checked((job.Split ? 2 * segments.Blocks : segments.Count) * shape.KeyValueHeads));
    }

    /// <summary>Whether tiles of whole documents would take longer, although they compute less: the time of the busiest thread is estimated for both.</summary>
    internal static bool Starves(int threads, AttentionShape shape, Segments segments)
    {
        long pairs = 0, largest = 0;
        for (int s = 0; s < segments.Count; s++)
        {
            long blocks = (segments.Starts[s + 1] - segments.Starts[s] + Block - 1) / Block;
            pairs += blocks * (blocks + 1) / 2;
            largest = Math.Max(largest, blocks * (blocks + 1) / 2);
        }
        long tiles = (long)segments.Count * shape.KeyValueHeads, rounds = (tiles + threads - 1) / threads;
        double whole = 5 * Math.Max(largest, rounds * (double)pairs / segments.Count), split = 7 * (double)pairs * shape.KeyValueHeads / threads;
        return whole > split;
    }

    private struct Job : ITileJob
    {
        public AttentionShape Shape;
        public int Blocks;
        public int* Starts, BlockSegment, BlockIndex;
        public float* Qkv, Output, LogSums, Doutput, Dqkv;
        public bool Split;

        public readonly void Run(int tile)
        {
            int head = tile % Shape.KeyValueHeads, part = tile / Shape.KeyValueHeads;
            if (!Split)
                Rectangle(head, Starts[part], Starts[part + 1], Starts[part], Starts[part + 1], ofQueries: true, ofKeys: true);
            else if (part < Blocks)
            {
                int start = Starts[BlockSegment[part]], end = Starts[BlockSegment[part] + 1], from = start + BlockIndex[part] * Block;
                Rectangle(head, from, Math.Min(end, from + Block), from, end, ofQueries: false, ofKeys: true);
            }
            else
            {
                // A document's last blocks see the most keys: first they come.
                int block = 2 * Blocks - 1 - part, start = Starts[BlockSegment[block]], from = start + BlockIndex[block] * Block, to = Math.Min(Starts[BlockSegment[block] + 1], from + Block);
                Rectangle(head, start, to, from, to, ofQueries: true, ofKeys: false);
            }
        }

        // The gradients of these queries, of these keys and values, or of both, from all pairs of which the query is not before the key.
        [SkipLocalsInit]
        private readonly void Rectangle(int head, int firstKey, int endKeys, int firstQuery, int endQueries, bool ofQueries, bool ofKeys)
        {
            int stride = Shape.FusedWidth, width = Shape.HeadWidth, key = Shape.QueryWidth + head * width, value = key + Shape.KeyValueHeads * width;
            float* scratch = stackalloc float[Attention.Aligned(2 * Block * Block + 2 * Block * Attention.MaxHeadWidth)];
            float* weights = Attention.Align(scratch), slopes = weights + Block * Block, keys = slopes + Block * Block, values = keys + Block * Attention.MaxHeadWidth;
            for (int k = firstKey; k < endKeys; k += Block)
            {
                int columns = Math.Min(Block, endKeys - k), first = Math.Max(k, firstQuery);
                Attention.Pack(Qkv + (long)k * stride + key, stride, columns, width, keys);
                Attention.Pack(Qkv + (long)k * stride + value, stride, columns, width, values);
                for (int q = first; q < endQueries; q += Block)
                    for (int g = 0; g < Shape.Group; g++)
                    {
                        int rows = Math.Min(Block, endQueries - q), query = head * Shape.Group + g;
                        Slopes(k, columns, q, rows, query, keys, values, weights, slopes);
                        if (ofQueries)
                            Queries(k, columns, q, rows, query, key, slopes, add: k > firstKey);
                        if (ofKeys)
                            Keys(k, columns, q, rows, query, key, value, weights, slopes, add: q > first || g > 0);
                    }
            }
        }

        // A block of queries of one head with a block of keys: weights, and the gradients of scores.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Slopes(int k, int columns, int q, int rows, int head, float* keys, float* values, float* weights, float* slopes)
        {
            int stride = Shape.FusedWidth, width = Shape.HeadWidth, queryWidth = Shape.QueryWidth;
            bool diagonal = q == k;
            for (int r = 0; r < rows; r += Step)
            {
                int some = Math.Min(Step, rows - r), padded = Math.Min(Block, Seen(diagonal, columns, r + some) + 31 & ~31);
                float* p = weights + r * Block, ds = slopes + r * Block;
                TileProduct.Run(some, padded, width, Qkv + (long)(q + r) * stride + head * width, stride, 1, keys, Block, p, Block, accumulate: false);
                TileProduct.Run(some, padded, width, Doutput + (long)(q + r) * queryWidth + head * width, queryWidth, 1, values, Block, ds, Block, accumulate: false);
                for (int i = 0; i < some; i++)
                {
                    long token = q + r + i;
                    float delta = Dot(Doutput + token * queryWidth + head * width, Output + token * queryWidth + head * width, width);
                    Row(p + i * Block, ds + i * Block, diagonal ? r + i + 1 : columns, padded, LogSums[token * Shape.Heads + head], delta);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Queries(int k, int columns, int q, int rows, int head, int key, float* slopes, bool add)
        {
            int stride = Shape.FusedWidth;
            for (int r = 0; r < rows; r += Step)
            {
                int some = Math.Min(Step, rows - r);
                TileProduct.Run(some, Shape.HeadWidth, Seen(q == k, columns, r + some), slopes + r * Block, Block, 1, Qkv + (long)k * stride + key, stride, Dqkv + (long)(q + r) * stride + head * Shape.HeadWidth, stride, add);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Keys(int k, int columns, int q, int rows, int head, int key, int value, float* weights, float* slopes, bool add)
        {
            int stride = Shape.FusedWidth, width = Shape.HeadWidth, queryWidth = Shape.QueryWidth;
            float* queries = Qkv + (long)q * stride + head * width, dout = Doutput + (long)q * queryWidth + head * width;
            float* dkeys = Dqkv + (long)k * stride + key, dvalues = Dqkv + (long)k * stride + value;
            for (int c = 0; c < columns; c += Step)
            {
                // On the diagonal no query before c sees key c.
                int some = Math.Min(Step, columns - c), skip = q == k ? c : 0;
                TileProduct.Run(some, width, rows - skip, weights + skip * Block + c, 1, Block, dout + (long)skip * queryWidth, queryWidth, dvalues + (long)c * stride, stride, add);
                TileProduct.Run(some, width, rows - skip, slopes + skip * Block + c, 1, Block, queries + (long)skip * stride, stride, dkeys + (long)c * stride, stride, add);
            }
        }

        // Keys of a block that the queries before row `end` of theirs see.
        private static int Seen(bool diagonal, int columns, int end) => diagonal ? Math.Min(columns, end) : columns;

        // Scores to weights, gradients of weights to gradients of scores; zero from limit to padded.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Row(float* p, float* ds, int limit, int padded, float logSum, float delta)
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
