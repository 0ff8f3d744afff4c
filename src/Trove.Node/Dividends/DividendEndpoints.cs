using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Trove.Node.Api;
using Trove.Node.Protocol;

namespace Trove.Node.Dividends;

/// <summary>Money of an asset: in, out, and explained.</summary>
public static class DividendEndpoints
{
    /// <summary>Maps the endpoints.</summary>
    public static void MapDividends(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/assets/{asset}").WithTags("Dividends");
        group.MapPost("/dividends", Pay).Named("payDividend", "Pays money to all shares of an asset.");
        group.MapPost("/claims", Claim).Named("claim", "Pays an owner all shares and dividends.");
        group.MapGet("/money", Money).Named("getMoney", "The money of an asset: in, out and waiting.");
        group.MapGet("/balances/{owner}", Balance).Named("getBalance", "What an owner has of an asset.");
        group.MapGet("/balances/{owner}/pending", Pending).Named("explainPending", "What an owner could claim now, explained.");
        group.MapGet("/payouts/{payout}", Explain).Named("explainPayout", "A payment, explained down to contributions and uses.");
    }

    private static async Task<Ok<TransactionInfo>> Pay(string asset, DividendRequest request, DividendService service, CancellationToken ct) =>
        TypedResults.Ok(await service.PayAsync(Parse.Address(asset), request, ct));

    private static async Task<Ok<BalanceInfo>> Claim(string asset, ClaimRequest request, DividendService service, CancellationToken ct) =>
        TypedResults.Ok(await service.ClaimAsync(Parse.Address(asset), request, ct));

    private static async Task<Ok<MoneyInfo>> Money(string asset, DividendService service, CancellationToken ct) =>
        TypedResults.Ok(await service.MoneyAsync(Parse.Address(asset), ct));

    private static async Task<Ok<BalanceInfo>> Balance(string asset, string owner, DividendService service, CancellationToken ct) =>
        TypedResults.Ok(await service.BalanceAsync(Parse.Address(asset), Parse.Address(owner), ct));

    private static async Task<Ok<PayoutInfo>> Pending(string asset, string owner, DividendService service, CancellationToken ct) =>
        TypedResults.Ok(await service.PendingAsync(Parse.Address(asset), Parse.Address(owner), ct));

    private static async Task<Ok<PayoutInfo>> Explain(string asset, string payout, DividendService service, CancellationToken ct) =>
        TypedResults.Ok(await service.ExplainAsync(Parse.Address(asset), payout, ct));
}
