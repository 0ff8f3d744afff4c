using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Trove.Models.Kernels;

/// <summary>Rounding of one block of 32 floats to 8 bits.</summary>
internal static unsafe class QuantizedGemmBlock
{
    private const int Size = QuantizedGemmMatrix.BlockSize;

    // Below, the reciprocal of a scale would overflow; so little is taken for zero.
    private const float Least = 1e-30f;

    /// <summary>Integers within ±127 whose products with the scale returned are nearest to <paramref name="values"/>.</summary>
    /// <returns>The scale; zero for a block of (nearly) zeros, not a number if a value is not finite, both with zeros for integers.</returns>
    public static float Quantize(float* values, sbyte* quants)
    {
        var pairs = stackalloc int[Size / 2];
        float scale = Quantize(values, pairs, 1);
        for (int i = 0; i < Size; i++)
            quants[i] = (sbyte)((short*)pairs)[i];
        return scale;
    }

    /// <summary>The same with the integers in 16 bits, two and two together, pairs <paramref name="stride"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Quantize(float* values, int* pairs, int stride)
    {
        var most = Vector256<float>.Zero;
        for (int i = 0; i < Size; i += 8)
            most = Vector256.Max(most, Vector256.Abs(Vector256.Load(values + i)));
        float largest = 0;
        for (int i = 0; i < 8; i++)
            largest = MathF.Max(largest, most[i]); // not a number if any is
        float scale = !float.IsFinite(largest) ? float.NaN : largest < Least ? 0 : largest / 127;
        var inverse = Vector256.Create(scale > 0 ? 1 / scale : 0);
        for (int i = 0; i < Size; i += 8)
        {
            // largest · (1 / scale) may exceed 127 by an ulp, which rounding to an integer takes away.
            var product = scale > 0 ? Vector256.Load(values + i) * inverse : Vector256<float>.Zero;
            var rounded = Vector256.ConvertToInt32(Vector256.Round(product));
            for (int j = 0; j < 8; j += 2)
                pairs[(i + j) / 2 * stride] = (rounded[j] & 0xFFFF) | rounded[j + 1] << 16;
        }
        return scale;
    }
}
