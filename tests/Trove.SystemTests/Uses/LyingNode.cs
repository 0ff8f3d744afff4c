using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Trove.SystemTests.Uses;

/// <summary>
/// A node between somebody and the true one: passes on what is asked, changes or refuses what a test says, and keeps guardians' answers to itself.
/// </summary>
internal sealed class LyingNode : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly HttpClient _true;
    private readonly CancellationTokenSource _stop = new();
    private Task _serving = Task.CompletedTask;

    private LyingNode(Uri node) => _true = new HttpClient { BaseAddress = node };

    public Uri Address { get; private set; } = null!;

    /// <summary>Changes the document of a use's inputs.</summary>
    public Action<JsonObject>? Inputs { get; set; }

    /// <summary>Paths that this node answers with "try again later", whatever is posted there.</summary>
    public Func<string, bool>? Censors { get; set; }

    /// <summary>What guardians answered.</summary>
    public List<JsonObject> Answers { get; } = [];

    public static Task<LyingNode> StartAsync(Uri node)
    {
        var liar = new LyingNode(node);
        for (int port = Random.Shared.Next(20_000, 30_000); ; port++)
        {
            try
            {
                liar._listener.Prefixes.Clear();
                liar._listener.Prefixes.Add($"http://127.0.0.1:{port}/");
                liar._listener.Start();
                liar.Address = new Uri($"http://127.0.0.1:{port}/");
                liar._serving = liar.ServeAsync();
                return Task.FromResult(liar);
            }
            catch (HttpListenerException)
            {
                // The port is taken: the next.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Close();
        await _serving;
        _true.Dispose();
    }

    private async Task ServeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            await AnswerAsync(context);
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        var path = context.Request.Url!.PathAndQuery;
        if (context.Request.HttpMethod == "POST" && path.EndsWith("/answers", StringComparison.Ordinal))
        {
            using var reader = new StreamReader(context.Request.InputStream);
            Answers.Add(JsonNode.Parse(await reader.ReadToEndAsync())!.AsObject());
            context.Response.StatusCode = 204;
            context.Response.Close();
            return;
        }
        if (Censors?.Invoke(path) == true)
        {
            context.Response.StatusCode = 503;
            context.Response.Close();
            return;
        }
        using var question = new HttpRequestMessage(new HttpMethod(context.Request.HttpMethod), new Uri(path, UriKind.Relative));
        if (context.Request.HasEntityBody)
        {
            question.Content = new StreamContent(context.Request.InputStream);
            question.Content.Headers.TryAddWithoutValidation("Content-Type", context.Request.ContentType);
        }
        using var answer = await _true.SendAsync(question);
        var body = await answer.Content.ReadAsByteArrayAsync();
        if (Inputs is { } lie && path.EndsWith("/inputs", StringComparison.Ordinal))
        {
            var document = JsonNode.Parse(body)!.AsObject();
            lie(document);
            body = Encoding.UTF8.GetBytes(document.ToJsonString());
        }
        context.Response.StatusCode = (int)answer.StatusCode;
        context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
        context.Response.ContentLength64 = body.Length; // in chunks, the last one would wait 40 ms for the client's acknowledgement
        await context.Response.OutputStream.WriteAsync(body);
        context.Response.Close();
    }
}
