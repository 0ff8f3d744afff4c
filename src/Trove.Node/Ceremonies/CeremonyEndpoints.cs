using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Trove.Node.Api;
using Trove.Node.Protocol;

namespace Trove.Node.Ceremonies;

/// <summary>Ceremonies: begin, look at, take part.</summary>
public static class CeremonyEndpoints
{
    /// <summary>Maps the endpoints.</summary>
    public static void MapCeremonies(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Ceremonies");
        group.MapPost("/ceremonies", Start).Named("startCeremony", "A founder has the guardians of an asset-to-be make its keys.");
        group.MapGet("/ceremonies/{id}", Show).Named("getCeremony", "A ceremony with all its messages and closings.");
        group.MapPost("/ceremonies/{id}/messages", Send).Named("sendCeremonyMessage", "A guardian's signed message of one round.");
        group.MapGet("/guardians/{guardian}/ceremonies", OfGuardian).Named("listGuardianCeremonies", "Ceremonies in which a guardian has a seat, open or ended within a day; without messages and closings.");
    }

    private static async Task<Created<CeremonyInfo>> Start(CeremonyRequest request, CeremonyService service, CancellationToken ct)
    {
        var ceremony = await service.StartAsync(request, ct);
        return TypedResults.Created($"/api/v1/ceremonies/{ceremony.Id}", ceremony);
    }

    private static async Task<Ok<CeremonyInfo>> Show(string id, CeremonyService service, CancellationToken ct) =>
        TypedResults.Ok(await service.ShowAsync(Parse.Hash(id), ct));

    private static async Task<NoContent> Send(string id, CeremonyMessageRequest request, CeremonyService service, CancellationToken ct)
    {
        await service.ReceiveAsync(Parse.Hash(id), request, ct);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<IReadOnlyList<CeremonyInfo>>> OfGuardian(string guardian, CeremonyService service, CancellationToken ct) =>
        TypedResults.Ok(await service.OfGuardianAsync(Parse.Address(guardian), ct));
}
