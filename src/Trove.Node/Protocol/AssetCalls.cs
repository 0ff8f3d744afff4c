using System.Numerics;
using System.Text;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Node.Requests;
using Epoch = Trove.Core.Rewards.Epoch;

namespace Trove.Node.Protocol;

/// <summary>
/// The contract call that a signed document is. A node relays it and pays for it; whoever has the document can send the very same call, and
/// the contracts check the same signature. So a node that refuses it delays nothing but itself (specs/messages.md#without-a-node).
/// </summary>
public static class AssetCalls
{
    /// <summary>Most leaves of one claim: what fits a block of 30M gas, all owners receiving shares for the first time.</summary>
    public const int ClaimsPerTransaction = 100;

    /// <summary>An owner's ballot.</summary>
    /// <exception cref="FormatException">The signature is not hexadecimal; of all calls here.</exception>
    public static ContractCall Vote(Address governor, Hash32 proposal, VoteRequest r) =>
        new AssetGovernor(governor).CastVoteBySig(ContractDigests.ToInteger(proposal), r.Support, r.Voter, Hex.Decode(r.Signature));

    /// <summary>A proposal: a buyer's request for anybody, everything else for the owner who signed.</summary>
    public static ContractCall Propose(ActionTargets at, ProposedAction action, string description, ProposeRequest r)
    {
        var (governor, call) = (new AssetGovernor(at.Governor), action.ToCall(at));
        return action.Kind == ActionKind.Approve ? governor.Propose([call.To], [BigInteger.Zero], [call.Data], description)
            : governor.ProposeBySig([call.To], [BigInteger.Zero], [call.Data], description, r.Proposer!.Value, r.Deadline, Hex.Decode(r.Signature!));
    }

    /// <summary>Takes a proposal that won into the timelock.</summary>
    public static ContractCall Queue(ActionTargets at, ProposedAction action, string description)
    {
        var call = action.ToCall(at);
        return new AssetGovernor(at.Governor).Queue([call.To], [BigInteger.Zero], [call.Data], HashOf(description));
    }

    /// <summary>Carries out what has been in the timelock long enough.</summary>
    public static ContractCall Execute(ActionTargets at, ProposedAction action, string description)
    {
        var call = action.ToCall(at);
        return new AssetGovernor(at.Governor).Execute([call.To], [BigInteger.Zero], [call.Data], HashOf(description));
    }

    /// <summary>An owner gives its votes away, or takes them back.</summary>
    public static ContractCall Delegate(Address asset, DelegationRequest r)
    {
        var signature = Hex.Decode(r.Signature);
        return new ShareToken(asset).DelegateBySig(r.Delegatee, r.Nonce, r.Expiry, signature[64], new Hash32(signature.AsSpan(0, 32)), new Hash32(signature.AsSpan(32, 32)));
    }

    /// <summary>A contribution's tombstone.</summary>
    /// <param name="ledger">The asset's ledger.</param>
    /// <param name="owner">Whose contribution.</param>
    /// <param name="salt">What its identifier was made of.</param>
    /// <param name="r">What the owner signed.</param>
    public static ContractCall Withdraw(Address ledger, Address owner, Hash32 salt, WithdrawRequest r) => new Ledger(ledger).Withdraw(owner, salt, r.Deadline, Hex.Decode(r.Signature));

    /// <summary>A buyer's request, whose signature is its payment.</summary>
    public static ContractCall Request(Address grants, QueryRequest r) =>
        new Grants(grants).Request(r.Terms.ToAbi(), Encoding.UTF8.GetBytes(r.Query), r.ValidBefore, Hex.Decode(r.Signature));

    /// <summary>An operator puts money at stake.</summary>
    public static ContractCall Deposit(Address stakes, DepositRequest r) => new Stakes(stakes).Deposit(r.Account, r.Amount.Units, 0, r.ValidBefore, r.Nonce, Hex.Decode(r.Signature));

    /// <summary>An operator takes stake out.</summary>
    public static ContractCall Unstake(Address stakes, Address account, UnstakeRequest r) => new Stakes(stakes).Unstake(account, r.Amount.Units, r.Deadline, Hex.Decode(r.Signature));

    /// <summary>Somebody pays a dividend.</summary>
    public static ContractCall Dividend(Address asset, DividendRequest r) =>
        new ShareToken(asset).DistributeWithAuthorization(r.From, (BigInteger)r.Amount.Units, 0, r.ValidBefore, r.Nonce, Hex.Decode(r.Signature));

    /// <summary>Hands out the shares of leaves that stand side by side in a posted epoch; the ledger passes over those that are claimed.</summary>
    public static ContractCall ClaimShares(Address ledger, Epoch epoch, IReadOnlyList<EpochLeaf> leaves)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(leaves.Count, ClaimsPerTransaction);
        return new Ledger(ledger).ClaimMany([.. leaves.Select(l => new Claim(l.Epoch, l.Index, l.Contribution, l.Owner, (BigInteger)l.Amount.Units, l.PartsRoot))],
            epoch.Tree.RangeProof((int)leaves[0].Index, leaves.Count));
    }

    private static Hash32 HashOf(string description) => Keccak256.Hash(Encoding.UTF8.GetBytes(description));
}
