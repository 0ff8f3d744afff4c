using Trove.Chain;
using Trove.Core;
using Trove.Core.Payouts;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Contributions;
using Trove.Node.Database;
using Trove.Node.Protocol;
using Trove.Node.Verification;

namespace Trove.Node.Dividends;

/// <summary>Money in, money out, and what became of every unit of it.</summary>
public sealed class DividendService(NodeDatabase database, AssetService assets, ContributionService contributions, VerificationStore epochs,
    ChainService chain, ChainReader reader, TimeProvider clock)
{
    /// <summary>Has the share token draw a dividend that its payer authorised (EIP-3009).</summary>
    public async Task<TransactionInfo> PayAsync(Address assetId, DividendRequest request, CancellationToken ct)
    {
        await assets.RequireAsync(assetId, ct);
        if (request.Amount.Units == 0)
            throw ApiException.Invalid("a dividend of nothing", "pay at least 0.000001");
        Signatures.RequireDeadline(request.ValidBefore, clock);
        var signature = Signatures.Require(request.From, ContractDigests.ReceiveWithAuthorization(chain.PaymentTokenDomain, request.From, assetId,
            request.Amount.Units, (ulong)request.ValidBefore, request.Nonce), request.Signature);
        var mined = await chain.DistributeAsync(assetId, request, signature, ct);
        await reader.CatchUpAsync(ct);
        return mined;
    }

    /// <summary>Pays out what an owner can claim: shares that still lie with the ledger first, then dividends.</summary>
    public async Task<BalanceInfo> ClaimAsync(Address assetId, ClaimRequest request, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        Signatures.RequireDeadline(request.Deadline, clock);
        Signatures.Require(request.Owner, Messages.Claim(Messages.Domain(chain.ChainId, asset.Ledger), assetId, request.Owner, request.Nonce, request.Deadline), request.Signature);
        await database.TransactAsync(tx => Signatures.TakeNonceAsync(tx, request.Owner, request.Nonce, request.Deadline), ct);
        await reader.CatchUpAsync(ct);
        foreach (var row in (await epochs.EpochsAsync(assetId, ct)).Where(e => e.State == "posted"))
        {
            var epoch = row.ToEpoch();
            var mine = epoch.Leaves.Where(l => l.Owner == request.Owner).ToArray();
            if (mine.Length > 0)
                await chain.ClaimSharesAsync(asset.Ledger, epoch, mine, ct);
        }
        if ((await reader.BookAsync(asset, ct)).Money.ClaimableBy(request.Owner).Units > 0)
            await chain.ClaimDividendAsync(assetId, request.Owner, ct);
        await reader.CatchUpAsync(ct);
        return await BalanceAsync(assetId, request.Owner, ct);
    }

    /// <summary>What an owner has of an asset.</summary>
    public async Task<BalanceInfo> BalanceAsync(Address assetId, Address owner, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var book = await reader.BookAsync(asset, ct);
        var leaves = (await epochs.EpochsAsync(assetId, ct)).Where(e => e.State == "posted").SelectMany(e => e.ToEpoch().Leaves);
        return new BalanceInfo(assetId, owner, book.Money.HeldBy(owner), book.UnclaimedBy(owner, leaves), book.Money.ClaimableBy(owner), PaidTo(book.Money, owner));
    }

    /// <summary>All money of an asset.</summary>
    public async Task<MoneyInfo> MoneyAsync(Address assetId, CancellationToken ct)
    {
        var book = (await reader.BookAsync(await assets.RequireAsync(assetId, ct), ct)).Money;
        return new MoneyInfo(assetId, book.Received, book.Paid, book.Claimable, book.Dust, book.Supply, book.Distributions,
            [.. book.Payouts.Select(p => new PayoutSummary(p.Id, p.Owner, p.Amount))],
            [.. book.Owners.Select(o => new OwnerInfo(o, book.HeldBy(o), book.ClaimableBy(o), PaidTo(book, o)))]);
    }

    /// <summary>One payment, explained down to contributions, words and evidence.</summary>
    public async Task<PayoutInfo> ExplainAsync(Address assetId, string payoutId, CancellationToken ct)
    {
        var book = (await reader.BookAsync(await assets.RequireAsync(assetId, ct), ct)).Money;
        var payout = book.Payouts.FirstOrDefault(p => p.Id == payoutId)
            ?? throw ApiException.NotFound($"payout {payoutId} of asset {assetId}", "list them with 'trove explain --asset …' without a payout");
        return await DescribeAsync(payout, ct);
    }

    /// <summary>What an owner could claim now, explained.</summary>
    public async Task<PayoutInfo> PendingAsync(Address assetId, Address owner, CancellationToken ct) =>
        await DescribeAsync((await reader.BookAsync(await assets.RequireAsync(assetId, ct), ct)).Money.Pending(owner), ct);

    private async Task<PayoutInfo> DescribeAsync(Payout payout, CancellationToken ct)
    {
        var sources = new List<ContributionInfo>();
        foreach (var id in payout.Lines.SelectMany(l => l.Lots).Select(l => l.Lot.Contribution).OfType<Hash32>().Distinct())
            sources.Add(await contributions.ShowAsync(id, ct));
        return new PayoutInfo(payout.Id, payout.Owner, payout.Amount, payout.Lines, sources);
    }

    private static Money PaidTo(DividendBook book, Address owner) =>
        book.Payouts.Where(p => p.Owner == owner).Aggregate(default(Money), (sum, p) => sum + p.Amount);
}
