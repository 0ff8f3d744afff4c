using System.Net;
using System.Net.Http.Headers;

namespace Trove.Node.Verification.Pages;

/// <summary>A platform gave no answer that says anything: it is away, busy, wants a login, or blocks this machine. That says nothing of the account: it may be asked later.</summary>
internal sealed class PlatformSilentException(string host)
    : SilentException($"{host} does not answer this machine, or only with a login, a redirect or an error: see whether it can be reached from here, and whether it blocks the address",
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
/// HTTPS_PROXY names. Not safe for several threads.
/// </summary>
public sealed class PageFetcher : IDisposable
{
    /// <summary>Bytes of an answer after decompression.</summary>
    public const int MaxBytes = 1 << 20;

    private const int MaxHeaderKilobytes = 32;
    private static readonly TimeSpan RequestLimit = TimeSpan.FromSeconds(20);

    // As long as the DNS is waited for: then others' work comes first.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan SilencePause = TimeSpan.FromSeconds(15), LongestPause = TimeSpan.FromMinutes(15);

    // Reddit lets clients without a token ask ten times a minute.
    private static readonly Dictionary<string, TimeSpan> Hosts = new(StringComparer.Ordinal) { [RedditPages.Host] = TimeSpan.FromSeconds(6) };

    private readonly HttpClient _http;
    private readonly TimeProvider _clock;
    private readonly long _started;
    private readonly Dictionary<string, TimeSpan> _next = new(StringComparer.Ordinal); // since the start

    /// <summary>Over the network.</summary>
    public PageFetcher()
        : this(Handler(), TimeProvider.System)
    {
    }

    /// <summary>Over a handler, which becomes this object's.</summary>
    internal PageFetcher(HttpMessageHandler handler, TimeProvider clock)
    {
        _clock = clock;
        _started = clock.GetTimestamp();
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan }; // the body's time counts too, see TryAsync
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
        while (true)
        {
            var due = _next.GetValueOrDefault(page.Host);
            bool tooLong = due > end;
            var wait = (tooLong ? end : due) - Now;
            if (wait > TimeSpan.Zero)
                await Task.Delay(wait, _clock, ct);
            if (tooLong)
                throw new PlatformSilentException(page.Host);
            var (answer, again) = await TryAsync(page, ct);
            _next[page.Host] = Now + (answer is null ? Longer(again ?? SilencePause, pause) : pause);
            if (answer is { } found)
                return found;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private TimeSpan Now => _clock.GetElapsedTime(_started);

    // Without an answer: when the platform wants to be asked again, if it says so.
    private async Task<(PageAnswer? Answer, TimeSpan? Again)> TryAsync(Uri page, CancellationToken ct)
    {
        using var time = new CancellationTokenSource(RequestLimit, _clock);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct, time.Token);
        try
        {
            using var response = await _http.GetAsync(page, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone)
                return (new PageAnswer(PageOutcome.NotThere, default), null);
            // A page for people is a login or a challenge.
            if (response.StatusCode != HttpStatusCode.OK || response.Content.Headers.ContentType?.MediaType is not "application/json")
                return (null, RetryAfter(response.Headers.RetryAfter));
            var body = new byte[MaxBytes + 1];
            await using var stream = await response.Content.ReadAsStreamAsync(limit.Token);
            int length = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, limit.Token);
            return (length > MaxBytes ? new PageAnswer(PageOutcome.TooLarge, default) : new PageAnswer(PageOutcome.Found, body.AsMemory(0, length)), null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return (null, null);
        }
    }

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? header) => header?.Delta ?? header?.Date - _clock.GetUtcNow();

    private static TimeSpan Longer(TimeSpan wanted, TimeSpan pause) => wanted > LongestPause ? LongestPause : wanted > pause ? wanted : pause;
}
