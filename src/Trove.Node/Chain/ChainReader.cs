using Microsoft.Extensions.Logging;
using Npgsql;
using Trove.Chain.Abi;
using Trove.Chain.Bindings;
using Trove.Chain.Events;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Payouts;
using Trove.Core.Rewards;
using Trove.Node.Assets;
using Trove.Node.Contributions;
using Trove.Node.Dividends;
using Trove.Node.Epochs;
using Trove.Node.Operations;
using Trove.Node.Requests;
using Trove.Node.Protocol;
using Trove.Node.Vault;
using Trove.Node.Verification;

namespace Trove.Node.Chain;

/// <summary>
/// Reads the chain into the database, event by event, and keeps each asset's book. The cursor moves in the same
/// transaction as what it read, so a restart or a reorganisation neither loses nor doubles anything.
/// </summary>
public sealed class ChainReader(ChainConnection connection, ChainEventStore store, AssetStore assets, VerificationStore epochs,
    ILogger<ChainReader> log) : Worker("chain reader", TimeSpan.FromMinutes(2))
{
    private const int MaxRewrites = 8;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);
    private readonly SemaphoreSlim _following = new(1);
    private readonly SemaphoreSlim _reading = new(1); // another one: who reads a book does not wait for the chain
    private readonly Dictionary<Address, (AssetBook Book, long Rewrites)> _books = [];

    /// <summary>Reads up to the chain's head, so that what was just mined is seen.</summary>
    public async Task CatchUpAsync(CancellationToken ct)
    {
        await _following.WaitAsync(ct);
        try
        {
            while (await StepAsync(ct))
                Beat();
        }
        finally
        {
            _following.Release();
        }
    }

    /// <summary>Reads an asset's shares, money and votes as of now. The book changes with the next event: take out what is needed.</summary>
    public async Task<T> ReadAsync<T>(AssetRow asset, Func<AssetBook, T> read, CancellationToken ct)
    {
        await _reading.WaitAsync(ct);
        bool applied = false;
        try
        {
            var (book, known) = _books.GetValueOrDefault(asset.Asset, (new AssetBook(asset.Vesting), -1));
            var (events, rewrites) = await store.AfterAsync(asset.Asset, book.Position.Block, book.Position.LogIndex, ct);
            for (int i = 0; rewrites != known; i++)
            {
                if (i == MaxRewrites)
                    throw new InvalidOperationException($"the events of asset {asset.Asset} were taken back {MaxRewrites} times while they were read; ask again");
                // This node or another has taken events back, some of them from this book.
                (book, known) = (new AssetBook(asset.Vesting), rewrites);
                (events, rewrites) = await store.AfterAsync(asset.Asset, book.Position.Block, book.Position.LogIndex, ct);
            }
            var leaves = new Dictionary<ulong, IReadOnlyList<EpochLeaf>>();
            foreach (ulong number in events.Where(e => e.Name == "EpochPosted").Select(e => e.Data.Epoch))
                if (await epochs.EpochAsync(asset.Asset, number, ct) is { } epoch)
                    leaves[number] = (await epochs.ComputeAsync(epoch, ct)).Leaves;
            foreach (var e in events)
                book.Apply(e, asset.Ledger, leaves.GetValueOrDefault);
            _books[asset.Asset] = (book, known);
            applied = true;
            return read(book);
        }
        finally
        {
            if (!applied)
                _books.Remove(asset.Asset); // half applied: read it anew next time
            _reading.Release();
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            Beat();
            try
            {
                await CatchUpAsync(stoppingToken);
                await Task.Delay(Pause, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                log.LogError(LogEvents.ReaderFailed, e, "Reading the chain failed; it goes on in {Seconds} s", Pause.TotalSeconds * 5);
                await Task.WhenAny(Task.Delay(Pause * 5, stoppingToken));
            }
        }
    }

    private async Task<bool> StepAsync(CancellationToken ct)
    {
        var text = await store.CursorAsync(ct);
        var cursor = text is null ? FollowerCursor.StartAt(0) : FollowerCursor.Parse(text);
        var known = (await assets.ListAsync(ct)).ToDictionary(a => a.Asset);
        var batch = await connection.Follower.NextAsync(cursor, Filter(known.Values), ct);
        if (batch.Cursor.Next == cursor.Next && batch.RollBackFrom is null)
            return false;

        var created = batch.Logs.Where(l => l.Log.Address == connection.Contracts.Factory).Select(l => (l.Log, Event: ReadCreated(l.Log))).Where(x => x.Event is not null && !known.ContainsKey(x.Event.Asset)).ToList();
        if (created.Count > 0)
        {
            // Their own events of the same blocks were not asked for: take the assets in first, then read the batch again.
            foreach (var (l, e) in created)
                known[e!.Asset] = ToRow(e);
            batch = await connection.Follower.NextAsync(cursor, Filter(known.Values), ct);
        }
        var byContract = known.Values.SelectMany(a => new[] { (a.Asset, a), (a.Ledger, a), (a.Grants, a), (a.Governor, a) }).ToDictionary(x => x.Item1, x => x.a);
        var events = batch.Logs.Where(l => byContract.ContainsKey(l.Log.Address)).Select(l => TryRead(l.Log, l.Timestamp, byContract[l.Log.Address])).OfType<ChainEvent>().ToList();
        await store.ApplyAsync(text, batch.Cursor.ToString(), batch.RollBackFrom, events, async tx =>
        {
            foreach (var (l, e) in created)
                await AssetStore.InsertAsync(tx, ToRow(e!), l.Block.Number);
            await UpdateAssetsAsync(tx, batch.Logs.Select(l => l.Log), known.Values);
            // Told by the chain, a withdrawal is carried out whichever way it came there, and whatever died after sending it.
            foreach (var withdrawn in events.Where(e => e.Name == "ContributionWithdrawn"))
            {
                await ContributionStore.WithdrawAsync(tx, withdrawn.Data.Contribution!.Value);
                await VaultService.CondemnAsync(tx, withdrawn.Data.Contribution.Value, null);
                if (known[withdrawn.Asset].Vesting.Epochs > 0)
                    await EpochService.EnqueueHandOutAsync(tx, withdrawn.Asset, withdrawn.Data.Contribution.Value);
            }
        }, ct);
        return true; // also when another node was faster: it goes on from there
    }

    // A founder may name an asset in bytes that are no text. That asset is not shown; it must not stop the others.
    private AssetFactory.AssetCreatedEvent? ReadCreated(Log l)
    {
        try
        {
            var created = AssetFactory.AssetCreatedEvent.Decode(l);
            if (created is null || !(created.Params.Name + created.Params.Symbol).Contains('\0'))
                return created;
            log.LogWarning(LogEvents.AssetIgnored, "The asset created in transaction {Transaction} is ignored: its name holds a NUL", l.TransactionHash);
            return null;
        }
        catch (AbiException e)
        {
            log.LogWarning(LogEvents.AssetIgnored, "The asset created in transaction {Transaction} is ignored: {Reason}", l.TransactionHash, e.Message);
            return null;
        }
    }

    private static async Task UpdateAssetsAsync(NpgsqlTransaction tx, IEnumerable<Log> logs, IReadOnlyCollection<AssetRow> assets)
    {
        var (byRegistry, byGovernor, byGrants) = (assets.ToDictionary(a => a.Registry), assets.ToDictionary(a => a.Governor), assets.ToDictionary(a => a.Grants));
        foreach (var l in logs)
            if (byGovernor.TryGetValue(l.Address, out var governed))
            {
                if (AssetGovernor.RulesChangedEvent.Decode(l) is { } r)
                    await AssetStore.SetRulesAsync(tx, governed.Asset, new RuleSet(RulesInfo.Of(r.Query), RulesInfo.Of(r.Copy), RulesInfo.Of(r.Constitution)));
            }
            else if (byGrants.TryGetValue(l.Address, out var granting))
            {
                if (Grants.CharterChangedEvent.Decode(l) is { } changed)
                    await AssetStore.SetCharterAsync(tx, granting.Asset, CharterInfo.Of(changed.Charter));
            }
            else if (byRegistry.TryGetValue(l.Address, out var asset))
            {
                if (Registry.VerifiersChangedEvent.Decode(l) is { } set)
                    await AssetStore.SetVerifiersAsync(tx, asset.Asset, set.Version, set.Verifiers, set.Recipients, set.Threshold);
                else if (Registry.PolicyChangedEvent.Decode(l) is { } policy)
                    await AssetStore.SetPolicyHashAsync(tx, asset.Asset, policy.PolicyHash);
                else if (Registry.GuardiansInvitedEvent.Decode(l) is { } invitation)
                    await AssetStore.SetInvitedAsync(tx, asset.Asset, invitation.Guardians.Count > 0);
                else if (Registry.GuardiansChangedEvent.Decode(l) is { } c)
                    await AssetStore.SetGuardiansAsync(tx, asset.Asset, new CustodyInfo(c.Guardians, c.Commitments, c.OprfCommitments, c.Threshold, asset.Custody.Runners, c.Epoch));
                else if (Registry.RunnersChangedEvent.Decode(l) is { } named)
                    await AssetStore.SetRunnersAsync(tx, asset.Asset, named.Runners);
            }
    }

    private LogFilter Filter(IEnumerable<AssetRow> assets) => new(
        [connection.Contracts.Factory, .. assets.SelectMany(a => new[] { a.Asset, a.Ledger, a.Registry, a.Grants, a.Governor })],
        [
            AssetFactory.AssetCreatedEvent.Signature, Registry.VerifiersChangedEvent.Signature, Registry.PolicyChangedEvent.Signature, Registry.GuardiansInvitedEvent.Signature, Registry.GuardiansChangedEvent.Signature, Registry.RunnersChangedEvent.Signature, AssetGovernor.RulesChangedEvent.Signature, Grants.CharterChangedEvent.Signature,
            Ledger.EpochPostedEvent.Signature, Ledger.SharesClaimedEvent.Signature, Ledger.SharesLapsedEvent.Signature, Ledger.ContributionWithdrawnEvent.Signature,
            ShareToken.TransferEvent.Signature, ShareToken.DividendDistributedEvent.Signature, ShareToken.DividendClaimedEvent.Signature,
            ShareToken.DelegateChangedEvent.Signature, ShareToken.DelegateVotesChangedEvent.Signature,
            .. GrantEvents.Signatures,
        ]);

    private static AssetRow ToRow(AssetFactory.AssetCreatedEvent e) => new(e.Asset, e.Founder, e.Contracts.Registry, e.Contracts.Ledger, e.Params.Name, e.Params.Symbol,
        e.Params.PaymentToken, e.Params.Recipient, e.Params.PolicyHash, null, e.Params.Verifiers, e.Params.VerifierRecipients, (int)e.Params.Threshold, 1,
        e.Contracts.Grants, e.Contracts.Governor, e.Contracts.Timelock, e.Contracts.Stakes, CustodyInfo.Of(e.Params.Custody), GovernanceInfo.Of(e.Params.Governance),
        CharterInfo.Of(e.Params.Charter), new Vesting(e.Params.VestingEpochs));

    // Strangers write parts of some events: a description that is no text must not stop the others.
    private ChainEvent? TryRead(Log l, ulong timestamp, AssetRow asset)
    {
        try
        {
            return Read(l, timestamp, asset);
        }
        catch (AbiException e)
        {
            log.LogWarning(LogEvents.EventIgnored, "An event in transaction {Transaction} is ignored: {Reason}", l.TransactionHash, e.Message);
            return null;
        }
    }

    internal static ChainEvent? Read(Log l, ulong timestamp, AssetRow asset)
    {
        (string Name, ChainEventData Data)? found = null;
        if (l.Address == asset.Ledger)
        {
            if (Ledger.EpochPostedEvent.Decode(l) is { } posted)
                found = ("EpochPosted", new(posted.Epoch, Amount: UInt128Text.Of(posted.Total), Root: posted.Root, TreeHash: posted.TreeHash));
            else if (Ledger.SharesClaimedEvent.Decode(l) is { } claimed)
                found = ("SharesClaimed", new(claimed.Epoch, claimed.Index, claimed.Contribution, To: claimed.Owner, Amount: UInt128Text.Of(claimed.Amount)));
            else if (Ledger.SharesLapsedEvent.Decode(l) is { } lapsed)
                found = ("SharesLapsed", new(lapsed.Epoch, lapsed.Index, lapsed.Contribution, From: lapsed.Owner, Amount: UInt128Text.Of(lapsed.Amount)));
            else if (Ledger.ContributionWithdrawnEvent.Decode(l) is { } withdrawn)
                found = ("ContributionWithdrawn", new(Contribution: withdrawn.Contribution, From: withdrawn.Owner));
        }
        else if (l.Address == asset.Grants || l.Address == asset.Governor)
            found = GrantEvents.Read(l, ActionTargets.Of(asset));
        else if (ShareToken.TransferEvent.Decode(l) is { } transfer)
            found = ("Transfer", new(From: transfer.From, To: transfer.To, Amount: UInt128Text.Of(transfer.Value)));
        else if (ShareToken.DividendDistributedEvent.Decode(l) is { } distributed)
            found = ("DividendDistributed", new(From: distributed.From, Amount: UInt128Text.Of(distributed.Amount)));
        else if (ShareToken.DividendClaimedEvent.Decode(l) is { } paid)
            found = ("DividendClaimed", new(To: paid.Owner, Amount: UInt128Text.Of(paid.Amount)));
        else if (ShareToken.DelegateChangedEvent.Decode(l) is { } delegated)
            found = ("DelegateChanged", new(From: delegated.Delegator, To: delegated.ToDelegate));
        else if (ShareToken.DelegateVotesChangedEvent.Decode(l) is { } voices)
            found = ("DelegateVotesChanged", new(To: voices.Delegate, Amount: UInt128Text.Of(voices.NewVotes)));
        return found is { } f
            ? new ChainEvent(l.Block.Number, l.Index, l.Block.Hash, l.TransactionHash, (long)timestamp * 1000, l.Address, asset.Asset, f.Name, f.Data)
            : null;
    }
}
