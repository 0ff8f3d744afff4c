using Trove.Core;
using Trove.Core.Rewards;

namespace Trove.Tests.Core;

/// <summary>What goes into an asset's pseudorandom function: the same bytes for what counts as the same, others for all else.</summary>
public class NullifiersTests
{
    private static readonly Address Asset = Address.Parse("0x" + new string('1', 40)), Another = Address.Parse("0x" + new string('2', 40));

    [Theory]
    [InlineData("maya_tides")]
    [InlineData(" Maya_Tides ")]
    public void Account(string account) => Assert.Equal("0000001674726f76652f6f7072662f6e756c6c69666965722f311111111111111111111111111111111111111111000000067265646469740000000a6d6179615f7469646573", Convert.ToHexStringLower(Nullifiers.Input(Asset, "reddit", account)));

    [Theory]
    [InlineData("the cafe's menu again")]
    [InlineData("\nThe café's MENU, again")]
    public void Text(string text) => Assert.Equal("0000001774726f76652f6f7072662f7265636f72642d7461672f31111111111111111111111111111111111111111199f65fd423ba38edd3f5f4ce78374699eaea160e2c56a9ef94b3f15abcda1354", Convert.ToHexStringLower(Nullifiers.TagInput(Asset, text)));

    [Fact]
    public void Nothing_else_has_the_same_bytes()
    {
        byte[][] inputs = [Nullifiers.Input(Asset, "reddit", "maya"), Nullifiers.Input(Another, "reddit", "maya"), Nullifiers.Input(Asset, "redditm", "aya"), Nullifiers.Input(Asset, "chatgpt", "maya"),
            Nullifiers.Input(Asset, "reddit", "maya2"), Nullifiers.TagInput(Asset, "maya"), Nullifiers.TagInput(Another, "maya"), Nullifiers.TagInput(Asset, "maya maya"), Nullifiers.TagInput(Asset, "")];
        Assert.Equal(inputs.Length, inputs.Select(Convert.ToHexString).Distinct().Count());
    }

    [Fact]
    public void Tags_are_the_start_of_an_output()
    {
        byte[] output = [.. Enumerable.Range(0, 64).Select(i => (byte)i)];
        Assert.Equal(Hash32.Parse("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), Nullifiers.FromOutput(output));
        Assert.Equal(UInt128.Parse("000102030405060708090a0b0c0d0e0f", System.Globalization.NumberStyles.HexNumber, null), Nullifiers.TagFromOutput(output));
        Assert.Throws<ArgumentException>(() => Nullifiers.FromOutput(output.AsSpan(..31)));
        Assert.Throws<ArgumentException>(() => Nullifiers.TagFromOutput(output.AsSpan(..15)));
    }
}
