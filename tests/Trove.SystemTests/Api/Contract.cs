using System.Collections.Concurrent;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Trove.Node.Api;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Api;

/// <summary>
/// The committed description of the API, and a check of every answer that passes by against it: status, media type, body. What was
/// asked with success is remembered.
/// </summary>
internal sealed class Contract
{
    /// <summary>Environment variable that renews the committed description.</summary>
    public const string Update = "TROVE_UPDATE_OPENAPI";

    private readonly List<Operation> _operations = [];
    private readonly ConcurrentDictionary<string, byte> _exercised = new(StringComparer.Ordinal);
    private readonly JsonElement _root;

    private Contract(string file)
    {
        _root = JsonDocument.Parse(File.ReadAllBytes(file)).RootElement;
        foreach (var path in _root.GetProperty("paths").EnumerateObject())
            foreach (var method in path.Value.EnumerateObject())
                _operations.Add(new Operation(method.Value.GetProperty("operationId").GetString()!, method.Name.ToUpperInvariant(), path.Name.Trim('/').Split('/'), method.Value.GetProperty("responses")));
    }

    private sealed record Operation(string Id, string Method, string[] Path, JsonElement Responses);

    /// <summary>Where the description is kept.</summary>
    public static string Document => Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../specs/openapi.json");

    /// <summary>As committed; with <see cref="Update"/>=1 as the first node of these tests serves it, and then committed.</summary>
    public static Contract Committed { get; private set; } = new(Document);

    /// <summary>The description that a node serves.</summary>
    public static async Task<string> ServedAsync(Uri node)
    {
        using var http = new HttpClient();
        var served = (await http.GetStringAsync(new Uri(node, ApiDocument.Path))).TrimEnd() + "\n";
        if (Environment.GetEnvironmentVariable(Update) == "1")
        {
            await File.WriteAllTextAsync(Document, served);
            Committed = new(Document);
        }
        return served;
    }

    public IEnumerable<string> Operations => _operations.Select(o => o.Id);

    /// <summary>Operations that were answered with success through a <see cref="Handler"/>.</summary>
    public IReadOnlyCollection<string> Exercised => [.. _exercised.Keys];

    /// <summary>A client whose every answer is checked.</summary>
    public static TroveClient Client(Uri node) => new(node, longRunning: false, new Handler(Committed));

    public static HttpClient Http(Uri node) => new(new Handler(Committed)) { BaseAddress = node };

    /// <summary>Fails when an answer is not what the description promises.</summary>
    public async Task CheckAsync(HttpMethod method, Uri uri, HttpResponseMessage response)
    {
        var path = uri.AbsolutePath.Trim('/').Split('/');
        var operation = _operations.Where(o => o.Method == method.Method && o.Path.Length == path.Length && o.Path.Zip(path).All(p => p.First[0] == '{' || p.First == p.Second))
            .OrderBy(o => o.Path.Count(p => p[0] == '{')).FirstOrDefault();
        int status = (int)response.StatusCode;
        string where = $"{method} {uri.PathAndQuery} answered {status}";
        if (status >= 400 || operation is null)
        {
            if (operation is not null || uri.AbsolutePath.StartsWith("/api/", StringComparison.Ordinal))
            {
                Assert.True(status >= 400, $"{where}, and the description has no such operation");
                Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
                if (method != HttpMethod.Head)
                    await CheckBodyAsync(_root.GetProperty("components").GetProperty("schemas").GetProperty("Problem"), response, where);
            }
            return;
        }
        if (status == (int)HttpStatusCode.NotModified)
            return; // RFC 9110: the client has the body
        var promised = operation.Responses.TryGetProperty(status == 206 ? "200" : $"{status}", out var r) ? r : throw new Xunit.Sdk.XunitException($"{where}, which {operation.Id} does not promise");
        if (promised.TryGetProperty("content", out var contents) && method != HttpMethod.Head)
        {
            string type = response.Content.Headers.ContentType?.MediaType ?? "nothing";
            Assert.True(contents.TryGetProperty(type, out var content), $"{where} with {type}, which {operation.Id} does not promise");
            if (type == "application/json")
                await CheckBodyAsync(content.GetProperty("schema"), response, where);
        }
        else if (method != HttpMethod.Head)
            Assert.True((response.Content.Headers.ContentLength ?? 0) == 0, $"{where} with a body that {operation.Id} does not promise");
        _exercised[operation.Id] = 0;
    }

    private async Task CheckBodyAsync(JsonElement schema, HttpResponseMessage response, string where)
    {
        await response.Content.LoadIntoBufferAsync();
        using var body = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync());
        var errors = new JsonSchema(_root).Check(schema, body.RootElement);
        Assert.True(errors.Count == 0, $"{where} otherwise than described: {string.Join("; ", errors.Take(5))}");
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;

    private sealed class Handler(Contract contract) : DelegatingHandler(new SocketsHttpHandler { AllowAutoRedirect = false })
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            await contract.CheckAsync(request.Method, request.RequestUri!, response);
            return response;
        }
    }
}
