using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using Trove.Core;
using Trove.Node.Api;
using Trove.Node.Protocol;

namespace Trove.Node.Vault;

/// <summary>HTTP of the vault (specs/vault.md).</summary>
public static class VaultEndpoints
{
    private const string BearerPrefix = "Bearer ";

    /// <summary>Maps the vault below <c>/api/v1</c>.</summary>
    public static IEndpointRouteBuilder MapVault(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Vault");
        group.MapGet("/contributions/{contribution}/blobs", ListAsync).Produces<BlobList>().Named("listBlobs", "How much of each blob of a contribution is here.");
        group.MapPut("/contributions/{contribution}/blobs/{sha256}", PutPieceAsync).Accepts<Stream>("*/*").Produces<BlobProgress>().WithMetadata(new Admission.TakesPieces()).Named("putPiece", "A piece of a blob, at the offset that follows what is here.");
        group.MapGet("/blobs/{sha256}", GetPartAsync).AnswersBytes().Named("getBlob", "A part's ciphertext; ranges are served.");
        group.MapMethods("/blobs/{sha256}", ["HEAD"], GetPartAsync).Produces(StatusCodes.Status200OK).Named("headBlob", "Whether a part's ciphertext is here, and its size.");
        return routes;
    }

    /// <summary>The response for a refusal of the vault.</summary>
    public static IResult Problem(VaultException e)
    {
        var (status, code) = e.Error switch
        {
            VaultError.NotFound => (404, "blob-not-found"),
            VaultError.Gone => (410, "blob-gone"),
            VaultError.WrongOffset => (409, "wrong-offset"),
            VaultError.OtherBytes => (409, "other-bytes"),
            VaultError.TooLarge => (413, "too-large"),
            VaultError.Truncated => (400, "truncated"),
            VaultError.TooSlow => (408, "too-slow"),
            VaultError.HashMismatch => (422, "hash-mismatch"),
            VaultError.Quota => (429, "quota"),
            VaultError.Conflict => (409, "declared-otherwise"),
            VaultError.Busy => (503, "busy"),
            VaultError.NoSpace => (507, "no-space"),
            _ => throw new ArgumentOutOfRangeException(nameof(e), e.Error, "a vault error without a status"),
        };
        return e.Received is { } received
            ? ApiProblem.Result(status, code, e.Detail, e.NextStep, ("received", received))
            : ApiProblem.Result(status, code, e.Detail, e.NextStep);
    }

    private static async Task<IResult> ListAsync(string contribution, VaultService vault, CancellationToken ct)
    {
        if (!Hash32.TryParse(contribution, out var id))
            return NoHash("contribution", contribution);
        var blobs = await vault.StatusAsync(id, ct);
        return blobs.Count == 0
            ? ApiProblem.Result(404, "contribution-not-found", $"contribution {id} has no blobs here", "Check the id, or ask the node that it was announced to.")
            : TypedResults.Ok(new BlobList(id, vault.Options.PieceBytes, [.. blobs.Select(Describe)]));
    }

    private static async Task<IResult> PutPieceAsync(string contribution, string sha256, string? offset, HttpContext context, VaultService vault, CancellationToken ct)
    {
        if (!Hash32.TryParse(contribution, out var id))
            return NoHash("contribution", contribution);
        if (!Hash32.TryParse(sha256, out var hash))
            return NoHash("blob", sha256);
        if (!long.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out long at))
            return ApiProblem.Result(400, "bad-offset", $"the piece of blob {hash.ToHex()} says not where it starts", "Add ?offset=N, the number of bytes received so far.");
        // The same answer for an unknown contribution and a wrong token.
        var authorization = context.Request.Headers.Authorization.ToString();
        if (!authorization.StartsWith(BearerPrefix, StringComparison.OrdinalIgnoreCase)
            || !await vault.MayUploadAsync(id, authorization[BearerPrefix.Length..], ct))
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            return ApiProblem.Result(401, "upload-token", $"this is no upload token of contribution {id}",
                "Send the token that announcing the contribution returned as Authorization: Bearer TOKEN.");
        }
        if (context.Request.ContentLength is not { } length)
            return ApiProblem.Result(411, "length-required", $"the piece at {at} of blob {hash.ToHex()} says not how long it is", "Send a Content-Length.");
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = vault.Options.PieceBytes;
        try
        {
            return TypedResults.Ok(Describe(await vault.AppendAsync(id, hash, at, context.Request.Body, length, ct)));
        }
        catch (VaultException e)
        {
            if (e.Error == VaultError.Busy)
                context.Response.Headers.RetryAfter = "5";
            if (e.Error is VaultError.TooSlow or VaultError.TooLarge)
                context.Response.Headers.Connection = "close"; // the rest of the body is not read
            return Problem(e);
        }
    }

    private static async Task<IResult> GetPartAsync(string sha256, HttpContext context, VaultService vault, CancellationToken ct)
    {
        if (!Hash32.TryParse(sha256, out var hash))
            return NoHash("blob", sha256);
        try
        {
            var file = await vault.OpenReadAsync(hash, BlobKind.Part, ct);
            // Strangers' bytes: never shown as a page of this site. Asked for anew each time: a withdrawn part is gone.
            context.Response.Headers.XContentTypeOptions = "nosniff";
            context.Response.Headers.CacheControl = "no-cache";
            return TypedResults.Stream(file, "application/octet-stream", hash.ToHex(), entityTag: new EntityTagHeaderValue($"\"{hash.ToHex()}\""), enableRangeProcessing: true);
        }
        catch (VaultException e)
        {
            return Problem(e);
        }
    }

    private static BlobProgress Describe(BlobStatus b) =>
        new(b.Sha256, b.Kind.ToString().ToLowerInvariant(), b.Size, b.Received, b.State.ToString().ToLowerInvariant(), b.EndedAt?.ToUnixTimeMilliseconds());

    private static IResult NoHash(string what, string got) => ApiProblem.Result(400, "bad-id",
        $"'{got[..Math.Min(got.Length, 80)]}' names no {what}", "Write 64 hex digits.");
}
