using System.Buffers.Binary;
using System.Numerics;
using Trove.Chain;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Assets;
using Trove.Node.Protocol;

namespace Trove.Node.Requests;

/// <summary>What a proposal would do.</summary>
public enum ActionKind : uint
{
    /// <summary>Approve a request: the approval is the grant.</summary>
    Approve,

    /// <summary>Revoke a grant.</summary>
    Revoke,

    /// <summary>Name the runners.</summary>
    Runners,

    /// <summary>Something this version cannot read.</summary>
    Unreadable,

    /// <summary>Invite guardians to make the next committee, or with none take an invitation back.</summary>
    Guardians,

    /// <summary>Release nothing until a second, or with zero lift a pause.</summary>
    Pause,

    /// <summary>Name the verifiers.</summary>
    Verifiers,

    /// <summary>Put another policy into force.</summary>
    Policy,

    /// <summary>Change what it takes to decide.</summary>
    Rules,

    /// <summary>Lay down something else about uses and their money.</summary>
    Charter,

    /// <summary>Pay from the treasury.</summary>
    Pay,

    /// <summary>Give back stake that was taken away.</summary>
    Reverse,
}

/// <summary>The contracts of an asset that a proposal can act on.</summary>
public sealed record ActionTargets(Address Grants, Address Registry, Address Governor, Address Stakes, Address PaymentToken)
{
    /// <summary>As the node knows them.</summary>
    public static ActionTargets Of(AssetRow a) => new(a.Grants, a.Registry, a.Governor, a.Stakes, a.PaymentToken);

    /// <summary>As a node says.</summary>
    public static ActionTargets Of(AssetInfo a) => new(a.Grants, a.Registry, a.Governor, a.Stakes, a.PaymentToken);
}

/// <summary>The one action of a proposal, from its call data and back.</summary>
/// <param name="Request">What is approved or revoked.</param>
/// <param name="Accounts">The runners named, or the guardians invited.</param>
/// <param name="Threshold">How many of these guardians it will take to open a part, or of these verifiers to agree.</param>
/// <param name="Until">Up to which second nothing is released.</param>
/// <param name="Verifiers">The verifiers named.</param>
/// <param name="Policy">Hash of the policy.</param>
/// <param name="Rules">What it will take to decide.</param>
/// <param name="Charter">What is laid down about uses and their money.</param>
/// <param name="Amount">What the treasury pays, to the one account.</param>
/// <param name="Slashing">Which slashing is given back.</param>
public sealed record ProposedAction(ActionKind Kind, Hash32? Request = null, IReadOnlyList<Address>? Accounts = null, uint Threshold = 0, ulong Until = 0,
    IReadOnlyList<VerifierInfo>? Verifiers = null, Hash32? Policy = null, RuleSet? Rules = null, CharterInfo? Charter = null, Money? Amount = null, ulong? Slashing = null)
{
    private const int MaxRunners = 64, MaxVerifiers = 64; // Registry.MAX_RUNNERS, MAX_VERIFIERS

    private static readonly AbiType AccountsType = AbiType.Parse("(address[])"), CommitteeType = AbiType.Parse("(address[],uint32)"), VerifiersType = AbiType.Parse("(address[],bytes32[],uint32)"),
        RulesType = AbiType.Parse("((uint32,uint48,uint16,uint16,uint256,uint256),(uint32,uint48,uint16,uint16,uint256,uint256),(uint32,uint48,uint16,uint16,uint256,uint256))");

    private static readonly AbiType CharterType = AbiType.Parse("((uint32,uint32,uint32,uint32,uint32,uint64,uint96,uint96,(uint96,uint64,uint32,uint32),(address,uint16)[]))"), PayType = AbiType.Parse("(address,uint256)");

    /// <summary>Its name in documents: the kind in lower case.</summary>
    public string Name => Kind.ToString().ToLowerInvariant();

    /// <summary>Itself, when the contracts would not refuse it for what it says; else null.</summary>
    public ProposedAction? Checked() => Kind switch
    {
        ActionKind.Approve or ActionKind.Revoke when Request is not null => this,
        ActionKind.Runners when AreDistinct(Accounts, MaxRunners) => this,
        ActionKind.Guardians when AreDistinct(Accounts, Committee.MaxGuardians) && Threshold <= Accounts!.Count && Threshold > 0 == Accounts.Count > 0 => this,
        ActionKind.Pause => this,
        ActionKind.Verifiers when Verifiers?.Contains(null!) == false && AreDistinct([.. Verifiers.Select(v => v.Address)], MaxVerifiers) && Threshold > 0 && Threshold <= Verifiers.Count
            && Verifiers.All(v => Key(v) is { } key && key != default) && Verifiers.DistinctBy(Key).Count() == Verifiers.Count => this,
        ActionKind.Policy when Policy is { } policy && policy != default => this,
        ActionKind.Rules when Rules?.Problem() is null && Rules is not null => this,
        ActionKind.Charter when Charter is not null && Charter.Problem() is null => this,
        ActionKind.Pay when Accounts is [{ IsZero: false }] && Amount?.Units > 0 => this,
        ActionKind.Reverse when Slashing is not null => this,
        _ => null,
    };

    /// <summary>The call that the timelock makes.</summary>
    public ContractCall ToCall(ActionTargets at) => Kind switch
    {
        ActionKind.Approve => new Grants(at.Grants).Approve(Request!.Value),
        ActionKind.Revoke => new Grants(at.Grants).Revoke(Request!.Value),
        ActionKind.Runners => new Registry(at.Registry).SetRunners(Accounts!),
        ActionKind.Guardians => new Registry(at.Registry).InviteGuardians(Accounts!, Threshold),
        ActionKind.Pause => new Registry(at.Registry).PauseUntil(Until),
        ActionKind.Charter => new Grants(at.Grants).SetCharter(Charter!.ToAbi()),
        ActionKind.Pay => new TestDollar(at.PaymentToken).Transfer(Accounts![0], Amount!.Value.Units),
        ActionKind.Reverse => new Stakes(at.Stakes).Reverse(Slashing!.Value),
        ActionKind.Verifiers => new Registry(at.Registry).SetVerifiers([.. Verifiers!.Select(v => v.Address)], [.. Verifiers!.Select(v => Key(v)!.Value)], Threshold),
        ActionKind.Policy => new Registry(at.Registry).SetPolicy(Policy!.Value),
        ActionKind.Rules => new AssetGovernor(at.Governor).SetRules(Rules!.Query.ToAbi(), Rules.Copy.ToAbi(), Rules.Constitution.ToAbi()),
        _ => throw new Api.ApiException(409, "unreadable", "this node cannot read what the proposal would do", "send it to the chain yourself"),
    };

    /// <summary>Reads a call; null when it is none that the governor lets pass.</summary>
    public static ProposedAction? Read(ContractCall call, ActionTargets at)
    {
        if (call.Data.Length < 4)
            return null;
        uint selector = BinaryPrimitives.ReadUInt32BigEndian(call.Data);
        if (call.To == at.Grants && call.Data.Length == 36 && selector is Grants.Selectors.Approve or Grants.Selectors.Revoke)
            return new ProposedAction(selector == Grants.Selectors.Approve ? ActionKind.Approve : ActionKind.Revoke, new Hash32(call.Data.AsSpan(4)));
        var arguments = call.Data.AsSpan(4).ToArray();
        if (call.To == at.Governor && selector == AssetGovernor.Selectors.SetRules)
            return AbiCodec.Decode(RulesType, arguments) is [object[] query, object[] copy, object[] constitution]
                ? new ProposedAction(ActionKind.Rules, Rules: new RuleSet(RulesInfo.Of(query), RulesInfo.Of(copy), RulesInfo.Of(constitution)))
                : null;
        if (call.To == at.Grants && selector == Grants.Selectors.SetCharter)
            return AbiCodec.Decode(CharterType, arguments) is [object[] charter] ? new ProposedAction(ActionKind.Charter, Charter: CharterInfo.Of(charter)) : null;
        if (call.To == at.PaymentToken && selector == TestDollar.Selectors.Transfer)
            return AbiCodec.Decode(PayType, arguments) is [Address to, BigInteger amount] && amount <= (BigInteger)UInt128.MaxValue
                ? new ProposedAction(ActionKind.Pay, Accounts: [to], Amount: new Money((UInt128)amount)) : null;
        if (call.To == at.Stakes && selector == Stakes.Selectors.Reverse && arguments.Length == Hash32.Size)
            return ContractDigests.ToInteger(new Hash32(arguments)) is var slashing && slashing <= ulong.MaxValue ? new ProposedAction(ActionKind.Reverse, Slashing: (ulong)slashing) : null;
        if (call.To != at.Registry)
            return null;
        switch (selector)
        {
            case Registry.Selectors.SetRunners:
                return new ProposedAction(ActionKind.Runners, Accounts: Addresses(AbiCodec.Decode(AccountsType, arguments)[0]));
            case Registry.Selectors.InviteGuardians:
                var invited = AbiCodec.Decode(CommitteeType, arguments);
                return new ProposedAction(ActionKind.Guardians, Accounts: Addresses(invited[0]), Threshold: (uint)invited[1]);
            // A time beyond 2^64 would not make the same call again.
            case Registry.Selectors.PauseUntil when arguments.Length == Hash32.Size && ContractDigests.ToInteger(new Hash32(arguments)) is var until && until <= ulong.MaxValue:
                return new ProposedAction(ActionKind.Pause, Until: (ulong)until);
            case Registry.Selectors.SetPolicy when arguments.Length == Hash32.Size:
                return new ProposedAction(ActionKind.Policy, Policy: new Hash32(arguments));
            case Registry.Selectors.SetVerifiers:
                var set = AbiCodec.Decode(VerifiersType, arguments);
                var (verifiers, keys) = (Addresses(set[0]), (object[])set[1]);
                // What the registry refuses has no form here that would make the same call again.
                return verifiers.Count != keys.Length ? null
                    : new ProposedAction(ActionKind.Verifiers, Verifiers: [.. verifiers.Zip(keys, (v, k) => new VerifierInfo(v, new X25519Recipient((Hash32)k).ToString()))], Threshold: (uint)set[2]);
            default:
                return null;
        }
    }

    private static Hash32? Key(VerifierInfo verifier)
    {
        try
        {
            return X25519Recipient.Parse(verifier.Recipient).PublicKey;
        }
        catch (Exception e) when (e is AgeException or ArgumentException)
        {
            return null;
        }
    }

    private static IReadOnlyList<Address> Addresses(object value) => [.. ((object[])value).Cast<Address>()];

    private static bool AreDistinct(IReadOnlyList<Address>? accounts, int limit) =>
        accounts is not null && accounts.Count <= limit && accounts.Distinct().Count() == accounts.Count && !accounts.Contains(default);
}
