using System.Text;
using Trove.Core;

namespace Trove.Tests.Core;

public class Keccak256Tests
{
    // Vectors of the Keccak submission (ShortMsgKAT_256) and of Ethereum's well-known constants.
    [Theory]
    [InlineData("", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")]
    [InlineData("abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45")]
    [InlineData("Transfer(address,address,uint256)", "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")]
    public void Known_answers(string text, string expected) =>
        Assert.Equal(expected, Keccak256.Hash(Encoding.ASCII.GetBytes(text)).ToHex());

    [Theory]
    [InlineData(135)]
    [InlineData(136)]
    [InlineData(137)]
    [InlineData(272)]
    public void Lengths_around_the_rate_differ_from_their_neighbours(int length)
    {
        var data = new byte[length + 1];
        Assert.NotEqual(Keccak256.Hash(data.AsSpan(0, length)), Keccak256.Hash(data));
    }
}
