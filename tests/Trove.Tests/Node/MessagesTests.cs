using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using Trove.Chain;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.Tests.Crypto;

namespace Trove.Tests.Node;

/// <summary>What is signed, against the digests that ethers computes for the same typed data (specs/vectors/messages.json).</summary>
public class MessagesTests
{
    public static TheoryData<string> Names => [.. Vectors().Select(v => (string)v!["name"]!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Digest_is_the_one_of_ethers(string name)
    {
        var vector = Vectors().Single(v => (string)v!["name"]! == name)!;
        var domain = Hash32.Parse((string)vector["domainSeparator"]!);
        Assert.Equal(domain, DomainOf(vector["domain"]!));
        Assert.Equal(Hash32.Parse((string)vector["digest"]!), DigestOf(name, domain, vector["domain"]!, vector["message"]!));
    }

    [Fact]
    public void No_two_messages_share_a_digest()
    {
        var digests = Vectors().Select(v => (string)v!["digest"]!).ToList();
        Assert.Equal(19, digests.Count);
        Assert.Equal(digests.Count, digests.Distinct().Count());
    }

    // Two places for one digest would drift apart: what contracts check stands with the chain only.
    [Fact]
    public void Messages_repeat_nothing_that_contracts_check()
    {
        static IEnumerable<string> Digests(Type type) => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly).Select(m => m.Name);
        Assert.Contains(nameof(ContractDigests.Withdraw), Digests(typeof(ContractDigests)));
        Assert.Empty(Digests(typeof(Messages)).Intersect(Digests(typeof(ContractDigests))));
    }

    private static JsonArray Vectors() => Checkout.Vectors("messages.json")["vectors"]!.AsArray();

    private static Hash32 DomainOf(JsonNode d)
    {
        var (chain, contract) = (ulong.Parse((string)d["chainId"]!, CultureInfo.InvariantCulture), Address.Parse((string)d["verifyingContract"]!));
        return (string)d["name"]! switch
        {
            "Trove" => Messages.Domain(chain, contract),
            var other => Eip712.DomainSeparator(other, "1", chain, contract),
        };
    }

    private static Hash32 DigestOf(string name, Hash32 domain, JsonNode d, JsonNode m)
    {
        Hash32 H(string field) => Hash32.Parse((string)m[field]!);
        Address A(string field) => Address.Parse((string)m[field]!);
        ulong U(string field) => ulong.Parse((string)m[field]!, CultureInfo.InvariantCulture);
        long L(string field) => (long)U(field);
        Money M(string field) => new(UInt128.Parse((string)m[field]!, CultureInfo.InvariantCulture));
        string S(string field) => (string)m[field]!;
        bool B(string field) => (bool)m[field]!;
        return name switch
        {
            "Announce" => Messages.Announce(domain, A("asset"), H("contribution"), A("owner"), H("partsRoot"), L("size"), H("nonce"), L("deadline")),
            "Manifest" => Messages.Manifest(domain, A("asset"), H("contribution"), A("owner"), H("partsRoot"), H("evidence"), L("evidenceSize"), U("announcedBlock"), H("policyHash"), H("nonce"), L("deadline")),
            "Attestation" => Messages.Attest(new Attestation(ulong.Parse((string)d["chainId"]!, CultureInfo.InvariantCulture), Address.Parse((string)d["verifyingContract"]!), A("asset"), H("contribution"), A("owner"),
                H("partsRoot"), H("evidenceResultsHash"), H("tagsHash"), H("nullifier"), U("words"), U("announcedBlock"), H("policyHash"), U("verifierSetVersion"), H("codeVersion"))),
            "Refusal" => Messages.Refuse(domain, A("asset"), H("contribution"), S("code"), S("reason")),
            "VerifierRequest" => Messages.VerifierRequest(domain, A("verifier"), S("purpose"), H("subject"), H("nonce"), L("deadline")),
            "OprfQuestion" => Messages.Evaluate(domain, A("asset"), H("contribution"), A("verifier"), H("blinded"), L("deadline")),
            "OprfAnswer" => Messages.Evaluated(domain, H("question"), (uint)U("committeeEpoch"), H("answer")),
            "CloseEpoch" => Messages.CloseEpoch(domain, A("asset"), U("epoch"), H("nonce"), L("deadline")),
            "Claim" => Messages.Claim(domain, A("asset"), A("owner"), H("nonce"), L("deadline")),
            "TestDollars" => Messages.TestDollars(domain, A("to"), M("amount"), H("nonce"), L("deadline")),
            "StartCeremony" => Messages.StartCeremony(domain, H("ceremony"), A("founder"), H("salt"), L("deadline")),
            "Release" => Messages.Release(domain, H("request"), (uint)U("use"), (uint)U("keyVersion"), (uint)U("committeeEpoch"), B("proofs"), H("answer")),
            "ReleaseRefusal" => Messages.RefuseRelease(domain, H("request"), (uint)U("use"), (uint)U("keyVersion"), (uint)U("committeeEpoch"), B("proofs"), S("code"), S("reason")),
            "WantProofs" => Messages.WantProofs(domain, H("request"), (uint)U("use"), (uint)U("keyVersion"), A("runner")),
            "Withdraw" => ContractDigests.Withdraw(ulong.Parse((string)d["chainId"]!, CultureInfo.InvariantCulture), Address.Parse((string)d["verifyingContract"]!), A("owner"), H("contribution"), U("deadline")),
            "LogHead" => Messages.LogHead(ulong.Parse((string)d["chainId"]!, CultureInfo.InvariantCulture), A("guardian"), (uint)U("chain"), U("count"), H("head"), L("time")),
            "DelegateStatement" => Messages.DelegateStatement(domain, A("asset"), A("delegate"), S("text"), U("revision")),
            "Delegation" => ContractDigests.Delegation(ulong.Parse((string)d["chainId"]!, CultureInfo.InvariantCulture), Address.Parse((string)d["verifyingContract"]!), (string)d["name"]!, A("delegatee"), U("nonce"), U("expiry")),
            "ReceiveWithAuthorization" => ContractDigests.ReceiveWithAuthorization(domain, A("from"), A("to"), M("value").Units, U("validBefore"), H("nonce")),
            _ => throw new InvalidOperationException($"no message {name}"),
        };
    }
}
