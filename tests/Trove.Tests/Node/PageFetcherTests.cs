using System.IO.Compression;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Trove.Node.Verification.Pages;
using static Trove.Tests.Node.PlatformServer;

namespace Trove.Tests.Node;

/// <summary>A platform that answers, does not, or does what nobody expects, over TLS through a proxy.</summary>
public sealed class PageFetcherTests : IAsyncDisposable
{
    private static readonly Uri Page = RedditPages.ProfileOf("fen_walker");

    private readonly PlatformServer _server = new(RedditPages.Host);
    private readonly PageFetcher _fetcher;

    public PageFetcherTests() => _fetcher = FetcherOf(_server);

    public async ValueTask DisposeAsync()
    {
        _fetcher.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_page_is_asked_for_once_and_plainly()
    {
        _server.Answer = (_, to, ct) => WriteAsync(to, 200, """{"kind":"t2"}""", ct, header: "Set-Cookie: session=1; Path=/\r\n");
        Assert.Equal("""{"kind":"t2"}""", Text(await GetAsync()));
        Assert.Equal("""{"kind":"t2"}""", Text(await GetAsync()));
        Assert.Equal(["www.reddit.com:443"], _server.Connected.Distinct());
        foreach (var request in _server.Requests)
        {
            Assert.StartsWith("GET /user/fen_walker/about.json?raw_json=1 HTTP/1.1\r\n", request, StringComparison.Ordinal);
            Assert.Contains("\r\nUser-Agent: trove-verifier/1.0 (", request, StringComparison.Ordinal);
            foreach (var told in new[] { "Cookie", "traceparent", "Authorization", "Referer" })
                Assert.DoesNotContain("\r\n" + told, request, StringComparison.OrdinalIgnoreCase);
        }
        Assert.Equal(2, _server.Requests.Count);
    }

    [Theory]
    [InlineData("http://www.reddit.com/a")]
    [InlineData("https://www.reddit.com:8443/a")]
    [InlineData("https://www.reddit.com@127.0.0.1/a")]
    [InlineData("https://user@www.reddit.com/a")]
    [InlineData("https://www.reddit.com.example.org/a")]
    [InlineData("https://127.0.0.1/a")]
    [InlineData("https://localhost/a")]
    [InlineData("file:///etc/passwd")]
    public async Task HostThatIsNotInTheTable(string page)
    {
        await Assert.ThrowsAsync<ArgumentException>(() => _fetcher.GetAsync(new Uri(page), TestContext.Current.CancellationToken));
        Assert.Empty(_server.Connected);
    }

    [Theory]
    [InlineData(404)]
    [InlineData(410)]
    public async Task PageThatIsNotThere(int status)
    {
        _server.Answer = (_, to, ct) => WriteAsync(to, status, "{}", ct);
        Assert.Equal(PageOutcome.NotThere, (await GetAsync()).Outcome);
    }

    // Neither login nor error nor redirect says anything of the account.
    [Theory]
    [InlineData(429, "application/json", "")]
    [InlineData(500, "application/json", "")]
    [InlineData(503, "application/json", "Retry-After: 20\r\n")]
    [InlineData(403, "application/json", "")]
    [InlineData(401, "application/json", "")]
    [InlineData(302, "application/json", "Location: https://127.0.0.1/\r\n")]
    [InlineData(301, "application/json", "Location: https://www.reddit.com/login\r\n")]
    [InlineData(200, "text/html", "")]
    public async Task SilentAtFirst(int status, string type, string header)
    {
        int asked = 0;
        _server.Answer = (_, to, ct) => ++asked < 3 ? WriteAsync(to, status, "<html>log in</html>", ct, type, header) : WriteAsync(to, 200, "{}", ct);
        Assert.Equal("{}", Text(await GetAsync()));
        Assert.Equal(3, asked);
        Assert.Single(_server.Requests.Select(r => r.Split(' ')[1]).Distinct());
        Assert.Equal(["www.reddit.com:443"], _server.Connected.Distinct());
    }

    [Fact]
    public async Task SilentForAMinute()
    {
        _server.Answer = (_, to, ct) => WriteAsync(to, 503, "", ct);
        var silence = await Assert.ThrowsAsync<PlatformSilentException>(GetAsync);
        Assert.Contains("www.reddit.com", silence.Message, StringComparison.Ordinal);
        Assert.InRange(_server.Requests.Count, 2, 6); // patiently
    }

    [Fact]
    public async Task AskedToWaitLongerThanAnyoneCan()
    {
        _server.Answer = (_, to, ct) => WriteAsync(to, 429, "", ct, header: "Retry-After: 600\r\n");
        await Assert.ThrowsAsync<PlatformSilentException>(GetAsync);
        await Assert.ThrowsAsync<PlatformSilentException>(GetAsync);
        Assert.Single(_server.Requests);
    }

    [Fact]
    public async Task NobodyThere()
    {
        await _server.DisposeAsync();
        await Assert.ThrowsAsync<PlatformSilentException>(GetAsync);
    }

    [Fact]
    public async Task CertificateOfAnotherHost()
    {
        await using var other = new PlatformServer("www.example.org");
        using var handler = PageFetcher.Handler();
        handler.Proxy = new WebProxy(other.Proxy);
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { X509Certificate2.CreateFromPem(other.Authority) }, RevocationMode = X509RevocationMode.NoCheck };
        using var fetcher = new PageFetcher(handler, new FastClock(20));
        await Assert.ThrowsAsync<PlatformSilentException>(() => fetcher.GetAsync(Page, TestContext.Current.CancellationToken));
        Assert.Empty(other.Requests);
    }

    [Theory]
    [InlineData(0, PageOutcome.Found)]
    [InlineData(1, PageOutcome.TooLarge)]
    public async Task PageThatIsTooLarge(int more, PageOutcome outcome)
    {
        _server.Answer = (_, to, ct) => WriteAsync(to, 200, new string(' ', PageFetcher.MaxBytes + more), ct);
        var answer = await GetAsync();
        Assert.Equal((outcome, more == 0 ? PageFetcher.MaxBytes : 0), (answer.Outcome, answer.Body.Length));
    }

    [Fact]
    public async Task BodyWithoutEnd()
    {
        long sent = 0;
        _server.Answer = async (_, to, ct) =>
        {
            await to.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"u8.ToArray(), ct);
            for (var chunk = Encoding.ASCII.GetBytes("10000\r\n" + new string('x', 0x10000) + "\r\n"); ; sent += chunk.Length)
                await to.WriteAsync(chunk, ct);
        };
        Assert.Equal(PageOutcome.TooLarge, (await GetAsync()).Outcome);
        Assert.InRange(sent, 0, 64 << 20);
    }

    [Fact]
    public async Task BodyThatTrickles()
    {
        int asked = 0;
        _server.Answer = async (_, to, ct) =>
        {
            if (++asked > 1)
            {
                await WriteAsync(to, 200, "{}", ct);
                return;
            }
            await to.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"u8.ToArray(), ct);
            await Task.Delay(Timeout.Infinite, ct);
        };
        Assert.Equal("{}", Text(await GetAsync()));
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task GzipThatIsNone()
    {
        int asked = 0;
        _server.Answer = (_, to, ct) => ++asked > 1 ? WriteAsync(to, 200, "{}", ct) : WriteAsync(to, 200, "no gzip", ct, header: "Content-Encoding: gzip\r\n");
        Assert.Equal("{}", Text(await GetAsync()));
    }

    [Fact]
    public async Task HeaderWithoutEnd()
    {
        int asked = 0;
        _server.Answer = async (_, to, ct) =>
        {
            if (++asked > 1)
                await WriteAsync(to, 200, "{}", ct);
            else
                await WriteAsync(to, 200, "{}", ct, header: $"X: {new string('x', 1 << 20)}\r\n");
        };
        Assert.Equal("{}", Text(await GetAsync()));
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task A_host_is_given_its_pause()
    {
        _server.Answer = (_, to, ct) => WriteAsync(to, 200, "{}", ct);
        await GetAsync();
        long started = TimeProvider.System.GetTimestamp();
        for (int i = 0; i < 3; i++)
            await GetAsync();
        Assert.True(20 * TimeProvider.System.GetElapsedTime(started) >= TimeSpan.FromSeconds(17), "a minute has ten");
    }

    [Fact]
    public async Task Stopping_is_no_silence()
    {
        using var stop = new CancellationTokenSource(200);
        _server.Answer = (_, _, ct) => Task.Delay(Timeout.Infinite, ct);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _fetcher.GetAsync(Page, stop.Token));
    }

    // Allocations are those of the whole process: the fetcher reads on whatever thread there is.
    [Collection(nameof(MeasuresMemory))]
    public sealed class Memory
    {
        [Fact]
        public async Task GzipThatInflatesToAGigabyte()
        {
            await using var server = new PlatformServer(RedditPages.Host);
            using var fetcher = FetcherOf(server);
            using var bomb = new MemoryStream();
            using (var gzip = new GZipStream(bomb, CompressionLevel.Fastest, leaveOpen: true))
                for (int i = 0; i < 1024; i++)
                    gzip.Write(new byte[1 << 20]);
            server.Answer = async (_, to, ct) =>
            {
                await to.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {bomb.Length}\r\n\r\n"), ct);
                await to.WriteAsync(bomb.GetBuffer().AsMemory(0, (int)bomb.Length), ct);
            };
            long before = GC.GetTotalAllocatedBytes(precise: true);
            Assert.Equal(PageOutcome.TooLarge, (await fetcher.GetAsync(Page, TestContext.Current.CancellationToken)).Outcome);
            Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 64 << 20);
        }
    }

    private static PageFetcher FetcherOf(PlatformServer server)
    {
        var handler = PageFetcher.Handler(); // as verifiers have it
        handler.Proxy = new WebProxy(server.Proxy);
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { X509Certificate2.CreateFromPem(server.Authority) }, RevocationMode = X509RevocationMode.NoCheck };
        return new PageFetcher(handler, new FastClock(20));
    }

    private Task<PageAnswer> GetAsync() => _fetcher.GetAsync(Page, TestContext.Current.CancellationToken);

    private static string Text(PageAnswer answer) => Encoding.UTF8.GetString(answer.Body.Span);
}
