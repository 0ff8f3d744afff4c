using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Trove.Node.Api;
using Trove.Node.Protocol;

namespace Trove.Node.Delegation;

/// <summary>Who votes for whom, and what delegates say.</summary>
public static class DelegationEndpoints
{
    /// <summary>Maps the endpoints.</summary>
    public static void MapDelegation(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/assets/{asset}").WithTags("Delegation");
        group.MapGet("/votes/{account}", Votes).Named("getVotes", "What an account votes with, and who votes for it.").WithoutEntityTag();
        group.MapPost("/delegations", Delegate).Named("delegate", "An owner gives its votes to another account, or takes them back.");
        group.MapGet("/delegates", Delegates).Named("listDelegates", "Who votes for others or offers to, by the votes each has.").WithoutEntityTag();
        group.MapPut("/delegates/{delegate}/statement", State).Named("putStatement", "A delegate says how it means to vote.");
    }

    private static async Task<Ok<VotesInfo>> Votes(string asset, string account, DelegationService service, CancellationToken ct) =>
        TypedResults.Ok(await service.VotesAsync(Parse.Address(asset), Parse.Address(account), ct));

    private static async Task<Ok<VotesInfo>> Delegate(string asset, DelegationRequest request, DelegationService service, CancellationToken ct) =>
        TypedResults.Ok(await service.DelegateAsync(Parse.Address(asset), request, ct));

    private static async Task<Ok<IReadOnlyList<DelegateInfo>>> Delegates(string asset, string? after, int? limit, HttpContext context, DelegationService service, CancellationToken ct)
    {
        var page = PageRequest.Of(after, limit);
        return (await service.DelegatesAsync(Parse.Address(asset), page, ct)).Answer(context, page);
    }

    private static async Task<Ok<StatementInfo>> State(string asset, string @delegate, StatementRequest request, DelegationService service, CancellationToken ct) =>
        TypedResults.Ok(await service.StateAsync(Parse.Address(asset), Parse.Address(@delegate), request, ct));
}
