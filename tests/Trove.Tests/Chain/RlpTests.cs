using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Trove.Chain;
using Trove.Core;

namespace Trove.Tests.Chain;

public class RlpTests
{
    [Fact]
    public void Encodes_and_decodes_as_ethers_does()
    {
        foreach (var v in Vectors.Read("rlp").GetProperty("encoded").EnumerateArray())
        {
            var encoded = Hex.Decode(v.Text("encoded"));
            Assert.Equal(encoded, Rlp.Encode(Item(v.GetProperty("item"))));
            Assert.Equal(encoded, Rlp.Encode(Rlp.Decode(encoded)));
        }
    }

    public static TheoryData<string> RefusedNames() => [.. Vectors.Read("rlp").GetProperty("refused").EnumerateArray().Select(v => v.Text("name"))];

    [Theory]
    [MemberData(nameof(RefusedNames))]
    public void Refuses(string name)
    {
        var data = Hex.Decode(Vectors.Read("rlp").GetProperty("refused").EnumerateArray().Single(v => v.Text("name") == name).Text("data"));
        Assert.Throws<RlpException>(() => Rlp.Decode(data));
    }

    [Fact]
    public void A_list_of_more_items_than_the_limit_is_refused() =>
        Assert.Contains("items", Assert.Throws<RlpException>(() => Rlp.Decode([0xFA, 0x01, 0x00, 0x01, .. new byte[65537]])).Message);

    [Fact]
    public void Any_bytes_are_refused_or_canonical() => Prop.ForAll(Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf().ToArbitrary(), data =>
    {
        try
        {
            return Rlp.Encode(Rlp.Decode(data)).AsSpan().SequenceEqual(data);
        }
        catch (RlpException)
        {
            return true;
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Strings_whose_length_takes_three_bytes_come_back()
    {
        var bytes = new byte[70_000];
        bytes[0] = 1;
        Assert.Equal(bytes, Rlp.Decode(Rlp.Encode(new RlpItem(bytes))).Bytes);
    }

    private static RlpItem Item(JsonElement json) => json.ValueKind == JsonValueKind.Array
        ? new RlpItem([.. json.EnumerateArray().Select(Item)])
        : new RlpItem(Hex.Decode(json.GetString()!));
}
