using System.Numerics;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Node.Protocol;

// The documents of requests, votes, custody and uses; see Documents.cs.

/// <summary>How an asset decides; times in seconds (AssetGovernor.Governance).</summary>
public sealed record GovernanceInfo(uint VotingDelay, uint VotingPeriod, uint VoteExtension, uint TimelockDelay, ushort QuorumPercent, Shares QuorumFloor,
    uint MinimumOwners, uint MinimumAge, Shares ProposalThreshold, uint UseTime, uint MinimumGroupSize, uint MinimumSnapshotLeaves)
{
    /// <summary>What a founder gets who says nothing else: days to vote, a tenth of all shares, groups of ten members.</summary>
    public static readonly GovernanceInfo Default = new(3600, 3 * 86400, 86400, 86400, 10, new Shares(Shares.One), 10, 7 * 86400, new Shares(Shares.One), 3600, 10, 10);

    /// <summary>As the contract takes it.</summary>
    public Governance ToAbi() => new(VotingDelay, VotingPeriod, VoteExtension, TimelockDelay, QuorumPercent, (BigInteger)QuorumFloor.Units, MinimumOwners, MinimumAge,
        (BigInteger)ProposalThreshold.Units, UseTime, MinimumGroupSize, MinimumSnapshotLeaves);

    /// <summary>As the contract has it; amounts beyond what an asset can have are cut.</summary>
    public static GovernanceInfo Of(Governance g) => new((uint)g.VotingDelay, g.VotingPeriod, (uint)g.VoteExtension, (uint)g.TimelockDelay, g.QuorumPercent, Cut(g.QuorumFloor),
        g.MinimumOwners, g.MinimumAge, Cut(g.ProposalThreshold), g.UseTime, g.MinimumGroupSize, g.MinimumSnapshotLeaves);

    private static Shares Cut(BigInteger units) => new(units > UInt128.MaxValue ? UInt128.MaxValue : (UInt128)units);
}

/// <summary>Who holds an asset's keys and who computes on it (Registry.Custody).</summary>
/// <param name="Commitments">Of guardian i, the public point of its share (specs/custody.md).</param>
/// <param name="OprfCommitments">The same, of the key of nullifiers.</param>
/// <param name="Threshold">Shares it takes to open a part.</param>
/// <param name="Epoch">Number of the committee, from 1 at creation; each change is the next.</param>
public sealed record CustodyInfo(IReadOnlyList<Address> Guardians, IReadOnlyList<Hash32> Commitments, IReadOnlyList<Hash32> OprfCommitments, uint Threshold,
    IReadOnlyList<Address> Runners, uint Epoch)
{
    /// <summary>As the contract takes it.</summary>
    public Custody ToAbi() => new(Guardians, Commitments, OprfCommitments, Threshold, Runners);

    /// <summary>As the contract has it at creation.</summary>
    public static CustodyInfo Of(Custody c) => new(c.Guardians, c.Commitments, c.OprfCommitments, c.Threshold, c.Runners, 1);
}

/// <summary>That the guardians made the keys in a ceremony (Registry.Ceremony).</summary>
/// <param name="Confirmations">Each guardian's signature of Committee, in the order of the guardians: 65 bytes as 0x text.</param>
public sealed record CommitteeProof(Hash32 Transcript, IReadOnlyList<string> Confirmations);

/// <summary>All that a buyer asks for with a query (Grants.Terms).</summary>
/// <param name="BuyerKey">age recipient that results are encrypted to.</param>
/// <param name="Kinds">Kinds of records in scope, in ordinal order.</param>
/// <param name="FromYear">First year in scope; 0 has the records without a time.</param>
/// <param name="LastEpoch">The snapshot: contributions of this and earlier epochs.</param>
/// <param name="CodeHash">Keccak-256 of the query's canonical text.</param>
/// <param name="Price">For each use.</param>
/// <param name="Expiry">Last second to open a use.</param>
public sealed record QueryTerms(Address Buyer, string BuyerKey, IReadOnlyList<string> Kinds, int FromYear, int ToYear, ulong LastEpoch, Hash32 CodeHash,
    uint GroupSize, Money Price, uint Uses, long Expiry, Hash32 Salt)
{
    /// <summary>The number of this kind of use in the contract.</summary>
    public const byte Query = 1;

    /// <summary>What waits in escrow; of terms that nobody could pay, the largest amount there is.</summary>
    public Money Total => new(Uses > 0 && Price.Units > UInt128.MaxValue / Uses ? UInt128.MaxValue : Price.Units * Uses);

    /// <summary>As the contract takes them.</summary>
    /// <exception cref="AgeException">The buyer's key is no age recipient.</exception>
    /// <exception cref="ArgumentException">A kind or a year is out of range.</exception>
    public Terms ToAbi() => FromYear is < 0 or > 9999 || ToYear is < 0 or > 9999 || Expiry < 0
        ? throw new ArgumentException("years are 0 to 9999, and times are not negative")
        : new Terms(Buyer, X25519Recipient.Parse(BuyerKey).PublicKey, Query, [.. Kinds.Select(PartDescriptor.KindWord)], (ushort)FromYear, (ushort)ToYear, LastEpoch,
            CodeHash, GroupSize, (BigInteger)Price.Units, Uses, (ulong)Expiry, Salt);

    /// <summary>From the contract's event; null for a kind of use or a name that this version does not know.</summary>
    public static QueryTerms? Of(Terms t)
    {
        var kinds = t.Kinds.Select(PartDescriptor.KindName).ToList();
        return t.Use != Query || kinds.Contains(null) || t.Expiry > long.MaxValue || t.Price > (BigInteger)UInt128.MaxValue
            ? null
            : new QueryTerms(t.Buyer, new X25519Recipient(t.BuyerKey).ToString(), kinds!, t.FromYear, t.ToYear, t.LastEpoch, t.CodeHash, t.GroupSize,
                new Money((UInt128)t.Price), t.Uses, (long)t.Expiry, t.Salt);
    }

    /// <summary>Is a part within the scope?</summary>
    public bool Covers(PartDescriptor part) => Kinds.Contains(part.Kind) && part.Year >= FromYear && part.Year <= ToYear;
}

/// <summary>A buyer's request; the signature is the payment (EIP-3009 to the grants contract, nonce = the request's id).</summary>
/// <param name="Query">The query's canonical text.</param>
/// <param name="ValidBefore">Last second of the payment's authorization.</param>
public sealed record QueryRequest(QueryTerms Terms, string Query, long ValidBefore, string Signature);

/// <summary>One use of a grant.</summary>
/// <param name="State"><c>open</c>, <c>settled</c>, <c>failed</c> or <c>closed</c>.</param>
/// <param name="OneTimeKey">X25519 key that guardians seal their answers to.</param>
/// <param name="Code">Class of a failure.</param>
public sealed record UseInfo(uint Use, string State, Address Runner, Hash32 OneTimeKey, uint KeyVersion, long OpenedAt, long Deadline, Hash32? ResultHash, Hash32? InputsHash,
    Hash32? Transaction, string? Code);

/// <summary>A request and what became of it.</summary>
/// <param name="State"><c>requested</c>, <c>approved</c>, <c>use-opened</c>, <c>settled</c> or <c>refunded</c>.</param>
/// <param name="Meaning">The state in words.</param>
/// <param name="Refunded">What went back to the buyer.</param>
public sealed record RequestInfo(Hash32 Request, Address Asset, QueryTerms Terms, string Query, string State, string Meaning, Hash32 Proposal, IReadOnlyList<UseInfo> Uses,
    Money Refunded, long RequestedAt);

/// <summary>A proposal and its votes.</summary>
/// <param name="Action"><c>approve</c>, <c>revoke</c>, <c>runners</c>, <c>guardians</c> or <c>pause</c>.</param>
/// <param name="Request">The request it is about.</param>
/// <param name="Accounts">The runners named, or the guardians invited.</param>
/// <param name="Threshold">How many of these guardians it will take to open a part.</param>
/// <param name="Until">Up to which second nothing is to be released; 0 lifts a pause.</param>
/// <param name="State">As the governor says: <c>pending</c>, <c>active</c>, <c>succeeded</c>, <c>queued</c>, <c>executed</c>, <c>defeated</c>, <c>canceled</c>, <c>expired</c>.</param>
/// <param name="ExecutableAt">When a queued proposal can be executed, in seconds; 0 before.</param>
public sealed record ProposalInfo(Hash32 Proposal, Address Asset, string Action, Hash32? Request, IReadOnlyList<Address>? Accounts, uint Threshold, ulong Until, string Description, Address Proposer, string State,
    long VoteStart, long VoteEnd, Shares For, Shares Against, Shares Abstain, Shares Quorum, int Voters, long ExecutableAt);

/// <summary>
/// A proposal. On a request (<c>approve</c>) anyone makes it and nothing else is given; to revoke a grant, to name the runners, to
/// invite guardians (with their threshold) or to pause (until a second) an owner signs (AssetGovernor.proposeBySig).
/// </summary>
public sealed record ProposeRequest(string Action, Hash32? Request = null, IReadOnlyList<Address>? Accounts = null, uint Threshold = 0, ulong Until = 0,
    string? Description = null, Address? Proposer = null, long Deadline = 0, string? Signature = null);

/// <summary>A ballot: 0 against, 1 for, 2 abstain (Governor.castVoteBySig).</summary>
public sealed record VoteRequest(Address Voter, byte Support, string Signature);

/// <summary>What is known of an asset's data without any grant.</summary>
public sealed record DataInfo(Address Asset, ulong SnapshotEpoch, long SnapshotAt, uint MinimumGroupSize, IReadOnlyList<DataCell> Cells, IReadOnlyList<ColumnInfo> Columns);

/// <summary>Parts of one kind and year in the snapshot.</summary>
/// <param name="Bytes">Of ciphertext, which is compressed text.</param>
public sealed record DataCell(string Kind, int Year, int Members, int Parts, long Bytes);

/// <summary>A column that queries can name.</summary>
public sealed record ColumnInfo(string Name, string Use, string Meaning);

/// <summary>All parts that a request's scope could be made of, with what it takes to check them against the chain.</summary>
public sealed record InputsInfo(AssetInfo Asset, QueryTerms Terms, string Query, IReadOnlyList<InputContribution> Contributions);

/// <summary>A contribution that earned, as its epoch's tree has it.</summary>
/// <param name="Proof">Siblings from its leaf to the epoch's root.</param>
public sealed record InputContribution(ulong Epoch, uint Index, Hash32 Contribution, Address Owner, Shares Amount, IReadOnlyList<Hash32> Proof, IReadOnlyList<AnnouncedPart> Parts);

/// <summary>An open use for a guardian to answer, or a grant or unfinished use for a runner to take on.</summary>
/// <param name="CommitteeEpoch">Epoch of the committee whose answers are wanted.</param>
public sealed record UseWork(Address Asset, Hash32 Request, uint Use, uint KeyVersion, uint CommitteeEpoch, bool Proofs);

/// <summary>A guardian's answer: partial decryptions sealed to the one-time key, or a refusal. Signed either way.</summary>
/// <param name="CommitteeEpoch">Epoch of the committee whose share answers: answers of two committees do not combine.</param>
/// <param name="Sealed">An age file, base64.</param>
public sealed record GuardianAnswer(Address Guardian, uint KeyVersion, uint CommitteeEpoch, bool Proofs, string? Sealed, string? Code, string? Reason, string Signature);

/// <summary>A runner opens a use, or replaces its key (Grants.openUse).</summary>
public sealed record OpenUseRequest(Address Runner, uint Use, Hash32 OneTimeKey, uint KeyVersion, string Signature);

/// <summary>A runner's result (Grants.postResult).</summary>
/// <param name="Sealed">The result as an age file to the buyer, base64.</param>
public sealed record ResultRequest(string Sealed, Hash32 InputsHash, string Signature);

/// <summary>A runner gives a use up (Grants.failUse).</summary>
/// <param name="Code">Class of the failure, at most 32 lower-case letters, digits and dashes.</param>
public sealed record FailureRequest(string Code, string Signature);

/// <summary>A runner wants proofs of correct share.</summary>
public sealed record ProofsRequest(Address Runner, uint KeyVersion, string Signature);
