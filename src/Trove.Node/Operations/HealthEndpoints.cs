using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Trove.Node.Operations;

/// <summary>What service managers and load balancers ask: 200 or 503, with reasons for people.</summary>
public static class HealthEndpoints
{
    /// <summary>Where they are; not counted as work by <see cref="Drain"/>.</summary>
    public const string Root = "/health";

    /// <summary>Maps the endpoints.</summary>
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup(Root).WithTags("Health");
        group.MapGet("/", Ready);
        group.MapGet("/ready", Ready);
        group.MapGet("/live", (NodeHealth health) => Answer(health.Live()));
    }

    private static async Task<IResult> Ready(NodeHealth health, CancellationToken ct) => Answer(await health.ReadyAsync(ct));

    private static IResult Answer(HealthReport report) =>
        Results.Json(report, statusCode: report.Status is "ready" or "live" ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
}
