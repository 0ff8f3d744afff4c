using System.Numerics;
using Trove.Models.Kernels;

namespace Trove.Tests.Models.Kernels;

/// <summary>Against series in integers of 200 bits, which share nothing with the code under test.</summary>
public class DoubleMathTests
{
    private const int Bits = 200;
    private static readonly BigInteger One = BigInteger.One << Bits;

    [Fact]
    public void Exp_is_within_its_bound() => Assert.All(Samples(300, -700, 700), x => Assert.InRange(Relative(DoubleMath.Exp(x), x, ExpScaled), 0, 4e-16));

    [Fact]
    public void Log_inverts_exp_within_its_bound()
    {
        // |log(x) − y| where y solves exp(y) = x to 200 bits, by one Newton step from the double.
        foreach (double exponent in Samples(300, -300, 300))
        {
            double x = Math.Exp(exponent), y = DoubleMath.Log(x);
            Assert.InRange(Math.Abs(Residual(x, y)), 0, 4e-16 + 2e-16 * Math.Abs(y));
        }
        Assert.Equal(0, DoubleMath.Log(1));
    }

    [Fact]
    public void Sine_and_cosine_are_within_their_bound()
    {
        foreach (double x in Samples(400, -1048576, 1048576).Concat(Samples(400, -7, 7)))
        {
            var (sin, cos) = DoubleMath.SinCos(x);
            var (exactSin, exactCos) = SinCosScaled(Fixed(x));
            Assert.InRange(Math.Abs((double)(Fixed(sin) - exactSin) / (double)One), 0, 3e-16);
            Assert.InRange(Math.Abs((double)(Fixed(cos) - exactCos) / (double)One), 0, 3e-16);
        }
        Assert.Equal((0.0, 1.0), DoubleMath.SinCos(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => DoubleMath.SinCos(1048577));
        Assert.Throws<ArgumentOutOfRangeException>(() => DoubleMath.SinCos(double.NaN));
    }

    [Fact]
    public void Pow_is_within_its_bound()
    {
        foreach (double y in Samples(200, -1, 0))
        {
            double exact = Math.Pow(10000, y), bound = (1 + Math.Abs(y * Math.Log(10000))) * 5e-16;
            Assert.InRange(Math.Abs(DoubleMath.Pow(10000, y) / exact - 1), 0, bound + 2e-16);
        }
        Assert.Equal(1, DoubleMath.Pow(0.9, 0L));
        Assert.Equal(1024, DoubleMath.Pow(2, 10L));
        Assert.Equal(Math.Pow(0.95, 1000), DoubleMath.Pow(0.95, 1000L), 1e-35);
    }

    private static IEnumerable<double> Samples(int count, double from, double to)
    {
        var random = new CounterRandom(11, (ulong)count);
        return Enumerable.Range(0, count).Select(i => from + (to - from) * random.Uniform((ulong)i));
    }

    private static double Relative(double actual, double x, Func<BigInteger, (BigInteger Mantissa, int Power)> exact)
    {
        var (mantissa, power) = exact(Fixed(x));
        double scaled = Math.ScaleB(actual, -power); // near 1
        return Math.Abs((double)(Fixed(scaled) - mantissa) / (double)mantissa);
    }

    // x / e^y − 1, to first order log(x) − y.
    private static double Residual(double x, double y)
    {
        var (mantissa, power) = ExpScaled(Fixed(y));
        return (double)(Fixed(Math.ScaleB(x, -power)) - mantissa) / (double)mantissa;
    }

    private static BigInteger Fixed(double x)
    {
        long bits = BitConverter.DoubleToInt64Bits(x);
        int exponent = (int)(bits >> 52 & 0x7FF);
        BigInteger mantissa = (bits & 0xFFFFFFFFFFFFF) | (exponent == 0 ? 0 : 1L << 52);
        int shift = Math.Max(exponent, 1) - 1075 + Bits;
        mantissa = shift >= 0 ? mantissa << shift : mantissa >> -shift;
        return bits < 0 ? -mantissa : mantissa;
    }

    // e^x = mantissa · 2^power.
    private static (BigInteger Mantissa, int Power) ExpScaled(BigInteger x)
    {
        var ln2 = Ln2();
        int power = (int)(double)BigInteger.Divide(x, ln2);
        var r = x - power * ln2;
        BigInteger term = One, sum = One;
        for (int k = 1; k < 80; k++)
            sum += term = (term * r >> Bits) / k;
        return (sum, power);
    }

    private static (BigInteger Sin, BigInteger Cos) SinCosScaled(BigInteger x)
    {
        var turn = 2 * Pi();
        var r = BigInteger.Remainder(x, turn);
        BigInteger term = One, sin = 0, cos = 0;
        for (int k = 0; k < 120; k++)
        {
            if (k > 0)
                term = (term * r >> Bits) / k;
            switch (k % 4)
            {
                case 0: cos += term; break;
                case 1: sin += term; break;
                case 2: cos -= term; break;
                default: sin -= term; break;
            }
        }
        return (sin, cos);
    }

    // ln 2 = 2·artanh(1/3); Machin: π = 16·arctan(1/5) − 4·arctan(1/239).
    private static BigInteger Ln2() => 2 * Inverse(3, alternate: false);

    private static BigInteger Pi() => 16 * Inverse(5, alternate: true) - 4 * Inverse(239, alternate: true);

    private static BigInteger Inverse(int n, bool alternate)
    {
        BigInteger power = One / n, sum = 0;
        for (int k = 1; power != 0; k += 2, power /= n * n)
            sum += (alternate && k % 4 == 3 ? -1 : 1) * (power / k);
        return sum;
    }
}
