using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Trove.Node.Api;
using Trove.Node.Protocol;

namespace Trove.Node.Guardians;

/// <summary>Heads of guardians' logs.</summary>
public static class LogHeadEndpoints
{
    /// <summary>Maps the endpoints.</summary>
    public static void MapLogHeads(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/guardians/{guardian}").WithTags("Guardians");
        group.MapGet("/log-heads", List).Named("listLogHeads", "Heads that a guardian published of its log, newest first; those that contradict each other are marked.");
        group.MapPost("/log-heads", Publish).Named("publishLogHead", "A guardian publishes the head of its log.");
    }

    private static async Task<Ok<IReadOnlyList<LogHeadInfo>>> List(string guardian, string? after, int? limit, HttpContext context, LogHeadService service, CancellationToken ct)
    {
        var page = PageRequest.Of(after, limit);
        return (await service.ListAsync(Parse.Address(guardian), page, ct)).Answer(context, page);
    }

    private static async Task<NoContent> Publish(string guardian, LogHeadRequest head, LogHeadService service, CancellationToken ct)
    {
        await service.PublishAsync(Parse.Address(guardian), head, ct);
        return TypedResults.NoContent();
    }
}
