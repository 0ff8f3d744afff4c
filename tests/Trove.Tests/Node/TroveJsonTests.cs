using System.Text.Json;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Node.Protocol;

namespace Trove.Tests.Node;

public class TroveJsonTests
{
    private static readonly string Hash = "0x" + new string('a', 64);

    [Fact]
    public void Documents_survive()
    {
        var policy = PolicyTests.Policy;
        var back = JsonSerializer.Deserialize<AssetPolicy>(JsonSerializer.Serialize(policy, TroveJson.Options), TroveJson.Options)!;
        Assert.Equal(policy.Hash(), back.Hash());
        var check = new EvidenceCheck("reddit.times", CheckOutcome.Passed, "<all> & \"dated\"");
        Assert.Equal(check, JsonSerializer.Deserialize<EvidenceCheck>(JsonSerializer.Serialize(check, TroveJson.Options), TroveJson.Options));
        var claim = new ClaimRequest(Address.Parse("0x" + new string('1', 40)), Hash32.Parse(Hash), 1893456000, "0x00");
        Assert.Equal(claim, JsonSerializer.Deserialize<ClaimRequest>(JsonSerializer.Serialize(claim, TroveJson.Options), TroveJson.Options));
    }

    [Fact]
    public void Amounts_keep_every_digit()
    {
        var most = new Money(UInt128.MaxValue);
        Assert.Equal("\"340282366920938463463374607431768211455\"", JsonSerializer.Serialize(most, TroveJson.Options));
        Assert.Equal(most, Read<Money>("\"340282366920938463463374607431768211455\""));
    }

    [Theory]
    [InlineData("1")]
    [InlineData("1.5")]
    [InlineData("\"1.5\"")]
    [InlineData("\"-1\"")]
    [InlineData("\"+1\"")]
    [InlineData("\" 1\"")]
    [InlineData("\"1e3\"")]
    [InlineData("\"\"")]
    [InlineData("\"340282366920938463463374607431768211456\"")]
    [InlineData("null")]
    public void AmountThatIsNoDecimalTextOfUnits(string json)
    {
        Assert.Throws<JsonException>(() => Read<Money>(json));
        Assert.Throws<JsonException>(() => Read<Shares>(json));
    }

    [Theory]
    [InlineData("\"0x12\"")]
    [InlineData("\"0x\"")]
    [InlineData("12")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("\"0xgggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg\"")]
    public void HashOrAddressThatIsNone(string json)
    {
        Assert.Throws<JsonException>(() => Read<Hash32>(json));
        Assert.Throws<JsonException>(() => Read<Address>(json));
    }

    [Fact]
    public void AddressWithAWrongChecksum() =>
        Assert.Throws<JsonException>(() => Read<Address>("\"0x5FbDB2315678afecb367f032d93F642f64180aA3\""));

    [Theory]
    [InlineData(16, true)]
    [InlineData(17, false)]
    [InlineData(100_000, false)]
    public void Nesting(int depth, bool taken)
    {
        var json = new string('[', depth) + new string(']', depth);
        if (taken)
            Assert.Equal(JsonValueKind.Array, Read<JsonElement>(json).ValueKind);
        else
            Assert.Throws<JsonException>(() => Read<JsonElement>(json));
    }

    [Theory]
    [InlineData("1")]
    [InlineData("\"1\"")]
    [InlineData("\"maybe\"")]
    public void OutcomeThatIsNoWord(string outcome) =>
        Assert.Throws<JsonException>(() => Read<EvidenceCheck>($$"""{"name":"a","outcome":{{outcome}},"detail":""}"""));

    [Fact]
    public void NumberAsText() => Assert.Throws<JsonException>(() => Read<CloseEpochRequest>($$"""{"epoch":"1","nonce":"{{Hash}}","deadline":1,"signature":""}"""));

    // A field that is missing or null would come out of the deserialiser as a null that no type admits to.
    [Theory]
    [InlineData("""{"nonce":"HASH","deadline":1,"signature":"0x"}""")]
    [InlineData("""{"epoch":null,"nonce":"HASH","deadline":1,"signature":"0x"}""")]
    [InlineData("""{"epoch":1,"deadline":1,"signature":"0x"}""")]
    [InlineData("""{"epoch":1,"nonce":"HASH","deadline":1,"signature":null}""")]
    public void FieldThatIsMissingOrNull(string json) =>
        Assert.Throws<JsonException>(() => Read<CloseEpochRequest>(json.Replace("HASH", Hash, StringComparison.Ordinal)));

    private static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, TroveJson.Options)!;
}
