using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Trove.Node.Api;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Sessions;

namespace Trove.Node.Contributions;

/// <summary>Contributions: announce, manifest, complete, withdraw, look at.</summary>
public static class ContributionEndpoints
{
    /// <summary>Maps the endpoints.</summary>
    public static void MapContributions(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Contributions");
        group.MapGet("/assets/{asset}/contributions", List).Named("listContributions", "Contributions of an asset in the order of their announcement, each as getContribution shows it.");
        group.MapPost("/assets/{asset}/contributions", Announce).Named("announceContribution", "A member announces a contribution and is told its verifiers.");
        group.MapGet("/contributions/{contribution}", Show).Named("getContribution", "A contribution and what became of it; its parts and the reason of a refusal for its signed-in owner.");
        group.MapPut("/contributions/{contribution}/manifest", SetManifest).Named("putManifest", "A member names the evidence of a contribution.");
        group.MapPost("/contributions/{contribution}/complete", Complete).Named("completeContribution", "Says that all bytes are there, which hands the contribution to its verifiers.");
        group.MapPost("/contributions/{contribution}/withdrawal", Withdraw).WithMetadata(new FreesSpace()).Named("withdrawContribution", "The owner withdraws a contribution; its bytes are destroyed.");
    }

    private static async Task<Ok<IReadOnlyList<ContributionInfo>>> List(string asset, string? owner, string? after, int? limit, HttpContext context,
        ContributionService service, SessionService sessions, CancellationToken ct)
    {
        var page = PageRequest.Of(after, limit);
        return (await service.ListAsync(Parse.Address(asset), Parse.OptionalAddress(owner), page, await sessions.WhoAsync(context, ct), ct)).Answer(context, page);
    }

    private static async Task<Created<AnnounceResponse>> Announce(string asset, AnnounceRequest request, ContributionService service, CancellationToken ct)
    {
        var response = await service.AnnounceAsync(Parse.Address(asset), request, ct);
        return TypedResults.Created($"/api/v1/contributions/{response.Contribution}", response);
    }

    private static async Task<Ok<ContributionInfo>> Show(string contribution, HttpContext context, ContributionService service, SessionService sessions, CancellationToken ct) =>
        TypedResults.Ok(await service.ShowAsync(Parse.Hash(contribution), await sessions.WhoAsync(context, ct), ct));

    private static async Task<NoContent> SetManifest(string contribution, ManifestRequest request, ContributionService service, CancellationToken ct)
    {
        await service.SetManifestAsync(Parse.Hash(contribution), request, ct);
        return TypedResults.NoContent();
    }

    // Not signed: the manifest is, and it names every byte. Saying that they are all there decides nothing.
    private static async Task<Accepted> Complete(string contribution, ContributionService service, CancellationToken ct)
    {
        await service.CompleteAsync(Parse.Hash(contribution), ct);
        return TypedResults.Accepted($"/api/v1/contributions/{contribution}");
    }

    private static async Task<Ok<TransactionInfo>> Withdraw(string contribution, WithdrawRequest request, ContributionService service, CancellationToken ct) =>
        TypedResults.Ok(await service.WithdrawAsync(Parse.Hash(contribution), request, ct));
}
