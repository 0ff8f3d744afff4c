using System.Numerics;
using System.Text.Json;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Core;

namespace Trove.Tests.Chain;

public class ContractDigestTests
{
    [Fact]
    public void Digests_are_those_of_the_vectors()
    {
        int seen = 0;
        foreach (var v in Vectors.Read("chain-eip712").GetProperty("vectors").EnumerateArray())
        {
            var domain = v.GetProperty("domain");
            var (chain, contract) = (domain.GetProperty("chainId").GetUInt64(), Address.Parse(domain.Text("verifyingContract")));
            var m = v.GetProperty("message");
            Hash32? digest = v.Text("primaryType") switch
            {
                "EpochRoot" => ContractDigests.EpochRoot(chain, contract, new EpochRoot(m.GetProperty("epoch").GetUInt64(), Hash(m, "previousRoot"), Hash(m, "root"), Number(m, "total"),
                    m.GetProperty("leaves").GetUInt32(), Hash(m, "treeHash"), m.GetProperty("verifierSetVersion").GetUInt64())),
                "Withdraw" => ContractDigests.Withdraw(chain, contract, Address.Parse(m.Text("owner")), Hash(m, "contribution"), m.GetProperty("deadline").GetUInt64()),
                "CreateAsset" => ContractDigests.CreateAsset(chain, contract, new AssetParams(m.Text("name"), m.Text("symbol"), Hash(m, "salt"), Address.Parse(m.Text("paymentToken")),
                    Hash(m, "recipient"), Hash(m, "policyHash"), Number(m, "epochCap"), [.. m.GetProperty("verifiers").EnumerateArray().Select(a => Address.Parse(a.GetString()!))],
                    [.. m.GetProperty("verifierRecipients").EnumerateArray().Select(a => Hash32.Parse(a.GetString()!))], m.GetProperty("threshold").GetUInt32()),
                    Address.Parse(m.Text("founder")), m.GetProperty("deadline").GetUInt64()),
                _ => null,
            };
            if (digest is null)
                continue;
            seen++;
            Assert.Equal(v.Text("digest"), digest.ToString());
            if (v.Text("primaryType") == "Withdraw")
                Assert.Equal(m.Text("contribution"), ContractDigests.Contribution(chain, contract, Address.Parse(m.Text("owner")), Hash(v, "salt")).ToString());
        }
        Assert.True(seen >= 3);
    }

    [Fact]
    public void Leaves_and_roots_are_those_of_the_vectors()
    {
        foreach (var tree in Vectors.Read("merkle").GetProperty("trees").EnumerateArray())
        {
            var leaves = tree.GetProperty("claims").EnumerateArray().Select(c => ContractDigests.Leaf(new Claim(c.GetProperty("epoch").GetUInt64(), c.GetProperty("index").GetUInt32(),
                Hash(c, "contribution"), Address.Parse(c.Text("owner")), Number(c, "amount"), Hash(c, "partsRoot")))).ToArray();
            Assert.Equal(tree.GetProperty("leaves").EnumerateArray().Select(l => l.GetString()), leaves.Select(l => l.ToString()));
            Assert.Equal(tree.Text("root"), new MerkleTree(leaves).Root.ToString());
        }
    }

    private static Hash32 Hash(JsonElement json, string name) => Hash32.Parse(json.Text(name));

    private static BigInteger Number(JsonElement json, string name) =>
        BigInteger.Parse(json.GetProperty(name).ValueKind == JsonValueKind.String ? json.Text(name) : json.GetProperty(name).GetRawText(), System.Globalization.CultureInfo.InvariantCulture);
}
