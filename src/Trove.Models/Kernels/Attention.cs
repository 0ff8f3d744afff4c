using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>The shape of attention: each group of query heads reads one key/value head (Ainslie et al., arXiv 2305.13245).</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">A divisor of <paramref name="Heads"/>.</param>
/// <param name="HeadWidth">A multiple of 16, at most <see cref="Attention.MaxHeadWidth"/>.</param>
internal readonly record struct AttentionShape(int Heads, int KeyValueHeads, int HeadWidth)
{
    public int Group => Heads / KeyValueHeads;

    /// <summary>Floats of all query heads of a token.</summary>
    public int QueryWidth => Heads * HeadWidth;

    /// <summary>Floats of queries, keys and values of a token, side by side.</summary>
    public int FusedWidth => (Heads + 2 * KeyValueHeads) * HeadWidth;

    public float Scale => 1f / MathF.Sqrt(HeadWidth);
}

/// <summary>
/// Causal softmax attention in blocks of 64 keys with a running maximum (Dao et al., arXiv 2205.14135; the online softmax
/// of Milakov and Gimelshein, arXiv 1805.02867): memory grows with length, not with its square. A query's bits depend on its
/// own document up to itself and on nothing else: blocks are counted from the document's start, each is one chain of
/// multiply-adds over its keys, and keys to come are exact zeros. So training, prefill and decoding agree to the bit.
/// </summary>
internal static unsafe class Attention
{
    /// <summary>Keys and queries of a block: part of the result's definition.</summary>
    public const int Block = 64;

    /// <summary>Bounds the tiles that lie on the stack.</summary>
    public const int MaxHeadWidth = 256;

    /// <summary>Query heads of one key/value head at most: bounds the statistics that lie on the stack.</summary>
    public const int MaxGroup = 64;

    /// <summary>Forward over a packed batch.</summary>
    /// <param name="qkv">[tokens, <see cref="AttentionShape.FusedWidth"/>], already turned by <see cref="Rope"/>.</param>
    /// <param name="output">[tokens, <see cref="AttentionShape.QueryWidth"/>]</param>
    /// <param name="logSums">[tokens, heads] log of the sum of exponentials of each query, for backward.</param>
    public static void Forward(WorkPool pool, AttentionShape shape, Segments segments, float* qkv, float* output, float* logSums)
    {
        var job = new ForwardJob { Shape = shape, Blocks = segments.Blocks, Starts = segments.Starts, BlockSegment = segments.BlockSegment, BlockIndex = segments.BlockIndex, Qkv = qkv, Output = output, LogSums = logSums };
        pool.Run(ref job, checked(segments.Blocks * shape.KeyValueHeads));
    }

    /// <summary>Room for a tile on a stack, plus what aligns it.</summary>
    public static int Aligned(int floats) => floats + 16;

    public static float* Align(float* memory) => (float*)((nint)memory + 63 & ~63);

    /// <summary>Keys as columns: packed[d, j] = keys[j, d] for <paramref name="count"/> keys; columns beyond are zero.</summary>
    /// <param name="keys">[count, headWidth], a row every <paramref name="stride"/> floats.</param>
    /// <param name="packed">[headWidth, 64]</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(float* keys, int stride, int count, int headWidth, float* packed)
    {
        int j = 0;
        for (; Sse.IsSupported && j + 4 <= count; j += 4)
        {
            float* row = keys + (long)j * stride;
            for (int d = 0; d < headWidth; d += 4)
            {
                Vector128<float> a = Vector128.Load(row + d), b = Vector128.Load(row + stride + d), c = Vector128.Load(row + 2L * stride + d), e = Vector128.Load(row + 3L * stride + d);
                Vector128<float> abLow = Sse.UnpackLow(a, b), abHigh = Sse.UnpackHigh(a, b), ceLow = Sse.UnpackLow(c, e), ceHigh = Sse.UnpackHigh(c, e);
                float* to = packed + (long)d * Block + j;
                Sse.MoveLowToHigh(abLow, ceLow).Store(to);
                Sse.MoveHighToLow(ceLow, abLow).Store(to + Block);
                Sse.MoveLowToHigh(abHigh, ceHigh).Store(to + 2 * Block);
                Sse.MoveHighToLow(ceHigh, abHigh).Store(to + 3 * Block);
            }
        }
        for (; j < count; j++)
            for (int d = 0; d < headWidth; d++)
                packed[d * Block + j] = keys[(long)j * stride + d];
        for (; j < Block; j++)
            for (int d = 0; d < headWidth; d++)
                packed[d * Block + j] = 0;
    }

    /// <summary>
    /// Some queries of one head, in consecutive positions of one document and one block, against one block of keys: updates
    /// the running maximum, sum and weighted values.
    /// </summary>
    /// <param name="rows">Queries, at most 64.</param>
    /// <param name="ahead">Keys of this block before the first query: query r sees keys 0 .. ahead + r of the block, at most 64.</param>
    /// <param name="keys">[headWidth, 64] of <see cref="Pack"/>.</param>
    /// <param name="values">[keys, headWidth], a row every <paramref name="valueStride"/> floats.</param>
    /// <param name="first">This is the document's first block: there is nothing to update yet.</param>
    /// <param name="scores">[64, 64] scratch.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Update(int rows, int ahead, int headWidth, float scale, float* queries, int queryStride, float* keys, float* values, int valueStride, bool first, float* output, int outputStride, float* maxima, float* sums, float* scores)
    {
        const int Step = 16;
        bool diagonal = ahead < Block - 1;
        for (int r = 0; r < rows; r += Step)
        {
            int some = Math.Min(Step, rows - r), visible = Math.Min(Block, ahead + r + some);
            float* tile = scores + r * Block;
            TileProduct.Run(some, Math.Min(Block, visible + 31 & ~31), headWidth, queries + (long)r * queryStride, queryStride, 1, keys, Block, tile, Block, accumulate: false);
            for (int i = 0; i < some; i++)
            {
                int limit = diagonal ? Math.Min(Block, ahead + r + i + 1) : Block;
                float rescale = Softmax(tile + i * Block, limit, scale, first, ref maxima[r + i], ref sums[r + i]);
                if (!first)
                    Scale(output + (long)(r + i) * outputStride, headWidth, rescale);
            }
            TileProduct.Run(some, headWidth, visible, tile, Block, 1, values, valueStride, output + (long)r * outputStride, outputStride, accumulate: !first);
        }
    }

    /// <summary>Divides the weighted values by the sums, which are used up. Adding zero turns −0 to +0, which alone could tell zeros beyond a query's keys from keys that are not there.</summary>
    /// <param name="logSums">Gets maximum · scale + log(sum) of each query, a float every <paramref name="logSumStride"/>; null when not wanted.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Finish(int rows, int headWidth, float scale, float* output, int outputStride, float* maxima, float* sums, float* logSums, int logSumStride)
    {
        for (int r = 0; r < rows; r++)
        {
            var inverse = Vector512.Create(1f / sums[r]);
            float* row = output + (long)r * outputStride;
            for (int i = 0; i < headWidth; i += Lanes.Count)
                (Vector512.Load(row + i) * inverse + Vector512<float>.Zero).Store(row + i);
        }
        if (logSums == null)
            return;
        for (int r = 0; r < rows; r += Lanes.Count)
        {
            // Up to 15 of the statistics behind the last query are read, which are there, and not used.
            Vector512.FusedMultiplyAdd(Vector512.Load(maxima + r), Vector512.Create(scale), FloatMath.Log(Vector512.Load(sums + r))).Store(sums + r);
            for (int i = r; i < Math.Min(rows, r + Lanes.Count); i++)
                logSums[(long)i * logSumStride] = sums[i];
        }
    }

    // One row of scores to weights; what the old sums must be multiplied with.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Softmax(float* row, int limit, float scale, bool first, ref float maximum, ref float sum)
    {
        Vector512<float> s0 = Vector512.Load(row), s1 = Vector512.Load(row + 16), s2 = Vector512.Load(row + 32), s3 = Vector512.Load(row + 48);
        if (limit < Block)
        {
            var beyond = Vector512.Create(float.NegativeInfinity);
            var bound = Vector512.Create(limit);
            var lane = Lanes.Indices;
            s0 = Vector512.ConditionalSelect(Vector512.LessThan(lane, bound).AsSingle(), s0, beyond);
            s1 = Vector512.ConditionalSelect(Vector512.LessThan(lane + Vector512.Create(16), bound).AsSingle(), s1, beyond);
            s2 = Vector512.ConditionalSelect(Vector512.LessThan(lane + Vector512.Create(32), bound).AsSingle(), s2, beyond);
            s3 = Vector512.ConditionalSelect(Vector512.LessThan(lane + Vector512.Create(48), bound).AsSingle(), s3, beyond);
        }
        float largest = Lanes.Max(Lanes.Max(Lanes.Max(s0, s1), Lanes.Max(s2, s3)));
        float old = first ? float.NegativeInfinity : maximum;
        if (!(largest > old))
            largest = old;
        var offset = Vector512.Create(-largest * scale);
        var factor = Vector512.Create(scale);
        s0 = FloatMath.Exp(Vector512.FusedMultiplyAdd(s0, factor, offset));
        s1 = FloatMath.Exp(Vector512.FusedMultiplyAdd(s1, factor, offset));
        s2 = FloatMath.Exp(Vector512.FusedMultiplyAdd(s2, factor, offset));
        s3 = FloatMath.Exp(Vector512.FusedMultiplyAdd(s3, factor, offset));
        s0.Store(row);
        s1.Store(row + 16);
        s2.Store(row + 32);
        s3.Store(row + 48);
        float rescale = first ? 0 : old == largest ? 1 : FloatMath.Exp((old - largest) * scale);
        maximum = largest;
        sum = (first ? 0 : sum * rescale) + Lanes.Sum(s0 + s1 + (s2 + s3));
        return rescale;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale(float* row, int width, float factor)
    {
        var f = Vector512.Create(factor);
        for (int i = 0; i < width; i += Lanes.Count)
            (Vector512.Load(row + i) * f).Store(row + i);
    }

    private struct ForwardJob : ITileJob
    {
        public AttentionShape Shape;
        public int Blocks;
        public int* Starts, BlockSegment, BlockIndex;
        public float* Qkv, Output, LogSums;

        [SkipLocalsInit]
        public readonly void Run(int tile)
        {
            // A document's last blocks see the most keys: first they come.
            int block = Blocks - 1 - tile / Shape.KeyValueHeads, head = tile % Shape.KeyValueHeads, width = Shape.HeadWidth, stride = Shape.FusedWidth;
            int start = Starts[BlockSegment[block]], end = Starts[BlockSegment[block] + 1], number = BlockIndex[block];
            int from = start + number * Block, rows = Math.Min(Block, end - from);
            float* scratch = stackalloc float[Aligned(Block * Block + Block * MaxHeadWidth + 2 * Block * MaxGroup)];
            float* scores = Align(scratch), packed = scores + Block * Block, maxima = packed + Block * MaxHeadWidth, sums = maxima + Block * MaxGroup;
            for (int k = 0; k <= number; k++)
            {
                float* keys = Qkv + (long)(start + k * Block) * stride + Shape.QueryWidth + head * width;
                Pack(keys, stride, Math.Min(Block, end - start - k * Block), width, packed);
                for (int g = 0; g < Shape.Group; g++)
                {
                    int query = head * Shape.Group + g;
                    Update(rows, k == number ? 0 : Block, width, Shape.Scale, Qkv + (long)from * stride + query * width, stride, packed, keys + Shape.KeyValueHeads * width, stride,
                        k == 0, Output + (long)from * Shape.QueryWidth + query * width, Shape.QueryWidth, maxima + g * Block, sums + g * Block, scores);
                }
            }
            for (int g = 0; g < Shape.Group; g++)
            {
                int query = head * Shape.Group + g;
                Finish(rows, width, Shape.Scale, Output + (long)from * Shape.QueryWidth + query * width, Shape.QueryWidth, maxima + g * Block, sums + g * Block, LogSums + (long)from * Shape.Heads + query, Shape.Heads);
            }
        }
    }
}
