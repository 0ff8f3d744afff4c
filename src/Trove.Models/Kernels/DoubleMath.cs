namespace Trove.Models.Kernels;

/// <summary>
/// Elementary functions in double for tables and schedules, where speed does not matter but equal bits do. Only additions,
/// multiplications, divisions and, where said, fused multiply-adds, in the order written.
/// </summary>
internal static class DoubleMath
{
    private const double Rounder = 6755399441055744.0; // 1.5 · 2⁵²
    private const double Ln2High = 6.93147180369123816490e-01, Ln2Low = 1.90821492927058770002e-10;

    /// <summary>e to the x for −700 ≤ x ≤ 700, relative error below 4e-16; clamped outside, so always finite and positive.</summary>
    public static double Exp(double x)
    {
        x = Math.Clamp(x, -700, 700);
        double shifted = x * 1.44269504088896338700 + Rounder, n = shifted - Rounder;
        double r = Math.FusedMultiplyAdd(-n, Ln2Low, Math.FusedMultiplyAdd(-n, Ln2High, x));
        double sum = 1;
        for (int k = 13; k >= 1; k--) // Taylor: 0.35¹⁴/14! < 5e-18
            sum = Math.FusedMultiplyAdd(sum, r / k, 1);
        return sum * BitConverter.Int64BitsToDouble((long)n + 1023 << 52);
    }

    /// <summary>
    /// The natural logarithm of a positive normal number, absolute error below 4e-16 + 2e-16·|result|. Without fused
    /// operations, so that scripts in plain IEEE doubles can give the same bits.
    /// </summary>
    public static double Log(double x)
    {
        long bits = BitConverter.DoubleToInt64Bits(x), offset = bits - 0x3FE6A09E667F3BCD; // bits of √½
        double exponent = offset >> 52, mantissa = BitConverter.Int64BitsToDouble((offset & 0xFFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD);
        double s = (mantissa - 1) / (mantissa + 1), square = s * s, sum = 0;
        for (int k = 23; k >= 3; k -= 2) // 2·artanh(s), |s| ≤ 0.172
            sum = (sum + 1.0 / k) * square;
        return exponent * Ln2High + (2 * s + (2 * s * sum + exponent * Ln2Low));
    }

    /// <summary>x to the y for positive normal x, relative error below (1 + |y·ln x|)·5e-16.</summary>
    public static double Pow(double x, double y) => Exp(y * Log(x));

    /// <summary>x to the n by repeated squaring.</summary>
    public static double Pow(double x, long n)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        double result = 1;
        for (; n > 0; n >>= 1, x *= x)
            if ((n & 1) != 0)
                result *= x;
        return result;
    }

    /// <summary>Sine and cosine for |x| ≤ 2²⁰ radians, absolute error below 3e-16.</summary>
    /// <exception cref="ArgumentOutOfRangeException">|x| &gt; 2²⁰ or NaN: the reduction by π/2 would lose digits.</exception>
    public static (double Sin, double Cos) SinCos(double x)
    {
        if (!(Math.Abs(x) <= 1 << 20))
            throw new ArgumentOutOfRangeException(nameof(x), x, "sine and cosine are computed for at most 2^20 radians");
        double shifted = x * 0.63661977236758134308 + Rounder, n = shifted - Rounder;
        // π/2 in three parts of 53 bits.
        double r = Math.FusedMultiplyAdd(-n, 1.5707963267948966, x);
        r = Math.FusedMultiplyAdd(-n, 6.123233995736766e-17, r);
        r = Math.FusedMultiplyAdd(-n, -1.4973849048591833e-33, r);
        double square = r * r, sin = 1, cos = 1;
        for (int k = 18; k >= 2; k -= 2) // Taylor: (π/4)¹⁹/19! < 1e-19
        {
            sin = 1 - square / (k * (k + 1)) * sin;
            cos = 1 - square / (k * (k - 1)) * cos;
        }
        sin *= r;
        return ((long)n & 3) switch { 0 => (sin, cos), 1 => (cos, -sin), 2 => (-sin, -cos), _ => (-cos, sin) };
    }
}
