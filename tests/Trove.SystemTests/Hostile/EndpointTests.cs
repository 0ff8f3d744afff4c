using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Trove.Node.Protocol;
using Trove.SystemTests.Api;
using Trove.Tests.Fuzz;

namespace Trove.SystemTests.Hostile;

/// <summary>
/// Every endpoint that the node has, as its route table names them, with paths, queries and bodies that no client sends: never a
/// failure of the node, always problem details, and nothing of the body in the answer.
/// </summary>
public sealed class EndpointTests(ApiFixture api) : IDisposable
{
    // Without the fixture's look into the description: where a path with dots leads is the server's to say.
    private readonly HttpClient _http = new();

    private const int Rounds = 8;
    private const string Canary = "canary-51f0c9";

    private static readonly string[] Segments =
        ["", "0", "1", "-1", "18446744073709551615", "18446744073709551616", "1e9", "%2e%2e%2f", "..", "%F0%9F%98%80", "%ED%A0%80", "0x", "null", "a%20b", "'", "%22%3B", "ASSET", "HASH", "latest", "0x1111111111111111111111111111111111111111", "LONG"];

    private static readonly string[] Queries = ["", "?", "?limit=-1", "?limit=99999999999999999999", "?limit=1&limit=2", "?after=-9223372036854775808", "?after=9223372036854775807&limit=0", "?owner=%00", "?offset=-1", "?offset=9223372036854775808", "?keyVersion=-1", "?keyVersion=4294967296", "?%00=%00", "?a=LONG"];

    [Fact]
    public async Task Whatever_comes_the_answer_says_what_is_wrong()
    {
        await api.ReadyAsync();
        var endpoints = api.Node.Endpoints.SelectMany(e => (e.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["GET"]).Select(m => (Endpoint: e, Method: m))).ToList();
        Assert.InRange(endpoints.Count, 30, 200);
        var random = new Random(11);
        var mutator = new JsonMutator(random);
        int sent = 0;
        foreach (var (endpoint, method) in endpoints)
            for (int round = 0; round < Rounds; round++)
            {
                var path = Path(endpoint, random, round);
                var body = Body(endpoint, mutator, random, round);
                using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(api.Http.BaseAddress + path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
                if (method is not ("GET" or "DELETE" or "HEAD"))
                {
                    request.Content = new ByteArrayContent(body);
                    request.Content.Headers.TryAddWithoutValidation("Content-Type", random.Next(12) == 0 ? "text/plain; charset=nonsense" : "application/json");
                }
                if (random.Next(3) == 0)
                    request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Canary);
                await ExpectAsync(request, $"{method} {path} with {Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(300, body.Length)))}");
                sent++;
            }
        Assert.Equal(endpoints.Count * Rounds, sent);
        Assert.True((await api.Http.GetAsync("/health")).IsSuccessStatusCode);
    }

    public void Dispose() => _http.Dispose();

    private async Task ExpectAsync(HttpRequestMessage request, string what)
    {
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (response.Content.Headers.ContentType?.MediaType == "text/event-stream")
            return; // has no end
        var text = await response.Content.ReadAsStringAsync();
        int status = (int)response.StatusCode;
        Assert.True(status < 500, $"{what}: {status} {text}");
        Assert.DoesNotContain(Canary, text, StringComparison.Ordinal);
        Assert.DoesNotContain(" at Trove.", text, StringComparison.Ordinal);
        if (status < 400 || request.Method == HttpMethod.Head) // which is answered without a body
            return;
        Assert.True(response.Content.Headers.ContentType?.MediaType == "application/problem+json", $"{what}: {status} {response.Content.Headers.ContentType} {text}");
        var problem = JsonDocument.Parse(text).RootElement;
        Assert.StartsWith("urn:trove:problem:", problem.GetProperty("type").GetString(), StringComparison.Ordinal);
        Assert.NotEqual("", problem.GetProperty("nextStep").GetString());
    }

    // Half of the rounds have values that exist, so that the body is looked at too.
    private string Path(RouteEndpoint endpoint, Random random, int round)
    {
        var parts = endpoint.RoutePattern.PathSegments.Select(s => string.Concat(s.Parts.Select(p => p switch
        {
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal => literal.Content,
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart parameter when round % 2 == 0 => parameter.Name is "asset" ? "ASSET" : parameter.Name is "number" or "use" ? "1" : "HASH",
            _ => Segments[random.Next(Segments.Length)],
        })));
        return (string.Join('/', parts) + Queries[random.Next(Queries.Length)])
            .Replace("ASSET", api.Asset.Asset.ToString(), StringComparison.Ordinal).Replace("HASH", new string('a', 64), StringComparison.Ordinal).Replace("LONG", new string('x', 3000), StringComparison.Ordinal);
    }

    private static byte[] Body(RouteEndpoint endpoint, JsonMutator mutator, Random random, int round)
    {
        if (endpoint.Metadata.GetMetadata<IAcceptsMetadata>()?.RequestType is not { } type || type == typeof(Stream))
            return Encoding.UTF8.GetBytes($"{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{Canary}\",\"params\":[\"\\ud800\"]}}");
        var json = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(Samples.Of(type), type, TroveJson.Options).Replace("\"text\"", $"\"{Canary}\"", StringComparison.Ordinal));
        var bytes = json.ToList();
        for (int changes = round == 0 ? 0 : 1 + random.Next(3); changes > 0; changes--)
            bytes = mutator.Mutate(bytes, json);
        return [.. bytes];
    }
}
