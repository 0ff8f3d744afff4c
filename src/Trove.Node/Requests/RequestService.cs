using System.Text;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Core.Votes;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Contributions;
using Trove.Node.Dividends;
using Trove.Node.Protocol;
using Trove.Node.Verification;

namespace Trove.Node.Requests;

/// <summary>
/// What buyers ask for and how owners vote on it. The node forwards what was signed and tells what the chain says; it can
/// neither approve nor release anything.
/// </summary>
public sealed class RequestService(AssetService assets, ContributionStore contributions, VerificationStore epochs, ChainConnection connection, ChainRelay relay, BallotBox ballots,
    ChainReader reader, TimeProvider clock)
{
    private const int MaxKinds = 16; // Grants.MAX_KINDS

    /// <summary>Puts a request's price into escrow.</summary>
    public async Task<RequestInfo> RequestAsync(Address assetId, QueryRequest request, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var terms = ReadTerms(request.Terms);
        var code = Encoding.UTF8.GetBytes(request.Query ?? "");
        if (Keccak256.Hash(code) != terms.CodeHash)
            throw ApiException.Invalid("the query is not the one whose hash is in the terms", "send the text that was hashed");
        if (request.Terms.Use == RequestUse.Query)
            RequireQuery(request.Query!);
        else if (request.Query != CopyFile.Code)
            throw ApiException.Invalid($"a copy is asked for with '{CopyFile.Code}' in the place of a query", "use 'trove request copy'");
        var (epsilon, budget) = (request.Terms.Epsilon, asset.Charter.Budget);
        if (request.Terms.Use == RequestUse.Copy ? epsilon != 0 : epsilon == 0 || epsilon > budget)
            throw ApiException.Invalid(request.Terms.Use == RequestUse.Copy ? "a copy has no noise and names no epsilon"
                : budget == 0 ? $"{asset.Symbol} answers no queries: its privacy budget is zero" : $"a query on {asset.Symbol} names an epsilon of 1 to {budget} millionths, its privacy budget, not {epsilon}",
                "see the charter in 'trove asset show'");
        if (asset.Policy is { } policy && (request.Terms.Use == RequestUse.Copy ? policy.CopyPrice : policy.QueryPrice) is var least && request.Terms.Price.Units < least.Units)
            throw ApiException.Invalid($"a {request.Terms.Use.ToString().ToLowerInvariant()} on {asset.Symbol} costs at least ${least}", "offer that price or more");
        var id = ContractDigests.RequestId(connection.ChainId, asset.Grants, terms);
        Signatures.RequireDeadline(request.ValidBefore, clock);
        Signatures.Require(terms.Buyer, ContractDigests.ReceiveWithAuthorization(connection.PaymentTokenDomain, terms.Buyer, asset.Grants,
            request.Terms.Total.Units, (ulong)request.ValidBefore, id), request.Signature);
        // A chain that went away after it took the request has not told of it yet when the buyer's program asks again.
        if (await FindAsync(asset, id, ct) is null)
            await relay.SendAsync(await PayerAsync(asset, terms.Buyer, ct), "request", AssetCalls.Request(asset.Grants, request), ct, key: id);
        return await SeenAsync(() => FindAsync(asset, id, ct), $"request {id}", ct);
    }

    /// <summary>All requests of an asset, oldest first.</summary>
    public async Task<Page<RequestInfo>> ListAsync(Address assetId, PageRequest page, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        return await reader.ReadAsync(asset, book =>
        {
            var (requests, next) = page.Slice([.. book.Grants.Requests], r => r.Id.ToString());
            return new Page<RequestInfo>([.. requests.Select(r => r.Describe(assetId, asset.Grants))], next);
        }, ct);
    }

    /// <summary>One request.</summary>
    public async Task<RequestInfo> ShowAsync(Address assetId, Hash32 id, CancellationToken ct) =>
        await FindAsync(await assets.RequireAsync(assetId, ct), id, ct)
            ?? throw NoRequest(assetId, id);

    /// <summary>All proposals of an asset, oldest first, with their votes as the governor counts them.</summary>
    public async Task<Page<ProposalInfo>> ProposalsAsync(Address assetId, PageRequest page, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        await PassTimeAsync(asset, ct);
        var (proposals, next) = page.Slice(await reader.ReadAsync(asset, book => book.Grants.Proposals.ToList(), ct), p => p.Id.ToString());
        var list = new List<ProposalInfo>();
        foreach (var proposal in proposals)
            list.Add(await DescribeAsync(asset, proposal, ct));
        return new Page<ProposalInfo>(list, next);
    }

    /// <summary>The open ones among an asset's newest proposals, as a calendar.</summary>
    public async Task<string> CalendarAsync(Address assetId, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        await PassTimeAsync(asset, ct);
        var list = new List<ProposalInfo>();
        foreach (var proposal in await reader.ReadAsync(asset, book => book.Grants.Proposals.TakeLast(PageRequest.Default).ToList(), ct))
            list.Add(await DescribeAsync(asset, proposal, ct));
        return ProposalCalendar.Write(assetId, asset.Symbol, list);
    }

    /// <summary>One proposal.</summary>
    public async Task<ProposalInfo> ProposalAsync(Address assetId, Hash32 id, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        await PassTimeAsync(asset, ct);
        return await DescribeAsync(asset, await RequireProposalAsync(asset, id, ct), ct);
    }

    /// <summary>Proposes: a buyer's request for anybody, everything else for an owner who signed.</summary>
    public async Task<ProposalInfo> ProposeAsync(Address assetId, ProposeRequest request, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        // What the registry would refuse is not worth a vote.
        var proposed = request.ToAction()
            ?? throw ApiException.Invalid("a proposal approves or revokes a request, names up to 64 different runners or verifiers, invites up to 16 different guardians (with a threshold of 1 to their number), pauses, "
                + "or has another policy or rules that the contract takes", "use 'trove propose'");
        var targets = ActionTargets.Of(asset);
        string description = proposed.Kind == ActionKind.Approve ? ContractDigests.RequestDescription(request.Request!.Value) : request.Description ?? "";
        if (description.Length is 0 or > 1000 || description.Any(char.IsControl))
            throw ApiException.Invalid("a proposal has a description of 1 to 1000 characters, none of them a control character", "say in one line what it is for");
        var id = ContractDigests.ProposalId(proposed.ToCall(targets), description);
        if (await reader.ReadAsync(asset, book => book.Grants.Proposal(id), ct) is null)
        {
            // Requests made while gas is cheap would otherwise be proposed by this node when it is dear.
            var payer = proposed.Kind == ActionKind.Approve ? await reader.ReadAsync(asset, book => book.Grants.Request(request.Request!.Value) is { } known ? relay.For(asset, known.Terms.Buyer, book)
                : relay.Terms.InAll is null ? assetId : throw NoRequest(assetId, request.Request.Value), ct) : default;
            if (proposed.Kind != ActionKind.Approve)
            {
                Signatures.RequireDeadline(request.Deadline, clock);
                var proposer = request.Proposer ?? throw ApiException.Invalid("the proposer is missing", "sign with an owner's key");
                Signatures.Require(proposer, ContractDigests.Propose(connection.ChainId, asset.Governor, id, proposer, (ulong)request.Deadline), request.Signature ?? "");
                payer = await PayerAsync(asset, proposer, ct);
            }
            await relay.SendAsync(payer, "propose", AssetCalls.Propose(targets, proposed, description, request), ct);
            await SeenAsync(() => reader.ReadAsync(asset, book => book.Grants.Proposal(id), ct), $"proposal {id}", ct);
        }
        return await ProposalAsync(assetId, id, ct);
    }

    /// <summary>Casts an owner's signed ballot.</summary>
    public async Task<ProposalInfo> VoteAsync(Address assetId, Hash32 id, VoteRequest request, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        await RequireProposalAsync(asset, id, ct);
        if (request.Support > 2)
            throw ApiException.Invalid("a ballot is 0 (against), 1 (for) or 2 (abstain)", "use 'trove vote'");
        var signature = Signatures.Require(request.Voter, ContractDigests.Ballot(connection.ChainId, asset.Governor, id, request.Support, request.Voter, ContractDigests.BallotNonce(id)), request.Signature);
        var proposal = await ProposalAsync(assetId, id, ct);
        var governor = new AssetGovernor(asset.Governor);
        // The governor counts a ballot without shares as nothing, and somebody would pay for it.
        if (proposal.State == "active")
        {
            if ((await governor.GetVotesAsync(connection.Client, request.Voter, proposal.VoteStart - 1, cancel: ct)).IsZero)
                throw new ApiException(403, "no-votes", $"{request.Voter} had no shares when the vote on {id} began", "shares that came later count in later votes");
        }
        await ballots.CastAsync(asset.Governor, id, await PayerAsync(asset, request.Voter, ct), request.Support, signature, ct);
        await reader.CatchUpAsync(ct);
        return await ProposalAsync(assetId, id, ct);
    }

    /// <summary>Takes a decided proposal one step on: into the timelock, then out of it. Anybody may ask for it.</summary>
    public async Task<ProposalInfo> ExecuteAsync(Address assetId, Hash32 id, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var proposal = await ProposalAsync(assetId, id, ct);
        var record = await RequireProposalAsync(asset, id, ct);
        var targets = ActionTargets.Of(asset);
        switch (proposal.State)
        {
            case "succeeded":
                await relay.SendAsync(assetId, "queue", AssetCalls.Queue(targets, record.Action, record.Description), ct);
                break;
            case "queued" when proposal.ExecutableAt <= await ChainTimeAsync(ct):
                await relay.SendAsync(assetId, "execute", AssetCalls.Execute(targets, record.Action, record.Description), ct);
                break;
            case "queued" or "executed":
                return proposal;
            default:
                throw new ApiException(409, "not-decided", $"proposal {id} is {proposal.State}", proposal.State is "active" ? "wait until the vote has ended" : "nothing can be executed; ask again with other terms");
        }
        await reader.CatchUpAsync(ct);
        return await ProposalAsync(assetId, id, ct);
    }

    /// <summary>What is known of the data without any grant: kinds, years, sizes (none on a node that does not have all epochs), and the columns that queries can name.</summary>
    public async Task<DataInfo> DataAsync(Address assetId, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var (epoch, at) = await reader.ReadAsync(asset, book => (book.Grants.SnapshotEpoch, book.Grants.SnapshotAt), ct);
        var parts = (await ContributionsAsync(asset, epoch, ct) ?? []).SelectMany(c => c.Parts.Select(p => (c.Owner, Part: p)));
        return new DataInfo(assetId, epoch, at, asset.Charter.MinimumGroupSize, await BudgetAsync(asset, ct),
            [.. parts.GroupBy(p => (p.Part.Kind, p.Part.Year)).OrderBy(g => g.Key.Kind, StringComparer.Ordinal).ThenBy(g => g.Key.Year)
                .Select(g => new DataCell(g.Key.Kind, g.Key.Year, g.Select(p => p.Owner).Distinct().Count(), g.Count(), g.Sum(p => p.Part.Size)))],
            QuerySchema.Columns);
    }

    // A period ends by itself; the next begins with the first use after it.
    private async Task<BudgetInfo> BudgetAsync(AssetRow asset, CancellationToken ct)
    {
        var grants = new Grants(asset.Grants);
        var (start, now) = (await grants.PeriodStartAsync(connection.Client, cancel: ct), await ChainTimeAsync(ct));
        var charter = asset.Charter;
        return start == 0 || now >= (long)start + charter.Period ? new BudgetInfo(0, 0, 0, charter.Budget, 0)
            : new BudgetInfo((long)start, (long)start + charter.Period, await grants.SpentAsync(connection.Client, cancel: ct), charter.Budget, await grants.StandingUsesAsync(connection.Client, cancel: ct));
    }

    /// <summary>All contributions of a request's snapshot, each with its place in its epoch's tree.</summary>
    public async Task<InputsInfo> InputsAsync(Address assetId, Hash32 id, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var request = await ShowAsync(assetId, id, ct);
        return new InputsInfo(await assets.DescribeAsync(asset, ct), request.Terms, request.Query, await ContributionsAsync(asset, request.Terms.LastEpoch, ct) ?? throw AssetBook.Elsewhere());
    }

    /// <summary>Mines a block on an embedded chain when a deadline of the asset has passed.</summary>
    public async Task PassTimeAsync(AssetRow asset, CancellationToken ct)
    {
        var deadlines = await reader.ReadAsync(asset, book => book.Grants.Proposals.SelectMany(p => new[] { p.VoteEnd + 1, p.ExecutableAt })
            .Concat(book.Grants.Requests.Where(r => r.State is not ("settled" or "refunded")).Select(r => r.Terms.Expiry + 1))
            .Concat(book.Grants.Requests.Where(r => r.State is "use-opened" or "challenged").Select(r => r.Uses[^1].Deadline + 1))
            .Concat(book.Grants.Requests.Where(r => r.State == "posted").Select(r => r.Uses[^1].DisputableUntil + 1)).ToList(), ct);
        await connection.PassAsync(deadlines, ct);
    }

    // What was mined counts after as many blocks as the node's operator wants; until then it is not in the book.
    private async Task<T> SeenAsync<T>(Func<Task<T?>> find, string what, CancellationToken ct) where T : class
    {
        for (int i = 0; i < 120; i++)
        {
            await reader.CatchUpAsync(ct);
            if (await find() is { } found)
                return found;
            await Task.Delay(TimeSpan.FromSeconds(1), clock, ct);
        }
        throw new ApiException(503, "not-confirmed", $"{what} is mined but not confirmed yet", "look for it in a few minutes; nothing needs to be sent again");
    }

    private static ApiException NoRequest(Address asset, Hash32 id) => ApiException.NotFound($"request {id} of asset {asset}", "list them with 'trove requests'");

    private Task<Beneficiary> PayerAsync(AssetRow asset, Address account, CancellationToken ct) => reader.ReadAsync(asset, book => relay.For(asset, account, book), ct);

    private async Task<long> ChainTimeAsync(CancellationToken ct) =>
        (long)((await connection.Client.GetBlockAsync(BlockTag.Latest, ct))?.Timestamp ?? 0);

    // Null where this node does not have all the epochs.
    private async Task<IReadOnlyList<InputContribution>?> ContributionsAsync(AssetRow asset, ulong lastEpoch, CancellationToken ct)
    {
        var list = new List<InputContribution>();
        var rows = (await epochs.EpochsAsync(asset.Asset, ct)).Where(e => (ulong)e.Number <= lastEpoch).ToDictionary(e => (ulong)e.Number);
        for (ulong number = 1; number <= lastEpoch; number++)
        {
            if (!rows.TryGetValue(number, out var row))
                return null;
            var epoch = await epochs.ComputeAsync(row, ct);
            var rewarded = await contributions.ManyAsync([.. epoch.Leaves.Select(l => l.Contribution)], ct);
            foreach (var leaf in epoch.Leaves)
                list.Add(new InputContribution(leaf.Epoch, leaf.Index, leaf.Contribution, leaf.Owner, leaf.Amount, epoch.Tree.Proof((int)leaf.Index), rewarded[leaf.Contribution].ReadParts()));
        }
        return list;
    }

    private Task<RequestInfo?> FindAsync(AssetRow asset, Hash32 id, CancellationToken ct) =>
        reader.ReadAsync(asset, book => book.Grants.Request(id) is { } r ? r.Describe(asset.Asset, asset.Grants) : null, ct);

    private async Task<ProposalRecord> RequireProposalAsync(AssetRow asset, Hash32 id, CancellationToken ct) =>
        await reader.ReadAsync(asset, book => book.Grants.Proposal(id), ct) ?? throw ApiException.NotFound($"proposal {id} of asset {asset.Asset}", "list them with 'trove proposals'");

    private async Task<ProposalInfo> DescribeAsync(AssetRow asset, ProposalRecord p, CancellationToken ct)
    {
        var (info, rules) = await p.DescribeAsync(connection.Client, asset.Asset, asset.Governor, ct);
        return info with { Outlook = await OutlookAsync(asset, p, info, (uint)Math.Min(rules.TimelockDelay, uint.MaxValue), ct) };
    }

    private async Task<ProposalOutlook?> OutlookAsync(AssetRow asset, ProposalRecord p, ProposalInfo info, uint timelockDelay, CancellationToken ct)
    {
        if (info.State is not ("active" or "succeeded" or "queued"))
            return null;
        long now = await ChainTimeAsync(ct);
        long effect = info.State == "queued" ? p.ExecutableAt : Math.Max(p.VoteEnd, now) + 1 + timelockDelay;
        var part = info.For + info.Abstain;
        var (supply, before) = await reader.ReadAsync(asset, book => (p.Supply, book.Grants.Turnouts(now, Math.Clamp(now - p.VoteStart, 0, p.VoteEnd - p.VoteStart), p.VoteEnd - p.VoteStart)), ct);
        return new ProposalOutlook(effect, info.Class == ProposalClass.Constitution ? effect - 1 : null, supply, part,
            part.Units >= info.Quorum.Units ? default : info.Quorum - part, before.Count, info.State == "active" ? TurnoutForecast.Of(supply, part, info.Against, info.Quorum, before) : null);
    }

    private static Terms ReadTerms(RequestTerms? terms)
    {
        try
        {
            // Kinds that no record has would take the buyer's money for a request that nobody can read.
            if (terms is { Use: RequestUse.Query or RequestUse.Copy, Kinds: { Count: > 0 and <= MaxKinds }, BuyerKey: not null, Uses: > 0 and <= 1000 } && terms.Kinds.All(k => RecordKinds.TryParse(k, out _))
                && terms.Kinds.Zip(terms.Kinds.Skip(1)).All(pair => string.CompareOrdinal(pair.First, pair.Second) < 0) && terms.FromYear <= terms.ToYear && terms.Price.Units <= ulong.MaxValue)
                return terms.ToAbi();
        }
        catch (Exception e) when (e is AgeException or ArgumentException)
        {
            throw ApiException.Invalid($"the terms are malformed: {e.Message}", "make them with 'trove request query'");
        }
        throw ApiException.Invalid("the terms are malformed", "make them with 'trove request query'");
    }

    private static void RequireQuery(string text)
    {
        try
        {
            if (Query.Parse(text) is var query && query.ToString() != text)
                throw ApiException.Invalid("the query is not in its canonical form", "sign and send the text that 'trove request query --dry-run' prints");
        }
        catch (QuerySyntaxException e)
        {
            throw ApiException.Invalid($"this is no query: {e.Message}", "see 'trove request query --help' and specs/queries.md");
        }
    }
}
