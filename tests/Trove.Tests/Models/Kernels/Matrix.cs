using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Tests.Models.Kernels;

/// <summary>A buffer for kernels, of normal numbers or zeros, with a guard behind it that must not change.</summary>
internal sealed unsafe class Matrix : IDisposable
{
    private const int Guard = 32;
    private const float Canary = 12345.678f;

    private readonly NativeBuffer<float> _memory;

    public Matrix(int length, ulong seed = 0, double deviation = 1)
    {
        Length = length;
        _memory = new NativeBuffer<float>(length + Guard);
        var random = new CounterRandom(seed, 77);
        for (int i = 0; i < length && seed != 0; i++)
            Values[i] = (float)(deviation * random.Normal((ulong)i));
        _memory.Slice(length, Guard).Fill(Canary);
    }

    public int Length { get; }

    public Span<float> Values => _memory.Slice(0, Length);

    public double[] Doubles => Array.ConvertAll(Values.ToArray(), x => (double)x);

    public static implicit operator float*(Matrix matrix) => matrix._memory.Pointer;

    public void Dispose()
    {
        Assert.True(_memory.Slice(Length, Guard).IndexOfAnyExcept(Canary) < 0, "a kernel wrote beyond its memory");
        _memory.Dispose();
    }
}

/// <summary>Gradients of plain functions in double, by central differences.</summary>
internal static class Differences
{
    private const double H = 1e-5;

    /// <summary>d f / d x[i] for every i, or every <paramref name="step"/>-th.</summary>
    public static (int Index, double Slope)[] Of(double[] x, Func<double[], double> f, int step = 1) =>
        [.. Enumerable.Range(0, (x.Length + step - 1) / step).Select(n =>
        {
            int i = n * step;
            double kept = x[i];
            x[i] = kept + H;
            double above = f(x);
            x[i] = kept - H;
            double below = f(x);
            x[i] = kept;
            return (i, (above - below) / (2 * H));
        })];

    /// <summary>Each within a share of the largest.</summary>
    public static void AssertClose((int Index, double Slope)[] expected, ReadOnlySpan<float> actual, double tolerance = 2e-5)
    {
        double largest = expected.Max(e => Math.Abs(e.Slope));
        Assert.True(largest > 0);
        foreach (var (index, slope) in expected)
            Assert.True(Math.Abs(actual[index] - slope) <= tolerance * largest, $"gradient {index} is {actual[index]:R}, by differences {slope:R}; the largest is {largest:R}");
    }

    public static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
