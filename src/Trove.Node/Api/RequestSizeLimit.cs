using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Trove.Node.Api;

/// <summary>How large a body one endpoint takes, where it differs from the server's limit.</summary>
/// <param name="bytes">Most bytes.</param>
public sealed class RequestSizeLimit(long bytes) : IRequestSizeLimitMetadata
{
    /// <inheritdoc/>
    public long? MaxRequestBodySize => bytes;
}

/// <summary>How fast bodies must come: who trickles one keeps a place that others wait for.</summary>
public static class BodyRates
{
    /// <summary>Slowest average of a body within the server's limit: four minutes for a mebibyte.</summary>
    public static readonly MinDataRate Ordinary = new(4096, TimeSpan.FromSeconds(10));

    /// <summary>Slowest average of a larger one, of which a node takes few at once: eleven minutes for the largest result.</summary>
    public static readonly MinDataRate Large = new(64 << 10, TimeSpan.FromSeconds(10));

    /// <summary>Sets the rate of the endpoints that take more than the server's limit.</summary>
    public static void UseBodyRates(this WebApplication app) => app.Use((context, next) =>
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<IRequestSizeLimitMetadata>() is not null && context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = Large;
        return next(context);
    });
}
