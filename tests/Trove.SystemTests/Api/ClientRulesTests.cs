using System.Net;
using System.Text;
using System.Text.Json;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Api;

/// <summary>What HTTP clients go by: headers, pages, entity tags, keys of repeated requests, sessions (specs/api.md).</summary>
public sealed class ClientRulesTests(ApiFixture api)
{
    [Fact]
    public async Task Every_answer_is_data_for_this_site_only()
    {
        await api.ReadyAsync();
        foreach (var (method, path) in new[] { ("GET", "/api/v1/"), ("GET", "/api/v1/nothing"), ("POST", "/api/v1/assets"), ("GET", "/health"), ("OPTIONS", "/api/v1/assets") })
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            request.Headers.Add("Origin", "https://elsewhere.example");
            request.Headers.Add("Access-Control-Request-Method", "POST");
            using var response = await api.Http.SendAsync(request);
            foreach (var (name, value) in new[] { ("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"), ("Referrer-Policy", "no-referrer") })
                Assert.Equal(value, Assert.Single(response.Headers.GetValues(name)));
            Assert.NotNull(response.Headers.CacheControl);
            Assert.DoesNotContain(response.Headers, h => h.Key.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase));
            Assert.Equal(path != "/health", response.Headers.Contains("RateLimit") && response.Headers.Contains("RateLimit-Policy"));
        }
    }

    [Fact]
    public async Task What_was_read_before_is_not_sent_again()
    {
        await api.ReadyAsync();
        var path = $"/api/v1/assets/{api.OtherAsset.Asset}/money";
        using var first = await api.Http.GetAsync(path);
        Assert.False(first.Headers.ETag!.IsWeak);
        foreach (var (tag, status) in new[] { (first.Headers.ETag.ToString(), HttpStatusCode.NotModified), ("W/" + first.Headers.ETag, HttpStatusCode.NotModified), ("*", HttpStatusCode.NotModified), ("\"another\"", HttpStatusCode.OK) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("If-None-Match", tag);
            using var again = await api.Http.SendAsync(request);
            Assert.Equal(status, again.StatusCode);
            Assert.Equal(first.Headers.ETag, again.Headers.ETag);
            Assert.Equal(status == HttpStatusCode.OK, (await again.Content.ReadAsByteArrayAsync()).Length > 0);
        }
    }

    [Fact]
    public async Task Lists_come_in_pages_that_follow_each_other()
    {
        await api.ReadyAsync();
        var seen = new List<Address>();
        string? next = "/api/v1/assets?limit=1";
        while (next is not null)
        {
            using var page = await api.Http.GetAsync(next);
            seen.Add(Assert.Single(JsonSerializer.Deserialize<List<AssetInfo>>(await page.Content.ReadAsStringAsync(), TroveJson.Options)!).Asset);
            next = page.Headers.TryGetValues("Link", out var link) ? link.Single().Split('<', '>')[1] : null;
            Assert.Equal(next is null ? "" : $"/api/v1/assets?after={seen[^1]}&limit=1", next ?? "");
        }
        Assert.Equal(seen.Distinct(), seen);
        Assert.Contains(api.Asset.Asset, seen);
        Assert.Contains(api.OtherAsset.Asset, seen);
        Assert.Superset(seen.ToHashSet(), (await api.Client.AssetsAsync(default)).Select(a => a.Asset).ToHashSet());
        foreach (var cursor in new[] { "assets?after=nothing", $"assets/{api.Asset.Asset}/contributions?after=-1", $"assets/{api.Asset.Asset}/epochs?after=99", $"assets/{api.Asset.Asset}/events?after=17" })
            Assert.Equal(HttpStatusCode.BadRequest, (await api.Http.GetAsync("/api/v1/" + cursor)).StatusCode);
    }

    [Fact]
    public async Task Request_sent_again_under_its_key_is_done_once()
    {
        await api.ReadyAsync();
        using var key = SigningKey.Generate();
        var request = Faucet(key, new Money(1_000_000));
        var (first, second) = (await PostAsync("test-dollars", request, "\"0123456789abcdef-1\""), await PostAsync("test-dollars", request, "\"0123456789abcdef-1\""));
        Assert.Equal((200, first.Body), (first.Status, second.Body)); // the same transaction
        Assert.Equal((409, "nonce-used"), Code(await PostAsync("test-dollars", request, "\"0123456789abcdef-2\"")));
        Assert.Equal((422, "idempotency-key-reused"), Code(await PostAsync("test-dollars", Faucet(key, new Money(2_000_000)), "\"0123456789abcdef-1\"")));
        Assert.Equal((422, "idempotency-key-reused"), Code(await PostAsync($"assets/{api.Asset.Asset}/claims", new ClaimRequest(key.Address, default, 1, "0x"), "\"0123456789abcdef-1\"")));
        foreach (var bad in new[] { "0123456789abcdef", "\"short\"", $"\"{new string('x', 129)}\"", "\"0123456789\\\"abcdef\"" })
            Assert.Equal((400, "bad-idempotency-key"), Code(await PostAsync("test-dollars", request, bad)));

        // What was refused is not kept: the same key works when the reason is gone.
        var early = Faucet(key, default);
        Assert.Equal(400, (await PostAsync("test-dollars", early, "\"0123456789abcdef-3\"")).Status);
        Assert.Equal(200, (await PostAsync("test-dollars", Faucet(key, new Money(1)), "\"0123456789abcdef-3\"")).Status);

        // Twenty at once: one is worked on, the others are told to wait or get its answer.
        var many = Faucet(key, new Money(3));
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => PostAsync("test-dollars", many, "\"0123456789abcdef-4\"")));
        Assert.All(answers, a => Assert.True(a.Status == 200 || Code(a) == (409, "in-progress"), a.Body));
        Assert.Single(answers.Where(a => a.Status == 200).Select(a => a.Body).Distinct());
    }

    [Fact]
    public async Task Unknown_fields_of_a_request_are_refused()
    {
        await api.ReadyAsync();
        using var key = SigningKey.Generate();
        var body = JsonSerializer.Serialize(Faucet(key, new Money(1)), TroveJson.Options);
        using var content = new StringContent(body.Insert(1, "\"amonut\":\"1\","), Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/test-dollars") { Content = content };
        await BadInputTests.ExpectAsync(api.Http, request, 400);
    }

    [Fact]
    public async Task Session_is_for_who_signed_in_here_once()
    {
        await api.ReadyAsync();
        using var key = SigningKey.Generate();
        async Task<SignInMessage> FreshAsync()
        {
            var nonce = JsonSerializer.Deserialize<SignInNonce>((await PostAsync("sessions/nonces", null, null)).Body, TroveJson.Options)!;
            return new SignInMessage(null, api.Http.BaseAddress!.Authority, key.Address, null, api.Http.BaseAddress!.ToString(), nonce.ChainId, nonce.Nonce, DateTimeOffset.UtcNow);
        }
        async Task<(int, string)> TryAsync(SignInMessage message, SigningKey? by = null) => Code(await PostAsync("sessions/", new SignInRequest(message.ToString(), Hex.Encode((by ?? key).Sign(Eip191.Digest(message.ToString())))), null));

        var good = await FreshAsync();
        using var stranger = SigningKey.Generate();
        Assert.Equal((403, "wrong-signature"), await TryAsync(good, stranger));
        Assert.Equal((403, "other-site"), await TryAsync(good with { Domain = "evil.example" }));
        Assert.Equal((403, "other-site"), await TryAsync(good with { Scheme = "https" }));
        Assert.Equal((403, "other-site"), await TryAsync(good with { Uri = "https://evil.example/" }));
        Assert.Equal((403, "other-chain"), await TryAsync(good with { ChainId = 1 }));
        Assert.Equal((403, "bad-nonce"), await TryAsync(good with { Nonce = new string('0', 64) }));
        Assert.Equal((403, "bad-nonce"), await TryAsync(good with { Nonce = "32891756" }));
        Assert.Equal((403, "expired"), await TryAsync(good with { IssuedAt = DateTimeOffset.UtcNow.AddHours(-1) }));
        Assert.Equal((403, "expired"), await TryAsync(good with { IssuedAt = DateTimeOffset.UtcNow.AddHours(1) }));
        Assert.Equal((403, "expired"), await TryAsync(good with { ExpirationTime = DateTimeOffset.UtcNow.AddSeconds(-1) }));
        Assert.Equal((403, "expired"), await TryAsync(good with { NotBefore = DateTimeOffset.UtcNow.AddMinutes(1) }));
        Assert.Equal((400, "invalid"), await TryAsync(good with { Statement = "two\nlines" }));
        Assert.Equal((201, ""), await TryAsync(good));
        Assert.Equal((409, "nonce-used"), await TryAsync(good));

        var session = await api.Client.SignInAsync(key, default);
        Assert.Equal(key.Address, session.Address);
        Assert.Equal(200, await ReadAsync(session.Token));
        Assert.Equal(401, await ReadAsync(new string('0', 64)));
        Assert.Equal(401, await ReadAsync("nonsense"));
        Assert.Equal(204, await ReadAsync(session.Token, HttpMethod.Delete, "sessions/current"));
        Assert.Equal(401, await ReadAsync(session.Token));

        async Task<int> ReadAsync(string token, HttpMethod? method = null, string? path = null)
        {
            using var request = new HttpRequestMessage(method ?? HttpMethod.Get, $"/api/v1/{path ?? $"assets/{api.Asset.Asset}/contributions"}");
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
            using var response = await api.Http.SendAsync(request);
            Assert.Equal(response.StatusCode == HttpStatusCode.Unauthorized ? "Bearer" : "", response.Headers.WwwAuthenticate.ToString());
            return (int)response.StatusCode;
        }
    }

    private FaucetRequest Faucet(SigningKey key, Money amount)
    {
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        return new FaucetRequest(key.Address, amount, nonce, deadline, Hex.Encode(key.Sign(Messages.TestDollars(Messages.Domain(api.Info.ChainId, api.Info.Factory), key.Address, amount, nonce, deadline))));
    }

    private async Task<(int Status, string Body)> PostAsync(string path, object? document, string? key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/" + path)
        {
            Content = document is null ? null : new StringContent(JsonSerializer.Serialize(document, document.GetType(), TroveJson.Options), Encoding.UTF8, "application/json"),
        };
        if (key is not null)
            request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        using var response = await api.Http.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    private static (int, string) Code((int Status, string Body) answer) =>
        (answer.Status, JsonDocument.Parse(answer.Body).RootElement.TryGetProperty("code", out var code) ? code.GetString()! : "");
}
