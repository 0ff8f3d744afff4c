using System.Buffers.Binary;
using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Tests.Models.Kernels;

public unsafe class GemmQuantizedTests
{
    public static TheoryData<int> Threads => [1, 2, 3, 8];

    [Theory]
    [MemberData(nameof(Threads))]
    public void Products_have_the_bits_of_the_plain_loop_over_the_decoded_file(int threads)
    {
        using var pool = new WorkPool(threads);
        var numbers = new GemmCase.Numbers((ulong)threads);
        for (int i = 0; i < 60; i++)
        {
            int m = 1 + numbers.Below(20), n = 1 + numbers.Below(70), k = 32 * (1 + numbers.Below(8));
            var encoded = Encode(numbers, n, k);
            float[] x = numbers.Floats(m * k), start = numbers.Floats(m * n), y = new float[m * n];
            using var weights = QuantizedGemmMatrix.Decode(encoded, n, k);
            bool residual = numbers.Below(2) == 0;
            fixed (float* px = x, ps = start, py = y)
                QuantizedGemm.Run(pool, m, px, k, weights, residual ? ps : null, n, py, n);
            Assert.True(GemmCase.SameBits(Expected(x, encoded, residual ? start : null, m, n, k), y), $"{m}×{n}×{k} on {threads} threads");
        }
    }

    [Fact]
    public void A_row_is_the_same_alone_and_in_a_batch()
    {
        using var pool = new WorkPool(2);
        var numbers = new GemmCase.Numbers(5);
        const int m = 16, n = 50, k = 96;
        using var weights = QuantizedGemmMatrix.Decode(Encode(numbers, n, k), n, k);
        float[] x = numbers.Floats(m * k), all = new float[m * n], some = new float[m * n];
        fixed (float* px = x, pa = all, ps = some)
        {
            QuantizedGemm.Run(pool, m, px, k, weights, null, 0, pa, n);
            for (int rows = 1; rows < m; rows++)
            {
                QuantizedGemm.Run(pool, rows, px, k, weights, null, 0, ps, n);
                Assert.True(GemmCase.SameBits(some.AsSpan(0, rows * n), all.AsSpan(0, rows * n)), $"{rows} rows");
            }
        }
    }

    // -128 is no result of rounding but may stand in a file: the extremes must not saturate.
    [Fact]
    public void The_largest_sums_are_exact()
    {
        using var pool = new WorkPool(1);
        var encoded = new byte[34];
        BinaryPrimitives.WriteHalfLittleEndian(encoded, (Half)1);
        encoded.AsSpan(2).Fill(0x80);
        using var weights = QuantizedGemmMatrix.Decode(encoded, 1, 32);
        float[] x = [.. Enumerable.Repeat(127f, 32)];
        float y;
        fixed (float* px = x)
            QuantizedGemm.Run(pool, 1, px, 32, weights, null, 0, &y, 1);
        Assert.Equal(-128f * 127 * 32, y);
    }

    [Theory]
    [InlineData(0x0001)] // least subnormal
    [InlineData(0x03FF)] // largest subnormal
    [InlineData(0x0400)]
    [InlineData(0x3C00)]
    [InlineData(0x7BFF)] // largest
    [InlineData(0xBC00)] // -1
    [InlineData(0x0000)]
    public void Every_scale_a_half_can_be_is_read_exactly(int bits)
    {
        using var pool = new WorkPool(1);
        var encoded = new byte[34];
        BinaryPrimitives.WriteUInt16LittleEndian(encoded, (ushort)bits);
        encoded[2] = 1;
        using var weights = QuantizedGemmMatrix.Decode(encoded, 1, 32);
        float[] x = [127, .. new float[31]];
        float y;
        fixed (float* px = x)
            QuantizedGemm.Run(pool, 1, px, 32, weights, null, 0, &y, 1);
        Assert.Equal(127 * (float)BitConverter.UInt16BitsToHalf((ushort)bits), y);
    }

    [Fact]
    public void Rounded_weights_are_within_half_a_step()
    {
        var numbers = new GemmCase.Numbers(9);
        const int n = 20, k = 64;
        float[] w = numbers.Floats(n * k), x = new float[k * k], y = new float[k * n];
        for (int i = 0; i < k; i++)
            x[i * k + i] = 127; // each row takes one weight out
        using var pool = new WorkPool(1);
        fixed (float* pw = w, px = x, py = y)
        {
            using var weights = QuantizedGemmMatrix.Quantize(pool, pw, n, k);
            QuantizedGemm.Run(pool, k, px, k, weights, null, 0, py, n);
        }
        for (int j = 0; j < n; j++)
            for (int i = 0; i < k; i++)
            {
                float step = w.AsSpan(j * k + i / 32 * 32, 32).ToArray().Max(MathF.Abs) / 127;
                Assert.InRange(MathF.Abs(y[i * n + j] / 127 - w[j * k + i]), 0, step * 0.57f); // and the scale's own rounding, 2⁻¹¹ of up to 127 steps
            }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void An_activation_that_is_not_finite_shows_in_its_row_only(float bad)
    {
        using var pool = new WorkPool(1);
        using var weights = QuantizedGemmMatrix.Decode(Encode(new GemmCase.Numbers(3), 20, 64), 20, 64);
        float[] x = new GemmCase.Numbers(4).Floats(3 * 64), y = new float[3 * 20];
        x[64 + 40] = bad;
        fixed (float* px = x, py = y)
            QuantizedGemm.Run(pool, 3, px, 64, weights, null, 0, py, 20);
        Assert.All(y[20..40], value => Assert.True(float.IsNaN(value)));
        Assert.All(y[..20].Concat(y[40..]), value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void Nearly_nothing_is_taken_for_zero()
    {
        using var pool = new WorkPool(1);
        using var weights = QuantizedGemmMatrix.Decode(Encode(new GemmCase.Numbers(3), 20, 32), 20, 32);
        float[] x = [.. Enumerable.Repeat(1e-42f, 32)], y = [.. Enumerable.Repeat(1f, 20)];
        fixed (float* px = x, py = y)
            QuantizedGemm.Run(pool, 1, px, 32, weights, null, 0, py, 20);
        Assert.All(y, value => Assert.Equal(0, value));
    }

    [Fact]
    public void TooShort() => Assert.Throws<ArgumentException>(() => QuantizedGemmMatrix.Decode(new byte[33], 1, 32));

    [Fact]
    public void TooLong() => Assert.Throws<ArgumentException>(() => QuantizedGemmMatrix.Decode(new byte[35], 1, 32));

    [Fact]
    public void RowIsNoMultipleOfABlock() => Assert.Throws<ArgumentException>(() => QuantizedGemmMatrix.Decode(new byte[34], 1, 33));

    [Fact]
    public void SizesThatOverflow() => Assert.ThrowsAny<Exception>(() => QuantizedGemmMatrix.Decode([], int.MaxValue, int.MaxValue));

    [Theory]
    [InlineData(0x7C00)]
    [InlineData(0xFC00)]
    [InlineData(0x7E00)]
    public void ScaleNotFinite(int bits)
    {
        var encoded = new byte[68];
        BinaryPrimitives.WriteUInt16LittleEndian(encoded.AsSpan(34), (ushort)bits);
        Assert.Contains("row 1", Assert.Throws<FormatException>(() => QuantizedGemmMatrix.Decode(encoded, 2, 32)).Message);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(1e30f)]
    public void WeightsThatNoScaleCanHold(float weight)
    {
        var w = new float[32];
        w[5] = weight;
        using var pool = new WorkPool(1);
        Assert.Throws<ArgumentException>(() =>
        {
            fixed (float* pw = w)
                QuantizedGemmMatrix.Quantize(pool, pw, 1, 32);
        });
    }

    internal static byte[] Encode(GemmCase.Numbers numbers, int n, int k)
    {
        var encoded = new byte[n * (k / 32) * 34];
        for (int at = 0; at < encoded.Length; at += 34)
        {
            BinaryPrimitives.WriteHalfLittleEndian(encoded.AsSpan(at), (Half)(numbers.Below(2000) / 1000f - 1));
            for (int i = 2; i < 34; i++)
                encoded[at + i] = (byte)numbers.Below(256);
        }
        return encoded;
    }

    private static float[] Expected(float[] x, byte[] encoded, float[]? start, int m, int n, int k)
    {
        var y = new float[m * n];
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
            {
                float sum = start?[i * n + j] ?? 0;
                for (int block = 0; block < k / 32; block++)
                {
                    var values = x.AsSpan(i * k + block * 32, 32);
                    var weights = encoded.AsSpan((j * (k / 32) + block) * 34, 34);
                    float largest = 0;
                    foreach (float value in values)
                        largest = MathF.Max(largest, MathF.Abs(value));
                    float scale = largest / 127;
                    int dot = 0;
                    for (int p = 0; p < 32; p++)
                        dot += unchecked((sbyte)weights[2 + p]) * (int)MathF.Round(values[p] * (1 / scale));
                    sum = MathF.FusedMultiplyAdd(dot, (float)BinaryPrimitives.ReadHalfLittleEndian(weights) * scale, sum);
                }
                y[i * n + j] = sum;
            }
        return y;
    }
}
