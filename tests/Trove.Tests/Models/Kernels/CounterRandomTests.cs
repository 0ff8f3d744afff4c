using Trove.Models.Kernels;

namespace Trove.Tests.Models.Kernels;

public class CounterRandomTests
{
    // From specs/engine.md; tests/interop/torch/initial.py computed them independently.
    [Theory]
    [InlineData(0UL, 0x2280f44bd028ee47UL, 0xbcb4e449U)]
    [InlineData(1UL, 0xd8ee0e785f84c725UL, 0x3ca7fb01U)]
    [InlineData(2UL, 0x59aace61f47ea070UL, 0xbbfc0f25U)]
    [InlineData(1000000UL, 0x7625d4b99cb0231cUL, 0xbafd4775U)]
    public void Vectors_of_the_specification(ulong index, ulong bits, uint weight)
    {
        var random = new CounterRandom(42, 3);
        Assert.Equal(bits, random.Bits(index));
        Assert.Equal(weight, BitConverter.SingleToUInt32Bits((float)(0.02 * random.Normal(index))));
    }

    [Fact]
    public void Normals_have_the_moments_and_tails_of_a_normal()
    {
        var random = new CounterRandom(5, 0);
        const int Count = 1_000_000;
        double sum = 0, squares = 0, fourths = 0;
        int beyond = 0;
        for (ulong i = 0; i < Count; i++)
        {
            double z = random.Normal(i);
            (sum, squares, fourths) = (sum + z, squares + z * z, fourths + z * z * z * z);
            beyond += Math.Abs(z) > 3 ? 1 : 0;
        }
        Assert.InRange(sum / Count, -0.005, 0.005);
        Assert.InRange(squares / Count, 0.993, 1.007);
        Assert.InRange(fourths / Count, 2.95, 3.05);
        Assert.InRange(beyond, 2500, 2900); // 0.27 %
    }

    [Fact]
    public void Streams_and_seeds_differ()
    {
        var first = Enumerable.Range(0, 100).SelectMany(stream => Enumerable.Range(0, 100).Select(i => new CounterRandom(1, (ulong)stream).Bits((ulong)i)));
        var second = Enumerable.Range(0, 100).Select(i => new CounterRandom(2, 0).Bits((ulong)i));
        Assert.Equal(10_100, first.Concat(second).Distinct().Count());
    }
}
