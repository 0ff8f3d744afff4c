using System.Numerics;
using System.Text;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Epoch = Trove.Core.Rewards.Epoch;

namespace Trove.Chain;

/// <summary>What is signed for, and hashed by, the contracts (specs/chain.md); each digest is good for one chain and contract.</summary>
public static class ContractDigests
{
    private const string CustodyType = "Custody(address[] guardians,bytes32[] commitments,bytes32[] oprfCommitments,uint32 threshold,address[] runners)";
    private const string RulesType = "Rules(uint32 votingPeriod,uint48 timelockDelay,uint16 quorumPercent,uint16 approvalPercent,uint256 quorumFloor,uint256 proposalThreshold)";
    // encodeType puts the referenced types behind, each once and by name (EIP-712).
    private const string GovernanceOwn = "Governance(uint48 voteExtension,uint32 minimumOwners,uint32 minimumAge,Rules query,Rules copy,Rules constitution)", GovernanceType = GovernanceOwn + RulesType;
    private const string StandingType = "Standing(uint96 minimumPrice,uint64 maximumEpsilon,uint32 minimumGroupSize,uint32 uses)", FeeType = "Fee(address recipient,uint16 basisPoints)";
    private const string CharterOwn = "Charter(uint32 useTime,uint32 minimumGroupSize,uint32 minimumSnapshotLeaves,uint32 challengeTime,uint32 period,uint64 budget,uint96 runnerStake,uint96 verifierStake,Standing standing,Fee[] fees)", CharterType = CharterOwn + FeeType + StandingType;
    private static readonly AbiType RequestType = AbiType.Parse("(uint256,address,(address,bytes32,uint8,bytes32[],uint16,uint16,uint64,bytes32,uint32,uint64,uint256,uint32,uint64,bytes32))");
    private static readonly AbiType ProposalType = AbiType.Parse("(address[],uint256[],bytes[],bytes32)");

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
    public static Hash32 CreateAsset(ulong chainId, Address factory, AssetParams p, Address founder, ulong deadline)
    {
        var (c, g, h) = (p.Custody, p.Governance, p.Charter);
        var custody = new Eip712Struct(CustodyType).Addresses(c.Guardians).Bytes32s(c.Commitments).Bytes32s(c.OprfCommitments).Uint(c.Threshold).Addresses(c.Runners);
        var governance = new Eip712Struct(GovernanceType).Uint(g.VoteExtension).Uint(g.MinimumOwners).Uint(g.MinimumAge)
            .Struct(Of(g.Query)).Struct(Of(g.Copy)).Struct(Of(g.Constitution));
        var charter = new Eip712Struct(CharterType).Uint(h.UseTime).Uint(h.MinimumGroupSize).Uint(h.MinimumSnapshotLeaves).Uint(h.ChallengeTime).Uint(h.Period).Uint(h.Budget)
            .Uint(h.RunnerStake).Uint(h.VerifierStake)
            .Struct(new Eip712Struct(StandingType).Uint(h.Standing.MinimumPrice).Uint(h.Standing.MaximumEpsilon).Uint(h.Standing.MinimumGroupSize).Uint(h.Standing.Uses))
            .Structs(FeeType, h.Fees.Select(f => new Eip712Struct(FeeType).Address(f.Recipient).Uint(f.BasisPoints)));
        return Eip712.Digest(Eip712.DomainSeparator("Trove Factory", "1", chainId, factory),
            new Eip712Struct("CreateAsset(address founder,string name,string symbol,bytes32 salt,address paymentToken,bytes32 recipient,bytes32 policyHash,uint256 epochCap,uint8 vestingEpochs,address[] verifiers,bytes32[] verifierRecipients,uint32 threshold,Custody custody,Governance governance,Charter charter,uint256 deadline)"
                + CharterOwn + CustodyType + FeeType + GovernanceOwn + RulesType + StandingType)
                .Address(founder).String(p.Name).String(p.Symbol).Bytes32(p.Salt).Address(p.PaymentToken).Bytes32(p.Recipient).Bytes32(p.PolicyHash)
                .Uint(p.EpochCap).Uint(p.VestingEpochs).Addresses(p.Verifiers).Bytes32s(p.VerifierRecipients).Uint(p.Threshold).Struct(custody).Struct(governance).Struct(charter).Uint(deadline).Hash());
    }

    private static Eip712Struct Of(Rules r) => new Eip712Struct(RulesType).Uint(r.VotingPeriod).Uint(r.TimelockDelay).Uint(r.QuorumPercent).Uint(r.ApprovalPercent)
        .Uint(r.QuorumFloor).Uint(r.ProposalThreshold);

    /// <summary>EIP-3009: <paramref name="from"/> lets a contract of an asset draw money, from the first second on.</summary>
    public static Hash32 ReceiveWithAuthorization(Hash32 tokenDomain, Address from, Address to, UInt128 value, ulong validBefore, Hash32 nonce) =>
        Eip712.Digest(tokenDomain, new Eip712Struct("ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)")
            .Address(from).Address(to).Uint(value).Uint(0UL).Uint(validBefore).Bytes32(nonce).Hash());

    /// <summary>ERC-5805: an owner gives its votes to <paramref name="delegatee"/>, in the domain of the share token (ERC-2612: its name, version 1).</summary>
    /// <param name="expiry">Last second at which the token takes it.</param>
    public static Hash32 Delegation(ulong chainId, Address token, string name, Address delegatee, BigInteger nonce, ulong expiry) => Eip712.Digest(
        Eip712.DomainSeparator(name, "1", chainId, token),
        new Eip712Struct("Delegation(address delegatee,uint256 nonce,uint256 expiry)").Address(delegatee).Uint(nonce).Uint(expiry).Hash());

    /// <summary>The identifier of a buyer's request: the hash of chain, contract and all terms.</summary>
    public static Hash32 RequestId(ulong chainId, Address grants, Terms terms) =>
        Keccak256.Hash(AbiCodec.Encode(RequestType, [chainId, grants, terms.ToAbi()]));

    /// <summary>The identifier of a proposal of one action without money (Governor.hashProposal).</summary>
    public static Hash32 ProposalId(ContractCall action, string description) => Keccak256.Hash(AbiCodec.Encode(ProposalType,
        [new object?[] { action.To }, new object?[] { BigInteger.Zero }, new object?[] { action.Data }, Keccak256.Hash(Encoding.UTF8.GetBytes(description))]));

    /// <summary>The description that the one proposal on a request has.</summary>
    public static string RequestDescription(Hash32 request) => $"Approve request 0x{request.ToHex()}";

    /// <summary>The identifier of the one proposal on a request.</summary>
    public static Hash32 RequestProposal(Address grants, Hash32 request) => ProposalId(new Grants(grants).Approve(request), RequestDescription(request));

    /// <summary>The nonce of a ballot: what the first on its proposal would have if nonces were counted for each proposal (NoncesKeyed).</summary>
    public static BigInteger BallotNonce(Hash32 proposal) =>
        (ToInteger(proposal) & ((BigInteger.One << 192) - 1)) << 64;

    /// <summary>What an owner signs to vote.</summary>
    /// <param name="support">0 against, 1 for, 2 abstain.</param>
    public static Hash32 Ballot(ulong chainId, Address governor, Hash32 proposal, byte support, Address voter, BigInteger nonce) => Eip712.Digest(
        Eip712.DomainSeparator("Trove Governor", "1", chainId, governor),
        new Eip712Struct("Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)").Uint(ToInteger(proposal)).Uint(support).Address(voter).Uint(nonce).Hash());

    /// <summary>A ballot as it is cast among others: its signature in 64 bytes, the parity of y in the highest bit of s (ERC-2098).</summary>
    /// <param name="signature">65 bytes r, s, v with low s and v 27 or 28.</param>
    public static SignedBallot Compact(Address voter, byte support, ReadOnlySpan<byte> signature)
    {
        var vs = signature[32..64].ToArray();
        vs[0] |= (byte)((signature[64] - 27) << 7);
        return new SignedBallot(voter, support, new Hash32(signature[..32]), new Hash32(vs));
    }

    /// <summary>What an owner signs to propose; the deadline is in seconds since 1970.</summary>
    public static Hash32 Propose(ulong chainId, Address governor, Hash32 proposal, Address proposer, ulong deadline) => Eip712.Digest(
        Eip712.DomainSeparator("Trove Governor", "1", chainId, governor),
        new Eip712Struct("Propose(uint256 proposalId,address proposer,uint256 deadline)").Uint(ToInteger(proposal)).Address(proposer).Uint(deadline).Hash());

    /// <summary>What a runner signs to open a use, or to replace the key of its unfinished one.</summary>
    public static Hash32 OpenUse(ulong chainId, Address grants, Hash32 request, uint use, Hash32 oneTimeKey, uint keyVersion, Address runner) => Eip712.Digest(
        Eip712.DomainSeparator("Trove Grants", "1", chainId, grants),
        new Eip712Struct("OpenUse(bytes32 request,uint32 use,bytes32 oneTimeKey,uint32 keyVersion,address runner)").Bytes32(request).Uint(use).Bytes32(oneTimeKey).Uint(keyVersion).Address(runner).Hash());

    /// <summary>What a runner signs to compute a posted use again, or to replace its key while it does.</summary>
    public static Hash32 Challenge(ulong chainId, Address grants, Hash32 request, uint use, Hash32 oneTimeKey, uint keyVersion, Address runner) => Eip712.Digest(
        Eip712.DomainSeparator("Trove Grants", "1", chainId, grants),
        new Eip712Struct("Challenge(bytes32 request,uint32 use,bytes32 oneTimeKey,uint32 keyVersion,address runner)").Bytes32(request).Uint(use).Bytes32(oneTimeKey).Uint(keyVersion).Address(runner).Hash());

    /// <summary>What an operator signs to take stake out; the deadline is in seconds since 1970.</summary>
    public static Hash32 Unstake(ulong chainId, Address stakes, Address account, UInt128 amount, ulong deadline) => Eip712.Digest(
        Eip712.DomainSeparator("Trove Stakes", "1", chainId, stakes),
        new Eip712Struct("Unstake(address account,uint256 amount,uint256 deadline)").Address(account).Uint(amount).Uint(deadline).Hash());

    /// <summary>What a runner signs over a result: the request's terms, the inputs and the encrypted result.</summary>
    public static Hash32 Result(ulong chainId, Address grants, Hash32 request, uint use, Hash32 resultHash, Hash32 inputsHash, Address runner) => Eip712.Digest(
        Eip712.DomainSeparator("Trove Grants", "1", chainId, grants),
        new Eip712Struct("Result(bytes32 request,uint32 use,bytes32 resultHash,bytes32 inputsHash,address runner)").Bytes32(request).Uint(use).Bytes32(resultHash).Bytes32(inputsHash).Address(runner).Hash());

    /// <summary>What a runner signs when a use cannot be computed.</summary>
    public static Hash32 Failure(ulong chainId, Address grants, Hash32 request, uint use, Hash32 code, Address runner) => Eip712.Digest(
        Eip712.DomainSeparator("Trove Grants", "1", chainId, grants),
        new Eip712Struct("Failure(bytes32 request,uint32 use,bytes32 code,address runner)").Bytes32(request).Uint(use).Bytes32(code).Address(runner).Hash());

    /// <summary>A <c>uint256</c> as 32 bytes.</summary>
    public static Hash32 ToHash(BigInteger value)
    {
        Span<byte> word = stackalloc byte[Hash32.Size];
        word.Clear();
        value.TryWriteBytes(word[(Hash32.Size - value.GetByteCount(isUnsigned: true))..], out _, isUnsigned: true, isBigEndian: true);
        return new Hash32(word);
    }

    /// <summary>32 bytes as a <c>uint256</c>.</summary>
    public static BigInteger ToInteger(Hash32 value) => new(value.ToArray(), isUnsigned: true, isBigEndian: true);

    /// <summary>The leaf of a claim in its epoch's Merkle tree.</summary>
    /// <exception cref="OverflowException">The amount is negative or has more than 128 bits, which no epoch mints.</exception>
    public static Hash32 Leaf(Claim c) => new EpochLeaf(c.Epoch, c.Index, c.Contribution, c.Owner, new Shares((UInt128)c.Amount), c.PartsRoot).Hash();

    /// <summary>The identifier of the contribution that an owner makes with a salt.</summary>
    public static Hash32 Contribution(ulong chainId, Address ledger, Address owner, Hash32 salt) =>
        ContributionId.Of(chainId, ledger, owner, salt);
}
