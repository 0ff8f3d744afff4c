using System.Runtime.CompilerServices;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>Queries of some consecutive tokens of a sequence that lie in one block of 64 positions.</summary>
/// <param name="Row">Their first row in the batch.</param>
/// <param name="Rows">How many.</param>
/// <param name="Position">The first one's position in its sequence.</param>
/// <param name="Cache">The sequence's keys and values of this layer: for each key/value head, for each block of 64 positions keys [headWidth, 64], then values [64, headWidth].</param>
/// <param name="Blocks">Blocks of each head in the cache.</param>
internal readonly unsafe record struct CachedQueries(int Row, int Rows, int Position, nint Cache, int Blocks);

/// <summary><see cref="Attention"/> over keys that are kept packed, block by block: no key is packed twice, and a token's bits are those of a pass over the whole sequence.</summary>
internal static unsafe class CachedAttention
{
    /// <summary>Floats of the cache of one layer for that many blocks.</summary>
    public static long LayerFloats(AttentionShape shape, int blocks) => checked(2L * Attention.Block * shape.HeadWidth * blocks * shape.KeyValueHeads);

    /// <summary>Puts the keys and values of new tokens into their caches, then attends to all.</summary>
    /// <param name="queries">[count]</param>
    /// <param name="qkv">[tokens, <see cref="AttentionShape.FusedWidth"/>], turned.</param>
    /// <param name="output">[tokens, <see cref="AttentionShape.QueryWidth"/>]</param>
    public static void Run(WorkPool pool, AttentionShape shape, int count, CachedQueries* queries, float* qkv, float* output)
    {
        var append = new AppendJob { Shape = shape, Queries = queries, Qkv = qkv };
        pool.Run(ref append, checked(count * shape.KeyValueHeads));
        var attend = new AttendJob { Shape = shape, Queries = queries, Qkv = qkv, Output = output };
        pool.Run(ref attend, count * shape.KeyValueHeads);
    }

    private struct AppendJob : ITileJob
    {
        public AttentionShape Shape;
        public CachedQueries* Queries;
        public float* Qkv;

        public readonly void Run(int tile)
        {
            var q = Queries[tile / Shape.KeyValueHeads];
            int head = tile % Shape.KeyValueHeads, width = Shape.HeadWidth, column = q.Position % Attention.Block;
            float* keys = Block(Shape, q, head, q.Position / Attention.Block) + column, values = keys - column + Attention.Block * width + column * width;
            for (int r = 0; r < q.Rows; r++)
            {
                float* key = Qkv + (long)(q.Row + r) * Shape.FusedWidth + Shape.QueryWidth + head * width;
                for (int d = 0; d < width; d++)
                    keys[d * Attention.Block + r] = key[d];
                new ReadOnlySpan<float>(key + Shape.KeyValueHeads * width, width).CopyTo(new Span<float>(values + r * width, width));
            }
        }
    }

    private struct AttendJob : ITileJob
    {
        public AttentionShape Shape;
        public CachedQueries* Queries;
        public float* Qkv, Output;

        [SkipLocalsInit]
        public readonly void Run(int tile)
        {
            var q = Queries[tile / Shape.KeyValueHeads];
            int head = tile % Shape.KeyValueHeads, width = Shape.HeadWidth, last = q.Position / Attention.Block;
            float* scratch = stackalloc float[Attention.Aligned(Attention.Block * Attention.Block + 2 * Attention.Block * Attention.MaxGroup)];
            float* scores = Attention.Align(scratch), maxima = scores + Attention.Block * Attention.Block, sums = maxima + Attention.Block * Attention.MaxGroup;
            for (int block = 0; block <= last; block++)
            {
                float* keys = Block(Shape, q, head, block);
                for (int g = 0; g < Shape.Group; g++)
                {
                    int query = (head * Shape.Group + g) * width;
                    Attention.Update(q.Rows, block == last ? q.Position % Attention.Block : Attention.Block, width, Shape.Scale, Qkv + (long)q.Row * Shape.FusedWidth + query, Shape.FusedWidth, keys, keys + Attention.Block * width, width,
                        block == 0, Output + (long)q.Row * Shape.QueryWidth + query, Shape.QueryWidth, maxima + g * Attention.Block, sums + g * Attention.Block, scores);
                }
            }
            for (int g = 0; g < Shape.Group; g++)
                Attention.Finish(q.Rows, width, Shape.Scale, Output + (long)q.Row * Shape.QueryWidth + (head * Shape.Group + g) * width, Shape.QueryWidth, maxima + g * Attention.Block, sums + g * Attention.Block, null, 0);
        }
    }

    private static float* Block(in AttentionShape shape, in CachedQueries q, int head, int block) =>
        (float*)q.Cache + 2L * Attention.Block * shape.HeadWidth * ((long)head * q.Blocks + block);
}
