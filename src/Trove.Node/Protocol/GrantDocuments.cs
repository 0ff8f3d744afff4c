using System.Numerics;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Core.Votes;
using Trove.Crypto;
using Trove.Node.Requests;

namespace Trove.Node.Protocol;

// The documents of requests, votes, custody and uses; see Documents.cs.

/// <summary>Classes of proposals, from the lightest to the heaviest (AssetGovernor.Class).</summary>
public enum ProposalClass
{
    /// <summary>A buyer's query; and what takes something back: a revocation, a pause.</summary>
    Query,

    /// <summary>A buyer's request to copy records.</summary>
    Copy,

    /// <summary>Who verifies, guards and runs, under which policy; and the rules themselves.</summary>
    Constitution,
}

/// <summary>What it takes to decide something of a class; times in seconds (AssetGovernor.Rules).</summary>
/// <param name="TimelockDelay">From the decision to its effect. Of the constitution: the time that members have to leave.</param>
/// <param name="QuorumPercent">Part of all shares that must vote for or abstain.</param>
/// <param name="ApprovalPercent">Of the votes for and against, more than so many percent must be for.</param>
/// <param name="QuorumFloor">Shares that must vote for or abstain at least.</param>
/// <param name="ProposalThreshold">Votes it takes to propose, but for a buyer's request.</param>
public sealed record RulesInfo(uint VotingPeriod, uint TimelockDelay, ushort QuorumPercent, ushort ApprovalPercent, Shares QuorumFloor, Shares ProposalThreshold)
{
    /// <summary>As the contract takes it.</summary>
    public Rules ToAbi() => new(VotingPeriod, TimelockDelay, QuorumPercent, ApprovalPercent, (BigInteger)QuorumFloor.Units, (BigInteger)ProposalThreshold.Units);

    /// <summary>As the contract has it; amounts beyond what an asset can have are cut.</summary>
    public static RulesInfo Of(Rules r) => new(r.VotingPeriod, (uint)Math.Min(r.TimelockDelay, uint.MaxValue), r.QuorumPercent, r.ApprovalPercent, Cut(r.QuorumFloor), Cut(r.ProposalThreshold));

    /// <summary>Of the decoded fields of a call.</summary>
    internal static RulesInfo Of(object[] f) => Of(new Rules((uint)f[0], (ulong)f[1], (ushort)f[2], (ushort)f[3], (BigInteger)f[4], (BigInteger)f[5]));

    internal bool IsLighterThan(RulesInfo other) => VotingPeriod < other.VotingPeriod || TimelockDelay < other.TimelockDelay || QuorumPercent < other.QuorumPercent
        || ApprovalPercent < other.ApprovalPercent || QuorumFloor.Units < other.QuorumFloor.Units || ProposalThreshold.Units < other.ProposalThreshold.Units;

    private static Shares Cut(BigInteger units) => new(units > UInt128.MaxValue ? UInt128.MaxValue : (UInt128)units);
}

/// <summary>The rules of all classes.</summary>
public sealed record RuleSet(RulesInfo Query, RulesInfo Copy, RulesInfo Constitution)
{
    private const uint MaxTime = 90 * 86400; // AssetGovernor.MAX_TIME

    /// <summary>The rules of a class.</summary>
    public RulesInfo this[ProposalClass @class] => @class switch { ProposalClass.Query => Query, ProposalClass.Copy => Copy, _ => Constitution };

    /// <summary>The same change to all classes.</summary>
    public RuleSet Each(Func<RulesInfo, RulesInfo> change) => new(change(Query), change(Copy), change(Constitution));

    /// <summary>Why the governor would refuse them; null when it would not.</summary>
    public string? Problem()
    {
        if (Query is null || Copy is null || Constitution is null)
            return "the rules of a class are missing";
        foreach (var r in (RulesInfo[])[Query, Copy, Constitution])
            if (r.VotingPeriod is 0 or > MaxTime || r.TimelockDelay is 0 or > MaxTime)
                return "votes and timelocks take from a second to 90 days";
            else if (r.QuorumPercent > 100 || r.ApprovalPercent is < 50 or > 99 || r.QuorumFloor.Units == 0)
                return "a quorum is at most 100 percent and has a floor, and an approval takes more than 50 to 99 percent";
        return Copy.IsLighterThan(Query) ? "a copy takes at least as much of everything as a query"
            : Constitution.IsLighterThan(Copy) ? "the constitution takes at least as much of everything as a copy" : null;
    }
}

/// <summary>How an asset decides; times in seconds (AssetGovernor.Governance).</summary>
/// <param name="VoteExtension">How long a vote goes on at least after the quorum was reached.</param>
public sealed record GovernanceInfo(uint VoteExtension, uint MinimumOwners, uint MinimumAge, RuleSet Rules)
{
    /// <summary>
    /// What a founder gets who says nothing else: days to vote, a tenth of all shares for a query, a quarter and six of ten votes for a copy, a third, two
    /// thirds of the votes and two weeks to leave for the constitution.
    /// </summary>
    public static readonly GovernanceInfo Default = new(86400, 10, 7 * 86400, new RuleSet(
        new RulesInfo(3 * 86400, 86400, 10, 50, new Shares(Shares.One), new Shares(Shares.One)),
        new RulesInfo(5 * 86400, 3 * 86400, 25, 60, new Shares(Shares.One), new Shares(Shares.One)),
        new RulesInfo(7 * 86400, 14 * 86400, 33, 66, new Shares(Shares.One), new Shares(Shares.One))));

    /// <summary>As the contract takes it.</summary>
    public Governance ToAbi() => new(VoteExtension, MinimumOwners, MinimumAge, Rules.Query.ToAbi(), Rules.Copy.ToAbi(), Rules.Constitution.ToAbi());

    /// <summary>As the contract has it.</summary>
    public static GovernanceInfo Of(Governance g) => new((uint)g.VoteExtension, g.MinimumOwners, g.MinimumAge,
        new RuleSet(RulesInfo.Of(g.Query), RulesInfo.Of(g.Copy), RulesInfo.Of(g.Constitution)));
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

/// <summary>Kinds of use (Grants.QUERY, COPY).</summary>
public enum RequestUse : byte
{
    /// <summary>Numbers computed over records; nothing of their text.</summary>
    Query = 1,

    /// <summary>The records themselves.</summary>
    Copy = 2,
}

/// <summary>All that a buyer asks for (Grants.Terms).</summary>
/// <param name="BuyerKey">age recipient that results are encrypted to.</param>
/// <param name="Kinds">Kinds of records in scope, in ordinal order.</param>
/// <param name="FromYear">First year in scope; 0 has the records without a time.</param>
/// <param name="LastEpoch">The snapshot: contributions of this and earlier epochs.</param>
/// <param name="CodeHash">Keccak-256 of the query's canonical text, or of what stands in its place for a copy.</param>
/// <param name="Price">For each use.</param>
/// <param name="Expiry">Last second to open a use.</param>
public sealed record RequestTerms(Address Buyer, string BuyerKey, IReadOnlyList<string> Kinds, int FromYear, int ToYear, ulong LastEpoch, Hash32 CodeHash,
    uint GroupSize, Money Price, uint Uses, long Expiry, Hash32 Salt)
{
    /// <summary>What the records are used for.</summary>
    public RequestUse Use { get; init; } = RequestUse.Query;

    /// <summary>Privacy that a use costs, in millionths: the epsilon of its noise. Of a copy 0.</summary>
    public ulong Epsilon { get; init; }

    /// <summary>What waits in escrow; of terms that nobody could pay, the largest amount there is.</summary>
    public Money Total => new(Uses > 0 && Price.Units > UInt128.MaxValue / Uses ? UInt128.MaxValue : Price.Units * Uses);

    /// <summary>As the contract takes them.</summary>
    /// <exception cref="AgeException">The buyer's key is no age recipient.</exception>
    /// <exception cref="ArgumentException">A kind or a year is out of range.</exception>
    public Terms ToAbi() => FromYear is < 0 or > 9999 || ToYear is < 0 or > 9999 || Expiry < 0
        ? throw new ArgumentException("years are 0 to 9999, and times are not negative")
        : new Terms(Buyer, X25519Recipient.Parse(BuyerKey).PublicKey, (byte)Use, [.. Kinds.Select(PartDescriptor.KindWord)], (ushort)FromYear, (ushort)ToYear, LastEpoch,
            CodeHash, GroupSize, Epsilon, (BigInteger)Price.Units, Uses, (ulong)Expiry, Salt);

    /// <summary>From the contract's event; null for a kind of use or a name that this version does not know.</summary>
    public static RequestTerms? Of(Terms t)
    {
        var kinds = t.Kinds.Select(PartDescriptor.KindName).ToList();
        return !Enum.IsDefined((RequestUse)t.Use) || kinds.Contains(null) || t.Expiry > long.MaxValue || t.Price > (BigInteger)UInt128.MaxValue
            ? null
            : new RequestTerms(t.Buyer, new X25519Recipient(t.BuyerKey).ToString(), kinds!, t.FromYear, t.ToYear, t.LastEpoch, t.CodeHash, t.GroupSize,
                new Money((UInt128)t.Price), t.Uses, (long)t.Expiry, t.Salt) { Use = (RequestUse)t.Use, Epsilon = t.Epsilon };
    }

    /// <summary>Is a part within the scope?</summary>
    public bool Covers(PartDescriptor part) => Kinds.Contains(part.Kind) && part.Year >= FromYear && part.Year <= ToYear;
}

/// <summary>A buyer's request; the signature is the payment (EIP-3009 to the grants contract, nonce = the request's id).</summary>
/// <param name="Query">The query's canonical text; of a copy <c>COPY records</c>.</param>
/// <param name="ValidBefore">Last second of the payment's authorization.</param>
public sealed record QueryRequest(RequestTerms Terms, string Query, long ValidBefore, string Signature);

/// <summary>One use of a grant.</summary>
/// <param name="State"><c>open</c>, <c>posted</c>, <c>challenged</c>, <c>settled</c>, <c>failed</c> or <c>closed</c>.</param>
/// <param name="Runner">Who computes it, or computes it again.</param>
/// <param name="OneTimeKey">X25519 key that guardians seal their answers to.</param>
/// <param name="ResultHash">Of the first result.</param>
/// <param name="Transaction">The one that settled it.</param>
/// <param name="Code">Class of a failure.</param>
public sealed record UseInfo(uint Use, string State, Address Runner, Hash32 OneTimeKey, uint KeyVersion, long OpenedAt, long Deadline, Hash32? ResultHash, Hash32? InputsHash,
    Hash32? Transaction, string? Code)
{
    /// <summary>Last second at which another runner can dispute the result; 0 before there is one. A pause makes it later.</summary>
    public long DisputableUntil { get; init; }

    /// <summary>Whose result it is; null before there is one.</summary>
    public Address? PostedBy { get; init; }

    /// <summary>Does a runner compute it now?</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsComputed => State is "open" or "challenged";
}

/// <summary>A request and what became of it.</summary>
/// <param name="State"><c>requested</c>, <c>approved</c>, <c>use-opened</c>, <c>posted</c>, <c>challenged</c>, <c>settled</c> or <c>refunded</c>.</param>
/// <param name="Meaning">The state in words.</param>
/// <param name="Refunded">What went back to the buyer.</param>
public sealed record RequestInfo(Hash32 Request, Address Asset, RequestTerms Terms, string Query, string State, string Meaning, Hash32 Proposal, IReadOnlyList<UseInfo> Uses,
    Money Refunded, long RequestedAt);

/// <summary>A proposal and its votes.</summary>
/// <param name="Class">Whose rules it is voted on under.</param>
/// <param name="Action"><c>approve</c>, <c>revoke</c>, <c>runners</c>, <c>guardians</c>, <c>pause</c>, <c>verifiers</c>, <c>policy</c>, <c>rules</c>, <c>charter</c>, <c>pay</c> or <c>reverse</c>.</param>
/// <param name="Request">The request it is about.</param>
/// <param name="Accounts">The runners named, or the guardians invited.</param>
/// <param name="Threshold">How many of these guardians it will take to open a part, or of these verifiers to agree.</param>
/// <param name="Until">Up to which second nothing is to be released; 0 lifts a pause.</param>
/// <param name="Verifiers">The verifiers named.</param>
/// <param name="Policy">Hash of the policy.</param>
/// <param name="Rules">What it will take to decide.</param>
/// <param name="Charter">What is laid down about uses and their money.</param>
/// <param name="Amount">What the treasury pays, to the one account.</param>
/// <param name="Slashing">Which slashing is given back.</param>
/// <param name="State">As the governor says: <c>pending</c>, <c>active</c>, <c>succeeded</c>, <c>queued</c>, <c>executed</c>, <c>defeated</c>, <c>canceled</c>, <c>expired</c>.</param>
/// <param name="VoteStart">Second of the proposal; shares vote as they were the second before.</param>
/// <param name="ApprovalPercent">Of the votes for and against, more than so many percent must be for.</param>
/// <param name="ExecutableAt">When a queued proposal can be executed, in seconds; 0 before.</param>
/// <param name="Outlook">What lies before one that is active, has succeeded or is queued; else null.</param>
public sealed record ProposalInfo(Hash32 Proposal, Address Asset, ProposalClass Class, string Action, Hash32? Request, IReadOnlyList<Address>? Accounts, uint Threshold, ulong Until,
    IReadOnlyList<VerifierInfo>? Verifiers, Hash32? Policy, RuleSet? Rules, CharterInfo? Charter, Money? Amount, ulong? Slashing, string Description, Address Proposer, string State,
    long VoteStart, long VoteEnd, Shares For, Shares Against, Shares Abstain, Shares Quorum, ushort ApprovalPercent, int Voters, long ExecutableAt, ProposalOutlook? Outlook = null)
{
    /// <summary>What it would do; null when the node shows nothing that the contracts would take.</summary>
    public ProposedAction? ToAction() => ProposeRequest.Named(Action, new ProposedAction(default, Request, Accounts, Threshold, Until, Verifiers, Policy, Rules, Charter, Amount, Slashing));
}

/// <summary>What lies before a proposal that is not decided, or whose decision has no effect yet.</summary>
/// <param name="EffectAt">First second at which it can take effect if it succeeds: the vote's end and its class's timelock; of a queued one the timelock's own.</param>
/// <param name="LeaveUntil">Of the constitution, the last second to withdraw before it can take effect.</param>
/// <param name="Supply">All shares when it was made.</param>
/// <param name="TakenPart">Shares that voted for or abstained, which is what a quorum counts.</param>
/// <param name="Missing">What is missing to the quorum.</param>
/// <param name="VotesBefore">Votes of the asset that are over, at most 20: what the forecast is made of.</param>
/// <param name="Forecast">While it is voted on and there were at least three votes before.</param>
public sealed record ProposalOutlook(long EffectAt, long? LeaveUntil, Shares Supply, Shares TakenPart, Shares Missing, int VotesBefore, TurnoutForecast? Forecast);

/// <summary>What carrying a proposal out did to a copy of the chain.</summary>
/// <param name="Block">The block that was copied.</param>
/// <param name="At">The time it was carried out at, in seconds: its earliest effect.</param>
/// <param name="Error">Why the contracts would refuse it; null when they would not.</param>
/// <param name="Facts">What the contracts said before and after.</param>
public sealed record SimulationInfo(Hash32 Proposal, ulong Block, long At, string? Error, IReadOnlyList<SimulatedFact> Facts);

/// <summary>Something that contracts say, in words.</summary>
/// <param name="Fact">What: <c>runners</c>, <c>in escrow</c> …</param>
public sealed record SimulatedFact(string Fact, string Before, string After);

/// <summary>
/// A proposal. On a request (<c>approve</c>) anyone makes it and nothing else is given; to revoke a grant, to name the runners, to
/// invite guardians (with their threshold), to pause (until a second), to name the verifiers (with theirs), to put a policy into force (by its hash), to
/// change the rules or the charter, to pay from the treasury (an amount, to one account) or to give back a slashing, an owner signs (AssetGovernor.proposeBySig).
/// </summary>
public sealed record ProposeRequest(string Action, Hash32? Request = null, IReadOnlyList<Address>? Accounts = null, uint Threshold = 0, ulong Until = 0,
    string? Description = null, Address? Proposer = null, long Deadline = 0, string? Signature = null,
    IReadOnlyList<VerifierInfo>? Verifiers = null, Hash32? Policy = null, RuleSet? Rules = null, CharterInfo? Charter = null, Money? Amount = null, ulong? Slashing = null)
{
    /// <summary>What is proposed; null when it is nothing that the contracts would take.</summary>
    public ProposedAction? ToAction() => Named(Action, new ProposedAction(default, Request, Accounts, Threshold, Until, Verifiers, Policy, Rules, Charter, Amount, Slashing));

    internal static ProposedAction? Named(string? name, ProposedAction of) => Enum.GetValues<ActionKind>().Where(k => k != ActionKind.Unreadable && (of with { Kind = k }).Name == name)
        .Select(k => (of with { Kind = k }).Checked()).FirstOrDefault();
}

/// <summary>A ballot: 0 against, 1 for, 2 abstain (Governor.castVoteBySig).</summary>
public sealed record VoteRequest(Address Voter, byte Support, string Signature);

/// <summary>What is known of an asset's data without any grant.</summary>
public sealed record DataInfo(Address Asset, ulong SnapshotEpoch, long SnapshotAt, uint MinimumGroupSize, BudgetInfo Budget, IReadOnlyList<DataCell> Cells, IReadOnlyList<ColumnInfo> Columns);

/// <summary>Parts of one kind and year in the snapshot.</summary>
/// <param name="Bytes">Of ciphertext, which is compressed text.</param>
public sealed record DataCell(string Kind, int Year, int Members, int Parts, long Bytes);

/// <summary>A column that queries can name.</summary>
public sealed record ColumnInfo(string Name, string Use, string Meaning);

/// <summary>All parts that a request's scope could be made of, with what it takes to check them against the chain.</summary>
public sealed record InputsInfo(AssetInfo Asset, RequestTerms Terms, string Query, IReadOnlyList<InputContribution> Contributions);

/// <summary>A contribution that earned, as its epoch's tree has it.</summary>
/// <param name="Proof">Siblings from its leaf to the epoch's root.</param>
public sealed record InputContribution(ulong Epoch, uint Index, Hash32 Contribution, Address Owner, Shares Amount, IReadOnlyList<Hash32> Proof, IReadOnlyList<AnnouncedPart> Parts);

/// <summary>An open use for a guardian to answer, or a grant or unfinished use for a runner to take on.</summary>
/// <param name="CommitteeEpoch">Epoch of the committee whose answers are wanted.</param>
/// <param name="Posted">Another runner has posted a result of it, which can be disputed.</param>
/// <param name="Disputed">Two others have posted different ones: a third decides.</param>
public sealed record UseWork(Address Asset, Hash32 Request, uint Use, uint KeyVersion, uint CommitteeEpoch, bool Proofs, bool Posted, bool Disputed);

/// <summary>A guardian's answer: partial decryptions sealed to the one-time key, or a refusal. Signed either way.</summary>
/// <param name="CommitteeEpoch">Epoch of the committee whose share answers: answers of two committees do not combine.</param>
/// <param name="Sealed">An age file, base64.</param>
public sealed record GuardianAnswer(Address Guardian, uint KeyVersion, uint CommitteeEpoch, bool Proofs, string? Sealed, string? Code, string? Reason, string Signature);

/// <summary>A runner opens a use, or replaces its key (Grants.openUse).</summary>
/// <param name="Challenge">It computes again what another one has posted (Grants.challenge).</param>
public sealed record OpenUseRequest(Address Runner, uint Use, Hash32 OneTimeKey, uint KeyVersion, string Signature, bool Challenge = false);

/// <summary>A runner's result (Grants.postResult).</summary>
/// <param name="Sealed">The result as an age file to the buyer, base64.</param>
public sealed record ResultRequest(string Sealed, Hash32 InputsHash, string Signature);

/// <summary>A runner gives a use up (Grants.failUse).</summary>
/// <param name="Code">Class of the failure, at most 32 lower-case letters, digits and dashes.</param>
public sealed record FailureRequest(string Code, string Signature);

/// <summary>A runner wants proofs of correct share.</summary>
public sealed record ProofsRequest(Address Runner, uint KeyVersion, string Signature);
