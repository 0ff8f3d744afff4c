using System.Numerics;
using Microsoft.Extensions.Logging;
using Trove.Chain.Bindings;
using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Operations;

namespace Trove.Node.Requests;

/// <summary>
/// Does for everybody what anybody may do: takes snapshots, and sends money back whose time is over. The contracts decide
/// whether it is; a node that does nothing delays it and no more.
/// </summary>
public sealed class RequestWorker(AssetStore assets, RequestService requests, ChainConnection connection, ChainRelay relay, ChainReader reader, ILogger<RequestWorker> log)
    : Worker("requests", TimeSpan.FromMinutes(30))
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly BigInteger LeastSync = 1_000_000;

    // What could not be sent in the last round, and in this one: it is tried in each, and told once.
    private HashSet<string> _told = [], _unsent = [];

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            Beat();
            try
            {
                foreach (var asset in await assets.ListAsync(stoppingToken))
                {
                    Beat();
                    await TryAsync(asset, stoppingToken);
                }
                (_told, _unsent) = (_unsent, []);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                log.LogError(LogEvents.RequestWorkerFailed, e, "Looking after requests failed; it goes on in {Seconds} s", Pause.TotalSeconds * 10);
                await Task.WhenAny(Task.Delay(Pause * 10, stoppingToken));
            }
            await Task.WhenAny(Task.Delay(connection.Embedded is null ? Pause * 10 : Pause, stoppingToken));
        }
    }

    // An asset whose events this node cannot follow, or whose contracts are odd, must not stop the others.
    private async Task TryAsync(AssetRow asset, CancellationToken ct)
    {
        try
        {
            await LookAfterAsync(asset, ct);
        }
        catch (Exception e) when (e is InvalidOperationException or RpcException)
        {
            log.LogWarning(LogEvents.AssetNotLookedAfter, "Asset {Asset} is not looked after: {Reason}", asset.Asset, e.Message);
        }
    }

    private async Task LookAfterAsync(AssetRow asset, CancellationToken ct)
    {
        await requests.PassTimeAsync(asset, ct);
        var grants = new Grants(asset.Grants);
        // What goes back to a buyer goes at the buyer's own cost: who asks, is refused and has its money again has spent nothing else.
        var (epochs, snapshot, open, buyers) = await reader.ReadAsync(asset, book => (book.Epochs, book.Grants.SnapshotEpoch,
            book.Grants.Requests.Where(r => r.State is not ("settled" or "refunded")).ToList(),
            book.Grants.Requests.Select(r => r.Terms.Buyer).Distinct().ToDictionary(b => b, b => relay.FindFor(asset, b, book))), ct);
        if (epochs > snapshot && await NewLeavesAsync(asset, grants, ct) >= asset.Charter.MinimumSnapshotLeaves)
            await TryAsync(asset, asset.Asset, "snapshot", grants.TakeSnapshot(), ct);
        foreach (var request in open)
            if (buyers[request.Terms.Buyer] is { } buyer && await grants.IsRefundableAsync(connection.Client, request.Id, cancel: ct))
                await TryAsync(asset, buyer, "refund", grants.Refund(request.Id), ct);
            else if (request.State is "posted" or "challenged" && await grants.IsSettleableAsync(connection.Client, request.Id, cancel: ct))
                await TryAsync(asset, asset.Asset, "settle", grants.Settle(request.Id), ct);
        await SyncAsync(asset, ct);
        if (await grants.CreditedAsync(connection.Client, cancel: ct) > 0)
            foreach (var (recipient, payer) in asset.Charter.Fees.Select(f => f.Recipient).Append(asset.Timelock).Select(r => (r, (Beneficiary?)asset.Asset))
                .Concat(buyers.Select(b => (b.Key, b.Value))).DistinctBy(r => r.Item1))
                if (payer is { } own && await grants.CreditOfAsync(connection.Client, recipient, cancel: ct) is var credit && credit > 0 && credit >= relay.Terms.LeastPayment.Units)
                    await TryAsync(asset, own, "pay-credit", grants.PayCredit(recipient), ct);
    }

    // Money that somebody sent to the share token plainly is the owners'. Below a dollar it waits for more: the transaction has its price too.
    private async Task SyncAsync(AssetRow asset, CancellationToken ct)
    {
        var token = new ShareToken(asset.Asset);
        var there = await new TestDollar(asset.PaymentToken).BalanceOfAsync(connection.Client, asset.Asset, cancel: ct);
        var owed = await token.DividendsReceivedAsync(connection.Client, cancel: ct) - await token.DividendsPaidAsync(connection.Client, cancel: ct);
        if (there - owed >= LeastSync && await token.TotalSupplyAsync(connection.Client, cancel: ct) >= await token.MinSupplyForDividendsAsync(connection.Client, cancel: ct))
            await TryAsync(asset, asset.Timelock, "sync", token.Sync(), ct); // a budget of its own, which anybody can use up
    }

    private async Task<BigInteger> NewLeavesAsync(AssetRow asset, Grants grants, CancellationToken ct) =>
        (BigInteger)await new Ledger(asset.Ledger).TotalLeavesAsync(connection.Client, cancel: ct) - await grants.SnapshotLeavesAsync(connection.Client, cancel: ct);

    // One that fails, because somebody else was faster or its payment token refuses, must not stop the others.
    private async Task TryAsync(AssetRow asset, Beneficiary payer, string purpose, ContractCall call, CancellationToken ct)
    {
        try
        {
            await relay.SendAsync(payer, purpose, call, ct);
            await reader.CatchUpAsync(ct);
        }
        catch (ApiException e)
        {
            var action = $"{purpose} {call.To} {Hex.Encode(call.Data)}";
            if (_unsent.Add(action) && !_told.Contains(action))
                log.LogWarning(LogEvents.ActionNotSent, "{Purpose} of {Asset} was not sent: {Message}", purpose, asset.Symbol, e.Message);
        }
    }
}
