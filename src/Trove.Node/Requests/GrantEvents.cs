using System.Numerics;
using Trove.Chain;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
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
        Grants.UseChallengedEvent.Signature, Grants.ResultDisputedEvent.Signature, Grants.SettledEvent.Signature, Grants.UseFailedEvent.Signature, Grants.RevokedEvent.Signature, Grants.RefundedEvent.Signature, Grants.SnapshotTakenEvent.Signature,
        AssetGovernor.ProposalCreatedEvent.Signature, AssetGovernor.VoteCastEvent.Signature, AssetGovernor.ProposalExtendedEvent.Signature, AssetGovernor.ProposalQueuedEvent.Signature,
    ];

    /// <summary>Reads one event of an asset's grants contract or governor; null for one that does not matter here.</summary>
    public static (string Name, ChainEventData Data)? Read(Log l, ActionTargets at) => l.Address == at.Grants ? ReadGrant(l) : ReadProposal(l, at);

    private static (string Name, ChainEventData Data)? ReadGrant(Log l)
    {
        if (Grants.RequestedEvent.Decode(l) is { } requested)
            return RequestTerms.Of(requested.Terms) is { } terms
                ? ("Requested", new(Subject: requested.Request, From: requested.Buyer, Terms: terms, Text: Convert.ToBase64String(requested.Code)))
                : null;
        if (Grants.ApprovedEvent.Decode(l) is { } approved)
            return ("Approved", new(Subject: approved.Request));
        if (Grants.UseOpenedEvent.Decode(l) is { } opened)
            return ("UseOpened", new(Subject: opened.Request, Use: opened.Use, From: opened.Runner, Key: opened.OneTimeKey, Version: opened.KeyVersion, Until: opened.Deadline));
        if (Grants.ResultPostedEvent.Decode(l) is { } result)
            return ("ResultPosted", new(Subject: result.Request, Use: result.Use, From: result.Runner, Root: result.ResultHash, TreeHash: result.InputsHash, Until: result.Until));
        if (Grants.UseChallengedEvent.Decode(l) is { } again)
            return ("UseChallenged", new(Subject: again.Request, Use: again.Use, From: again.Runner, Key: again.OneTimeKey, Version: again.KeyVersion, Until: again.Deadline));
        if (Grants.ResultDisputedEvent.Decode(l) is { } disputed)
            return ("ResultDisputed", new(Subject: disputed.Request, Use: disputed.Use, Until: disputed.Until));
        if (Grants.SettledEvent.Decode(l) is { } settled)
            return ("Settled", new(Subject: settled.Request, Use: settled.Use, Amount: UInt128Text.Of(settled.Amount)));
        if (Grants.UseFailedEvent.Decode(l) is { } failed)
            return ("UseFailed", new(Subject: failed.Request, Use: failed.Use, From: failed.Runner, Text: FailureCode.Read(failed.Code)));
        if (Grants.RevokedEvent.Decode(l) is { } revoked)
            return ("Revoked", new(Subject: revoked.Request));
        if (Grants.RefundedEvent.Decode(l) is { } refunded)
            return ("Refunded", new(Subject: refunded.Request, To: refunded.Buyer, Amount: UInt128Text.Of(refunded.Amount)));
        return Grants.SnapshotTakenEvent.Decode(l) is { } snapshot ? ("SnapshotTaken", new(snapshot.Epoch)) : null;
    }

    private static (string Name, ChainEventData Data)? ReadProposal(Log l, ActionTargets at)
    {
        if (l.Topics.Count > 0 && l.Topics[0] == AssetGovernor.ProposalCreatedEvent.Signature)
            return ReadCreated(l, at);
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
    private static (string Name, ChainEventData Data)? ReadCreated(Log l, ActionTargets at)
    {
        var action = new ProposedAction(ActionKind.Unreadable);
        string description = "(its description is no text)";
        try
        {
            if (AssetGovernor.ProposalCreatedEvent.Decode(l) is not { } p)
                return null;
            description = Clean(p.Description);
            if (p.Targets.Count == 1 && p.Calldatas.Count == 1)
                action = ProposedAction.Read(new ContractCall(p.Targets[0], p.Calldatas[0]), at) ?? action;
        }
        catch (AbiException) when (l.Data.Length >= 9 * Hash32.Size)
        {
            // Shown as unreadable.
        }
        Hash32 Word(int i) => new(l.Data.AsSpan(i * Hash32.Size, Hash32.Size));
        return ("ProposalCreated", new(Subject: Word(0), From: new Address(l.Data.AsSpan(Hash32.Size + 12, Address.Size)),
            Epoch: Seconds(ContractDigests.ToInteger(Word(6))), Until: Seconds(ContractDigests.ToInteger(Word(7))),
            Key: action.Request ?? action.Policy, Accounts: action.Accounts, Version: (uint)action.Kind, Use: action.Threshold, Amount: new UInt128Text(action.Amount?.Units ?? action.Slashing ?? action.Until),
            Verifiers: action.Verifiers, Rules: action.Rules, Charter: action.Charter, Text: description));
    }

    private static ulong Seconds(BigInteger value) => value > uint.MaxValue ? uint.MaxValue : (ulong)value;

    // PostgreSQL's jsonb takes no NUL.
    private static string Clean(string text) => (text.Length <= MaxDescription ? text : text[..MaxDescription]).Replace('\0', ' ');
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
