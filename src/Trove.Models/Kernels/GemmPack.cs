using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Trove.Models.Kernels;

/// <summary>
/// Copies slices of a matrix into the order in which the kernel reads them: slice [k, width], each step of k next to the last.
/// A slice is a strip of A (its rows) or a panel of B (its columns); both are "lines" here, of the length k.
/// </summary>
internal static unsafe class GemmPack
{
    /// <summary>Packs lines that lie along memory: element p of line i is at <c>source[i * ld + p]</c>.</summary>
    /// <param name="lines">Lines there are, 1 .. width; the missing ones repeat the last, and what is computed from them is dropped.</param>
    /// <param name="width">Lines of the packed slice, even.</param>
    /// <param name="k">Elements to take of each line.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Along(float* source, long ld, int lines, int width, int k, float* to)
    {
        for (int line = 0; line < width; line += 4)
        {
            float* s0 = source + Math.Min(line, lines - 1) * ld, s1 = source + Math.Min(line + 1, lines - 1) * ld;
            float* s2 = source + Math.Min(line + 2, lines - 1) * ld, s3 = source + Math.Min(line + 3, lines - 1) * ld;
            float* t = to + line;
            bool whole = width - line >= 4;
            int p = 0;
            for (; p <= k - 4; p += 4, t += 4 * width)
            {
                var (r0, r1, r2, r3) = (Vector128.Load(s0 + p), Vector128.Load(s1 + p), Vector128.Load(s2 + p), Vector128.Load(s3 + p));
                Transpose(ref r0, ref r1, ref r2, ref r3);
                if (whole)
                {
                    r0.Store(t);
                    r1.Store(t + width);
                    r2.Store(t + 2 * width);
                    r3.Store(t + 3 * width);
                }
                else
                {
                    r0.GetLower().Store(t);
                    r1.GetLower().Store(t + width);
                    r2.GetLower().Store(t + 2 * width);
                    r3.GetLower().Store(t + 3 * width);
                }
            }
            for (; p < k; p++, t += width)
            {
                t[0] = s0[p];
                t[1] = s1[p];
                if (!whole)
                    continue;
                t[2] = s2[p];
                t[3] = s3[p];
            }
        }
    }

    /// <summary>Packs lines that lie across memory: element p of line i is at <c>source[p * ld + i]</c>.</summary>
    /// <param name="lines">Lines there are, 1 .. width; the missing ones are zero.</param>
    /// <param name="width">Lines of the packed slice: 2, 4, 6, 8, 12, 16 or 32.</param>
    /// <param name="k">Elements to take of each line.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Across(float* source, long ld, int lines, int width, int k, float* to)
    {
        if (lines < width || width < 4)
            AcrossEdge(source, ld, lines, width, k, to);
        else if (width < 8)
            for (; k > 0; k--, source += ld, to += width)
            {
                // Two vectors cover 4 and 6, overlapping.
                var last = Vector128.Load(source + width - 4);
                Vector128.Load(source).Store(to);
                last.Store(to + width - 4);
            }
        else if (width <= 16)
            for (; k > 0; k--, source += ld, to += width)
            {
                var last = Vector256.Load(source + width - 8);
                Vector256.Load(source).Store(to);
                last.Store(to + width - 8);
            }
        else
            for (; k > 0; k--, source += ld, to += width)
                for (int i = 0; i < width; i += 16)
                {
                    Vector256.Load(source + i).Store(to + i);
                    Vector256.Load(source + i + 8).Store(to + i + 8);
                }
    }

    private static void AcrossEdge(float* source, long ld, int lines, int width, int k, float* to)
    {
        for (; k > 0; k--, source += ld, to += width)
            for (int i = 0; i < width; i++)
                to[i] = i < lines ? source[i] : 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(ref Vector128<float> a, ref Vector128<float> b, ref Vector128<float> c, ref Vector128<float> d)
    {
        var (ab0, ab1, cd0, cd1) = (InterleaveLow(a, b), InterleaveHigh(a, b), InterleaveLow(c, d), InterleaveHigh(c, d));
        (a, b, c, d) = (LowHalves(ab0, cd0), HighHalves(ab0, cd0), LowHalves(ab1, cd1), HighHalves(ab1, cd1));
    }

    // The portable forms of these compile to several instructions each.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> InterleaveLow(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackLow(a, b) : Vector128.Create(a[0], b[0], a[1], b[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> InterleaveHigh(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackHigh(a, b) : Vector128.Create(a[2], b[2], a[3], b[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> LowHalves(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MoveLowToHigh(a, b) : Vector128.Create(a.GetLower(), b.GetLower());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> HighHalves(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MoveHighToLow(b, a) : Vector128.Create(a.GetUpper(), b.GetUpper());
}
