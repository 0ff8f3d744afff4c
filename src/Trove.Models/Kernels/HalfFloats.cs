using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Trove.Models.Kernels;

/// <summary>
/// Conversions between float32 and the 16-bit formats bfloat16 and IEEE binary16, rounding to nearest, ties to even. By
/// integers and exact float steps, because not every machine has instructions for them.
/// </summary>
public static unsafe class HalfFloats
{
    /// <summary>bfloat16 to float32; exact.</summary>
    public static void FromBFloat16(ReadOnlySpan<ushort> from, Span<float> to) => Widen(from, to, binary16: false);

    /// <summary>float32 to bfloat16. NaN stays NaN; what rounds beyond the largest number becomes infinity.</summary>
    public static void ToBFloat16(ReadOnlySpan<float> from, Span<ushort> to) => Narrow(from, to, binary16: false);

    /// <summary>binary16 to float32; exact, subnormal numbers too.</summary>
    public static void FromFloat16(ReadOnlySpan<ushort> from, Span<float> to) => Widen(from, to, binary16: true);

    /// <summary>float32 to binary16, with gradual underflow. NaN stays NaN; 65520 and more become infinity.</summary>
    public static void ToFloat16(ReadOnlySpan<float> from, Span<ushort> to) => Narrow(from, to, binary16: true);

    private static void Widen(ReadOnlySpan<ushort> from, Span<float> to, bool binary16)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(to.Length, from.Length);
        var buffer = stackalloc ushort[Lanes.Count];
        fixed (ushort* source = from)
        fixed (float* target = to)
            for (int i = 0; i < from.Length; i += Lanes.Count)
            {
                int count = Math.Min(Lanes.Count, from.Length - i);
                new ReadOnlySpan<ushort>(source + i, count).CopyTo(new Span<ushort>(buffer, Lanes.Count));
                var (lower, upper) = Vector256.Widen(Vector256.Load(buffer));
                var wide = Vector512.Create(lower, upper);
                Lanes.Store(binary16 ? Float16ToSingle(wide) : Vector512.ShiftLeft(wide, 16).AsSingle(), target + i, count);
            }
    }

    private static void Narrow(ReadOnlySpan<float> from, Span<ushort> to, bool binary16)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(to.Length, from.Length);
        var buffer = stackalloc ushort[Lanes.Count];
        fixed (float* source = from)
        fixed (ushort* target = to)
            for (int i = 0; i < from.Length; i += Lanes.Count)
            {
                int count = Math.Min(Lanes.Count, from.Length - i);
                var value = Lanes.Load(source + i, count);
                var bits = binary16 ? SingleToFloat16(value) : SingleToBFloat16(value);
                Vector256.Narrow(bits.GetLower(), bits.GetUpper()).Store(buffer);
                new ReadOnlySpan<ushort>(buffer, count).CopyTo(new Span<ushort>(target + i, count));
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> SingleToBFloat16(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var even = Vector512.ShiftRightLogical(bits, 16) & Vector512<uint>.One;
        var rounded = Vector512.ShiftRightLogical(bits + Vector512.Create(0x7FFFu) + even, 16);
        var quiet = Vector512.ShiftRightLogical(bits, 16) | Vector512.Create(0x40u);
        return Vector512.ConditionalSelect(Vector512.Equals(value, value).AsUInt32(), rounded, quiet);
    }

    // The exponent is rebiased by multiplying with 2¹¹²: a subnormal half is a float of the smallest exponent, and gets normal.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Float16ToSingle(Vector512<uint> bits)
    {
        var magnitude = Vector512.ShiftLeft(bits & Vector512.Create(0x7FFFu), 13);
        var special = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x0F800000u)); // infinity and NaN
        var finite = (magnitude.AsSingle() * Vector512.Create(5192296858534827628530496329220096f)).AsUInt32();
        var result = Vector512.ConditionalSelect(special, magnitude | Vector512.Create(0x7F800000u), finite);
        return (result | Vector512.ShiftLeft(bits & Vector512.Create(0x8000u), 16)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> SingleToFloat16(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var sign = Vector512.ShiftRightLogical(bits & Vector512.Create(0x80000000u), 16);
        var magnitude = bits & Vector512.Create(0x7FFFFFFFu);
        // Below 2⁻¹⁴ the result counts in units of 2⁻²⁴; so does the last bit of floats in [½, 1): adding ½ rounds there.
        var subnormal = (magnitude.AsSingle() + Vector512.Create(0.5f)).AsUInt32() - Vector512.Create(0x3F000000u);
        var even = Vector512.ShiftRightLogical(magnitude, 13) & Vector512<uint>.One;
        var normal = Vector512.ShiftRightLogical(magnitude - Vector512.Create(112u << 23) + Vector512.Create(0xFFFu) + even, 13);
        var result = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(113u << 23)), subnormal, normal);
        result = Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x477FF000u)), Vector512.Create(0x7C00u), result); // 65520
        var nan = Vector512.Create(0x7E00u) | Vector512.ShiftRightLogical(magnitude, 13) & Vector512.Create(0x3FFu);
        return sign | Vector512.ConditionalSelect(Vector512.Equals(value, value).AsUInt32(), result, nan);
    }
}
