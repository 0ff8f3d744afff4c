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
    /// <param name="ahead">Floats from each element to one that will be needed soon, which is prefetched: rows are too short for the
    /// hardware to see where they lead. 0 prefetches nothing.</param>
    public static void Along(float* source, long ld, int lines, int width, int k, float* to, long ahead = 0)
    {
        int line = 0;
        if (Avx.IsSupported)
            for (; line <= lines - 8; line += 8)
                Along8(source + line * ld, ld, width, k, to + line, ahead);
        for (; line <= lines - 4; line += 4)
            Along4(source + line * ld, ld, width, k, to + line, ahead);
        for (; line < width; line += 2)
        {
            float* first = source + Math.Min(line, lines - 1) * ld, second = source + Math.Min(line + 1, lines - 1) * ld, t = to + line;
            for (int p = 0; p < k; p++, t += width)
                (t[0], t[1]) = (first[p], second[p]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Along8(float* source, long ld, long width, int k, float* to, long ahead)
    {
        float* s0 = source, s1 = s0 + ld, s2 = s1 + ld, s3 = s2 + ld, s4 = s3 + ld, s5 = s4 + ld, s6 = s5 + ld, s7 = s6 + ld;
        long p = 0;
        for (; p <= k - 4; p += 4)
        {
            if (ahead != 0 && p % 16 == 0)
            {
                float* next = source + p + ahead;
                for (int i = 0; i < 8; i++, next += ld)
                    Sse.Prefetch0(next);
            }
            var a = Vector256.Create(Vector128.Load(s0 + p), Vector128.Load(s4 + p));
            var b = Vector256.Create(Vector128.Load(s1 + p), Vector128.Load(s5 + p));
            var c = Vector256.Create(Vector128.Load(s2 + p), Vector128.Load(s6 + p));
            var d = Vector256.Create(Vector128.Load(s3 + p), Vector128.Load(s7 + p));
            var (ab0, ab1, cd0, cd1) = (Avx.UnpackLow(a, b), Avx.UnpackHigh(a, b), Avx.UnpackLow(c, d), Avx.UnpackHigh(c, d));
            Avx.Shuffle(ab0, cd0, 0x44).Store(to);
            Avx.Shuffle(ab0, cd0, 0xEE).Store(to + width);
            to += 2 * width;
            Avx.Shuffle(ab1, cd1, 0x44).Store(to);
            Avx.Shuffle(ab1, cd1, 0xEE).Store(to + width);
            to += 2 * width;
        }
        for (; p < k; p++, to += width)
            Vector256.Create(s0[p], s1[p], s2[p], s3[p], s4[p], s5[p], s6[p], s7[p]).Store(to);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Along4(float* source, long ld, long width, int k, float* to, long ahead)
    {
        float* s0 = source, s1 = s0 + ld, s2 = s1 + ld, s3 = s2 + ld;
        long p = 0;
        if (Sse.IsSupported)
            for (; p <= k - 4; p += 4)
            {
                if (ahead != 0 && p % 16 == 0)
                {
                    float* next = source + p + ahead;
                    for (int i = 0; i < 4; i++, next += ld)
                        Sse.Prefetch0(next);
                }
                var (a, b, c, d) = (Vector128.Load(s0 + p), Vector128.Load(s1 + p), Vector128.Load(s2 + p), Vector128.Load(s3 + p));
                var (ab0, ab1, cd0, cd1) = (Sse.UnpackLow(a, b), Sse.UnpackHigh(a, b), Sse.UnpackLow(c, d), Sse.UnpackHigh(c, d));
                Sse.MoveLowToHigh(ab0, cd0).Store(to);
                Sse.MoveHighToLow(cd0, ab0).Store(to + width);
                to += 2 * width;
                Sse.MoveLowToHigh(ab1, cd1).Store(to);
                Sse.MoveHighToLow(cd1, ab1).Store(to + width);
                to += 2 * width;
            }
        for (; p < k; p++, to += width)
            (to[0], to[1], to[2], to[3]) = (s0[p], s1[p], s2[p], s3[p]);
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
}
