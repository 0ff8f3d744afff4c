using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Tests.Models.Kernels;

/// <summary>Each kernel's forward against its equation in double, and its backward against differences of that equation.</summary>
public unsafe class LayerGradientTests
{
    [Theory]
    [InlineData(5, 48)]
    [InlineData(70, 16)]
    public void RmsNorm_and_its_gradients(int rows, int width)
    {
        using var pool = new WorkPool(2);
        using Matrix x = new(rows * width, 1), gain = new(width, 2), y = new(rows * width), again = new(rows * width, 3), dx = new(rows * width), partials = new(RmsNorm.PartialRows(rows) * width), dgain = new(width);
        double[] dy = again.Doubles, xs = x.Doubles, gains = gain.Doubles;
        RmsNorm.Forward(pool, rows, width, x, gain, 1e-3f, y);
        Near(Norm(xs, gains), y.Values);
        RmsNorm.Backward(pool, rows, width, x, gain, 1e-3f, again, dx, partials);
        Columns.AddSums(pool, RmsNorm.PartialRows(rows), width, partials, width, dgain);
        Assert.Equal(y.Values, again.Values);
        Differences.AssertClose(Differences.Of(xs, v => Differences.Dot(Norm(v, gains), dy), step: 7), dx.Values);
        Differences.AssertClose(Differences.Of(gains, v => Differences.Dot(Norm(xs, v), dy)), dgain.Values);

        double[] Norm(double[] input, double[] scale) => [.. Enumerable.Range(0, rows).SelectMany(r =>
        {
            var row = input.AsSpan(r * width, width).ToArray();
            double root = Math.Sqrt(row.Sum(v => v * v) / width + 1e-3f);
            return row.Select((v, i) => v / root * scale[i]);
        })];
    }

    [Theory]
    [InlineData(3, 32)]
    [InlineData(40, 21)]
    public void SwiGlu_and_its_gradients(int rows, int width)
    {
        using var pool = new WorkPool(2);
        using Matrix x = new(rows * 2 * width, 4, 3), h = new(rows * width), dh = new(rows * width, 5);
        double[] xs = x.Doubles, slopes = dh.Doubles;
        SwiGlu.Forward(pool, rows, width, x, h);
        Near(Gate(xs), h.Values);
        SwiGlu.Backward(pool, rows, width, x, dh);
        Assert.Equal(h.Values, dh.Values);
        Differences.AssertClose(Differences.Of(xs, v => Differences.Dot(Gate(v), slopes), step: 3), x.Values);

        double[] Gate(double[] v) => [.. Enumerable.Range(0, rows).SelectMany(r => Enumerable.Range(0, width).Select(i => (G: v[r * 2 * width + i], U: v[r * 2 * width + width + i])).Select(p => p.G / (1 + Math.Exp(-p.G)) * p.U))];
    }

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    public void Rope_turns_pairs_by_their_angles_and_back(int width)
    {
        const int Rows = 40, Heads = 3;
        int stride = (Heads + 1) * width;
        using var pool = new WorkPool(2);
        using var rope = new Rope(1000, width, 10000);
        using Matrix x = new(Rows * stride, 6);
        using var positions = new NativeBuffer<int>(Rows);
        for (int i = 0; i < Rows; i++)
            positions.Pointer[i] = i * 37 % 1000;
        var before = x.Doubles;
        rope.Apply(pool, Rows, Heads, x, stride, positions.Pointer, inverse: false);
        for (int r = 0; r < Rows; r++)
            for (int i = 0; i < stride; i++)
            {
                int d = i % width, half = width / 2, partner = d < half ? i + half : i - half;
                double angle = positions.Pointer[r] * Math.Pow(10000, -2.0 * (d % half) / width), self = before[r * stride + i], other = i < Heads * width ? before[r * stride + partner] : 0;
                double expected = i >= Heads * width ? self : d < half ? self * Math.Cos(angle) - other * Math.Sin(angle) : self * Math.Cos(angle) + other * Math.Sin(angle);
                Assert.Equal(expected, x.Values[r * stride + i], 2e-6);
            }
        rope.Apply(pool, Rows, Heads, x, stride, positions.Pointer, inverse: true);
        Near(before, x.Values);
    }

    [Theory]
    [InlineData(7, 37)]
    [InlineData(5, 64)]
    public void Cross_entropy_and_its_gradient(int rows, int vocabulary)
    {
        using var pool = new WorkPool(2);
        using Matrix logits = new(rows * vocabulary, 7, 4), losses = new(rows);
        using var targets = new NativeBuffer<int>(rows);
        for (int i = 0; i < rows; i++)
            targets.Pointer[i] = i == 2 ? CrossEntropy.Ignore : i * 5 % vocabulary;
        var before = logits.Doubles;
        CrossEntropy.Run(pool, rows, vocabulary, logits, targets.Pointer, 0.125f, losses);
        Near([.. Enumerable.Range(0, rows).Select(r => RowLoss(before, r))], losses.Values);
        Differences.AssertClose(Differences.Of(before, v => 0.125 * Enumerable.Range(0, rows).Sum(r => RowLoss(v, r))), logits.Values);

        double RowLoss(double[] v, int r) => targets.Pointer[r] < 0 ? 0 : Math.Log(v.AsSpan(r * vocabulary, vocabulary).ToArray().Sum(Math.Exp)) - v[r * vocabulary + targets.Pointer[r]];
    }

    [Fact]
    public void Embedding_gathers_rows_and_adds_their_gradients_in_order()
    {
        const int Rows = 70, Width = 80, Vocabulary = 9;
        using var pool = new WorkPool(2);
        using Matrix table = new(Vocabulary * Width, 8), y = new(Rows * Width), dy = new(Rows * Width, 9), dtable = new(Vocabulary * Width);
        using var tokens = new NativeBuffer<int>(Rows);
        for (int i = 0; i < Rows; i++)
            tokens.Pointer[i] = i * i % Vocabulary;
        Embedding.Forward(pool, Rows, Width, tokens.Pointer, table, y);
        Embedding.Backward(pool, Rows, Width, tokens.Pointer, dy, dtable);
        var sums = new float[Vocabulary * Width];
        for (int i = 0; i < Rows * Width; i++)
        {
            int entry = tokens.Pointer[i / Width] * Width + i % Width;
            Assert.Equal(table.Values[entry], y.Values[i]);
            sums[entry] += dy.Values[i];
        }
        Assert.Equal(sums, dtable.Values);
    }

    internal static void Near(double[] expected, ReadOnlySpan<float> actual, double tolerance = 4e-6)
    {
        double largest = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * largest, $"value {i} is {actual[i]:R}, in double {expected[i]:R}");
    }
}
