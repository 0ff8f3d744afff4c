using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Exports;
using Trove.Node.Protocol;
using Trove.Node.Verification.Pages;
using static Trove.Tests.Node.PlatformServer;
using static Trove.Tests.Node.RedditAnswers;
using Outcome = Trove.Core.Rewards.CheckOutcome;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Node;

/// <summary>Reddit asked in the name of an operator's app: tokens given, refused, ended and made up, and the same facts as without.</summary>
public sealed class RedditAppTests : IAsyncDisposable
{
    private const string Id = "made-up_Id42", Secret = "a_Secret:made-up~for.tests", TokenPath = "/api/v1/access_token";
    private static readonly Uri Page = RedditPages.ProfileOf("fen_walker");

    private readonly PlatformServer _server = new("www.reddit.com", "oauth.reddit.com");
    private readonly string _file = Path.GetTempFileName();
    private readonly FastClock _clock = new(20);
    private readonly PageFetcher _fetcher;

    // Each has what a request was answered with; the last goes on.
    private readonly ConcurrentQueue<Func<Stream, CancellationToken, Task>> _tokens = [], _pages = [];

    public RedditAppTests()
    {
        File.WriteAllText(_file, $"{Id}:{Secret}\n");
        _fetcher = Fetcher(RedditApp.FromFile(_file));
        _server.Answer = (path, to, ct) => Next(path == TokenPath ? _tokens : _pages)(to, ct);
    }

    public async ValueTask DisposeAsync()
    {
        _fetcher.Dispose();
        File.Delete(_file);
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_token_is_asked_for_once_and_pages_with_it()
    {
        Tokens(Token("first"));
        Pages("""{"kind":"t2"}""");
        Assert.Equal("""{"kind":"t2"}""", Text(await GetAsync()));
        Assert.Equal("""{"kind":"t2"}""", Text(await GetAsync(RedditPages.Things(["t3_1", "t1_2"]))));
        var requests = _server.Requests.ToArray();
        Assert.Equal(["POST /api/v1/access_token", "GET /user/fen_walker/about?raw_json=1", "GET /api/info?raw_json=1&id=t3_1,t1_2"], requests.Select(r => string.Join(' ', r.Split(' ')[..2])));
        Assert.Equal(["www.reddit.com:443", "oauth.reddit.com:443"], _server.Connected);
        Assert.EndsWith("\r\n\r\ngrant_type=client_credentials", requests[0], StringComparison.Ordinal);
        Assert.Contains("\r\nContent-Type: application/x-www-form-urlencoded\r\n", requests[0], StringComparison.Ordinal);
        Assert.Contains($"\r\nAuthorization: Basic {Convert.ToBase64String(Encoding.ASCII.GetBytes($"{Id}:{Secret}"))}\r\n", requests[0], StringComparison.Ordinal);
        Assert.All(requests, request => Assert.Contains("\r\nUser-Agent: trove-verifier/1.0 (", request, StringComparison.Ordinal));
        Assert.All(requests[1..], request => Assert.Contains("\r\nAuthorization: bearer first\r\n", request, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_token_is_renewed_before_it_ends()
    {
        Tokens(Token("first"), Token("second"));
        Pages("{}");
        await GetAsync();
        _clock.Skip(TimeSpan.FromMinutes(50));
        await GetAsync();
        _clock.Skip(TimeSpan.FromMinutes(9));
        await GetAsync();
        await GetAsync();
        Assert.Equal(["", "first", "first", "", "second", "second"], Used());
    }

    // Shorter than one page takes: new for each, and never in a circle.
    [Fact]
    public async Task TokenThatEndsAtOnce()
    {
        Tokens(Token("first", 1), Token("second", 1));
        Pages("{}");
        await GetAsync();
        await GetAsync();
        Assert.Equal(["", "first", "", "second"], Used());
    }

    [Fact]
    public async Task A_token_that_is_refused_is_renewed_once()
    {
        Tokens(Token("first"), Token("second"));
        _pages.Enqueue(Status(401));
        Pages("{}");
        Assert.Equal("{}", Text(await GetAsync()));
        Assert.Equal(["", "first", "", "second"], Used());
    }

    [Fact]
    public async Task TokensThatAreAlwaysRefused()
    {
        Tokens(Token("first"), Token("second"), Token("third"));
        _pages.Enqueue(Status(401));
        Assert.DoesNotContain("--reddit-app", (await SilentAsync()).Message, StringComparison.Ordinal);
        Assert.Equal(["", "first", "", "second"], Used().Take(4));
        Assert.All(Used().Skip(4), token => Assert.Equal("second", token));
    }

    // Who asked on would be taken for one who guesses; and the operator is told what to compare.
    [Theory]
    [InlineData(401)]
    [InlineData(400)]
    public async Task WrongSecret(int status)
    {
        _tokens.Enqueue(Status(status, """{"message":"Unauthorized","error":401}"""));
        for (int i = 0; i < 2; i++)
        {
            var silence = await SilentAsync();
            Assert.StartsWith("www.reddit.com gives no token to the app of --reddit-app: compare client id and secret with those at https://www.reddit.com/prefs/apps", silence.Message, StringComparison.Ordinal);
            Assert.Equal("www.reddit.com has not answered a verifier for 6 hours: contribute again later, or without its public pages", silence.Reason(TimeSpan.FromHours(6)));
            AssertNoSecret(silence);
        }
        Assert.Equal([""], Used());
    }

    [Fact]
    public async Task An_app_that_is_let_in_again_is_used()
    {
        _tokens.Enqueue(Status(401));
        Tokens(Token("first"));
        Pages("{}");
        await SilentAsync();
        _clock.Skip(TimeSpan.FromMinutes(15));
        Assert.Equal("{}", Text(await GetAsync()));
        Assert.Equal(["", "", "first"], Used());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("<html>")]
    [InlineData("""{"error":"unauthorized_client","error_description":"Only confidential clients may use client_credentials auth"}""")]
    [InlineData("""{"access_token":"","token_type":"bearer","expires_in":3600}""")]
    [InlineData("""{"access_token":"===","token_type":"bearer","expires_in":3600}""")]
    [InlineData("""{"access_token":7,"token_type":"bearer","expires_in":3600}""")]
    [InlineData("""{"access_token":"cnry\r\nHost: example.org","token_type":"bearer","expires_in":3600}""")]
    [InlineData("""{"access_token":"cnry\n","token_type":"bearer","expires_in":3600}""")]
    [InlineData("""{"access_token":"cnry\u0000","token_type":"bearer","expires_in":3600}""")]
    [InlineData("""{"access_token":"cnry cnry","token_type":"bearer","expires_in":3600}""")]
    [InlineData("""{"access_token":"cnr\u00fd","token_type":"bearer","expires_in":3600}""")]
    [InlineData("""{"access_token":"\ud800","token_type":"bearer","expires_in":3600}""")]
    [InlineData("""{"acces\ud800_token":"cnry","token_type":"bearer","expires_in":3600}""")]
    [InlineData("""{"access_token":"a=b","token_type":"bearer","expires_in":3600}""")]
    [InlineData("""{"access_token":"LONG","token_type":"bearer","expires_in":3600}""")]
    [InlineData("""{"access_token":"cnry","expires_in":3600}""")]
    [InlineData("""{"access_token":"cnry","token_type":"mac","expires_in":3600}""")]
    [InlineData("""{"access_token":"cnry","token_type":"bearer"}""")]
    [InlineData("""{"access_token":"cnry","token_type":"bearer","expires_in":"3600"}""")]
    [InlineData("""{"access_token":"cnry","token_type":"bearer","expires_in":0}""")]
    [InlineData("""{"access_token":"cnry","token_type":"bearer","expires_in":-3600}""")]
    [InlineData("""{"access_token":"cnry","token_type":"bearer","expires_in":604801}""")]
    [InlineData("""{"access_token":"cnry","token_type":"bearer","expires_in":9223372036854775808}""")]
    [InlineData("""{"access_token":"cnry","token_type":"bearer","expires_in":1e999}""")]
    public void TokenThatIsNone(string answer) => Assert.Null(RedditPages.ReadToken(Encoding.UTF8.GetBytes(answer.Replace("LONG", new string('a', 4097), StringComparison.Ordinal))));

    [Theory]
    [InlineData("""{"error":"unauthorized_client"}""")]
    [InlineData("""{"access_token":"cnry\r\nHost: example.org","token_type":"bearer","expires_in":3600}""")]
    [InlineData("SPACES")]
    public async Task AnswerWithoutAToken(string answer)
    {
        Tokens(answer.Replace("SPACES", new string(' ', 16 << 10) + Token("cnry"), StringComparison.Ordinal));
        Pages("{}");
        var silence = await SilentAsync();
        Assert.StartsWith("www.reddit.com gives no token to the app of --reddit-app", silence.Message, StringComparison.Ordinal);
        AssertNoSecret(silence);
        Assert.All(Used(), Assert.Empty);
        Assert.InRange(_server.Requests.Count, 2, 6); // patiently
    }

    [Theory]
    [InlineData("""{"access_token":"a-._~+/9==","token_type":"Bearer","expires_in":3600.0}""", "a-._~+/9==")]
    [InlineData("""{"access_token":"LONG","token_type":"bearer","expires_in":604800}""", "LONG")]
    public void TokenThatIsOne(string answer, string token)
    {
        var longest = new string('a', 4096);
        Assert.Equal(token.Replace("LONG", longest, StringComparison.Ordinal), RedditPages.ReadToken(Encoding.UTF8.GetBytes(answer.Replace("LONG", longest, StringComparison.Ordinal)))?.Value);
    }

    // Neither secret nor token goes where a redirect leads, and what is no answer is asked for again.
    [Theory]
    [InlineData(302, "application/json", "Location: https://example.org/\r\n")]
    [InlineData(307, "application/json", "Location: https://example.org/\r\n")]
    [InlineData(429, "application/json", "Retry-After: 20\r\n")]
    [InlineData(503, "application/json", "")]
    [InlineData(403, "text/html", "")]
    [InlineData(200, "text/html", "")]
    [InlineData(404, "application/json", "")]
    public async Task SilentAtFirst(int status, string type, string header)
    {
        _tokens.Enqueue((to, ct) => WriteAsync(to, status, Token("cnry"), ct, type, header));
        Tokens(Token("first"));
        if (status != 404)
            _pages.Enqueue((to, ct) => WriteAsync(to, status, "{}", ct, type, header));
        Pages("{}");
        Assert.Equal("{}", Text(await GetAsync()));
        Assert.DoesNotContain("cnry", Used());
        Assert.Equal(["www.reddit.com:443", "oauth.reddit.com:443"], _server.Connected.Distinct());
    }

    [Fact]
    public async Task TokenThatTrickles()
    {
        _tokens.Enqueue(async (to, ct) =>
        {
            await to.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"u8.ToArray(), ct);
            await Task.Delay(Timeout.Infinite, ct);
        });
        Tokens(Token("first"));
        Pages("{}");
        Assert.Equal("{}", Text(await GetAsync()));
    }

    [Fact]
    public async Task Stopping_is_no_silence()
    {
        using var stop = new CancellationTokenSource(200);
        _tokens.Enqueue((_, ct) => Task.Delay(Timeout.Infinite, ct));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _fetcher.GetAsync(Page, stop.Token));
    }

    // What an app may ask is used up for ten minutes: nobody asks before.
    [Theory]
    [InlineData("0", "600", true)]
    [InlineData("0.0", "600", true)]
    [InlineData("0", "79228162514264337593543950335", true)]
    [InlineData("1.0", "600", false)]
    [InlineData("99", "600", false)]
    [InlineData("0", "-1", false)]
    [InlineData("0", "soon", false)]
    [InlineData("NaN", "600", false)]
    [InlineData("-1", "600", false)]
    [InlineData("0", "99999999999999999999999999999999", false)]
    public async Task What_an_app_may_ask_is_used_up(string remaining, string reset, bool waits)
    {
        Tokens(Token("first"));
        _pages.Enqueue((to, ct) => WriteAsync(to, 200, "{}", ct, header: $"x-ratelimit-used: 100\r\nx-ratelimit-remaining: {remaining}\r\nx-ratelimit-reset: {reset}\r\n"));
        Pages("{}");
        await GetAsync();
        if (waits)
            await SilentAsync();
        else
            await GetAsync();
        Assert.Equal(waits ? 2 : 3, _server.Requests.Count);
    }

    [Theory]
    [InlineData("https://oauth.reddit.com/api/v1/me")]
    [InlineData("https://www.reddit.com.example.org/a")]
    [InlineData("http://www.reddit.com/a")]
    public async Task HostThatIsNotInTheTable(string page)
    {
        await Assert.ThrowsAsync<ArgumentException>(() => GetAsync(new Uri(page)));
        Assert.Empty(_server.Connected);
    }

    // Whatever Reddit says: one verifier has an app, the other none.
    [Fact]
    public async Task Facts_are_the_same_with_an_app_and_without()
    {
        const string me = "Fen_Walker";
        var code = AccountCode.Of(1, Address.Parse("0x" + new string('1', 40)), Address.Parse("0x" + new string('2', 40)));
        var records = Enumerable.Range(0, 8).Select(i => new Record { Platform = "reddit", Kind = RecordKind.Comment, Id = $"id{i}", Author = me, Own = true, Text = $"text {i} of the marsh" }).ToList();
        string Shown(int same, string author = me) => Listing([.. records.Select((r, i) => Comment(r.Id, author, i < same ? r.Text : "[removed]"))]);
        var pages = new PublicPages(true, true, ["https://www.reddit.com/r/test/comments/1abc/trove/"]);
        var platforms = new (int Status, string Profile, string Post, string Records)[]
        {
            (200, Profile(me, code), Listing(Post("1abc", me, "t", code)), Shown(8)), (200, Profile(me, "herons"), Listing(Post("1abc", "heron", "t", code)), Shown(4)),
            (200, Profile("heron", code), Listing(), Shown(8, "heron")), (200, Profile(me, $"<b>{code}</b> & more"), Listing(Post("1abc", me, "t", "> " + code)), Shown(5)),
            (200, new string(' ', PageFetcher.MaxBytes + 1), Listing(Post("1abc", "[deleted]", "t", code)), Listing()), (404, "{}", "{}", "{}"), (410, "{}", "{}", "{}"),
            (403, "{}", "{}", "{}"), (200, "{}", "{}", "{}"), (200, Profile(me, code), """{"message":"Forbidden"}""", Shown(8)),
        };
        Tokens(Token("first"));
        using var plain = Fetcher(null);
        var outcomes = new HashSet<(string, Outcome)>();
        int silent = 0;
        foreach (var (status, profile, post, shown) in platforms)
        {
            _server.Answer = (path, to, ct) => path == TokenPath ? WriteAsync(to, 200, Token("first"), ct)
                : WriteAsync(to, status, path.StartsWith("/user/", StringComparison.Ordinal) ? profile : path.EndsWith("id=t3_1abc", StringComparison.Ordinal) ? post : shown, ct);
            var with = await FactsAsync(_fetcher);
            Assert.Equal(with, await FactsAsync(plain));
            silent += with is null ? 1 : 0;
            outcomes.UnionWith((with ?? []).Select(check => (check.Name, check.Outcome)));
        }
        Assert.Equal(3, silent);
        Assert.Equal(7, outcomes.Count); // passed and absent of each kind, and a record of another account

        async Task<IReadOnlyList<EvidenceCheck>?> FactsAsync(PageFetcher fetcher)
        {
            try
            {
                return await PageEvidence.CheckAsync("reddit", me, pages, code, records, fetcher.GetAsync, TestContext.Current.CancellationToken);
            }
            catch (PlatformSilentException e)
            {
                Assert.Equal("www.reddit.com has not answered a verifier for 6 hours: contribute again later, or without its public pages", e.Reason(TimeSpan.FromHours(6)));
                return null;
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData(Id)]
    [InlineData(Id + "\n" + Secret)]
    [InlineData(Id + ":")]
    [InlineData(":" + Secret)]
    [InlineData(Id + ": " + Secret)]
    [InlineData(Id + ":" + Secret + "\u00e9")]
    [InlineData("{\"id\": \"" + Id + "\"}")]
    [InlineData("LONG:" + Secret)]
    public void FileThatIsNoApps(string text)
    {
        File.WriteAllText(_file, text.Replace("LONG", new string('a', 1024), StringComparison.Ordinal));
        var e = Assert.Throws<FormatException>(() => RedditApp.FromFile(_file));
        Assert.StartsWith($"the first line of {_file} is not CLIENT-ID:SECRET of an app", e.Message, StringComparison.Ordinal);
        AssertNoSecret(e);
    }

    [Fact]
    public void AppIsNotPrinted()
    {
        File.WriteAllText(_file, $"{Id}:{Secret}\r\nwhat else it is for\n");
        using var app = RedditApp.FromFile(_file);
        Assert.Equal(Convert.ToBase64String(Encoding.ASCII.GetBytes($"{Id}:{Secret}")), app.Authorization().Parameter);
        foreach (var text in new[] { $"{app}", System.Text.Json.JsonSerializer.Serialize(app), $"{RedditPages.ReadToken(Encoding.UTF8.GetBytes(Token("cnry")))}" })
        {
            Assert.DoesNotContain(Secret, text, StringComparison.Ordinal);
            Assert.DoesNotContain("cnry", text, StringComparison.Ordinal);
        }
    }

    private PageFetcher Fetcher(RedditApp? app)
    {
        var handler = PageFetcher.Handler(); // as verifiers have it
        handler.Proxy = new WebProxy(_server.Proxy);
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { X509Certificate2.CreateFromPem(_server.Authority) }, RevocationMode = X509RevocationMode.NoCheck };
        return new PageFetcher(handler, _clock, app);
    }

    private static Func<Stream, CancellationToken, Task> Next(ConcurrentQueue<Func<Stream, CancellationToken, Task>> answers) => answers.Count > 1 && answers.TryDequeue(out var next) || answers.TryPeek(out next) ? next : Status(404);

    private static Func<Stream, CancellationToken, Task> Status(int status, string body = "{}") => (to, ct) => WriteAsync(to, status, body, ct);

    private void Tokens(params string[] answers)
    {
        foreach (var answer in answers)
            _tokens.Enqueue(Status(200, answer));
    }

    private void Pages(string answer) => _pages.Enqueue(Status(200, answer));

    // The tokens of requests in their order; empty of who asks for one.
    private IEnumerable<string> Used() => _server.Requests.Select(r => r.Split("\r\nAuthorization: bearer ") is [_, var rest] ? rest.Split('\r')[0] : "");

    private Task<PageAnswer> GetAsync(Uri? page = null) => _fetcher.GetAsync(page ?? Page, TestContext.Current.CancellationToken);

    private Task<PlatformSilentException> SilentAsync() => Assert.ThrowsAsync<PlatformSilentException>(() => GetAsync());

    private static void AssertNoSecret(Exception e)
    {
        foreach (var secret in new[] { Id, Secret, Convert.ToBase64String(Encoding.ASCII.GetBytes($"{Id}:{Secret}")), "cnry" })
            Assert.DoesNotContain(secret, e.ToString(), StringComparison.Ordinal);
    }

    private static string Text(PageAnswer answer) => Encoding.UTF8.GetString(answer.Body.Span);
}
