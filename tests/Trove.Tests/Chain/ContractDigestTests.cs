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
        var seen = new List<string>();
        foreach (var v in Vectors.Read("chain-eip712").GetProperty("vectors").EnumerateArray())
        {
            seen.Add(v.Text("primaryType"));
            Assert.Equal(v.Text("digest"), Digest(v).ToString());
        }
        Assert.Equal(["EpochRoot", "Withdraw", "CreateAsset", "ReceiveWithAuthorization", "ReceiveWithAuthorization", "Propose", "Ballot", "OpenUse", "Result", "Failure"], seen);
    }

    private static Hash32 Digest(JsonElement v)
    {
        var domain = v.GetProperty("domain");
        var (chain, contract) = (domain.GetProperty("chainId").GetUInt64(), Address.Parse(domain.Text("verifyingContract")));
        var m = v.GetProperty("message");
        switch (v.Text("primaryType"))
        {
            case "EpochRoot":
                return ContractDigests.EpochRoot(chain, contract, new EpochRoot(m.GetProperty("epoch").GetUInt64(), Hash(m, "previousRoot"), Hash(m, "root"), Number(m, "total"),
                    m.GetProperty("leaves").GetUInt32(), Hash(m, "treeHash"), m.GetProperty("verifierSetVersion").GetUInt64()));
            case "Withdraw":
                Assert.Equal(m.Text("contribution"), ContractDigests.Contribution(chain, contract, Account(m, "owner"), Hash(v, "salt")).ToString());
                return ContractDigests.Withdraw(chain, contract, Account(m, "owner"), Hash(m, "contribution"), m.GetProperty("deadline").GetUInt64());
            case "CreateAsset":
                return ContractDigests.CreateAsset(chain, contract, Params(m), Account(m, "founder"), m.GetProperty("deadline").GetUInt64());
            case "ReceiveWithAuthorization":
                if (v.TryGetProperty("terms", out var terms))
                    Assert.Equal(m.Text("nonce"), ContractDigests.RequestId(chain, Account(m, "to"), TermsOf(terms)).ToString());
                return ContractDigests.ReceiveWithAuthorization(Hash(v, "domainSeparator"), Account(m, "from"), Account(m, "to"), (UInt128)Number(m, "value"),
                    m.GetProperty("validBefore").GetUInt64(), Hash(m, "nonce"));
            case "Propose":
                Assert.Equal(v.Text("description"), ContractDigests.RequestDescription(Hash(v, "request")));
                return ContractDigests.Propose(chain, contract, Proposal(v), Account(m, "proposer"), m.GetProperty("deadline").GetUInt64());
            case "Ballot":
                Assert.Equal(Number(m, "nonce"), ContractDigests.BallotNonce(Proposal(v)));
                return ContractDigests.Ballot(chain, contract, Proposal(v), m.GetProperty("support").GetByte(), Account(m, "voter"), Number(m, "nonce"));
            case "OpenUse":
                return ContractDigests.OpenUse(chain, contract, Hash(m, "request"), m.GetProperty("use").GetUInt32(), Hash(m, "oneTimeKey"), m.GetProperty("keyVersion").GetUInt32(), Account(m, "runner"));
            case "Result":
                return ContractDigests.Result(chain, contract, Hash(m, "request"), m.GetProperty("use").GetUInt32(), Hash(m, "resultHash"), Hash(m, "inputsHash"), Account(m, "runner"));
            case "Failure":
                return ContractDigests.Failure(chain, contract, Hash(m, "request"), m.GetProperty("use").GetUInt32(), Hash(m, "code"), Account(m, "runner"));
            default:
                throw new InvalidDataException($"no digest for {v.Text("primaryType")}");
        }
    }

    private static AssetParams Params(JsonElement m)
    {
        var (c, g) = (m.GetProperty("custody"), m.GetProperty("governance"));
        return new AssetParams(m.Text("name"), m.Text("symbol"), Hash(m, "salt"), Account(m, "paymentToken"), Hash(m, "recipient"), Hash(m, "policyHash"), Number(m, "epochCap"),
            Accounts(m, "verifiers"), Hashes(m, "verifierRecipients"), m.GetProperty("threshold").GetUInt32(),
            new Custody(Accounts(c, "guardians"), Hashes(c, "commitments"), c.GetProperty("threshold").GetUInt32(), Accounts(c, "runners")),
            new Governance(g.GetProperty("votingDelay").GetUInt64(), g.GetProperty("votingPeriod").GetUInt32(), g.GetProperty("voteExtension").GetUInt64(), g.GetProperty("timelockDelay").GetUInt64(),
                g.GetProperty("quorumPercent").GetUInt16(), Number(g, "quorumFloor"), g.GetProperty("minimumOwners").GetUInt32(), g.GetProperty("minimumAge").GetUInt32(),
                Number(g, "proposalThreshold"), g.GetProperty("useTime").GetUInt32(), g.GetProperty("minimumGroupSize").GetUInt32(), g.GetProperty("minimumSnapshotLeaves").GetUInt32()));
    }

    private static Terms TermsOf(JsonElement t) => new(Account(t, "buyer"), Hash(t, "buyerKey"), t.GetProperty("use").GetByte(), Hashes(t, "kinds"), t.GetProperty("fromYear").GetUInt16(),
        t.GetProperty("toYear").GetUInt16(), t.GetProperty("lastEpoch").GetUInt64(), Hash(t, "codeHash"), t.GetProperty("groupSize").GetUInt32(), Number(t, "price"),
        t.GetProperty("uses").GetUInt32(), t.GetProperty("expiry").GetUInt64(), Hash(t, "salt"));

    // The identifier that follows from the request, held against the one that is signed.
    private static Hash32 Proposal(JsonElement v)
    {
        var found = ContractDigests.RequestProposal(Grants, Hash(v, "request"));
        Assert.Equal(Number(v.GetProperty("message"), "proposalId"), ContractDigests.ToInteger(found));
        return found;
    }

    private static Address Grants => Vectors.Read("chain-eip712").GetProperty("vectors").EnumerateArray()
        .Where(v => v.Text("primaryType") == "OpenUse").Select(v => Address.Parse(v.GetProperty("domain").Text("verifyingContract"))).Single();

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

    private static Address Account(JsonElement json, string name) => Address.Parse(json.Text(name));

    private static List<Address> Accounts(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(a => Address.Parse(a.GetString()!))];

    private static List<Hash32> Hashes(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(a => Hash32.Parse(a.GetString()!))];

    private static BigInteger Number(JsonElement json, string name) =>
        BigInteger.Parse(json.GetProperty(name).ValueKind == JsonValueKind.String ? json.Text(name) : json.GetProperty(name).GetRawText(), System.Globalization.CultureInfo.InvariantCulture);
}
