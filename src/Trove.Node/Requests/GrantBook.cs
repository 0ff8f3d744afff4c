using System.Globalization;
using System.Text;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Votes;
using Trove.Node.Chain;
using Trove.Node.Protocol;

namespace Trove.Node.Requests;

/// <summary>A request as its events tell it.</summary>
public sealed class RequestRecord
{
    internal RequestRecord(Hash32 id, RequestTerms terms, string query, long at) => (Id, Terms, Query, At) = (id, terms, query, at);

    /// <summary>Hash of the terms.</summary>
    public Hash32 Id { get; }

    /// <summary>What was asked for.</summary>
    public RequestTerms Terms { get; }

    /// <summary>The query's text as it was sent.</summary>
    public string Query { get; }

    /// <summary>When it was made, in milliseconds.</summary>
    public long At { get; }

    /// <summary><c>requested</c>, <c>approved</c>, <c>use-opened</c>, <c>posted</c>, <c>challenged</c>, <c>settled</c> or <c>refunded</c>.</summary>
    public string State { get; internal set; } = "requested";

    /// <summary>Why money went back: <c>revoked</c>, a failure's code, or empty.</summary>
    public string Reason { get; internal set; } = "";

    /// <summary>What went back.</summary>
    public Money Refunded { get; internal set; }

    /// <summary>Its uses so far.</summary>
    public List<UseInfo> Uses { get; } = [];

    /// <summary>As a document.</summary>
    public RequestInfo Describe(Address asset, Address grants) => new(Id, asset, Terms, Query, State, Meaning(), ContractDigests.RequestProposal(grants, Id), [.. Uses], Refunded, At);

    private string Meaning() => State switch
    {
        "requested" => $"${Terms.Total} wait in escrow for the owners' vote",
        "approved" => $"granted; {Terms.Uses - (uint)Uses.Count(u => u.State == "settled")} of {Terms.Uses} uses are open to a runner",
        "use-opened" => "a runner has opened a use and asks the guardians for the parts in scope",
        "posted" when Reason == "disputed" => $"two runners computed different things; a third one can decide until {When(Uses[^1].DisputableUntil)}",
        "posted" => $"a result is there, and another runner can dispute it until {When(Uses[^1].DisputableUntil)}",
        "challenged" => "another runner computes the use again",
        "settled" => "every use has its result, and the owners have the money",
        _ => Reason switch
        {
            "not-approved" => $"the owners did not approve it; ${Refunded} went back",
            "revoked" => $"the owners revoked it; ${Refunded} went back",
            "expired" => $"nobody opened a use in time; ${Refunded} went back",
            "disputed" => $"runners computed different things; ${Refunded} went back",
            "timed-out" => $"the runner did not finish in time; ${Refunded} went back",
            _ => $"the runner could not compute it ({Reason}); ${Refunded} went back",
        },
    };

    private static string When(long second) => DateTimeOffset.FromUnixTimeSeconds(second).ToString("u", CultureInfo.InvariantCulture);
}

/// <summary>A proposal as its events tell it.</summary>
public sealed class ProposalRecord
{
    private static readonly string[] States = ["pending", "active", "canceled", "defeated", "succeeded", "queued", "expired", "executed"]; // IGovernor.ProposalState

    /// <summary>Hash of its action and description.</summary>
    public required Hash32 Id { get; init; }

    /// <summary>What it would do.</summary>
    public required ProposedAction Action { get; init; }

    /// <summary>Its text.</summary>
    public required string Description { get; init; }

    /// <summary>Who proposed it.</summary>
    public required Address Proposer { get; init; }

    /// <summary>Second of the proposal; shares count as they were the second before.</summary>
    public required long VoteStart { get; init; }

    /// <summary>Last second to vote.</summary>
    public required long VoteEnd { get; set; }

    /// <summary>When it can be executed, in seconds; 0 before it is queued.</summary>
    public long ExecutableAt { get; set; }

    /// <summary>Number of ballots.</summary>
    public int Voters => _ballots.Count;

    /// <summary>All shares that there were when it was made.</summary>
    public Shares Supply { get; init; }

    private readonly List<(long At, bool Counts, UInt128 Weight)> _ballots = [];

    internal void Cast(long at, byte support, UInt128 weight) => _ballots.Add((at, support is 1 or 2, weight));

    /// <summary>Shares that had voted for or abstained up to a second: what a quorum counts.</summary>
    public Shares TakenPart(long until) => new(_ballots.Where(b => b.Counts && b.At <= until).Aggregate(UInt128.Zero, (sum, b) => sum + b.Weight));

    /// <summary>As a document, with its votes as the governor counts them, and the rules it is under.</summary>
    /// <exception cref="RpcException">The chain cannot be read.</exception>
    public async Task<(ProposalInfo Info, Rules Rules)> DescribeAsync(EthClient chain, Address asset, Address governor, CancellationToken ct)
    {
        var (contract, number) = (new AssetGovernor(governor), ContractDigests.ToInteger(Id));
        byte state = await contract.StateAsync(chain, number, cancel: ct);
        var votes = await contract.ProposalVotesAsync(chain, number, cancel: ct);
        var quorum = await contract.QuorumForAsync(chain, number, cancel: ct);
        var (@class, rules) = await contract.RulesForAsync(chain, number, cancel: ct);
        return (new ProposalInfo(Id, asset, (ProposalClass)@class, Action.Name, Action.Request, Action.Accounts, Action.Threshold, Action.Until,
            Action.Verifiers, Action.Policy, Action.Rules, Action.Charter, Action.Amount, Action.Slashing, Description, Proposer,
            state < States.Length ? States[state] : "unknown", VoteStart, VoteEnd, new((UInt128)votes.ForVotes), new((UInt128)votes.AgainstVotes), new((UInt128)votes.AbstainVotes),
            new((UInt128)quorum), rules.ApprovalPercent, Voters, ExecutableAt), rules);
    }

    /// <summary>Its turnout as a vote that has gone on for <paramref name="elapsed"/> of <paramref name="length"/> seconds sees it.</summary>
    public PastTurnout At(long elapsed, long length) =>
        new(Supply, TakenPart(VoteStart + (long)((Int128)(VoteEnd - VoteStart) * elapsed / Math.Max(1, length))), TakenPart(VoteEnd));
}

/// <summary>An asset's requests, uses and proposals, replayed from the chain's events.</summary>
public sealed class GrantBook
{
    private readonly Dictionary<Hash32, RequestRecord> _requests = [];
    private readonly Dictionary<Hash32, ProposalRecord> _proposals = [];

    /// <summary>Requests in the order they were made.</summary>
    public IReadOnlyCollection<RequestRecord> Requests => _requests.Values;

    /// <summary>Proposals in the order they were made.</summary>
    public IReadOnlyCollection<ProposalRecord> Proposals => _proposals.Values;

    /// <summary>The snapshot that requests name now; 0 before the first.</summary>
    public ulong SnapshotEpoch { get; private set; }

    /// <summary>When it was taken, in milliseconds.</summary>
    public long SnapshotAt { get; private set; }

    /// <summary>One request; null when there is none.</summary>
    public RequestRecord? Request(Hash32 id) => _requests.GetValueOrDefault(id);

    /// <summary>One proposal; null when there is none.</summary>
    public ProposalRecord? Proposal(Hash32 id) => _proposals.GetValueOrDefault(id);

    /// <summary>
    /// Turnouts of the newest votes that were over before a second, oldest first, each as one that has gone on for a part of its time sees it.
    /// </summary>
    public IReadOnlyList<PastTurnout> Turnouts(long now, long elapsed, long length) =>
        [.. _proposals.Values.Where(p => p.VoteEnd < now).OrderBy(p => p.VoteEnd).TakeLast(TurnoutForecast.MostVotes).Select(p => p.At(elapsed, length))];

    /// <summary>The use that a transaction settled; null when it settled none.</summary>
    public (RequestRecord Request, UseInfo Use)? SettledBy(Hash32 transaction) => _requests.Values
        .SelectMany(r => r.Uses.Select(u => (r, u))).Where(x => x.u.Transaction == transaction).Select(x => ((RequestRecord, UseInfo)?)x).FirstOrDefault();

    /// <summary>Takes one event in; events of other contracts are passed over.</summary>
    /// <param name="e">The event.</param>
    /// <param name="supply">All shares before a proposal that was made.</param>
    public void Apply(ChainEvent e, Shares supply = default)
    {
        var d = e.Data;
        if (e.Name == "SnapshotTaken")
            (SnapshotEpoch, SnapshotAt) = (d.Epoch, e.At);
        else if (e.Name == "Requested")
            _requests[d.Subject!.Value] = new RequestRecord(d.Subject.Value, d.Terms!, ReadText(d.Text!), e.At);
        else if (e.Name == "ProposalCreated")
            _proposals[d.Subject!.Value] = new ProposalRecord
            {
                Id = d.Subject.Value, Action = ReadAction(d), Description = d.Text!, Proposer = d.From!.Value,
                VoteStart = (long)d.Epoch, VoteEnd = (long)d.Until, Supply = supply,
            };
        else if (d.Subject is { } subject && _requests.TryGetValue(subject, out var request))
            Apply(request, e);
        else if (d.Subject is { } id && _proposals.TryGetValue(id, out var proposal))
            Apply(proposal, e);
    }

    private static void Apply(RequestRecord request, ChainEvent e)
    {
        var d = e.Data;
        switch (e.Name)
        {
            case "Approved":
                request.State = "approved";
                break;
            case "UseOpened":
                request.State = "use-opened";
                if (request.Uses.Count < d.Use)
                    request.Uses.Add(new UseInfo(d.Use, "open", d.From!.Value, d.Key!.Value, d.Version, e.At, (long)d.Until, null, null, null, null));
                else
                    request.Uses[^1] = request.Uses[^1] with { OneTimeKey = d.Key!.Value, KeyVersion = d.Version };
                break;
            // Of a use computed again: if it is the same, it is settled with the next event.
            case "ResultPosted" when d.Until == 0:
                (request.State, request.Reason, request.Uses[^1]) = ("posted", "disputed", request.Uses[^1] with { State = "posted" });
                break;
            case "ResultPosted":
                request.State = "posted";
                request.Uses[^1] = request.Uses[^1] with { State = "posted", PostedBy = d.From, ResultHash = d.Root, InputsHash = d.TreeHash, DisputableUntil = (long)d.Until };
                break;
            case "UseChallenged":
                request.State = "challenged";
                request.Uses[^1] = request.Uses[^1] with { State = "challenged", Runner = d.From!.Value, OneTimeKey = d.Key!.Value, KeyVersion = d.Version, Deadline = (long)d.Until };
                break;
            case "ResultDisputed":
                request.State = "posted";
                request.Uses[^1] = request.Uses[^1] with { State = "posted", DisputableUntil = (long)d.Until };
                break;
            case "Settled":
                request.State = d.Use == request.Terms.Uses ? "settled" : "approved";
                request.Reason = "";
                request.Uses[^1] = request.Uses[^1] with { State = "settled", Transaction = e.Transaction };
                break;
            // Who gives up computing it again leaves the first result as it is.
            case "UseFailed" when request.State == "use-opened":
                request.Reason = d.Text!;
                request.Uses[^1] = request.Uses[^1] with { State = "failed", Code = d.Text };
                break;
            case "Revoked":
                request.Reason = "revoked";
                break;
            case "Refunded":
                if (request.Reason.Length == 0)
                    request.Reason = request.State switch { "requested" => "not-approved", "approved" => "expired", _ => "timed-out" };
                request.State = "refunded";
                request.Refunded = new Money(d.Amount.Value);
                if (request.Uses is [.., { State: "open" or "posted" or "challenged" } open])
                    request.Uses[^1] = open with { State = "closed" };
                break;
        }
    }

    private static void Apply(ProposalRecord proposal, ChainEvent e)
    {
        switch (e.Name)
        {
            case "VoteCast":
                proposal.Cast(e.At / 1000, (byte)e.Data.Version, e.Data.Amount.Value);
                break;
            case "ProposalExtended":
                proposal.VoteEnd = (long)e.Data.Until;
                break;
            case "ProposalQueued":
                proposal.ExecutableAt = (long)e.Data.Until;
                break;
        }
    }

    private static ProposedAction ReadAction(ChainEventData d) => (ActionKind)d.Version switch
    {
        ActionKind.Policy => new ProposedAction(ActionKind.Policy, Policy: d.Key),
        ActionKind.Charter => new ProposedAction(ActionKind.Charter, Charter: d.Charter),
        ActionKind.Pay => new ProposedAction(ActionKind.Pay, Accounts: d.Accounts, Amount: new Money(d.Amount.Value)),
        ActionKind.Reverse => new ProposedAction(ActionKind.Reverse, Slashing: (ulong)d.Amount.Value),
        var kind => new ProposedAction(kind, d.Key, d.Accounts, d.Use, (ulong)d.Amount.Value, d.Verifiers, null, d.Rules),
    };

    // The hash on chain is of these bytes; whether they are a query is for those who run it.
    private static string ReadText(string base64) => Encoding.UTF8.GetString(Convert.FromBase64String(base64));
}
