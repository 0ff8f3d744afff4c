using System.Globalization;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.DependencyInjection;

namespace Trove.Node.Api;

/// <summary>
/// How many requests one node works on at once. What is beyond is refused with 503 and Retry-After before its body is read: a
/// queue without a bound would fill the memory, and the member could ask another node meanwhile.
/// </summary>
public static class Admission
{
    /// <summary>Ordinary requests under way, those that wait for a block or for work included.</summary>
    public const int MostAtOnce = 2048;

    /// <summary>Requests with a body above the server's limit (tag lists, results) under way; each is held in memory several times over.</summary>
    public const int MostLargeAtOnce = 4;

    /// <summary>Large ones that wait, in order, with nothing read yet.</summary>
    public const int MostLargeWaiting = 64;

    /// <summary>Pieces of uploads under way: each has a place for as long as its body takes to come.</summary>
    public const int MostPieces = 64;

    /// <summary>One address has at most this part of the ordinary requests, of the large ones and of the pieces.</summary>
    public const int OfOneAddress = 2;

    /// <summary>Event streams open.</summary>
    public const int MostStreams = 1024;

    private enum Kind
    {
        Free,
        Ordinary,
        Large,
        Piece,
        Stream,
    }

    /// <summary>Marks the endpoint that takes pieces of uploads.</summary>
    internal sealed record TakesPieces;

    /// <summary>Adds the limits: of one address half of what there is at the most, then of all together.</summary>
    public static IServiceCollection AddAdmission(this IServiceCollection services) => services.AddRateLimiter(o =>
    {
        o.GlobalLimiter = PartitionedRateLimiter.CreateChained(
            PartitionedRateLimiter.Create<HttpContext, (Kind, int)>(context => KindOf(context) is var kind && kind is Kind.Ordinary or Kind.Large or Kind.Piece
                ? RateLimitPartition.GetConcurrencyLimiter((kind, RateLimits.AddressBucket(context)), key => Most(key.Item1, OfOneAddress))
                : RateLimitPartition.GetNoLimiter((Kind.Free, 0))),
            PartitionedRateLimiter.Create<HttpContext, Kind>(context => KindOf(context) is var kind && kind == Kind.Free
                ? RateLimitPartition.GetNoLimiter(kind)
                : RateLimitPartition.GetConcurrencyLimiter(kind, key => Most(key, 1))));
        o.OnRejected = async (rejected, _) =>
        {
            rejected.HttpContext.Response.Headers.RetryAfter = "2";
            await ApiProblem.Result(503, "busy", "this node works on as many requests as it takes", "send it again in some seconds, or to another node").ExecuteAsync(rejected.HttpContext);
        };
    });

    private static Kind KindOf(HttpContext context)
    {
        var path = context.Request.Path;
        return path.StartsWithSegments("/health", StringComparison.Ordinal) ? Kind.Free
            : context.GetEndpoint()?.Metadata.GetMetadata<IRequestSizeLimitMetadata>() is not null ? Kind.Large
            : context.GetEndpoint()?.Metadata.GetMetadata<TakesPieces>() is not null ? Kind.Piece
            : path.Value?.EndsWith("/events", StringComparison.Ordinal) == true ? Kind.Stream
            : Kind.Ordinary;
    }

    private static ConcurrencyLimiterOptions Most(Kind kind, int share) => kind switch
    {
        Kind.Large => new() { PermitLimit = MostLargeAtOnce / share, QueueLimit = MostLargeWaiting / share, QueueProcessingOrder = QueueProcessingOrder.OldestFirst },
        Kind.Piece => new() { PermitLimit = MostPieces / share },
        Kind.Stream => new() { PermitLimit = MostStreams },
        _ => new() { PermitLimit = MostAtOnce / share },
    };

    /// <summary>Tells the client of a refusal that passes by itself when to come back.</summary>
    public static void SetRetryAfter(HttpContext context, int status, TimeSpan after)
    {
        if (status is 429 or 503)
            context.Response.Headers.RetryAfter = ((int)after.TotalSeconds).ToString(CultureInfo.InvariantCulture);
    }
}
