using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Trove.Models.Kernels;

/// <summary>
/// Elementary functions of sixteen floats, from additions, multiplications, fused multiply-adds and divisions only: what
/// IEEE 754 rounds in one way. So the bits are the same on every machine, which those of the system's libraries are not.
/// Polynomials are minimax (Remez), fitted for these files.
/// </summary>
internal static class FloatMath
{
    private const float Log2E = 1.44269504f;
    private const float Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f; // the high part times any exponent is exact
    private const float ExpSmallest = -87.3f, ExpLargest = 88.7228317f;

    /// <summary>e to the x, within 1 ulp. Below −87.3 it is zero (no subnormal results); above 88.7228317, infinity; NaN stays.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        var magic = Vector512.Create(12582912f); // 1.5 · 2²³: adding it rounds to an integer, in the low bits of the sum
        var t = Vector512.FusedMultiplyAdd(x, Vector512.Create(Log2E), magic);
        var n = t - magic;
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2High), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2Low), r);
        var p = Vector512.Create(0.00138145379737f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.00836874507886f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.041668390811f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.166665203995f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.499999934321f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r) + Vector512<float>.One;
        var scaled = (p.AsInt32() + Vector512.ShiftLeft(t.AsInt32(), 23)).AsSingle();
        scaled = Vector512.AndNot(scaled, Vector512.LessThan(x, Vector512.Create(ExpSmallest)));
        return Vector512.ConditionalSelect(Vector512.LessThanOrEqual(x, Vector512.Create(ExpLargest)), scaled, x * Vector512.Create(float.PositiveInfinity));
    }

    /// <summary>The natural logarithm, within 1 ulp, of subnormal numbers too. Of zero −∞, of less NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Log(Vector512<float> x)
    {
        var small = Vector512.LessThan(x, Vector512.Create(1.17549435e-38f));
        var bits = Vector512.ConditionalSelect(small, x * Vector512.Create(8388608f), x).AsInt32();
        var offset = bits - Vector512.Create(0x3F3504F3); // from √½: then the mantissa is in [√½, √2)
        var exponent = Vector512.ConvertToSingle(Vector512.ShiftRightArithmetic(offset, 23)) - (small.AsSingle() & Vector512.Create(23f));
        var f = ((offset & Vector512.Create(0x007FFFFF)) + Vector512.Create(0x3F3504F3)).AsSingle() - Vector512<float>.One;
        var p = Vector512.Create(0.0674660907843f);
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(-0.116755993628f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.118881477102f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(-0.124055969579f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.142195555442f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(-0.166679955122f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.20002118482f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(-0.250000096027f));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(0.333333126068f));
        var square = f * f;
        var tail = Vector512.FusedMultiplyAdd(exponent, Vector512.Create(Ln2Low), p * f * square);
        tail = Vector512.FusedMultiplyAdd(square, Vector512.Create(-0.5f), tail) + f;
        var result = Vector512.FusedMultiplyAdd(exponent, Vector512.Create(Ln2High), tail);
        result = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512.Create(float.PositiveInfinity)), result, x);
        result = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), Vector512.Create(float.NaN), result);
        return Vector512.ConditionalSelect(Vector512.Equals(x, Vector512<float>.Zero), Vector512.Create(float.NegativeInfinity), result);
    }

    /// <summary>1/√x by a square root and a division, each rounded once: within 1.5 ulp. Never the hardware's estimate.</summary>
    public static float Rsqrt(float x) => 1f / MathF.Sqrt(x);

    /// <summary>1/(1 + e⁻ˣ), within 2.5 ulp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exp(-x));

    /// <summary>x · sigmoid(x), within 3 ulp (Elfwing et al., arXiv 1702.03118).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Silu(Vector512<float> x) => x * Sigmoid(x);

    public static float Exp(float x) => Exp(Vector512.CreateScalar(x)).ToScalar();

    public static float Log(float x) => Log(Vector512.CreateScalar(x)).ToScalar();
}
