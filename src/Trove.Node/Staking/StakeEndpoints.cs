using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Trove.Node.Api;
using Trove.Node.Protocol;

namespace Trove.Node.Staking;

/// <summary>What operators have at stake, and what was taken away from them.</summary>
public static class StakeEndpoints
{
    /// <summary>Maps the endpoints.</summary>
    public static void MapStakes(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/assets/{asset}").WithTags("Stakes");
        group.MapGet("/stakes/{account}", Show).Named("getStake", "What an operator has at stake, and what it needs.");
        group.MapPost("/stakes", Deposit).Named("depositStake", "An operator puts money at stake.");
        group.MapPost("/stakes/{account}/unstake", Unstake).Named("unstake", "An operator takes stake out; after the cool-down it can be withdrawn.");
        group.MapPost("/stakes/{account}/withdrawal", Withdraw).Named("withdrawStake", "Pays an operator what has left; for anybody to ask.");
        group.MapGet("/slashings", Slashings).Named("listSlashings", "Stake that was taken away, oldest first.");
        group.MapPost("/slashings/{number}/payment", Pay).Named("paySlashing", "Pays what was taken away, once nobody can give it back; for anybody to ask.");
    }

    private static async Task<Ok<StakeInfo>> Show(string asset, string account, StakeService service, CancellationToken ct) =>
        TypedResults.Ok(await service.ShowAsync(Parse.Address(asset), Parse.Address(account), ct));

    private static async Task<Ok<StakeInfo>> Deposit(string asset, DepositRequest request, StakeService service, CancellationToken ct) =>
        TypedResults.Ok(await service.DepositAsync(Parse.Address(asset), request, ct));

    private static async Task<Ok<StakeInfo>> Unstake(string asset, string account, UnstakeRequest request, StakeService service, CancellationToken ct) =>
        TypedResults.Ok(await service.UnstakeAsync(Parse.Address(asset), Parse.Address(account), request, ct));

    private static async Task<Ok<StakeInfo>> Withdraw(string asset, string account, StakeService service, CancellationToken ct) =>
        TypedResults.Ok(await service.WithdrawAsync(Parse.Address(asset), Parse.Address(account), ct));

    private static async Task<Ok<IReadOnlyList<SlashingInfo>>> Slashings(string asset, string? after, int? limit, HttpContext context, StakeService service, CancellationToken ct)
    {
        var page = PageRequest.Of(after, limit);
        return (await service.SlashingsAsync(Parse.Address(asset), page, ct)).Answer(context, page);
    }

    private static async Task<Ok<SlashingInfo>> Pay(string asset, ulong number, StakeService service, CancellationToken ct) =>
        TypedResults.Ok(await service.PayAsync(Parse.Address(asset), number, ct));
}
