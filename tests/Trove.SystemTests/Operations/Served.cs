using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Trove.Node.Protocol;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Operations;

/// <summary>Short forms for tests of real server processes.</summary>
internal static class Served
{
    /// <summary>Starts <c>trove node</c> and waits until it has left its address.</summary>
    public static async Task<(TroveCli Process, TroveClient Client)> NodeAsync(string data, params string[] arguments)
    {
        File.Delete(Path.Combine(data, "node.address"));
        var node = TroveCli.Start(data, ["node", "--data", data, .. arguments]);
        return (node, await ClientAsync(node, data));
    }

    /// <summary>Waits until a node has left its address.</summary>
    public static async Task<TroveClient> ClientAsync(TroveCli node, string data)
    {
        var file = Path.Combine(data, "node.address");
        while (!File.Exists(file))
        {
            Assert.False(node.HasExited, node.Error);
            await Task.Delay(50);
        }
        return new TroveClient(new Uri((await File.ReadAllTextAsync(file)).Trim()));
    }

    /// <summary>What a health endpoint says.</summary>
    public static async Task<(HttpStatusCode Code, JsonNode Report)> HealthAsync(Uri node, string which = "ready")
    {
        using var http = new HttpClient { BaseAddress = node };
        using var answer = await http.GetAsync(new Uri($"/health/{which}", UriKind.Relative));
        return (answer.StatusCode, (await answer.Content.ReadFromJsonAsync<JsonNode>())!);
    }

    /// <summary>Waits until readiness has this status; the report.</summary>
    public static async Task<JsonNode> HealthAsync(Uri node, string which, string status)
    {
        for (int i = 0; ; i++)
        {
            var (_, report) = await HealthAsync(node, which);
            if ((string)report["status"]! == status)
                return report;
            Assert.True(i < 2400, $"not {status} within minutes: {report.ToJsonString()}");
            await Task.Delay(50);
        }
    }

    /// <summary>One part of a report.</summary>
    public static JsonNode Part(this JsonNode report, string part) => Assert.Single(report["parts"]!.AsArray(), p => (string)p!["part"]! == part)!;

    /// <summary>What PostgreSQL's own control file says of how the cluster ended.</summary>
    public static async Task<string> ClusterStateAsync(string data)
    {
        var program = Directory.GetFiles("/usr/lib/postgresql", "pg_controldata", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Last();
        using var tool = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(program, [Path.Combine(data, "postgres", "data")]) { RedirectStandardOutput = true, Environment = { ["LC_ALL"] = "C" } })!;
        var text = await tool.StandardOutput.ReadToEndAsync();
        await tool.WaitForExitAsync();
        return text.Split('\n').Single(l => l.StartsWith("Database cluster state:", StringComparison.Ordinal)).Split(':')[1].Trim();
    }
}

/// <summary>A node's stand-in that passes everything on, and holds back what a test wants held.</summary>
internal sealed class HoldingNode : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpClient _true;
    private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private HoldingNode(WebApplication app, HttpClient node) => (_app, _true) = (app, node);

    public Uri Address => new(_app.Urls.Single());

    /// <summary>Ends when a request is being held.</summary>
    public Task Held => _held.Task;

    /// <summary>Methods and paths that were passed on, with their answers' codes.</summary>
    public System.Collections.Concurrent.ConcurrentQueue<(string Request, int Status)> Passed { get; } = new();

    /// <summary>Starts it before <paramref name="node"/>, holding paths that end so.</summary>
    public static async Task<HoldingNode> StartAsync(Uri node, string held)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var holding = new HoldingNode(builder.Build(), new HttpClient { BaseAddress = node });
        holding._app.Run(context => holding.PassAsync(context, held));
        await holding._app.StartAsync();
        return holding;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _true.Dispose();
    }

    private async Task PassAsync(HttpContext context, string held)
    {
        if (context.Request.Path.Value!.EndsWith(held, StringComparison.Ordinal))
        {
            _held.TrySetResult();
            await Task.WhenAny(Task.Delay(Timeout.Infinite, context.RequestAborted));
            return;
        }
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), context.Request.Path + context.Request.QueryString) { Content = new ByteArrayContent(body.ToArray()) };
        if (context.Request.ContentType is { } type)
            request.Content.Headers.Add("Content-Type", type);
        using var answer = await _true.SendAsync(request, context.RequestAborted);
        Passed.Enqueue(($"{context.Request.Method} {context.Request.Path}", (int)answer.StatusCode));
        context.Response.StatusCode = (int)answer.StatusCode;
        context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
        if (context.Response.StatusCode != 204)
            await answer.Content.CopyToAsync(context.Response.Body);
    }
}
