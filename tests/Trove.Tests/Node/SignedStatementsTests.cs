using System.Text.Json;
using Trove.Chain;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Tests.Node;

/// <summary>What verifiers and runners can be held to: the contract's rule of what contradicts, and who signed.</summary>
public class SignedStatementsTests
{
    private const ulong ChainId = 31337;
    private static readonly Address Contract = new(Enumerable.Repeat((byte)7, Address.Size).ToArray());
    private static readonly RootStatement Root = new(3, Hash(1), Hash(2), new Shares(5), 2, Hash(3), 1, "0x");
    private static readonly ResultStatement Result = new(Hash(4), 1, Hash(5), Hash(6), Contract, "0x");

    private static readonly AttestationStatement Found = new(new Attestation(ChainId, Contract, Contract, Hash(1), Contract, Hash(2), Hash(3), Hash(4), Hash(5), 7, 8, Hash(6), 1, Hash(7)), "0x");

    public static TheoryData<RootStatement, bool> Roots => new()
    {
        { Root, false }, { Root with { Signature = "0x00" }, false },
        { Root with { Root = Hash(9) }, true }, { Root with { Total = new Shares(6) }, true }, { Root with { Leaves = 3 }, true }, { Root with { TreeHash = Hash(9) }, true },
        { Root with { Epoch = 4, Root = Hash(9) }, false }, { Root with { PreviousRoot = Hash(9), Root = Hash(8) }, false }, { Root with { VerifierSetVersion = 2, Root = Hash(9) }, false },
    };

    public static TheoryData<ResultStatement, bool> Results => new()
    {
        { Result, false }, { Result with { ResultHash = Hash(9) }, true }, { Result with { InputsHash = Hash(9) }, true },
        { Result with { Use = 2, ResultHash = Hash(9) }, false }, { Result with { Request = Hash(8), ResultHash = Hash(9) }, false }, { Result with { Runner = default, ResultHash = Hash(9) }, false },
    };

    public static TheoryData<AttestationStatement, bool, bool> Attestations => new()
    {
        { Found, false, false }, { Found with { Signature = "0x00" }, false, false },
        // What a verifier finds; with other results it may be other evidence, of which tags and nullifier are others too. Words are of the parts alone.
        { With(f => f with { Words = 8 }), true, true }, { With(f => f with { TagsHash = Hash(9) }), true, true }, { With(f => f with { Nullifier = Hash(9) }), true, true },
        { With(f => f with { EvidenceResultsHash = Hash(9) }), true, false }, { With(f => f with { EvidenceResultsHash = Hash(9), TagsHash = Hash(9) }), true, false },
        { With(f => f with { EvidenceResultsHash = Hash(9), Nullifier = Hash(9) }), true, false }, { With(f => f with { EvidenceResultsHash = Hash(9), Words = 8 }), true, true },
        { With(f => f with { Owner = default }), true, false }, { With(f => f with { Asset = default }), true, false },
        // What it is asked, or where.
        { With(f => f with { Words = 8, Contribution = Hash(9) }), false, false }, { With(f => f with { Words = 8, PartsRoot = Hash(9) }), false, false },
        { With(f => f with { Words = 8, AnnouncedBlock = 9 }), false, false }, { With(f => f with { Words = 8, PolicyHash = Hash(9) }), false, false },
        { With(f => f with { Words = 8, VerifierSetVersion = 9 }), false, false }, { With(f => f with { Words = 8, CodeVersion = Hash(9) }), false, false },
        { With(f => f with { Words = 8, ChainId = 1 }), false, false }, { With(f => f with { Words = 8, Ledger = default }), false, false },
    };

    [Theory]
    [MemberData(nameof(Attestations))]
    public void Attestations_contradict_and_outvote_as_the_contract_says(AttestationStatement other, bool contradicts, bool outvotes)
    {
        Assert.Equal((contradicts, contradicts), (Found.Contradicts(other), other.Contradicts(Found)));
        Assert.Equal((outvotes, outvotes), (Found.Outvotes(other), other.Outvotes(Found)));
    }

    [Theory]
    [MemberData(nameof(Roots))]
    public void Roots_contradict_as_the_contract_says(RootStatement other, bool contradicts) => Assert.Equal((contradicts, contradicts), (Root.Contradicts(other), other.Contradicts(Root)));

    [Theory]
    [MemberData(nameof(Results))]
    public void Results_contradict_as_the_contract_says(ResultStatement other, bool contradicts) => Assert.Equal((contradicts, contradicts), (Result.Contradicts(other), other.Contradicts(Result)));

    [Fact]
    public void Heads_are_of_two_logs_as_the_contract_says()
    {
        LogHeadInfo head = new(Contract, 1, 10, Hash(1), 1000, "0x", false), other = head with { Head = Hash(2), Time = 2000 };
        Assert.True(head.IsOfAnotherLogThan(other) && other.IsOfAnotherLogThan(head));
        Assert.False(head.IsOfAnotherLogThan(head with { Time = 2000, Signature = "0x00" }));
        Assert.False(head.IsOfAnotherLogThan(other with { Count = 11 }));
        Assert.False(head.IsOfAnotherLogThan(other with { Chain = 2 }));
        Assert.False(head.IsOfAnotherLogThan(other with { Guardian = default }));
    }

    [Fact]
    public void Signer_is_who_signed_exactly_this()
    {
        using var key = SigningKey.Generate();
        var root = RootStatement.Of(Root.ToAbi(), key.Sign(ContractDigests.EpochRoot(ChainId, Contract, Root.ToAbi())));
        Assert.Equal(key.Address, root.Signer(ChainId, Contract));
        Assert.Equal(root, JsonSerializer.Deserialize<RootStatement>(JsonSerializer.Serialize(root, TroveJson.Options), TroveJson.Options));
        Assert.NotEqual(key.Address, (root with { Total = new Shares(6) }).Signer(ChainId, Contract));
        Assert.NotEqual(key.Address, root.Signer(ChainId + 1, Contract));
        Assert.NotEqual(key.Address, root.Signer(ChainId, default));
        var result = Result with { Runner = key.Address };
        result = result with { Signature = Hex.Encode(key.Sign(ContractDigests.Result(ChainId, Contract, result.Request, result.Use, result.ResultHash, result.InputsHash, result.Runner))) };
        Assert.Equal(key.Address, result.Signer(ChainId, Contract));
        Assert.NotEqual(key.Address, (result with { InputsHash = Hash(9) }).Signer(ChainId, Contract));
        var facts = Found with { Signature = Hex.Encode(key.Sign(Messages.Attest(Found.Facts))) };
        Assert.Equal(key.Address, facts.Signer(ChainId, Contract));
        Assert.Equal(facts, JsonSerializer.Deserialize<AttestationStatement>(JsonSerializer.Serialize(facts, TroveJson.Options), TroveJson.Options));
        Assert.NotEqual(key.Address, (facts with { Facts = facts.Facts with { Words = 8 } }).Signer(ChainId, Contract));
        Assert.Null(facts.Signer(ChainId + 1, Contract));
        Assert.Null(facts.Signer(ChainId, default));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0x")]
    [InlineData("0xzz")]
    [InlineData("0x0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000ff")]
    public void What_is_no_signature_has_no_signer(string signature) => Assert.Null((Root with { Signature = signature }).Signer(ChainId, Contract));

    private static AttestationStatement With(Func<Attestation, Attestation> change) => Found with { Facts = change(Found.Facts) };

    private static Hash32 Hash(byte value) => new(Enumerable.Repeat(value, Hash32.Size).ToArray());
}
