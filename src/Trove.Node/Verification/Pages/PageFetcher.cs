using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Trove.Node.Verification.Pages;

/// <summary>A platform gave no answer that says anything: it is away, busy, wants a login, or blocks this machine. That says nothing of the account: it may be asked later.</summary>
/// <param name="host">Of the platform.</param>
/// <param name="refused">It is there, and gives the operator's app no token.</param>
internal sealed class PlatformSilentException(string host, bool refused = false)
    : SilentException(refused ? $"{host} gives no token to the app of --reddit-app: compare client id and secret with those at https://{host}/prefs/apps, and see that it is of type script or web; then start the verifier anew"
        : $"{host} does not answer this machine, or only with a login, a redirect or an error: see whether it can be reached from here, and whether it blocks the address",
        "platform-silent", time => $"{host} has not answered a verifier for {time}: contribute again later, or without its public pages");

/// <summary>What a platform answered.</summary>
public enum PageOutcome
{
    /// <summary>Here it is.</summary>
    Found,

    /// <summary>There is no such page (404, 410).</summary>
    NotThere,

    /// <summary>It has more than <see cref="PageFetcher.MaxBytes"/>; the rest was not read.</summary>
    TooLarge,
}

/// <summary>A platform's answer.</summary>
/// <param name="Outcome">What it is.</param>
/// <param name="Body">JSON as it was sent, decompressed; empty unless found.</param>
public readonly record struct PageAnswer(PageOutcome Outcome, ReadOnlyMemory<byte> Body);

/// <summary>
/// Gets machine-readable pages of platforms for a verifier: by GET over HTTPS from hosts of a fixed table, so that no member can have it ask anything
/// else; one at a time, with each host's pause in between. Follows no redirect, keeps no cookie, and nothing of what it got. Through the proxy that
/// HTTPS_PROXY names. With an app of Reddit it asks for the same in the app's name, by a token that it keeps in memory. Not safe for several threads.
/// </summary>
public sealed class PageFetcher : IDisposable
{
    /// <summary>Bytes of an answer after decompression.</summary>
    public const int MaxBytes = 1 << 20;

    private const int MaxTokenBytes = 16 << 10, MaxHeaderKilobytes = 32;
    private static readonly TimeSpan RequestLimit = TimeSpan.FromSeconds(20);

    // As long as the DNS is waited for: then others' work comes first.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan SilencePause = TimeSpan.FromSeconds(15), LongestPause = TimeSpan.FromMinutes(15);

    // Reddit lets clients without a token ask ten times a minute, and an app a hundred times.
    private static readonly Dictionary<string, TimeSpan> Hosts = new(StringComparer.Ordinal) { [RedditPages.Host] = TimeSpan.FromSeconds(6) };
    private static readonly TimeSpan AppPause = TimeSpan.FromSeconds(1);

    // Longer than a page is waited and asked for, so that no token ends meanwhile.
    private static readonly TimeSpan TokenReserve = TimeSpan.FromMinutes(2);

    private readonly RedditApp? _app;
    private readonly HttpClient _http;
    private readonly TimeProvider _clock;
    private readonly long _started;
    private readonly Dictionary<string, TimeSpan> _next = new(StringComparer.Ordinal); // since the start
    private RedditToken? _token;
    private TimeSpan _renewal; // of the token, since the start
    private bool _refused;

    /// <summary>Over the network.</summary>
    /// <param name="app">In whose name Reddit is asked, which becomes this object's; null to ask as anybody may.</param>
    public PageFetcher(RedditApp? app = null)
        : this(Handler(), TimeProvider.System, app)
    {
    }

    /// <summary>Over a handler, which becomes this object's.</summary>
    internal PageFetcher(HttpMessageHandler handler, TimeProvider clock, RedditApp? app = null)
    {
        _app = app;
        _clock = clock;
        _started = clock.GetTimestamp();
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan }; // the body's time counts too, see SendAsync
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("trove-verifier/1.0 (single pages that members ask to be looked at; no crawler)");
        _http.DefaultRequestHeaders.Accept.ParseAdd("application/json");
    }

    /// <summary>How it speaks to the network.</summary>
    internal static SocketsHttpHandler Handler() => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.All,
        MaxResponseHeadersLength = MaxHeaderKilobytes,
        MaxConnectionsPerServer = 1,
        MaxResponseDrainSize = 0,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        ActivityHeadersPropagator = null, // no ids of ours
    };

    /// <summary>Gets a page. A platform that is silent is asked again for a minute.</summary>
    /// <exception cref="ArgumentException">Its host is not in the table.</exception>
    /// <exception cref="PlatformSilentException">There was no answer.</exception>
    public async Task<PageAnswer> GetAsync(Uri page, CancellationToken ct)
    {
        if (page is not { IsAbsoluteUri: true, Scheme: "https", IsDefaultPort: true, UserInfo: "" } || !Hosts.TryGetValue(page.Host, out var pause))
            throw new ArgumentException($"{page.Host} is no host that verifiers ask", nameof(page));
        var end = Now + Patience;
        var asked = _app is null ? page : RedditPages.ForApp(page);
        var pauseAfter = _app is null ? pause : AppPause;
        bool renewed = false;
        while (true)
        {
            if (_app is not null && (_token is null || Now >= _renewal))
            {
                await TurnAsync(page.Host, page.Host, end, ct);
                if (!await RenewAsync(_app, pause, ct))
                    continue;
            }
            await TurnAsync(asked.Host, page.Host, end, ct);
            var (answer, stale, again) = await TryAsync(asked, ct);
            bool renew = stale && _token is not null && !renewed; // once: one that is refused when new is not what is wrong
            _next[asked.Host] = Now + Longer(again ?? (answer is null && !renew ? SilencePause : pauseAfter), pauseAfter);
            if (answer is { } found)
                return found;
            if (renew)
                (_token, renewed) = (null, true);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _http.Dispose();
        _app?.Dispose();
    }

    private TimeSpan Now => _clock.GetElapsedTime(_started);

    // Waits until a host may be asked; no longer than to the end, at which its platform is silent.
    private async Task TurnAsync(string host, string platform, TimeSpan end, CancellationToken ct)
    {
        var due = _next.GetValueOrDefault(host);
        bool tooLong = due > end;
        var wait = (tooLong ? end : due) - Now;
        if (wait > TimeSpan.Zero)
            await Task.Delay(wait, _clock, ct);
        if (tooLong)
            throw new PlatformSilentException(platform, _refused);
    }

    // A new token in place of the old one, or none.
    private async Task<bool> RenewAsync(RedditApp app, TimeSpan pause, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, RedditPages.TokenPage) { Content = new FormUrlEncodedContent([new("grant_type", "client_credentials")]) };
        request.Headers.Authorization = app.Authorization();
        (_token, _refused, var again) = await SendAsync<(RedditToken?, bool, TimeSpan?)>(request, async (response, limit) =>
        {
            // Whoever goes on asking with a wrong secret is taken for one who guesses.
            if (response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized)
                return (null, true, LongestPause);
            if (!IsJson(response))
                return (null, false, RetryAfter(response.Headers.RetryAfter));
            var token = await BodyAsync(response, MaxTokenBytes, limit) is { } body ? RedditPages.ReadToken(body) : null;
            return (token, token is null, null);
        }, ct);
        _next[RedditPages.TokenPage.Host] = Now + (_token is null ? Longer(again ?? SilencePause, pause) : pause);
        _renewal = Now + (_token?.Life ?? default) - TokenReserve;
        return _token is not null;
    }

    // Without an answer: when the platform wants to be asked again, if it says so, and whether it wants another token. With one: when an app may ask again, if later than ever.
    private async Task<(PageAnswer? Answer, bool Stale, TimeSpan? Again)> TryAsync(Uri page, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, page);
        if (_token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("bearer", _token.Value);
        return await SendAsync<(PageAnswer?, bool, TimeSpan?)>(request, async (response, limit) =>
        {
            var usedUp = _token is null ? null : UsedUp(response.Headers);
            if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone)
                return (new PageAnswer(PageOutcome.NotThere, default), false, usedUp);
            if (!IsJson(response))
                return (null, response.StatusCode == HttpStatusCode.Unauthorized, RetryAfter(response.Headers.RetryAfter) ?? usedUp);
            return (await BodyAsync(response, MaxBytes, limit) is { } body ? new PageAnswer(PageOutcome.Found, body) : new PageAnswer(PageOutcome.TooLarge, default), false, usedUp);
        }, ct);
    }

    // Nothing when nothing came, or no end of it.
    private async Task<T?> SendAsync<T>(HttpRequestMessage request, Func<HttpResponseMessage, CancellationToken, Task<T>> read, CancellationToken ct)
    {
        using var time = new CancellationTokenSource(RequestLimit, _clock);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct, time.Token);
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            return await read(response, limit.Token);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return default;
        }
    }

    // A page for people is a login or a challenge.
    private static bool IsJson(HttpResponseMessage response) => response is { StatusCode: HttpStatusCode.OK, Content.Headers.ContentType.MediaType: "application/json" };

    // Null when it is longer.
    private static async Task<ReadOnlyMemory<byte>?> BodyAsync(HttpResponseMessage response, int longest, CancellationToken ct)
    {
        var body = new byte[longest + 1];
        await using var stream = await response.Content.ReadAsStreamAsync(ct);
        int length = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, ct);
        return length > longest ? null : new ReadOnlyMemory<byte>?(body.AsMemory(0, length)); // a bare null would be an empty memory
    }

    // What an app may ask in a period is used up: when the next begins.
    private static TimeSpan? UsedUp(HttpResponseHeaders headers) => Number(headers, "X-Ratelimit-Remaining") is < 1 && Number(headers, "X-Ratelimit-Reset") is { } seconds
        ? TimeSpan.FromSeconds((double)Math.Min(seconds, (decimal)LongestPause.TotalSeconds)) : null;

    private static decimal? Number(HttpResponseHeaders headers, string name) =>
        headers.TryGetValues(name, out var values) && decimal.TryParse(values.First(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number) ? number : null;

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? header) => header?.Delta ?? header?.Date - _clock.GetUtcNow();

    private static TimeSpan Longer(TimeSpan wanted, TimeSpan pause) => wanted > LongestPause ? LongestPause : wanted > pause ? wanted : pause;
}
