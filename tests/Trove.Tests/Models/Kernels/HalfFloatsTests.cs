using Trove.Models.Kernels;

namespace Trove.Tests.Models.Kernels;

public class HalfFloatsTests
{
    private static readonly ushort[] All = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];

    [Fact]
    public void Every_binary16_becomes_its_float()
    {
        var floats = new float[65536];
        HalfFloats.FromFloat16(All, floats);
        Assert.All(All, bits => Assert.Equal((float)BitConverter.UInt16BitsToHalf(bits), floats[bits]));
        Assert.Equal(0x80000000u, BitConverter.SingleToUInt32Bits(floats[0x8000]));
    }

    [Fact]
    public void Every_bfloat16_becomes_its_float_and_comes_back()
    {
        var floats = new float[65536];
        var back = new ushort[65536];
        HalfFloats.FromBFloat16(All, floats);
        HalfFloats.ToBFloat16(floats, back);
        Assert.All(All, bits =>
        {
            Assert.Equal((uint)bits << 16, BitConverter.SingleToUInt32Bits(floats[bits]));
            Assert.Equal(float.IsNaN(floats[bits]) ? bits | 0x40 : bits, back[bits]);
        });
    }

    // At, just below and just above each number and each middle between neighbours.
    [Fact]
    public void Floats_round_to_the_nearest_binary16_and_ties_to_even()
    {
        var samples = All.Where(b => (b & 0x7FFF) < 0x7C00).SelectMany(b =>
        {
            double here = (double)BitConverter.UInt16BitsToHalf(b), next = (b & 0x7FFF) == 0x7BFF ? Math.Sign(here) * 65536.0 : (double)BitConverter.UInt16BitsToHalf((ushort)(b + 1));
            float middle = (float)((here + next) / 2);
            return new[] { (float)here, middle, MathF.BitIncrement(middle), MathF.BitDecrement(middle) };
        }).Concat([float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.Epsilon, -float.Epsilon]).ToArray();
        var bits = new ushort[samples.Length];
        HalfFloats.ToFloat16(samples, bits);
        for (int i = 0; i < samples.Length; i++)
            if (float.IsNaN(samples[i]))
                Assert.True(Half.IsNaN(BitConverter.UInt16BitsToHalf(bits[i])));
            else
                Assert.True(BitConverter.HalfToUInt16Bits((Half)samples[i]) == bits[i], $"{samples[i]:R} became {bits[i]:x4}");
    }

    [Theory]
    [InlineData(0x3F808000u, 0x3F80)] // a tie, down to even
    [InlineData(0x3F818000u, 0x3F82)] // a tie, up to even
    [InlineData(0x3F808001u, 0x3F81)]
    [InlineData(0x7F7FFFFFu, 0x7F80)] // beyond the largest
    [InlineData(0x00000001u, 0x0000)]
    [InlineData(0x7F800001u, 0x7FC0)] // NaN must not become infinity
    public void Floats_round_to_the_nearest_bfloat16(uint bits, int expected)
    {
        var result = new ushort[1];
        HalfFloats.ToBFloat16([BitConverter.UInt32BitsToSingle(bits)], result);
        Assert.Equal(expected, result[0]);
    }
}
