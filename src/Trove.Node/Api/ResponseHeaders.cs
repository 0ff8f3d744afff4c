using Microsoft.AspNetCore.Builder;

namespace Trove.Node.Api;

/// <summary>
/// What every answer says to a browser: it is data, no page; nothing may frame it, refer from it or keep it, unless the endpoint
/// says otherwise. There is no Access-Control header: pages of other sites cannot read this API.
/// </summary>
public static class ResponseHeaders
{
    /// <summary>Adds the headers where an endpoint has not set its own; also to errors.</summary>
    public static void UseResponseHeaders(this WebApplication app) => app.Use((context, next) =>
    {
        context.Response.OnStarting(() =>
        {
            var headers = context.Response.Headers;
            headers.TryAdd("X-Content-Type-Options", "nosniff");
            headers.TryAdd("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
            headers.TryAdd("Referrer-Policy", "no-referrer");
            headers.TryAdd("Cross-Origin-Resource-Policy", "same-origin");
            headers.TryAdd("Cache-Control", "no-store");
            return Task.CompletedTask;
        });
        return next(context);
    });
}
