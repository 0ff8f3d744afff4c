using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Trove.Node.Api;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Verification;

/// <summary>What verifiers ask and answer, and the tag lists that anybody may check.</summary>
public static class VerificationEndpoints
{
    /// <summary>Maps the endpoints.</summary>
    public static void MapVerification(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Verification");
        group.MapPost("/verifier/work", Next).WithMetadata(new FreesSpace()).WithoutIdempotencyKey().Named("takeVerifierWork", "A verifier takes its next piece of work; 204 when there is none.");
        group.MapPost("/verifier/leases/{lease}/heartbeat", Heartbeat).WithMetadata(new FreesSpace()).WithoutIdempotencyKey().Named("keepLease", "A verifier keeps its lease.");
        group.MapDelete("/verifier/leases/{lease}", GiveBack).Named("giveLeaseBack", "A verifier that stops gives its lease back.");
        group.MapPost("/contributions/{contribution}/evidence", Evidence).AnswersBytes().WithMetadata(new FreesSpace()).WithoutIdempotencyKey().Named("getEvidence", "The evidence, an age file, for the assigned verifiers.");
        group.MapPost("/contributions/{contribution}/attestations", Attest).WithMetadata(new RequestSizeLimit(VerificationService.MaxTagBytes / 3 * 4 + (1 << 20))).WithMetadata(new FreesSpace()).Named("attestContribution", "A verifier attests the facts of a contribution.");
        group.MapPost("/contributions/{contribution}/refusals", Refuse).WithMetadata(new FreesSpace()).Named("refuseContribution", "A verifier refuses a contribution, with a reason for its owner.");
        group.MapGet("/tags/{hash}", Tags).AnswersBytes().Immutable(everybody: true).Named("getTagList", "A tag list by its hash.");
    }

    private static async Task<Results<Ok<VerifierWork>, NoContent>> Next(VerifierRequest request, VerificationService service, CancellationToken ct) =>
        await service.NextAsync(request, ct) is { } work ? TypedResults.Ok(work) : TypedResults.NoContent();

    private static async Task<NoContent> Heartbeat(string lease, VerifierRequest request, VerificationService service, CancellationToken ct)
    {
        if (!await service.HeartbeatAsync(request, lease, ct))
            throw new ApiException(409, "lease-lost", "the lease is over and the work may be with another", "ask for work again");
        return TypedResults.NoContent();
    }

    private static async Task<NoContent> GiveBack(string lease, [FromBody] VerifierRequest request, VerificationService service, CancellationToken ct)
    {
        await service.GiveBackAsync(request, lease, ct);
        return TypedResults.NoContent();
    }

    // POST, because the request is signed and must not end in a log of URLs.
    private static async Task<FileStreamHttpResult> Evidence(string contribution, VerifierRequest request, VerificationService service, CancellationToken ct) =>
        TypedResults.Stream(await service.EvidenceAsync(Parse.Hash(contribution), request, ct), "application/octet-stream");

    private static async Task<NoContent> Attest(string contribution, AttestRequest request, VerificationService service, CancellationToken ct)
    {
        await service.AttestAsync(Parse.Hash(contribution), request, ct);
        return TypedResults.NoContent();
    }

    private static async Task<NoContent> Refuse(string contribution, RefuseRequest request, VerificationService service, CancellationToken ct)
    {
        await service.RefuseAsync(Parse.Hash(contribution), request, ct);
        return TypedResults.NoContent();
    }

    private static async Task<FileContentHttpResult> Tags(string hash, VerificationService service, CancellationToken ct) =>
        TypedResults.Bytes(await service.TagsAsync(Parse.Hash(hash), ct), "application/octet-stream");
}
