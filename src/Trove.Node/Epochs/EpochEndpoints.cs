using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Trove.Node.Api;
using Trove.Node.Protocol;

namespace Trove.Node.Epochs;

/// <summary>Epochs of an asset.</summary>
public static class EpochEndpoints
{
    /// <summary>Maps the endpoints.</summary>
    public static void MapEpochs(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/assets/{asset}/epochs").WithTags("Epochs");
        group.MapGet("/", List).Named("listEpochs", "Epochs of an asset, oldest first.");
        group.MapPost("/", Close).Named("closeEpoch", "The founder closes the running epoch.");
        group.MapGet("/{number}", Show).Named("getEpoch", "An epoch.");
        group.MapGet("/{number}/rewards", Rewards).Named("listRewards", "The rewards of an epoch in its order: all that it takes to compute its root again.");
        group.MapPost("/{number}/signatures", Sign).Named("signEpoch", "A verifier signs an epoch's root.");
    }

    private static async Task<Ok<IReadOnlyList<EpochInfo>>> List(string asset, string? after, int? limit, HttpContext context, EpochService service, CancellationToken ct)
    {
        var page = PageRequest.Of(after, limit);
        return (await service.ListAsync(Parse.Address(asset), page, ct)).Answer(context, page);
    }

    private static async Task<Created<EpochInfo>> Close(string asset, CloseEpochRequest request, EpochService service, CancellationToken ct)
    {
        var epoch = await service.CloseAsync(Parse.Address(asset), request, ct);
        return TypedResults.Created($"/api/v1/assets/{asset}/epochs/{epoch.Number}", epoch);
    }

    private static async Task<Ok<EpochInfo>> Show(string asset, ulong number, EpochService service, CancellationToken ct) =>
        TypedResults.Ok(await service.ShowAsync(Parse.Address(asset), number, ct));

    private static async Task<Ok<IReadOnlyList<RewardInfo>>> Rewards(string asset, ulong number, string? after, int? limit, HttpContext context, EpochService service, CancellationToken ct)
    {
        var page = PageRequest.Of(after, limit);
        return (await service.RewardsAsync(Parse.Address(asset), number, page, ct)).Answer(context, page);
    }

    private static async Task<NoContent> Sign(string asset, ulong number, SignEpochRequest request, EpochService service, CancellationToken ct)
    {
        await service.SignAsync(Parse.Address(asset), number, request, ct);
        return TypedResults.NoContent();
    }
}
