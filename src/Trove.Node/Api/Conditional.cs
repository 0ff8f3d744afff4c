using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Trove.Node.Api;

/// <summary>
/// Conditional requests (RFC 9110, section 13): what is read has a strong entity tag, the SHA-256 of its bytes, and
/// <c>If-None-Match</c> is answered with 304. The tag is taken from the content, because an answer is made of chain and database
/// both, and no version of one says whether the other changed.
/// </summary>
public static class Conditional
{
    private sealed record CacheControl(string Value);

    private sealed record Untagged;

    /// <summary>Gives the answers of all <c>GET</c> endpoints of a group their tags.</summary>
    public static RouteGroupBuilder WithEntityTags(this RouteGroupBuilder group) => group.AddEndpointFilter(async (context, next) => Tag(context.HttpContext, await next(context)));

    /// <summary>The answer never changes: it is found by its own hash, or by one on chain.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="everybody">Whether caches on the way may keep it.</param>
    public static RouteHandlerBuilder Immutable(this RouteHandlerBuilder endpoint, bool everybody) =>
        endpoint.WithMetadata(new CacheControl($"{(everybody ? "public" : "private")}, max-age=31536000, immutable"));

    /// <summary>The answer is too large to be held in memory for a tag.</summary>
    public static RouteHandlerBuilder WithoutEntityTag(this RouteHandlerBuilder endpoint) => endpoint.WithMetadata(new Untagged());

    private static object? Tag(HttpContext context, object? result)
    {
        var metadata = context.GetEndpoint()!.Metadata;
        if (!HttpMethods.IsGet(context.Request.Method) || metadata.GetMetadata<Untagged>() is not null || result is IStatusCodeHttpResult { StatusCode: not (null or 200) })
            return result;
        var (bytes, type) = result switch
        {
            FileContentHttpResult file => (file.FileContents, file.ContentType),
            IValueHttpResult { Value: { } value } => (JsonSerializer.SerializeToUtf8Bytes(value, value.GetType(), context.RequestServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions), "application/json; charset=utf-8"),
            _ => (default, ""),
        };
        if (type.Length == 0)
            return result;
        // "no-cache" keeps a copy and asks each time; what is read under a session stays with its reader.
        context.Response.Headers.TryAdd("Cache-Control", metadata.GetMetadata<CacheControl>()?.Value ?? "private, no-cache");
        return TypedResults.Bytes(bytes, type, entityTag: new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(bytes.Span))}\""));
    }
}
