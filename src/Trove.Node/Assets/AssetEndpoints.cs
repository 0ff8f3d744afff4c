using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Node.Api;
using Trove.Node.Protocol;

namespace Trove.Node.Assets;

/// <summary>/api/v1/assets and /api/v1/policies.</summary>
public static class AssetEndpoints
{
    /// <summary>Maps the endpoints.</summary>
    public static void MapAssets(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Assets");
        group.MapGet("/assets", List).Named("listAssets", "Assets of this node, oldest first.");
        group.MapPost("/assets", Create).Named("createAsset", "A founder creates an asset; the node pays the gas.");
        group.MapGet("/assets/{asset}", Show).Named("getAsset", "An asset with its rules, its people and its totals.");
        group.MapPut("/policies", PutPolicy).Named("putPolicy", "Keeps the text of a policy under its hash.");
    }

    private static async Task<Ok<IReadOnlyList<AssetInfo>>> List(string? after, int? limit, HttpContext context, AssetService service, CancellationToken ct)
    {
        var page = PageRequest.Of(after, limit);
        return (await service.ListAsync(page, ct)).Answer(context, page);
    }

    private static async Task<Created<AssetInfo>> Create(CreateAssetRequest request, AssetService service, CancellationToken ct)
    {
        var asset = await service.CreateAsync(request, ct);
        return TypedResults.Created($"/api/v1/assets/{asset.Asset}", asset);
    }

    private static async Task<Ok<AssetInfo>> Show(string asset, AssetService service, CancellationToken ct) =>
        TypedResults.Ok(await service.DescribeAsync(await service.RequireAsync(Parse.Address(asset), ct), ct));

    private static async Task<Ok<Hash32>> PutPolicy(AssetPolicy policy, AssetService service, CancellationToken ct) =>
        TypedResults.Ok(await service.PutPolicyAsync(policy, ct));
}
