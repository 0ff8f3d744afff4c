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

    [Fact]
    public void Key_of_record_tags() => Assert.Equal("0000001b74726f76652f6f7072662f7265636f72642d7461672d6b65792f311111111111111111111111111111111111111111", Convert.ToHexStringLower(Nullifiers.TagKeyInput(Asset)));

    [Fact]
    public void Nothing_else_has_the_same_bytes()
    {
        byte[][] inputs = [Nullifiers.Input(Asset, "reddit", "maya"), Nullifiers.Input(Another, "reddit", "maya"), Nullifiers.Input(Asset, "redditm", "aya"), Nullifiers.Input(Asset, "chatgpt", "maya"),
            Nullifiers.Input(Asset, "reddit", "maya2"), Nullifiers.TagKeyInput(Asset), Nullifiers.TagKeyInput(Another)];
        Assert.Equal(inputs.Length, inputs.Select(Convert.ToHexString).Distinct().Count());
    }

    [Fact]
    public void Nullifiers_and_keys_are_the_start_of_an_output()
    {
        byte[] output = [.. Enumerable.Range(0, 64).Select(i => (byte)i)];
        Assert.Equal(Hash32.Parse("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), Nullifiers.FromOutput(output));
        Assert.Equal("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", Convert.ToHexStringLower(Nullifiers.TagKeyFromOutput(output)));
        Assert.Throws<ArgumentException>(() => Nullifiers.FromOutput(output.AsSpan(..31)));
        Assert.Throws<ArgumentException>(() => Nullifiers.TagKeyFromOutput(output.AsSpan(..31)).Length.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }
}
