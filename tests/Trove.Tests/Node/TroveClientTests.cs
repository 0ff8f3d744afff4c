using System.Net;
using System.Net.Sockets;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Tests.Node;

/// <summary>How often a node is asked that does not answer.</summary>
public class TroveClientTests
{
    private static readonly Uri Somewhere = new("http://127.0.0.1:9");

    [Fact]
    public async Task Where_nobody_listens_a_person_is_told_at_once()
    {
        // A real port that is taken and refuses: bound, but nobody listens.
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var node = new Uri($"http://127.0.0.1:{((IPEndPoint)bound.LocalEndPoint!).Port}");
        using var counting = new Answering(new SocketsHttpHandler());
        using var client = new TroveClient(node, longRunning: false, counting);
        var refused = await Assert.ThrowsAsync<TroveApiException>(() => client.InfoAsync(CancellationToken.None));
        Assert.Equal((1, 0, "connection-refused"), (counting.Asked, refused.Status, refused.Code));
        Assert.Contains(node.ToString(), refused.Message, StringComparison.Ordinal);
        Assert.Contains("trove node", refused.NextStep, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, SocketError.ConnectionRefused)]
    [InlineData(true, SocketError.ConnectionReset)]
    [InlineData(false, SocketError.ConnectionReset)]
    public async Task Restart_is_waited_out_by_a_long_running_process_and_a_broken_connection_by_all(bool longRunning, SocketError fault)
    {
        using var answering = new Answering(null, () => throw new HttpRequestException("no", new SocketException((int)fault)), () => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("[]", null, "application/json") });
        using var client = new TroveClient(Somewhere, longRunning, answering);
        Assert.Empty(await client.AssetsAsync(CancellationToken.None));
        Assert.Equal(2, answering.Asked);
    }

    [Fact]
    public async Task Requests_that_change_something_are_sent_again_only_under_one_key()
    {
        static HttpResponseMessage Broken() => throw new HttpRequestException("no", new SocketException((int)SocketError.ConnectionReset));
        using var answering = new Answering(null, Broken, () => new HttpResponseMessage(HttpStatusCode.Accepted), () => new HttpResponseMessage(HttpStatusCode.Accepted), Broken);
        using var client = new TroveClient(Somewhere, longRunning: true, answering);
        await client.CompleteAsync(default(Hash32), CancellationToken.None);
        await client.CompleteAsync(default(Hash32), CancellationToken.None);
        await Assert.ThrowsAsync<TroveApiException>(() => client.SetManifestAsync(default, new ManifestRequest(default, 0, 0, default, default, 0, ""), CancellationToken.None));
        Assert.Equal(4, answering.Asked);
        Assert.NotNull(answering.Keys[0]);
        Assert.Equal(answering.Keys[0], answering.Keys[1]); // the same request, twice
        Assert.NotEqual(answering.Keys[1], answering.Keys[2]);
        Assert.Null(answering.Keys[3]); // a PUT has none
    }

    [Fact]
    public async Task Sign_in_whose_answer_was_lost_is_begun_anew()
    {
        using var key = SigningKey.Generate();
        int nonces = 0;
        HttpResponseMessage Nonce() => Json(HttpStatusCode.OK, $$"""{"nonce":"{{++nonces:x64}}","chainId":5,"expires":9}""");
        static HttpResponseMessage Broken() => throw new HttpRequestException("no", new SocketException((int)SocketError.ConnectionReset));
        static HttpResponseMessage Used() => Json(HttpStatusCode.Conflict, """{"type":"urn:trove:problem:nonce-used","detail":"used","nextStep":"sign again"}""");
        static HttpResponseMessage Json(HttpStatusCode code, string text) => new(code) { Content = new StringContent(text, null, "application/json") };
        using var answering = new Answering(null, Nonce, Broken, Used, Nonce, () => Json(HttpStatusCode.Created, $$"""{"token":"{{new string('a', 64)}}","address":"{{Address.Parse("0x" + new string('1', 40))}}","expires":9}"""));
        using var client = new TroveClient(Somewhere, longRunning: false, answering);
        Assert.Equal(new string('a', 64), (await client.SignInAsync(key, CancellationToken.None)).Token);
        Assert.Equal(5, answering.Asked);

        // A node that always says so does not keep its client for ever.
        using var stubborn = new Answering(null, [.. Enumerable.Repeat(new Func<HttpResponseMessage>[] { Nonce, Used }, 20).SelectMany(a => a)]);
        using var patient = new TroveClient(Somewhere, longRunning: false, stubborn);
        Assert.Equal("nonce-used", (await Assert.ThrowsAsync<TroveApiException>(() => patient.SignInAsync(key, CancellationToken.None))).Code);
        Assert.Equal(10, stubborn.Asked);
    }

    [Fact]
    public async Task Pages_are_followed_on_this_node_only_and_not_for_ever()
    {
        static HttpResponseMessage Page(string link)
        {
            var page = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("[]", null, "application/json") };
            page.Headers.Add("Link", link);
            return page;
        }
        foreach (var elsewhere in new[] { "<http://127.0.0.2/api/v1/assets>; rel=\"next\"", "<//127.0.0.2/api/v1/assets>; rel=\"next\"", "</rpc>; rel=\"next\"", "nonsense" })
        {
            using var answering = new Answering(null, () => Page(elsewhere));
            using var client = new TroveClient(Somewhere, longRunning: false, answering);
            Assert.Empty(await client.AssetsAsync(CancellationToken.None));
            Assert.Equal(1, answering.Asked);
        }
        using var endless = new Answering(null, [.. Enumerable.Repeat(() => Page("</api/v1/assets?after=x>; rel=\"next\""), 2000)]);
        using var patient = new TroveClient(Somewhere, longRunning: false, endless);
        Assert.Equal("too-large", (await Assert.ThrowsAsync<TroveApiException>(() => patient.AssetsAsync(CancellationToken.None))).Code);
        Assert.Equal(1000, endless.Asked);
    }

    /// <summary>Counts requests; gives one answer after the other, or the real one.</summary>
    private sealed class Answering(HttpMessageHandler? real, params Func<HttpResponseMessage>[] answers) : DelegatingHandler(real ?? new SocketsHttpHandler())
    {
        public int Asked { get; private set; }

        public List<string?> Keys { get; } = [];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Keys.Add(request.Headers.TryGetValues("Idempotency-Key", out var keys) ? keys.Single() : null);
            return ++Asked <= answers.Length ? Task.FromResult(answers[Asked - 1]()) : base.SendAsync(request, cancellationToken);
        }
    }
}
