using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Trove.Models.Kernels;

/// <summary>
/// Sixteen floats at a time, and the one order in which they are summed: lane i with i+8, then +4, +2, +1. Where the
/// hardware has no 512-bit vectors the same sixteen lanes are two or more registers, so the bits do not depend on it.
/// </summary>
internal static unsafe class Lanes
{
    public const int Count = 16;

    /// <summary>Lane numbers 0 .. 15.</summary>
    public static Vector512<int> Indices
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512.Create(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    }

    /// <summary>The first <paramref name="count"/> floats; lanes beyond are zero and nothing beyond is read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* from, int count) => count >= Count ? Vector512.Load(from) : LoadPart(from, count);

    /// <summary>Writes the first <paramref name="count"/> lanes and nothing beyond.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* to, int count)
    {
        if (count >= Count)
            value.Store(to);
        else
            StorePart(value, to, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> v)
    {
        var eight = v.GetLower() + v.GetUpper();
        var four = eight.GetLower() + eight.GetUpper();
        return four[0] + four[2] + (four[1] + four[3]);
    }

    /// <summary>Both halves are eight lanes of one sum of sixteen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum(Vector512<double> lower, Vector512<double> upper)
    {
        var eight = lower + upper;
        var four = eight.GetLower() + eight.GetUpper();
        return four[0] + four[2] + (four[1] + four[3]);
    }

    /// <summary>The larger of each lane: by comparison, as the vector Max spends more on signs of zero and NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Max(Vector512<float> a, Vector512<float> b) => Vector512.ConditionalSelect(Vector512.GreaterThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> v)
    {
        var (a, b) = (v.GetLower(), v.GetUpper());
        var eight = Vector256.ConditionalSelect(Vector256.GreaterThan(a, b), a, b);
        var (c, d) = (eight.GetLower(), eight.GetUpper());
        var four = Vector128.ConditionalSelect(Vector128.GreaterThan(c, d), c, d);
        float even = four[0] > four[2] ? four[0] : four[2], odd = four[1] > four[3] ? four[1] : four[3];
        return even > odd ? even : odd;
    }

    // Not inlined: tails are rare, and their buffer would make every caller clear a stack frame.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector512<float> LoadPart(float* from, int count)
    {
        var buffer = Vector512<float>.Zero;
        for (int i = 0; i < count; i++)
            ((float*)&buffer)[i] = from[i];
        return buffer;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StorePart(Vector512<float> value, float* to, int count)
    {
        for (int i = 0; i < count; i++)
            to[i] = ((float*)&value)[i];
    }
}
