using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Trove.SystemTests.Operations;

/// <summary>
/// A collector: takes OTLP over HTTP (opentelemetry-proto, http/protobuf) and keeps every text in what it was sent. Protobuf says of
/// a field how long it is, not what it is: what reads as a whole message is one, what reads as text is text, and may be both.
/// </summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<(string Path, string Text), bool> _texts = new();

    private OtlpReceiver(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.Single());

    /// <summary>All texts that were sent to <c>/v1/metrics</c> or <c>/v1/traces</c>.</summary>
    public IReadOnlySet<string> Texts(string path) => _texts.Keys.Where(k => k.Path == path).Select(k => k.Text).ToHashSet();

    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var receiver = new OtlpReceiver(builder.Build());
        receiver._app.Run(receiver.TakeAsync);
        await receiver._app.StartAsync();
        return receiver;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        if (context.Request.ContentType != "application/x-protobuf" || !TryRead(context.Request.Path.Value!, body.ToArray(), 0))
            context.Response.StatusCode = 400;
        else
            context.Response.ContentType = "application/x-protobuf"; // an empty body: everything was taken
    }

    private bool TryRead(string path, ReadOnlySpan<byte> bytes, int depth)
    {
        int at = 0;
        while (at < bytes.Length)
        {
            if (!TryVarint(bytes, ref at, out ulong key) || key >> 3 == 0)
                return false;
            ulong length = 0;
            switch (key & 7)
            {
                case 0 when TryVarint(bytes, ref at, out _):
                    continue;
                case 1:
                    length = 8;
                    break;
                case 5:
                    length = 4;
                    break;
                case 2 when TryVarint(bytes, ref at, out length) && length <= (ulong)(bytes.Length - at):
                    var field = bytes.Slice(at, (int)length);
                    if (depth < 12)
                        TryRead(path, field, depth + 1);
                    if (field.Length > 0 && field.IndexOfAnyInRange((byte)0, (byte)31) < 0)
                        _texts.TryAdd((path, Encoding.UTF8.GetString(field)), true);
                    break;
                default:
                    return false;
            }
            if (length > (ulong)(bytes.Length - at))
                return false;
            at += (int)length;
        }
        return true;
    }

    private static bool TryVarint(ReadOnlySpan<byte> bytes, ref int at, out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 64 && at < bytes.Length; shift += 7)
        {
            byte b = bytes[at++];
            value |= (ulong)(b & 127) << shift;
            if (b < 128)
                return true;
        }
        return false;
    }
}
