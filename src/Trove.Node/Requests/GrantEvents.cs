using System.Numerics;
using Trove.Chain;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Protocol;

namespace Trove.Node.Requests;

/// <summary>What the grants contract and the governor log, in the one shape that the node keeps events in.</summary>
public static class GrantEvents
{
    private const int MaxDescription = 4096;

    /// <summary>The events that are read.</summary>
    public static readonly IReadOnlyList<Hash32> Signatures =
    [
        Grants.RequestedEvent.Signature, Grants.ApprovedEvent.Signature, Grants.UseOpenedEvent.Signature, Grants.ResultPostedEvent.Signature,
        Grants.UseFailedEvent.Signature, Grants.RevokedEvent.Signature, Grants.RefundedEvent.Signature, Grants.SnapshotTakenEvent.Signature,
        AssetGovernor.ProposalCreatedEvent.Signature, AssetGovernor.VoteCastEvent.Signature, AssetGovernor.ProposalExtendedEvent.Signature, AssetGovernor.ProposalQueuedEvent.Signature,
    ];

    /// <summary>Reads one event of an asset's grants contract or governor; null for one that does not matter here.</summary>
    public static (string Name, ChainEventData Data)? Read(Log l, AssetRow asset) => l.Address == asset.Grants ? ReadGrant(l) : ReadProposal(l, asset);

    private static (string Name, ChainEventData Data)? ReadGrant(Log l)
    {
        if (Grants.RequestedEvent.Decode(l) is { } requested)
            return QueryTerms.Of(requested.Terms) is { } terms
                ? ("Requested", new(Subject: requested.Request, From: requested.Buyer, Terms: terms, Text: Convert.ToBase64String(requested.Code)))
                : null;
        if (Grants.ApprovedEvent.Decode(l) is { } approved)
            return ("Approved", new(Subject: approved.Request));
        if (Grants.UseOpenedEvent.Decode(l) is { } opened)
            return ("UseOpened", new(Subject: opened.Request, Use: opened.Use, From: opened.Runner, Key: opened.OneTimeKey, Version: opened.KeyVersion, Until: opened.Deadline));
        if (Grants.ResultPostedEvent.Decode(l) is { } result)
            return ("ResultPosted", new(Subject: result.Request, Use: result.Use, From: result.Runner, Root: result.ResultHash, TreeHash: result.InputsHash));
        if (Grants.UseFailedEvent.Decode(l) is { } failed)
            return ("UseFailed", new(Subject: failed.Request, Use: failed.Use, From: failed.Runner, Text: FailureCode.Read(failed.Code)));
        if (Grants.RevokedEvent.Decode(l) is { } revoked)
            return ("Revoked", new(Subject: revoked.Request));
        if (Grants.RefundedEvent.Decode(l) is { } refunded)
            return ("Refunded", new(Subject: refunded.Request, To: refunded.Buyer, Amount: UInt128Text.Of(refunded.Amount)));
        return Grants.SnapshotTakenEvent.Decode(l) is { } snapshot ? ("SnapshotTaken", new(snapshot.Epoch)) : null;
    }

    private static (string Name, ChainEventData Data)? ReadProposal(Log l, AssetRow asset)
    {
        if (l.Topics.Count > 0 && l.Topics[0] == AssetGovernor.ProposalCreatedEvent.Signature)
            return ReadCreated(l, asset);
        if (AssetGovernor.VoteCastEvent.Decode(l) is { } vote)
            return ("VoteCast", new(Subject: ContractDigests.ToHash(vote.ProposalId), From: vote.Voter, Version: vote.Support, Amount: UInt128Text.Of(vote.Weight)));
        if (AssetGovernor.ProposalExtendedEvent.Decode(l) is { } extended)
            return ("ProposalExtended", new(Subject: ContractDigests.ToHash(extended.ProposalId), Until: extended.ExtendedDeadline));
        return AssetGovernor.ProposalQueuedEvent.Decode(l) is { } queued
            ? ("ProposalQueued", new(Subject: ContractDigests.ToHash(queued.ProposalId), Until: Seconds(queued.EtaSeconds)))
            : null;
    }

    // A proposal is shown even when its description is no text or its call is written oddly: what owners do not see they do not
    // vote against. Id, proposer and times stand at fixed places.
    private static (string Name, ChainEventData Data)? ReadCreated(Log l, AssetRow asset)
    {
        var action = new ProposedAction(ActionKind.Unreadable);
        string description = "(its description is no text)";
        try
        {
            if (AssetGovernor.ProposalCreatedEvent.Decode(l) is not { } p)
                return null;
            description = Clean(p.Description);
            if (p.Targets.Count == 1 && p.Calldatas.Count == 1)
                action = ProposedAction.Read(new ContractCall(p.Targets[0], p.Calldatas[0]), asset) ?? action;
        }
        catch (AbiException) when (l.Data.Length >= 9 * Hash32.Size)
        {
            // Shown as unreadable.
        }
        Hash32 Word(int i) => new(l.Data.AsSpan(i * Hash32.Size, Hash32.Size));
        return ("ProposalCreated", new(Subject: Word(0), From: new Address(l.Data.AsSpan(Hash32.Size + 12, Address.Size)),
            Epoch: Seconds(ContractDigests.ToInteger(Word(6))), Until: Seconds(ContractDigests.ToInteger(Word(7))),
            Key: action.Request, Accounts: action.Accounts, Version: (uint)action.Kind, Use: action.Threshold, Amount: new UInt128Text(action.Until), Text: description));
    }

    private static ulong Seconds(BigInteger value) => value > uint.MaxValue ? uint.MaxValue : (ulong)value;

    // PostgreSQL's jsonb takes no NUL.
    private static string Clean(string text) => (text.Length <= MaxDescription ? text : text[..MaxDescription]).Replace('\0', ' ');
}

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
}

/// <summary>The one action of a proposal, from its call data and back.</summary>
/// <param name="Request">What is approved or revoked.</param>
/// <param name="Accounts">The runners named, or the guardians invited.</param>
/// <param name="Threshold">How many of these guardians it will take to open a part.</param>
/// <param name="Until">Up to which second nothing is released.</param>
public sealed record ProposedAction(ActionKind Kind, Hash32? Request = null, IReadOnlyList<Address>? Accounts = null, uint Threshold = 0, ulong Until = 0)
{
    private static readonly AbiType AccountsType = AbiType.Parse("(address[])"), CommitteeType = AbiType.Parse("(address[],uint32)");

    /// <summary>Its name in documents: the kind in lower case.</summary>
    public string Name => Kind.ToString().ToLowerInvariant();

    /// <summary>The action that a proposal's documents name; null when they name none, or one that the registry would refuse.</summary>
    public static ProposedAction? Of(string? name, Hash32? request, IReadOnlyList<Address>? accounts, uint threshold, ulong until) => name switch
    {
        "approve" when request is not null => new ProposedAction(ActionKind.Approve, request),
        "revoke" when request is not null => new ProposedAction(ActionKind.Revoke, request),
        "runners" when AreDistinct(accounts, MaxRunners) => new ProposedAction(ActionKind.Runners, Accounts: accounts),
        "guardians" when AreDistinct(accounts, Committee.MaxGuardians) && threshold <= accounts!.Count && threshold > 0 == accounts.Count > 0 =>
            new ProposedAction(ActionKind.Guardians, Accounts: accounts, Threshold: threshold),
        "pause" => new ProposedAction(ActionKind.Pause, Until: until),
        _ => null,
    };

    /// <summary>The call that the timelock makes.</summary>
    public ContractCall ToCall(Address grants, Address registry) => Kind switch
    {
        ActionKind.Approve => new Grants(grants).Approve(Request!.Value),
        ActionKind.Revoke => new Grants(grants).Revoke(Request!.Value),
        ActionKind.Runners => new Registry(registry).SetRunners(Accounts!),
        ActionKind.Guardians => new Registry(registry).InviteGuardians(Accounts!, Threshold),
        ActionKind.Pause => new Registry(registry).PauseUntil(Until),
        _ => throw new Api.ApiException(409, "unreadable", "this node cannot read what the proposal would do", "send it to the chain yourself"),
    };

    /// <summary>Reads a call; null when it is none that the governor lets pass.</summary>
    public static ProposedAction? Read(ContractCall call, AssetRow asset)
    {
        if (call.Data.Length < 4)
            return null;
        uint selector = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(call.Data);
        if (call.To == asset.Grants && call.Data.Length == 36 && selector is Grants.Selectors.Approve or Grants.Selectors.Revoke)
            return new ProposedAction(selector == Grants.Selectors.Approve ? ActionKind.Approve : ActionKind.Revoke, new Hash32(call.Data.AsSpan(4)));
        if (call.To != asset.Registry)
            return null;
        var arguments = call.Data.AsSpan(4).ToArray();
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
            default:
                return null;
        }
    }

    private const int MaxRunners = 64;

    private static IReadOnlyList<Address> Addresses(object value) => [.. ((object[])value).Cast<Address>()];

    private static bool AreDistinct(IReadOnlyList<Address>? accounts, int limit) =>
        accounts is not null && accounts.Count <= limit && accounts.Distinct().Count() == accounts.Count && !accounts.Contains(default);
}

/// <summary>Class of a use's failure as a <c>bytes32</c>: lower-case ASCII letters, digits and dashes, then zeros. Nothing else leaves a runner.</summary>
public static class FailureCode
{
    /// <summary>The word of a code.</summary>
    /// <exception cref="ArgumentException">It is no code.</exception>
    public static Hash32 Word(string code)
    {
        if (code is not { Length: > 0 and <= 32 } || code.Any(c => c is not ((>= 'a' and <= 'z') or (>= '0' and <= '9') or '-')))
            throw new ArgumentException("a failure's code is 1 to 32 lower-case letters, digits and dashes");
        Span<byte> word = stackalloc byte[32];
        word.Clear();
        System.Text.Encoding.ASCII.GetBytes(code, word);
        return new Hash32(word);
    }

    /// <summary>The code of a word; <c>unreadable</c> when it is none.</summary>
    public static string Read(Hash32 word)
    {
        string text = System.Text.Encoding.Latin1.GetString(word.ToArray()).TrimEnd('\0');
        return text.Length > 0 && text.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-') ? text : "unreadable";
    }
}
