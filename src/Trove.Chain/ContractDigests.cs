using System.Numerics;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Epoch = Trove.Core.Rewards.Epoch;

namespace Trove.Chain;

/// <summary>What is signed for, and hashed by, the contracts (specs/chain.md); each digest is good for one chain and contract.</summary>
public static class ContractDigests
{
    /// <summary>What the ledger is told of an epoch.</summary>
    public static EpochRoot RootOf(Epoch epoch, ulong verifierSetVersion) => new(epoch.Number, epoch.PreviousRoot, epoch.Tree.Root,
        (BigInteger)epoch.Total.Units, (uint)epoch.Leaves.Count, epoch.TreeHash, verifierSetVersion);

    /// <summary>What verifiers sign to post an epoch.</summary>
    public static Hash32 EpochRoot(ulong chainId, Address ledger, EpochRoot r) => Eip712.Digest(
        Eip712.DomainSeparator("Trove Ledger", "1", chainId, ledger),
        new Eip712Struct("EpochRoot(uint64 epoch,bytes32 previousRoot,bytes32 root,uint256 total,uint32 leaves,bytes32 treeHash,uint64 verifierSetVersion)")
            .Uint(r.Epoch).Bytes32(r.PreviousRoot).Bytes32(r.Root).Uint(r.Total).Uint(r.Leaves).Bytes32(r.TreeHash).Uint(r.VerifierSetVersion).Hash());

    /// <summary>What an owner signs to withdraw a contribution; the deadline is in seconds since 1970.</summary>
    public static Hash32 Withdraw(ulong chainId, Address ledger, Address owner, Hash32 contribution, ulong deadline) => Eip712.Digest(
        Eip712.DomainSeparator("Trove Ledger", "1", chainId, ledger),
        new Eip712Struct("Withdraw(address owner,bytes32 contribution,uint256 deadline)").Address(owner).Bytes32(contribution).Uint(deadline).Hash());

    /// <summary>What a founder signs so that a relayer can create the asset; the deadline is in seconds since 1970.</summary>
    public static Hash32 CreateAsset(ulong chainId, Address factory, AssetParams p, Address founder, ulong deadline) => Eip712.Digest(
        Eip712.DomainSeparator("Trove Factory", "1", chainId, factory),
        new Eip712Struct("CreateAsset(address founder,string name,string symbol,bytes32 salt,address paymentToken,bytes32 recipient,bytes32 policyHash,uint256 epochCap,address[] verifiers,bytes32[] verifierRecipients,uint32 threshold,uint256 deadline)")
            .Address(founder).String(p.Name).String(p.Symbol).Bytes32(p.Salt).Address(p.PaymentToken).Bytes32(p.Recipient).Bytes32(p.PolicyHash)
            .Uint(p.EpochCap).Addresses(p.Verifiers).Bytes32s(p.VerifierRecipients).Uint(p.Threshold).Uint(deadline).Hash());

    /// <summary>The leaf of a claim in its epoch's Merkle tree.</summary>
    /// <exception cref="OverflowException">The amount is negative or has more than 128 bits, which no epoch mints.</exception>
    public static Hash32 Leaf(Claim c) => new EpochLeaf(c.Epoch, c.Index, c.Contribution, c.Owner, new Shares((UInt128)c.Amount), c.PartsRoot).Hash();

    /// <summary>The identifier of the contribution that an owner makes with a salt.</summary>
    public static Hash32 Contribution(ulong chainId, Address ledger, Address owner, Hash32 salt) =>
        ContributionId.Of(chainId, ledger, owner, salt);
}
