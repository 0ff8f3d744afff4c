using System.Numerics;
using System.Text.Json;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;

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
            var digest = v.Text("primaryType") switch
            {
                "EpochRoot" => ContractDigests.EpochRoot(chain, contract, new EpochRoot(m.GetProperty("epoch").GetUInt64(), Hash(m, "previousRoot"), Hash(m, "root"), Number(m, "total"),
                    m.GetProperty("leaves").GetUInt32(), Hash(m, "treeHash"), m.GetProperty("verifierSetVersion").GetUInt64())),
                "Withdraw" => ContractDigests.Withdraw(chain, contract, Address.Parse(m.Text("owner")), Hash(m, "contribution"), m.GetProperty("deadline").GetUInt64()),
                "CreateAsset" => ContractDigests.CreateAsset(chain, contract, new AssetParams(m.Text("name"), m.Text("symbol"), Hash(m, "salt"), Address.Parse(m.Text("paymentToken")),
                    Hash(m, "recipient"), Hash(m, "policyHash"), Number(m, "epochCap"), (byte)Number(m, "vestingEpochs"), [.. m.GetProperty("verifiers").EnumerateArray().Select(a => Address.Parse(a.GetString()!))],
                    [.. m.GetProperty("verifierRecipients").EnumerateArray().Select(a => Hash32.Parse(a.GetString()!))], m.GetProperty("threshold").GetUInt32(),
                    CustodyOf(m.GetProperty("custody")), GovernanceOf(m.GetProperty("governance")), CharterOf(m.GetProperty("charter"))), Address.Parse(m.Text("founder")), m.GetProperty("deadline").GetUInt64()),
                "ReceiveWithAuthorization" => ContractDigests.ReceiveWithAuthorization(Hash(v, "domainSeparator"), Address.Parse(m.Text("from")), Address.Parse(m.Text("to")),
                    (UInt128)Number(m, "value"), m.GetProperty("validBefore").GetUInt64(), Hash(m, "nonce")),
                "Propose" => ContractDigests.Propose(chain, contract, ContractDigests.ToHash(Number(m, "proposalId")), Address.Parse(m.Text("proposer")), m.GetProperty("deadline").GetUInt64()),
                "Ballot" => ContractDigests.Ballot(chain, contract, ContractDigests.ToHash(Number(m, "proposalId")), m.GetProperty("support").GetByte(), Address.Parse(m.Text("voter")), Number(m, "nonce")),
                "OpenUse" => ContractDigests.OpenUse(chain, contract, Hash(m, "request"), m.GetProperty("use").GetUInt32(), Hash(m, "oneTimeKey"), m.GetProperty("keyVersion").GetUInt32(), Address.Parse(m.Text("runner"))),
                "Challenge" => ContractDigests.Challenge(chain, contract, Hash(m, "request"), m.GetProperty("use").GetUInt32(), Hash(m, "oneTimeKey"), m.GetProperty("keyVersion").GetUInt32(), Address.Parse(m.Text("runner"))),
                "Unstake" => ContractDigests.Unstake(chain, contract, Address.Parse(m.Text("account")), (UInt128)Number(m, "amount"), m.GetProperty("deadline").GetUInt64()),
                "Result" => ContractDigests.Result(chain, contract, Hash(m, "request"), m.GetProperty("use").GetUInt32(), Hash(m, "resultHash"), Hash(m, "inputsHash"), Address.Parse(m.Text("runner"))),
                "Failure" => ContractDigests.Failure(chain, contract, Hash(m, "request"), m.GetProperty("use").GetUInt32(), Hash(m, "code"), Address.Parse(m.Text("runner"))),
                "Committee" => CommitteeOf(CustodyOf(m)),
                var other => throw new InvalidOperationException($"no digest {other}"),
            };
            Hash32 CommitteeOf(Custody c) => CommitteeConfirmation.Digest(chain, contract, new Committee(m.GetProperty("epoch").GetUInt32(), (int)c.Threshold, c.Guardians), c.Commitments, c.OprfCommitments,
                Hash(m, "recipient"), Hash(m, "transcript"));
            seen++;
            Assert.Equal(v.Text("digest"), digest.ToString());
            if (v.Text("primaryType") == "Withdraw")
                Assert.Equal(m.Text("contribution"), ContractDigests.Contribution(chain, contract, Address.Parse(m.Text("owner")), Hash(v, "salt")).ToString());
            if (v.TryGetProperty("terms", out var terms))
                Assert.Equal(m.Text("nonce"), ContractDigests.RequestId(chain, Address.Parse(m.Text("to")), TermsOf(terms)).ToString());
            if (v.Text("primaryType") == "Ballot")
                Assert.Equal(Number(m, "nonce"), ContractDigests.BallotNonce(ContractDigests.ToHash(Number(m, "proposalId"))));
            if (v.TryGetProperty("description", out var description))
                Assert.Equal(description.GetString(), ContractDigests.RequestDescription(Hash(v, "request")));
        }
        Assert.True(seen >= 13);
    }

    [Fact]
    public void Leaves_and_roots_are_those_of_the_vectors()
    {
        foreach (var tree in Vectors.Read("merkle").GetProperty("trees").EnumerateArray())
        {
            var leaves = tree.GetProperty("claims").EnumerateArray().Select(c => ContractDigests.Leaf(new Claim(c.GetProperty("epoch").GetUInt64(), c.GetProperty("index").GetUInt32(),
                Hash(c, "contribution"), Address.Parse(c.Text("owner")), Number(c, "amount"), Hash(c, "partsRoot")))).ToArray();
            Assert.Equal(tree.GetProperty("leaves").EnumerateArray().Select(l => l.GetString()), leaves.Select(l => l.ToString()));
            var made = new MerkleTree(leaves);
            Assert.Equal(tree.Text("root"), made.Root.ToString());
            foreach (var range in tree.GetProperty("ranges").EnumerateArray())
                Assert.Equal(range.GetProperty("proof").EnumerateArray().Select(n => n.GetString()),
                    made.RangeProof(range.GetProperty("first").GetInt32(), range.GetProperty("count").GetInt32()).Select(n => n.ToString()));
        }
    }

    private static Custody CustodyOf(JsonElement c) => new([.. c.GetProperty("guardians").EnumerateArray().Select(a => Address.Parse(a.GetString()!))],
        [.. c.GetProperty("commitments").EnumerateArray().Select(a => Hash32.Parse(a.GetString()!))],
        [.. c.GetProperty("oprfCommitments").EnumerateArray().Select(a => Hash32.Parse(a.GetString()!))], c.GetProperty("threshold").GetUInt32(),
        c.TryGetProperty("runners", out var runners) ? [.. runners.EnumerateArray().Select(a => Address.Parse(a.GetString()!))] : []);

    private static Governance GovernanceOf(JsonElement g) => new((ulong)Number(g, "voteExtension"), (uint)Number(g, "minimumOwners"), (uint)Number(g, "minimumAge"),
        RulesOf(g.GetProperty("query")), RulesOf(g.GetProperty("copy")), RulesOf(g.GetProperty("constitution")));

    private static Charter CharterOf(JsonElement c) => new((uint)Number(c, "useTime"), (uint)Number(c, "minimumGroupSize"), (uint)Number(c, "minimumSnapshotLeaves"), (uint)Number(c, "challengeTime"),
        (uint)Number(c, "period"), (ulong)Number(c, "budget"), (UInt128)Number(c, "runnerStake"), (UInt128)Number(c, "verifierStake"), StandingOf(c.GetProperty("standing")),
        [.. c.GetProperty("fees").EnumerateArray().Select(f => new Fee(Address.Parse(f.Text("recipient")), (ushort)Number(f, "basisPoints")))]);

    private static Standing StandingOf(JsonElement s) => new((UInt128)Number(s, "minimumPrice"), (ulong)Number(s, "maximumEpsilon"), (uint)Number(s, "minimumGroupSize"), (uint)Number(s, "uses"));

    private static Rules RulesOf(JsonElement r) => new((uint)Number(r, "votingPeriod"), (ulong)Number(r, "timelockDelay"), (ushort)Number(r, "quorumPercent"), (ushort)Number(r, "approvalPercent"),
        Number(r, "quorumFloor"), Number(r, "proposalThreshold"));

    private static Terms TermsOf(JsonElement t) => new(Address.Parse(t.Text("buyer")), Hash(t, "buyerKey"), (byte)Number(t, "use"), [.. t.GetProperty("kinds").EnumerateArray().Select(k => Hash32.Parse(k.GetString()!))],
        (ushort)Number(t, "fromYear"), (ushort)Number(t, "toYear"), (ulong)Number(t, "lastEpoch"), Hash(t, "codeHash"), (uint)Number(t, "groupSize"), (ulong)Number(t, "epsilon"), Number(t, "price"), (uint)Number(t, "uses"),
        (ulong)Number(t, "expiry"), Hash(t, "salt"));

    private static Hash32 Hash(JsonElement json, string name) => Hash32.Parse(json.Text(name));

    private static BigInteger Number(JsonElement json, string name) =>
        BigInteger.Parse(json.GetProperty(name).ValueKind == JsonValueKind.String ? json.Text(name) : json.GetProperty(name).GetRawText(), System.Globalization.CultureInfo.InvariantCulture);
}
