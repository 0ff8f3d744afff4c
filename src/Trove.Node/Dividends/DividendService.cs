using Trove.Chain;
using Trove.Core;
using Trove.Core.Payouts;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Contributions;
using Trove.Node.Database;
using Trove.Node.Epochs;
using Trove.Node.Protocol;

namespace Trove.Node.Dividends;

/// <summary>Money in, money out, and what became of every unit of it.</summary>
public sealed class DividendService(NodeDatabase database, AssetService assets, ContributionService contributions, HandOutService handOuts,
    ChainService chain, ChainRelay relay, ChainReader reader, TimeProvider clock)
{
    /// <summary>Has the share token draw a dividend that its payer authorised (EIP-3009).</summary>
    public async Task<TransactionInfo> PayAsync(Address assetId, DividendRequest request, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        if (request.Amount.Units == 0)
            throw ApiException.Invalid("a dividend of nothing", "pay at least 0.000001");
        Signatures.RequireDeadline(request.ValidBefore, clock);
        Signatures.Require(request.From, ContractDigests.ReceiveWithAuthorization(chain.PaymentTokenDomain, request.From, assetId,
            request.Amount.Units, (ulong)request.ValidBefore, request.Nonce), request.Signature);
        var payer = await reader.ReadAsync(asset, book => relay.For(asset, request.From, book), ct);
        var mined = await chain.DistributeAsync(assetId, payer, request, ct);
        await reader.CatchUpAsync(ct);
        return mined;
    }

    /// <summary>Pays out what an owner can claim: shares that still lie with the ledger first, then dividends.</summary>
    public async Task<BalanceInfo> ClaimAsync(Address assetId, ClaimRequest request, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        Signatures.RequireDeadline(request.Deadline, clock);
        var digest = Messages.Claim(Messages.Domain(chain.ChainId, asset.Ledger), assetId, request.Owner, request.Nonce, request.Deadline);
        Signatures.Require(request.Owner, digest, request.Signature);
        return await Signatures.UnderNonceAsync(database, request.Owner, request.Nonce, request.Deadline, digest, () => ClaimAsync(asset, request.Owner, CancellationToken.None), ct);
    }

    private async Task<BalanceInfo> ClaimAsync(AssetRow asset, Address owner, CancellationToken ct)
    {
        await reader.CatchUpAsync(ct);
        ApiException? refused = null;
        try
        {
            await handOuts.HandOutAsync(asset, owner, () => { }, ct);
        }
        catch (ApiException e) when (e.Code is "gas-budget" or "not-relayed")
        {
            refused = e; // what its shares earned carries its own claim
            await reader.CatchUpAsync(ct);
        }
        if (await reader.ReadAsync(asset, b => refused is null ? b.Money.ClaimableBy(owner) : b.Money.PayableBy(owner), ct) is var claimable && claimable.Units == 0 && refused is not null)
            throw refused;
        if (claimable.Units > 0)
            await chain.ClaimDividendAsync(asset.Asset, await reader.ReadAsync(asset, book => relay.For(asset, owner, book, claims: claimable), ct), ct);
        await reader.CatchUpAsync(ct);
        return await BalanceAsync(asset.Asset, owner, ct);
    }

    /// <summary>What an owner has of an asset.</summary>
    public async Task<BalanceInfo> BalanceAsync(Address assetId, Address owner, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        return await reader.ReadAsync(asset, book =>
            new BalanceInfo(assetId, owner, book.Money.HeldBy(owner), book.Money.ReadyBy(owner), book.Money.ClaimableBy(owner), PaidTo(book.Money, owner),
                book.Money.UnvestedBy(owner), book.Money.EpochsUntilVested(owner), book.Money.UnvestedMoneyBy(owner), book.Money.LostBy(owner)), ct);
    }

    /// <summary>All money of an asset.</summary>
    public async Task<MoneyInfo> MoneyAsync(Address assetId, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        return await reader.ReadAsync(asset, all =>
        {
            var book = all.Money;
            return new MoneyInfo(assetId, book.Received, book.Paid, book.Claimable, book.Waiting, book.Dust, book.Supply, [.. book.Distributions], [.. book.Lapses],
                [.. book.Payouts.Select(p => new PayoutSummary(p.Id, p.Owner, p.Amount))],
                [.. book.Owners.Select(o => new OwnerInfo(o, book.HeldBy(o), book.ClaimableBy(o), PaidTo(book, o), book.UnvestedBy(o)))],
                [.. book.Distributions.Select(d => Source(all, d.Id)).OfType<SourceInfo>()]);
        }, ct);
    }

    /// <summary>One payment, explained down to contributions, words and evidence.</summary>
    public async Task<PayoutInfo> ExplainAsync(Address assetId, string payoutId, CancellationToken ct)
    {
        var asset = await assets.RequireAsync(assetId, ct);
        var (payout, sources) = await reader.ReadAsync(asset, book => Sourced(book, book.Money.Payouts.FirstOrDefault(p => p.Id == payoutId)), ct);
        return await DescribeAsync(payout
            ?? throw ApiException.NotFound($"payout {payoutId} of asset {assetId}", "list them with 'trove explain --asset …' without a payout"), sources, ct);
    }

    /// <summary>What an owner could claim now, explained.</summary>
    public async Task<PayoutInfo> PendingAsync(Address assetId, Address owner, CancellationToken ct)
    {
        var (payout, sources) = await reader.ReadAsync(await assets.RequireAsync(assetId, ct), book => Sourced(book, book.Money.Pending(owner)), ct);
        return await DescribeAsync(payout!, sources, ct);
    }

    private static (Payout? Payout, IReadOnlyList<SourceInfo> Sources) Sourced(AssetBook book, Payout? payout) =>
        (payout, [.. (payout?.Lines ?? []).Select(l => Source(book, l.Distribution.Id)).OfType<SourceInfo>()]);

    // Which use paid a distribution: the transaction that posted its result. Nobody paid what lapsed.
    private static SourceInfo? Source(AssetBook book, string distribution) => book.DistributedBy.TryGetValue(distribution, out var paid) && book.Grants.SettledBy(paid) is var (request, use)
        ? new SourceInfo(distribution, request.Id, use.Use, request.Terms.Buyer, request.Query, use.Runner, use.ResultHash!.Value, use.InputsHash!.Value)
        : null;

    private async Task<PayoutInfo> DescribeAsync(Payout payout, IReadOnlyList<SourceInfo> uses, CancellationToken ct)
    {
        var sources = new List<ContributionInfo>();
        foreach (var id in payout.Lines.SelectMany(l => l.Lots).Select(l => l.Lot.Contribution).OfType<Hash32>().Distinct())
            sources.Add(await contributions.ShowAsync(id, null, ct));
        return new PayoutInfo(payout.Id, payout.Owner, payout.Amount, payout.Lines, sources, uses);
    }

    private static Money PaidTo(DividendBook book, Address owner) =>
        book.Payouts.Where(p => p.Owner == owner).Aggregate(default(Money), (sum, p) => sum + p.Amount);
}
