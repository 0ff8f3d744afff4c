using System.Numerics;

namespace Trove.Core.Queries;

/// <summary>
/// The discrete Laplace distribution on the integers: P(x) = (1 − q) / (1 + q) · q^|x| with q = exp(−1/b) and a rational scale b. Sampled
/// exactly, in integers alone, after Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy" (NeurIPS 2020), algorithms 1
/// and 2: floating point has gaps that give the hidden number away (Mironov, CCS 2012).
/// </summary>
public readonly record struct DiscreteLaplace
{
    private const int Precision = 192; // of fixed-point numbers, in bits
    private const int LargestExponent = 32;

    // Of the scale, in lowest terms. Default is no distribution.
    private readonly UInt128 _numerator, _denominator;

    /// <summary>Of a scale numerator / denominator.</summary>
    /// <param name="numerator">From 1 to 2^96 − 1: what is drawn and added up stays within 128 bits.</param>
    /// <param name="denominator">From 1 to 2^96 − 1.</param>
    public DiscreteLaplace(UInt128 numerator, UInt128 denominator)
    {
        ArgumentOutOfRangeException.ThrowIfZero(numerator);
        ArgumentOutOfRangeException.ThrowIfZero(denominator);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(UInt128.Max(numerator, denominator), (UInt128.One << 96) - 1);
        UInt128 divisor = numerator, rest = denominator;
        while (rest != 0)
            (divisor, rest) = (rest, divisor % rest);
        (_numerator, _denominator) = (numerator / divisor, denominator / divisor);
    }

    /// <summary>Draws one. How long that takes hangs on what is drawn.</summary>
    public Int128 Sample(RandomBits bits)
    {
        while (true)
        {
            var low = bits.Below(_numerator);
            if (!BernoulliExp(low, _numerator, bits))
                continue;
            UInt128 high = 0;
            while (BernoulliExp(1, 1, bits))
                high++;
            var size = checked((Int128)((low + _numerator * high) / _denominator));
            bool negative = bits.Below(2) == 1;
            if (negative && size == 0)
                continue; // zero would count twice
            return negative ? -size : size;
        }
    }

    /// <summary>
    /// The least integer τ from 1 up with P(x ≥ τ) = q^τ / (1 + q) ≤ probability. Computed with bounds on either side, so that the probability is
    /// never more; they are 2^-130 apart, and the numbers compared never equal (Lindemann).
    /// </summary>
    /// <param name="numerator">Of the probability.</param>
    /// <param name="denominator">Of the probability, which is at least 2^-40 and less than 1/2.</param>
    public Int128 Tail(ulong numerator, ulong denominator)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(numerator, denominator >> 40);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(numerator, denominator / 2);
        var q = ExpMinus(_denominator, _numerator).Lower;
        var most = numerator * ((BigInteger.One << Precision) + q);
        BigInteger from = 0, to = 1; // P is too large at from, and small enough at to
        while (!IsRare(to, this))
            (from, to) = (to, 2 * to);
        while (to - from > 1)
        {
            var middle = (from + to) / 2;
            (from, to) = IsRare(middle, this) ? (from, middle) : (middle, to);
        }
        return (Int128)to;

        bool IsRare(BigInteger tau, DiscreteLaplace x) => ExpMinus(tau * x._denominator, x._numerator).Upper * denominator <= most;
    }

    /// <summary>True with probability exp(−numerator / denominator), which is from exp(−1) to 1: algorithm 1 for γ of at most 1.</summary>
    private static bool BernoulliExp(UInt128 numerator, UInt128 denominator, RandomBits bits)
    {
        UInt128 k = 1;
        while (bits.Below(checked(denominator * k)) < numerator)
            k++;
        return k % 2 == 1;
    }

    // Bounds on exp(−x) in units of 2^-Precision. 2^Precision·exp(x) is a sum of positive terms, each rounded down: of at most 400 terms, which lose less
    // than exp(x) each, 2^55 in all.
    private static (BigInteger Lower, BigInteger Upper) ExpMinus(BigInteger numerator, BigInteger denominator)
    {
        if (numerator >= LargestExponent * denominator)
            return (0, BigInteger.One << (Precision - 46)); // e^-32 < 2^-46
        BigInteger sum = 0, term = BigInteger.One << Precision;
        for (int i = 1; !term.IsZero; i++)
        {
            sum += term;
            term = term * numerator / (denominator * i);
        }
        var square = BigInteger.One << (2 * Precision);
        return (square / (sum + (BigInteger.One << 60)), square / sum + 1);
    }
}
