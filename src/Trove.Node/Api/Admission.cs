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

    /// <summary>Adds the limits.</summary>
    public static IServiceCollection AddAdmission(this IServiceCollection services) => services.AddRateLimiter(o =>
    {
        o.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, bool>(context =>
        {
            bool large = context.GetEndpoint()?.Metadata.GetMetadata<IRequestSizeLimitMetadata>() is not null;
            return RateLimitPartition.GetConcurrencyLimiter(large, _ => large
                ? new ConcurrencyLimiterOptions { PermitLimit = MostLargeAtOnce, QueueLimit = MostLargeWaiting, QueueProcessingOrder = QueueProcessingOrder.OldestFirst }
                : new ConcurrencyLimiterOptions { PermitLimit = MostAtOnce });
        });
        o.OnRejected = async (rejected, _) =>
        {
            rejected.HttpContext.Response.Headers.RetryAfter = "2";
            await ApiProblem.Result(503, "busy", "this node works on as many requests as it takes", "send it again in some seconds, or to another node").ExecuteAsync(rejected.HttpContext);
        };
    });

    /// <summary>Tells the client of a refusal that passes by itself when to come back.</summary>
    public static void SetRetryAfter(HttpContext context, int status, TimeSpan after)
    {
        if (status is 429 or 503)
            context.Response.Headers.RetryAfter = ((int)after.TotalSeconds).ToString(CultureInfo.InvariantCulture);
    }
}
