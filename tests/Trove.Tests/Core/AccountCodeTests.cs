using System.Globalization;
using System.Text.Json;
using Trove.Core;
using Trove.Core.Rewards;

namespace Trove.Tests.Core;

public class AccountCodeTests
{
    [Fact]
    public void Codes_are_those_of_the_vectors()
    {
        using var vectors = JsonDocument.Parse(File.ReadAllText(Path.Combine(Vectors.Repository, "specs", "vectors", "account-code.json")));
        var cases = vectors.RootElement.GetProperty("codes").EnumerateArray().ToList();
        Assert.Equal(4, cases.Count);
        foreach (var c in cases)
            Assert.Equal(Text(c, "code"), AccountCode.Of(ulong.Parse(Text(c, "chainId"), CultureInfo.InvariantCulture), Address.Parse(Text(c, "ledger")), Address.Parse(Text(c, "owner"))));

        static string Text(JsonElement of, string name) => of.GetProperty(name).GetString()!;
    }

    [Fact]
    public void A_code_is_one_wallets_for_one_asset_on_one_chain()
    {
        Address a = Address.Parse("0x" + new string('a', 40)), b = Address.Parse("0x" + new string('b', 40));
        var codes = new[] { AccountCode.Of(1, a, b), AccountCode.Of(2, a, b), AccountCode.Of(1, b, a), AccountCode.Of(1, a, a), AccountCode.Of(1, b, b) };
        Assert.Equal(codes.Length, codes.Distinct().Count());
        Assert.All(codes, code => Assert.Matches("^trove-[a-z2-7]{24}$", code));
    }
}
