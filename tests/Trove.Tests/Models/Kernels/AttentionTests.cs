using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Tests.Models.Kernels;

public unsafe class AttentionTests
{
    // Lengths around the blocks of 64 and the steps of 16 within.
    [Theory]
    [InlineData(2, 2, 16, new[] { 5 })]
    [InlineData(2, 1, 16, new[] { 64, 1, 17 })]
    [InlineData(4, 2, 48, new[] { 65, 30 })]
    [InlineData(3, 1, 32, new[] { 130 })]
    public void Forward_and_gradients(int heads, int pairs, int width, int[] lengths)
    {
        var shape = new AttentionShape(heads, pairs, width);
        int tokens = lengths.Sum();
        using var pool = new WorkPool(2);
        using var segments = Pack(lengths);
        using Matrix qkv = new(tokens * shape.FusedWidth, 1, 1.5), output = new(tokens * shape.QueryWidth), logSums = new(tokens * heads), doutput = new(tokens * shape.QueryWidth, 2), dqkv = new(tokens * shape.FusedWidth);
        Attention.Forward(pool, shape, segments, qkv, output, logSums);
        double[] input = qkv.Doubles, slopes = doutput.Doubles;
        LayerGradientTests.Near(Reference(shape, lengths, input), output.Values);
        AttentionBackward.Run(pool, shape, segments, qkv, output, logSums, doutput, dqkv);
        int step = Math.Max(1, input.Length / 150) | 1; // odd: all columns get their turn
        Differences.AssertClose(Differences.Of(input, v => Differences.Dot(Reference(shape, lengths, v), slopes), step), dqkv.Values);
    }

    // What one query gives must not depend on how many others are computed with it: bit for bit.
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    public void A_query_alone_gives_the_bits_of_the_whole_document(int chunk)
    {
        const int Tokens = 150, Width = 32;
        var shape = new AttentionShape(1, 1, Width);
        using var pool = new WorkPool(1);
        using var segments = Pack([Tokens]);
        using Matrix qkv = new(Tokens * 3 * Width, 3, 2), whole = new(Tokens * Width), logSums = new(Tokens), alone = new(Tokens * Width), packed = new(3 * Attention.Block * Width), maxima = new(Attention.Block), sums = new(Attention.Block), scores = new(Attention.Block * Attention.Block);
        Attention.Forward(pool, shape, segments, qkv, whole, logSums);
        for (int block = 0; block * Attention.Block < Tokens; block++)
            Attention.Pack((float*)qkv + block * Attention.Block * 3 * Width + Width, 3 * Width, Math.Min(Attention.Block, Tokens - block * Attention.Block), Width, (float*)packed + block * Attention.Block * Width);
        for (int from = 0; from < Tokens;)
        {
            int last = from / Attention.Block, rows = Math.Min(Math.Min(chunk, Tokens - from), (last + 1) * Attention.Block - from);
            for (int block = 0; block <= last; block++)
                Attention.Update(rows, block == last ? from - block * Attention.Block : Attention.Block, Width, shape.Scale, (float*)qkv + from * 3 * Width, 3 * Width, (float*)packed + block * Attention.Block * Width,
                    (float*)qkv + block * Attention.Block * 3 * Width + 2 * Width, 3 * Width, block == 0, (float*)alone + from * Width, Width, maxima, sums, scores);
            Attention.Finish(rows, Width, shape.Scale, (float*)alone + from * Width, Width, maxima, sums, null, 0);
            from += rows;
        }
        Assert.Equal(Bits(whole), Bits(alone));
    }

    [Fact]
    public void A_document_gives_the_same_bits_wherever_it_lies()
    {
        var shape = new AttentionShape(2, 1, 16);
        using var pool = new WorkPool(2);
        using Segments one = Pack([100]), three = Pack([33, 100, 70]);
        using Matrix document = new(100 * shape.FusedWidth, 4), packed = new(203 * shape.FusedWidth, 5), first = new(100 * shape.QueryWidth), second = new(203 * shape.QueryWidth), logs = new(100 * 2), moreLogs = new(203 * 2);
        document.Values.CopyTo(packed.Values[(33 * shape.FusedWidth)..]);
        Attention.Forward(pool, shape, one, document, first, logs);
        Attention.Forward(pool, shape, three, packed, second, moreLogs);
        Assert.Equal(Bits(first), Bits(second).AsSpan(33 * shape.QueryWidth, first.Length).ToArray());
    }

    // With few documents and heads for the threads, backward is cut into tiles of blocks: the chains stay what they are.
    [Theory]
    [InlineData(2, 1, 32, new[] { 200 }, 2)]
    [InlineData(2, 2, 16, new[] { 300, 10 }, 3)]
    [InlineData(4, 2, 48, new[] { 65, 130 }, 8)]
    public void Gradients_have_the_same_bits_however_they_are_cut(int heads, int pairs, int width, int[] lengths, int threads)
    {
        var shape = new AttentionShape(heads, pairs, width);
        int tokens = lengths.Sum();
        using var segments = Pack(lengths);
        using Matrix qkv = new(tokens * shape.FusedWidth, 1, 1.5), output = new(tokens * shape.QueryWidth), logSums = new(tokens * heads), doutput = new(tokens * shape.QueryWidth, 2);
        Assert.False(AttentionBackward.Starves(1, shape, segments));
        Assert.True(AttentionBackward.Starves(threads, shape, segments));
        using (var one = new WorkPool(1))
            Attention.Forward(one, shape, segments, qkv, output, logSums);
        var whole = Bits(1, 0);
        foreach (uint disorder in (uint[])[0, 1, 2, 3])
            Assert.Equal(whole, Bits(threads, disorder));

        int[] Bits(int count, uint disorder)
        {
            using var pool = new WorkPool(count) { Disorder = disorder };
            using Matrix dqkv = new(tokens * shape.FusedWidth, 7); // every float must be written
            AttentionBackward.Run(pool, shape, segments, qkv, output, logSums, doutput, dqkv);
            return AttentionTests.Bits(dqkv);
        }
    }

    [Theory]
    [InlineData(1, new[] { 1000 }, 1, false)]
    [InlineData(2, new[] { 1000 }, 1, true)]
    [InlineData(2, new[] { 256, 256, 256, 256 }, 6, false)]
    [InlineData(16, new[] { 256, 256, 256, 256, 256, 256, 256, 256 }, 6, false)]
    [InlineData(16, new[] { 1024 }, 6, true)]
    [InlineData(64, new[] { 256, 256, 256, 256 }, 6, true)]
    public void Documents_are_cut_where_threads_would_wait(int threads, int[] lengths, int pairs, bool cut)
    {
        using var segments = Pack(lengths);
        Assert.Equal(cut, AttentionBackward.Starves(threads, new AttentionShape(pairs, pairs, 16), segments));
    }

    [Fact]
    public void Tiles_are_one_chain_of_multiply_adds()
    {
        var random = new CounterRandom(9, 9);
        for (ulong round = 0; round < 60; round++)
        {
            int m = 1 + (int)(random.Bits(3 * round) % 20), n = 16 * (1 + (int)(random.Bits(3 * round + 1) % 4)), k = (int)(random.Bits(3 * round + 2) % 70);
            using Matrix a = new(Math.Max(1, m * k), round + 1), b = new(Math.Max(1, k * n), round + 2), c = new(m * n, round + 3), d = new(m * n);
            c.Values.CopyTo(d.Values);
            bool accumulate = round % 2 == 0, transposed = round % 3 == 0;
            TileProduct.Run(m, n, k, a, transposed ? 1 : k, transposed ? m : 1, b, n, c, n, accumulate);
            for (int i = 0; i < m; i++)
                for (int j = 0; j < n; j++)
                {
                    float sum = accumulate ? d.Values[i * n + j] : 0;
                    for (int p = 0; p < k; p++)
                        sum = MathF.FusedMultiplyAdd(a.Values[transposed ? p * m + i : i * k + p], b.Values[p * n + j], sum);
                    Assert.Equal(sum, c.Values[i * n + j]);
                }
        }
    }

    internal static Segments Pack(int[] lengths)
    {
        var segments = new Segments(lengths.Sum());
        segments.Set(lengths.Sum(), [.. lengths.Select((_, i) => lengths.Take(i).Sum())]);
        return segments;
    }

    private static int[] Bits(Matrix matrix) => Array.ConvertAll(matrix.Values.ToArray(), BitConverter.SingleToInt32Bits);

    private static double[] Reference(AttentionShape shape, int[] lengths, double[] qkv)
    {
        var output = new double[lengths.Sum() * shape.QueryWidth];
        int start = 0;
        foreach (int length in lengths)
        {
            for (int head = 0; head < shape.Heads; head++)
                for (int i = 0; i < length; i++)
                {
                    int key = shape.QueryWidth + head / shape.Group * shape.HeadWidth, value = key + shape.KeyValueHeads * shape.HeadWidth;
                    var weights = Enumerable.Range(0, i + 1).Select(j => Math.Exp(Enumerable.Range(0, shape.HeadWidth).Sum(d => At(i, head * shape.HeadWidth + d) * At(j, key + d)) / Math.Sqrt(shape.HeadWidth))).ToArray();
                    double sum = weights.Sum();
                    for (int j = 0; j <= i; j++)
                        for (int d = 0; d < shape.HeadWidth; d++)
                            output[(start + i) * shape.QueryWidth + head * shape.HeadWidth + d] += weights[j] / sum * At(j, value + d);
                }
            start += length;
        }
        return output;

        double At(int token, int column) => qkv[(start + token) * shape.FusedWidth + column];
    }
}
