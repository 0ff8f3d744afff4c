using System.Runtime.Intrinsics;
using Trove.Models.Kernels;

namespace Trove.Tests.Models.Kernels;

/// <summary>Error bounds against the double functions of the system, whose own error is a billionth of a float's unit.</summary>
public class FloatMathTests
{
    [Fact]
    public void Exp_is_within_one_ulp() => Assert.InRange(WorstUlp(Floats(-87.3f, 88.72f), FloatMath.Exp, Math.Exp), 0.4, 1.0);

    [Fact]
    public void Log_is_within_one_ulp()
    {
        Assert.InRange(WorstUlp(Floats(1e-38f, 3e38f), FloatMath.Log, Math.Log), 0.4, 1.0);
        Assert.InRange(WorstUlp(Floats(0.5f, 2f), FloatMath.Log, Math.Log), 0.4, 1.0);
        Assert.InRange(WorstUlp(Floats(1e-45f, 1e-38f), FloatMath.Log, Math.Log), 0.4, 1.0);
    }

    [Fact]
    public void Sigmoid_and_silu_are_within_their_bounds()
    {
        Assert.InRange(WorstUlp(Floats(-80, 80), FloatMath.Sigmoid, x => 1 / (1 + Math.Exp(-x))), 0.4, 2.5);
        Assert.InRange(WorstUlp(Floats(-80, 80), FloatMath.Silu, x => x / (1 + Math.Exp(-x))), 0.4, 3.0);
    }

    [Fact]
    public void Rsqrt_is_within_one_and_a_half_ulp()
    {
        double worst = 0;
        foreach (float x in Floats(1e-30f, 1e30f))
            worst = Math.Max(worst, Ulps(FloatMath.Rsqrt(x), 1 / Math.Sqrt(x)));
        Assert.InRange(worst, 0.4, 1.5);
    }

    [Theory]
    [InlineData(0f, 1f)]
    [InlineData(88.72284f, float.PositiveInfinity)]
    [InlineData(float.MaxValue, float.PositiveInfinity)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(-87.31f, 0f)]
    [InlineData(float.MinValue, 0f)]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(float.NaN, float.NaN)]
    public void Exp_of_special_values(float x, float expected) => Assert.Equal(expected, FloatMath.Exp(x));

    [Fact]
    public void Negative_zero_is_zero()
    {
        Assert.Equal(1f, FloatMath.Exp(-0f));
        Assert.Equal(float.NegativeInfinity, FloatMath.Log(-0f));
    }

    [Theory]
    [InlineData(1f, 0f)]
    [InlineData(0f, float.NegativeInfinity)]
    [InlineData(-1f, float.NaN)]
    [InlineData(float.NegativeInfinity, float.NaN)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(float.NaN, float.NaN)]
    public void Log_of_special_values(float x, float expected) => Assert.Equal(expected, FloatMath.Log(x));

    [Fact]
    public void Sigmoid_saturates_without_nan()
    {
        Assert.Equal(0f, FloatMath.Sigmoid(Vector512.Create(-200f)).ToScalar());
        Assert.Equal(1f, FloatMath.Sigmoid(Vector512.Create(200f)).ToScalar());
        Assert.Equal(0f, FloatMath.Silu(Vector512.Create(-200f)).ToScalar());
    }

    [Fact]
    public void Sums_and_maxima_follow_the_tree()
    {
        var random = new CounterRandom(3, 0);
        for (ulong round = 0; round < 200; round++)
        {
            var v = new float[16];
            for (int i = 0; i < 16; i++)
                v[i] = (float)random.Normal(round * 16 + (ulong)i);
            var tree = (float[])v.Clone();
            for (int step = 8; step >= 1; step /= 2)
                for (int i = 0; i < step; i++)
                    tree[i] += tree[i + step];
            Assert.Equal(tree[0], Lanes.Sum(Vector512.Create(v)));
            Assert.Equal(v.Max(), Lanes.Max(Vector512.Create(v)));
        }
    }

    // Some 100,000 floats, dense in the whole range: by their bits within each sign.
    private static IEnumerable<float> Floats(float from, float to)
    {
        foreach (var (low, high, sign) in from < 0 ? new[] { (1e-10f, -from, -1), (1e-10f, to, 1) } : [(from, to, 1)])
        {
            int start = BitConverter.SingleToInt32Bits(low), end = BitConverter.SingleToInt32Bits(high), step = Math.Max(1, (end - start) / 50_000);
            for (int bits = start; bits < end; bits += step)
                yield return sign * BitConverter.Int32BitsToSingle(bits);
            for (int i = 0; i < 50_000; i++)
                yield return sign * (low + (high - low) * (i / 50_000f));
        }
    }

    private static double WorstUlp(IEnumerable<float> samples, Func<Vector512<float>, Vector512<float>> ours, Func<double, double> exact)
    {
        double worst = 0;
        foreach (var chunk in samples.Chunk(16).Where(c => c.Length == 16))
        {
            var result = ours(Vector512.Create(chunk));
            for (int i = 0; i < 16; i++)
                worst = Math.Max(worst, Ulps(result[i], exact(chunk[i])));
        }
        return worst;
    }

    private static double Ulps(float actual, double exact)
    {
        float nearest = Math.Abs((float)exact);
        double unit = MathF.BitIncrement(nearest) - (double)nearest;
        return Math.Abs(actual - exact) / unit;
    }
}
