using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using Trove.Chain.Durability;
using Trove.Chain;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Staking;
using Trove.Node.Verification;

namespace Trove.Node.Epochs;

/// <summary>
/// Closes epochs: computes the rewards, collects m verifiers' signatures over the root, has it posted, and has the
/// shares handed out that vest with it. The node proposes; a root that the verifiers do not recompute is never signed.
/// </summary>
public sealed class EpochService(NodeDatabase database, VerificationStore store, NoveltyStore novelty, AssetService assets, ChainService chain,
    ChainReader reader, HandOutService handOuts, ContradictionFolder contradictions, TimeProvider clock, ILogger<EpochService> log)
{
    /// <summary>Most contributions of one epoch; the rest waits for the next.</summary>
    public const int MaxContributions = 100_000;

    /// <summary>The queue of the node's own work.</summary>
    public const string Topic = "epochs";

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    // Founders of many assets may close at once, and each epoch may take as much memory as one is bounded to take.
    private readonly SemaphoreSlim _closing = new(1);

    /// <summary>The founder closes the running epoch.</summary>
    public async Task<EpochInfo> CloseAsync(Address assetId, CloseEpochRequest request, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        Signatures.RequireDeadline(request.Deadline, clock);
        Signatures.Require(asset.Founder, Messages.CloseEpoch(Messages.Domain(chain.ChainId, asset.Ledger), assetId, request.Epoch, request.Nonce, request.Deadline), request.Signature);
        // With nothing to reward an epoch is closed only to let shares vest: else the last ones to come would wait for ever.
        bool vests = await reader.ReadAsync(asset, b => b.Money.Vests, ct);
        var earlier = await store.EpochsAsync(assetId, ct);
        var previous = earlier.LastOrDefault();
        ulong next = (ulong)(previous?.Number ?? 0) + 1;
        if (request.Epoch != next)
            throw new ApiException(409, "wrong-epoch", $"the running epoch of {assetId} is {next}, not {request.Epoch}", $"sign for epoch {next}");
        if (previous is { State: not "posted" })
            throw new ApiException(409, "epoch-open", $"epoch {previous.Number} of {assetId} is not posted yet", "wait until the verifiers have signed it; 'trove asset show' tells");

        bool closed;
        await _closing.WaitAsync(ct);
        try
        {
            await novelty.FillAsync(assetId, () => { }, ct);
            closed = await database.TransactAsync(async tx =>
            {
                await Signatures.TakeNonceAsync(tx, asset.Founder, request.Nonce, request.Deadline);
                var ids = await VerificationStore.WaitingAsync(tx, assetId, MaxContributions, Epoch.MaxTagBytes);
                if (ids.Count == 0 && !vests)
                    return false;
                var epoch = await ComputeAsync(tx, assetId, next, previous?.Root ?? default, asset.RequirePolicy(), ids, ct);
                await VerificationStore.InsertEpochAsync(tx, assetId, epoch, asset.SetVersion);
                foreach (var verifier in asset.Verifiers)
                    await WorkQueue.EnqueueAsync(tx, VerifierJob.Topic(verifier), VerifierJob.Sign(assetId, next).ToJson(), $"sign/{assetId}/{next}", VerifierJob.Attempts);
                return true;
            }, ct);
        }
        finally
        {
            _closing.Release();
        }
        FaultPoint.Reach("close.committed");
        if (!closed)
            throw new ApiException(409, "nothing-waits", $"no verified contribution of {assetId} waits for an epoch", "close the epoch when 'trove contributions' shows some as attested");
        return await ShowAsync(assetId, next, ct);
    }

    /// <summary>Computes an epoch of attested contributions, whose own hashes are all that is asked for of earlier epochs.</summary>
    /// <param name="tx">Reads in it.</param>
    /// <param name="asset">The asset.</param>
    /// <param name="number">Number of the epoch; all before it are in the index.</param>
    /// <param name="previousRoot">Root of the epoch before.</param>
    /// <param name="policy">The rules.</param>
    /// <param name="ids">Its contributions.</param>
    /// <param name="ct">Ends reading.</param>
    public static async Task<Epoch> ComputeAsync(NpgsqlTransaction tx, Address asset, ulong number, Hash32 previousRoot, AssetPolicy policy, IReadOnlyList<Hash32> ids, CancellationToken ct)
    {
        var attested = new List<AttestedContribution>(ids.Count);
        await foreach (var one in VerificationStore.AttestedAsync(tx.Connection!, tx, ids))
            attested.Add(one);
        return Epoch.Close(number, previousRoot, policy, await NoveltyStore.BeforeAsync(tx, asset, number, attested, ct), attested);
    }

    /// <summary>Takes a verifier's signature of an epoch's root; with the m-th the epoch is due to be posted.</summary>
    public async Task SignAsync(Address assetId, ulong number, SignEpochRequest request, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var row = await RequireEpochAsync(assetId, number, ct);
        if (!asset.Verifiers.Contains(request.Verifier))
            throw new ApiException(403, "not-a-verifier", $"{request.Verifier} is no verifier of {assetId}", "only registered verifiers sign roots");
        if (request.Root != row.Root)
            throw new ApiException(409, "other-root", $"the root of epoch {number} here is {row.Root}, not {request.Root}", "compare the epoch's document with your own computation and tell the founder");
        var signature = Signatures.Require(request.Verifier,
            ContractDigests.EpochRoot(chain.ChainId, asset.Ledger, row.ToRoot()), request.Signature);
        await database.TransactAsync(async tx =>
        {
            await WorkQueue.CompleteAsync(tx, VerificationService.RequireLease(request.Lease, request.Verifier));
            if (await VerificationStore.PutSignatureAsync(tx, assetId, number, request.Verifier, signature) >= asset.Threshold)
                await EnqueuePostAsync(tx, assetId, number);
        }, ct);
        FaultPoint.Reach("sign.committed");
    }

    /// <summary>The node's own work on an epoch, repeatable: post the root, put its hashes into the index, hand out what vests. Or the last two alone.</summary>
    /// <param name="item">Which asset, and which epoch.</param>
    /// <param name="beat">Called after each transaction, of which a large epoch has thousands.</param>
    /// <param name="ct">Ends the work.</param>
    public async Task WorkAsync(WorkItem item, Action beat, CancellationToken ct)
    {
        var job = VerifierJob.Read(item);
        var asset = await assets.RequireAsync(job.Asset!.Value, ct);
        if (job.Epoch > 0)
            await PostAsync(asset, job.Epoch, beat, ct);
        await novelty.FillAsync(asset.Asset, beat, ct);
        await handOuts.HandOutAsync(asset, null, beat, ct);
    }

    private async Task PostAsync(AssetRow asset, ulong number, Action beat, CancellationToken ct)
    {
        var row = await RequireEpochAsync(asset.Asset, number, ct);
        var epoch = await store.ComputeAsync(row, ct);
        var signatures = await store.SignaturesAsync(asset.Asset, number, ct);
        await chain.PostEpochAsync(asset.Ledger, epoch, (ulong)row.SetVersion, [.. signatures.Take(asset.Threshold).Select(s => s.Signature)], ct);
        if (await chain.RootAsync(asset.Ledger, number, ct) is var posted && posted != row.Root)
        {
            contradictions.Keep(asset.Ledger, $"root-{number}", new SignedStatements(asset.Asset, Roots: [.. signatures.Select(s => RootStatement.Of(row.ToRoot(), s.Signature))]));
            throw new ApiException(409, "other-root", $"epoch {number} of {asset.Asset} was posted with root {posted}, and here it has {row.Root}", "restore this node from a backup of the one that posted it");
        }
        await database.TransactAsync(tx => VerificationStore.MarkPostedAsync(tx, asset.Asset, epoch), ct);
        log.LogInformation(LogEvents.EpochPosted, "Epoch {Epoch} of {Asset} is posted: {Total} shares for {Leaves} contributions", number, asset.Asset, epoch.Total, epoch.Leaves.Count);
        // The book says what is due, and on a network it is some blocks behind.
        await reader.CatchUpAsync(ct);
        while (await reader.ReadAsync(asset, b => b.Epochs, ct) < number)
        {
            beat();
            await Task.Delay(Pause, clock, ct);
            await reader.CatchUpAsync(ct);
        }
    }

    /// <summary>Shares of a withdrawn contribution are to lapse, and what it still owes its owner to be handed out.</summary>
    public static Task EnqueueHandOutAsync(NpgsqlTransaction tx, Address asset, Hash32 withdrawn) =>
        WorkQueue.EnqueueAsync(tx, Topic, VerifierJob.HandOut(asset).ToJson(), $"withdrawn/{withdrawn}", VerifierJob.Attempts);

    /// <summary>All epochs of an asset, oldest first.</summary>
    public async Task<Page<EpochInfo>> ListAsync(Address assetId, PageRequest page, CancellationToken ct)
    {
        var (rows, next) = page.Slice(await store.EpochsAsync(assetId, ct), e => e.Number.ToString(CultureInfo.InvariantCulture));
        var list = new List<EpochInfo>();
        foreach (var row in rows)
            list.Add(await DescribeAsync(row, ct));
        return new Page<EpochInfo>(list, next);
    }

    /// <summary>One epoch.</summary>
    public async Task<EpochInfo> ShowAsync(Address assetId, ulong number, CancellationToken ct) =>
        await DescribeAsync(await RequireEpochAsync(assetId, number, ct), ct);

    /// <summary>The rewards of an epoch in its order, each with its reason: what it takes to compute its root again.</summary>
    public async Task<Page<RewardInfo>> RewardsAsync(Address assetId, ulong number, PageRequest page, CancellationToken ct)
    {
        var row = await RequireEpochAsync(assetId, number, ct);
        Hash32? after = page.After is null ? null : Parse.Hash(page.After);
        var rewards = await store.RewardsAsync(row, after, page.Limit + 1, ct);
        return new Page<RewardInfo>([.. rewards.Take(page.Limit).Select(r => new RewardInfo(r, r.Reason()))], rewards.Count > page.Limit ? rewards[page.Limit - 1].Contribution.ToString() : null);
    }

    private async Task<EpochInfo> DescribeAsync(EpochRow row, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(row.Asset, ct);
        var signatures = await store.SignaturesAsync(row.Asset, (ulong)row.Number, ct);
        return new EpochInfo((ulong)row.Number, row.State, row.PreviousRoot, row.Root, row.TreeHash, new Shares(UInt128.Parse(row.Total, CultureInfo.InvariantCulture)), row.Leaves, row.Contributions,
            (ulong)row.SetVersion, signatures.Count, asset.Threshold, new DateTimeOffset(row.ClosedAt, TimeSpan.Zero).ToUnixTimeMilliseconds());
    }

    private async Task<EpochRow> RequireEpochAsync(Address asset, ulong number, CancellationToken ct) =>
        await store.EpochAsync(asset, number, ct) ?? throw ApiException.NotFound($"epoch {number} of asset {asset}", "list them with 'trove asset show'");

    private static Task EnqueuePostAsync(NpgsqlTransaction tx, Address asset, ulong number) =>
        WorkQueue.EnqueueAsync(tx, Topic, VerifierJob.Sign(asset, number).ToJson(), $"post/{asset}/{number}", VerifierJob.Attempts);
}
