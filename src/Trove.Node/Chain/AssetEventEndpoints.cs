using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Trove.Core;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Protocol;

namespace Trove.Node.Chain;

/// <summary>
/// An asset's events as they come, as server-sent events (WHATWG HTML, section 9.2). An event's id is its place on the chain, so a
/// listener goes on with <c>Last-Event-ID</c> where it stopped, at whichever node and after any restart.
/// </summary>
public static class AssetEventEndpoints
{
    /// <summary>Silence after which a heartbeat says that the stream lives.</summary>
    public static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private const int AtOnce = 500;

    /// <summary>Maps the endpoint.</summary>
    public static void MapAssetEvents(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/api/v1/assets/{asset}/events", Listen).WithTags("Assets").Named("listenToAsset", "An asset's events as they come; after Last-Event-ID or 'after' (BLOCK-INDEX, 0-0 for all) those that were missed first.");

    private static async Task<ServerSentEventsResult<AssetEvent>> Listen(string asset, string? after, HttpContext context, AssetService assets, ChainEventStore store, RateLimits limits,
        IHostApplicationLifetime node, TimeProvider clock, CancellationToken ct)
    {
        var row = await assets.RequireAsync(Parse.Address(asset), ct);
        var from = context.Request.Headers["Last-Event-ID"] is { Count: > 0 } last ? Place(last.ToString()) : after is not null ? Place(after) : await store.LastAsync(row.Asset, ct);
        var place = limits.Listen(context);
        context.Response.RegisterForDispose(place);
        context.Response.Headers["X-Accel-Buffering"] = "no"; // a proxy must not wait for more
        return TypedResults.ServerSentEvents(EventsAsync(row.Asset, from, store, clock, node.ApplicationStopping, ct));
    }

    // The place is kept by whoever listens, so there is nothing here that a slow listener could fill.
    private static async IAsyncEnumerable<SseItem<AssetEvent>> EventsAsync(Address asset, (ulong Block, int LogIndex) at, ChainEventStore store, TimeProvider clock,
        CancellationToken stopping, [EnumeratorCancellation] CancellationToken ct)
    {
        yield return Beat(at); // headers go out at once, and a listener that starts now knows where
        var last = clock.GetTimestamp();
        while (!stopping.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            var (events, _) = await store.AfterAsync(asset, at.Block, at.LogIndex, ct, AtOnce);
            foreach (var e in events)
            {
                at = (e.Block, (int)e.LogIndex);
                yield return new SseItem<AssetEvent>(Describe(e), "event") { EventId = e.Id };
            }
            if (events.Count > 0)
                last = clock.GetTimestamp();
            else if (clock.GetElapsedTime(last) >= Heartbeat)
            {
                yield return Beat(at);
                last = clock.GetTimestamp();
            }
            if (events.Count < AtOnce)
                await Task.WhenAny(Task.Delay(Pause, clock, ct), Task.Delay(Pause, stopping)); // cancelled or not, the loop's condition decides
        }
    }

    private static AssetEvent Describe(ChainEvent e) => new(e.Name, e.Block, e.LogIndex, e.At, e.Transaction, e.Data.Epoch == 0 ? null : e.Data.Epoch, e.Data.Contribution, e.Data.Subject,
        e.Data.Use == 0 ? null : e.Data.Use, e.Data.From, e.Data.To, e.Data.Amount.Value == 0 ? null : e.Data.Amount.Value.ToString(CultureInfo.InvariantCulture));

    private static SseItem<AssetEvent> Beat((ulong Block, int LogIndex) at) =>
        new(new AssetEvent("Heartbeat", at.Block, (uint)at.LogIndex), "heartbeat") { EventId = string.Create(CultureInfo.InvariantCulture, $"{at.Block}-{at.LogIndex}") };

    private static (ulong, int) Place(string id) => id.Split('-') is [{ Length: <= 18 } block, { Length: <= 9 } index]
        && ulong.TryParse(block, NumberStyles.None, CultureInfo.InvariantCulture, out ulong b) && int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out int i)
        ? (b, i)
        : throw ApiException.Invalid("this is no event's id", "give block and log index, such as 17-3; 0-0 begins with the first event");
}
