using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Protocol;
using Trove.Node.Sessions;
using Trove.SystemTests.Api;

namespace Trove.SystemTests.Hostile;

/// <summary>What one address can hold up, and under which names a node lets wallets sign in. Strangers here are 127.0.0.2 and on.</summary>
public sealed class AddressTests(ApiFixture api)
{
    // Keys cost nothing; a sign-in leaves rows for days.
    [Fact]
    public async Task Endless_fresh_keys_of_one_address_are_refused_and_others_sign_in()
    {
        await api.ReadyAsync();
        using var stranger = From("127.0.0.2");
        int most = new RateLimitOptions().AddressSignIns, refused = 0;
        for (int i = 0; i < most + 200 && refused == 0; i += 50)
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ =>
            {
                using var answer = await stranger.PostAsJsonAsync("/api/v1/sessions/", new SignInRequest("no message", "0x"), TroveJson.Options);
                return (answer.StatusCode, Code: (string?)(await answer.Content.ReadFromJsonAsync<JsonNode>())!["code"]);
            }));
            Assert.All(answers, a => Assert.True(a is (HttpStatusCode.BadRequest, "invalid") or (HttpStatusCode.TooManyRequests, "too-many-sign-ins"), $"{a}"));
            refused = answers.Count(a => a.StatusCode == HttpStatusCode.TooManyRequests);
            Assert.True(refused == 0 || i + 50 > most, $"refused after {i}");
        }
        Assert.NotEqual(0, refused);
        using (var answer = await stranger.PostAsync(new Uri("/api/v1/sessions/nonces", UriKind.Relative), null)) // all else is as before
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var key = SigningKey.Generate();
        Assert.Equal(key.Address, (await api.Client.SignInAsync(key, default)).Address);
    }

    // Sixteen calls are worked on and 256 wait: those whose bodies have not come must not be among them.
    [Fact]
    public async Task Calls_to_the_chain_that_are_not_all_here_keep_nobody_waiting()
    {
        await api.ReadyAsync();
        var slow = new List<TcpClient>();
        try
        {
            for (int i = 0; i < 300; i++)
            {
                var client = await ConnectAsync("127.0.0.3");
                slow.Add(client);
                await client.GetStream().WriteAsync("POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"u8.ToArray());
            }
            for (int i = 0; i < 20; i++)
                Assert.Equal(HttpStatusCode.OK, (await RpcAsync("eth_blockNumber", null)).Status);
        }
        finally
        {
            slow.ForEach(c => c.Dispose());
        }
    }

    [Fact]
    public async Task Calls_to_the_chain_take_no_idempotency_key()
    {
        await api.ReadyAsync();
        const string Key = "\"the same key for all of them\"";
        var number = await RpcAsync("eth_blockNumber", Key);
        Assert.Equal((HttpStatusCode.OK, api.Info.ChainId), ((await RpcAsync("eth_chainId", Key)) is var id ? id.Status : default, Convert.ToUInt64((string)id.Answer["result"]!, 16)));
        await api.Node.Services.GetRequiredService<ChainConnection>().NextBlockAsync(default);
        Assert.NotEqual((string)number.Answer["result"]!, (string)(await RpcAsync("eth_blockNumber", Key)).Answer["result"]!);
    }

    // Faster than the server's own default of 240 bytes a second, and slower than what is asked here; gated on bytes.
    [Theory]
    [InlineData("POST /api/v1/contributions/HASH/attestations", 20_000_000, 2048, 2_000_000)]
    [InlineData("PUT /api/v1/assets/ADDRESS/requests/HASH/uses/1/result", 20_000_000, 2048, 2_000_000)]
    [InlineData("POST /api/v1/test-dollars", 1_000_000, 100, 100_000)]
    public async Task Bodies_that_trickle_are_broken_off(string request, int length, int step, int most)
    {
        await api.ReadyAsync();
        using var client = await ConnectAsync("127.0.0.4");
        var stream = client.GetStream();
        var head = request.Replace("HASH", new string('a', 64), StringComparison.Ordinal).Replace("ADDRESS", api.Asset.Asset.ToString(), StringComparison.Ordinal);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{head} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n")));
        var ended = ReadToEndAsync(stream);
        int sent = 0;
        var bytes = Encoding.ASCII.GetBytes(new string(' ', step)); // JSON that has not begun: anything else would be refused before its end
        try
        {
            for (; !ended.IsCompleted && sent < most; sent += step)
            {
                await stream.WriteAsync(bytes);
                await Task.WhenAny(ended, Task.Delay(100));
            }
        }
        catch (IOException)
        {
            // broken off, as it should be
        }
        Assert.True(sent < most, $"the node still listens after {sent} bytes");
        var answer = await ended; // 408, unless the reset has overtaken it
        Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 408 ", StringComparison.Ordinal), answer);
    }

    // A Host header says what its sender likes: the page of another site forwards here what its visitors signed for itself.
    [Fact]
    public async Task Wallets_sign_in_to_the_names_of_this_node_only()
    {
        await api.ReadyAsync();
        using var key = SigningKey.Generate();
        Assert.Equal((403, "unknown-site"), await OverHttpAsync("evil.example"));
        Assert.Equal((403, "unknown-site"), await OverHttpAsync("trove.example"));
        Assert.Equal((201, ""), await OverHttpAsync(api.Http.BaseAddress!.Authority));

        // As under --public-url https://trove.example.
        var services = api.Node.Services;
        var named = new SessionService(services.GetRequiredService<NodeDatabase>(), services.GetRequiredService<ChainService>(), TimeProvider.System, new PublicSite(new Uri("https://trove.example")));
        Assert.Equal(key.Address, (await named.SignInAsync(await SignedAsync(new Uri("https://trove.example")), new Uri("https://trove.example"), default)).Address);
        foreach (var other in new[] { "https://evil.example", "https://trove.example:8443", "https://trove.example.evil.example" })
            Assert.Equal("unknown-site", (await Assert.ThrowsAsync<ApiException>(async () => await named.SignInAsync(await SignedAsync(new Uri(other)), new Uri(other), default))).Code);
        // Signed for this node's other name is signed for another site.
        Assert.Equal("other-site", (await Assert.ThrowsAsync<ApiException>(async () => await named.SignInAsync(await SignedAsync(new Uri("https://trove.example")), new Uri("http://127.0.0.1:5"), default))).Code);

        async Task<SignInRequest> SignedAsync(Uri site)
        {
            using var answer = await api.Http.PostAsync(new Uri("/api/v1/sessions/nonces", UriKind.Relative), null);
            var nonce = (await answer.Content.ReadFromJsonAsync<SignInNonce>(TroveJson.Options))!;
            var text = new SignInMessage(null, site.Authority, key.Address, null, new Uri(site, "/").ToString(), nonce.ChainId, nonce.Nonce, DateTimeOffset.UtcNow).ToString();
            return new SignInRequest(text, Trove.Core.Hex.Encode(key.Sign(Eip191.Digest(text))));
        }

        async Task<(int, string)> OverHttpAsync(string host)
        {
            using var message = new HttpRequestMessage(HttpMethod.Post, "/api/v1/sessions/") { Content = JsonContent.Create(await SignedAsync(new Uri($"http://{host}")), options: TroveJson.Options) };
            message.Headers.Host = host;
            using var answer = await api.Http.SendAsync(message);
            return ((int)answer.StatusCode, (string?)(await answer.Content.ReadFromJsonAsync<JsonNode>())!["code"] ?? "");
        }
    }

    private async Task<(HttpStatusCode Status, JsonNode Answer)> RpcAsync(string method, string? key)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, "/rpc") { Content = new StringContent($$"""{"jsonrpc":"2.0","id":1,"method":"{{method}}","params":[]}""", Encoding.UTF8, "application/json") };
        if (key is not null)
            message.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        using var answer = await api.Http.SendAsync(message);
        return (answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!);
    }

    private HttpClient From(string address) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, ct) => (await ConnectAsync(address, ct)).GetStream(),
    }) { BaseAddress = api.Http.BaseAddress };

    private async Task<TcpClient> ConnectAsync(string from, CancellationToken ct = default)
    {
        var client = new TcpClient(new IPEndPoint(IPAddress.Parse(from), 0));
        await client.ConnectAsync(IPAddress.Loopback, api.Http.BaseAddress!.Port, ct);
        return client;
    }

    private static async Task<string> ReadToEndAsync(NetworkStream stream)
    {
        var (buffer, text) = (new byte[4096], new StringBuilder());
        try
        {
            for (int read; (read = await stream.ReadAsync(buffer)) > 0;)
                text.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // reset: ended as well
        }
        return text.ToString();
    }
}
