using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Trove.Models.Kernels;

/// <summary>
/// Sixteen 32-bit lanes, one for each output of a panel; or the same bits as 32 16-bit integers, two of each output. In vectors of
/// 256 bits only: 512 were measured slower (Zen 4: 97 against 117 billion operations a second of a core, the latter one
/// <c>pmaddwd</c> each cycle), and the sums of 16-bit products that AVX512-VNNI has are not to be had from .NET 10.
/// </summary>
internal readonly unsafe struct QuantizedGemmLanes(Vector256<int> low, Vector256<int> high)
{
    private readonly Vector256<int> _low = low, _high = high;

    /// <summary>32 weights as 16-bit integers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static QuantizedGemmLanes Widen(sbyte* weights) => new(Widen(Vector128.Load(weights)), Widen(Vector128.Load(weights + 16)));

    /// <summary>In each lane sum + w₀x₀ + w₁x₁, exact: both products are at most 128·127, and nothing saturates.</summary>
    /// <param name="pair">x₀, then x₁, 16 bits each; a float in name only, since a float is broadcast from memory and an integer is not.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static QuantizedGemmLanes MultiplyAdd(QuantizedGemmLanes weights, float* pair, QuantizedGemmLanes sum)
    {
        var factor = Vector256.Create(*pair).AsInt32();
        return new(sum._low + Dot(weights._low, factor), sum._high + Dot(weights._high, factor));
    }

    /// <summary>sums += dot · (scale of the output · scale of the row), the product of scales rounded, then one fused step.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddScaled(QuantizedGemmLanes dot, ushort* scales, float scale, float* sums)
    {
        AddScaled(dot._low, Vector128.Load(scales), scale, sums);
        AddScaled(dot._high, Vector128.Load(scales + 8), scale, sums + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Widen(Vector128<sbyte> weights) =>
        (Avx2.IsSupported ? Avx2.ConvertToVector256Int16(weights) : Vector256.WidenLower(weights.ToVector256Unsafe())).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Dot(Vector256<int> a, Vector256<int> b) => Avx2.IsSupported
        ? Avx2.MultiplyAddAdjacent(a.AsInt16(), b.AsInt16())
        : (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddScaled(Vector256<int> dot, Vector128<ushort> scales, float scale, float* sums)
    {
        var bits = Avx2.IsSupported ? Avx2.ConvertToVector256Int32(scales) : Vector256.WidenLower(scales.ToVector256Unsafe()).AsInt32();
        var weight = ((bits & Vector256.Create(0x7FFF)) << 13 | (bits & Vector256.Create(0x8000)) << 16).AsSingle() * Vector256.Create(QuantizedGemm.HalfToSingle);
        Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(dot), weight * Vector256.Create(scale), Vector256.Load(sums)).Store(sums);
    }
}
