using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Trove.Core;

namespace Trove.Node.Api;

/// <summary>How much one client may ask. Generous: each bounds what one stranger takes from the others, not what a member does.</summary>
public sealed record RateLimitOptions
{
    /// <summary>Requests of one address in <see cref="Window"/>; an IPv6 client is its /64. 500 members behind one address stay below it.</summary>
    public int AddressRequests { get; init; } = 20_000;

    /// <summary>
    /// Requests of one key in <see cref="Window"/>, from wherever they come: those that it signed, and those under its sessions. They
    /// are counted when the signature or the session was found to be right, so that nobody spends another's.
    /// </summary>
    public int KeyRequests { get; init; } = 5_000;

    /// <summary>
    /// Sign-ins of one address in <see cref="SignInWindow"/>. Each leaves rows for days, and keys cost a stranger nothing, so that limits
    /// by key would bound nothing.
    /// </summary>
    public int AddressSignIns { get; init; } = 600;

    /// <summary>Simulations of one address in <see cref="SignInWindow"/>: each starts a process and costs the chain's node hundreds of reads.</summary>
    public int AddressSimulations { get; init; } = 60;

    /// <summary>Time in which spent sign-ins are whole again.</summary>
    public TimeSpan SignInWindow { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Time in which a spent quota is whole again.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Event streams that one address listens to at once. They cost no requests while they last.</summary>
    public int AddressListeners { get; init; } = 64;
}

/// <summary>
/// Rate limits by address and by key, announced in <c>RateLimit-Policy</c> and <c>RateLimit</c>
/// (draft-ietf-httpapi-ratelimit-headers-10). Clients fall into a fixed number of buckets under a key of this process: memory is
/// bounded whatever addresses strangers have, and nobody can choose whose bucket to share.
/// </summary>
public sealed class RateLimits : IDisposable
{
    private const int Buckets = 1 << 16;
    private readonly RateLimitOptions _options;
    private readonly PartitionedRateLimiter<HttpContext> _addresses;
    private readonly PartitionedRateLimiter<Address> _keys;
    private readonly PartitionedRateLimiter<HttpContext> _listeners;
    private readonly PartitionedRateLimiter<HttpContext> _signIns;
    private readonly PartitionedRateLimiter<HttpContext> _simulations;
    private readonly string _policies;

    /// <summary>Limits with full quotas.</summary>
    public RateLimits(RateLimitOptions options)
    {
        _options = options;
        _addresses = PartitionedRateLimiter.Create<HttpContext, int>(c => Bucket(AddressBucket(c), options.AddressRequests, options.Window));
        _keys = PartitionedRateLimiter.Create<Address, int>(k => Bucket(BucketOf(k.ToArray()), options.KeyRequests, options.Window));
        _signIns = PartitionedRateLimiter.Create<HttpContext, int>(c => Bucket(AddressBucket(c), options.AddressSignIns, options.SignInWindow));
        _simulations = PartitionedRateLimiter.Create<HttpContext, int>(c => Bucket(AddressBucket(c), options.AddressSimulations, options.SignInWindow));
        _listeners = PartitionedRateLimiter.Create<HttpContext, int>(c => RateLimitPartition.GetConcurrencyLimiter(AddressBucket(c),
            _ => new ConcurrencyLimiterOptions { PermitLimit = options.AddressListeners, QueueLimit = 0 }));
        string window = ((int)options.Window.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        _policies = $"\"address\";q={options.AddressRequests};w={window}, \"key\";q={options.KeyRequests};w={window}";
    }

    /// <summary>Takes a place among the event streams of the client's address; give it back by disposing of it.</summary>
    public RateLimitLease Listen(HttpContext context)
    {
        var lease = _listeners.AttemptAcquire(context);
        if (lease.IsAcquired)
            return lease;
        lease.Dispose();
        throw new ApiException(429, "too-many-listeners", $"this address listens to {_options.AddressListeners} event streams already", "close one that is not needed");
    }

    /// <summary>Counts a sign-in of the client's address.</summary>
    /// <exception cref="ApiException">It has used its sign-ins up: 429.</exception>
    public void SignIn(HttpContext context)
    {
        using var lease = _signIns.AttemptAcquire(context);
        if (!lease.IsAcquired)
            throw new ApiException(429, "too-many-sign-ins", $"this address has signed in {_options.AddressSignIns} times within {_options.SignInWindow.TotalMinutes:0} minutes", "use the session that there is, or sign in later") { RetryAfter = WaitOf(lease) };
    }

    /// <summary>Counts a simulation of the client's address.</summary>
    /// <exception cref="ApiException">It has used its simulations up: 429.</exception>
    public void Simulate(HttpContext context)
    {
        using var lease = _simulations.AttemptAcquire(context);
        if (!lease.IsAcquired)
            throw new ApiException(429, "too-many-simulations", $"this address has simulated {_options.AddressSimulations} times within {_options.SignInWindow.TotalMinutes:0} minutes", "wait a little, or simulate with a node of your own") { RetryAfter = WaitOf(lease) };
    }

    /// <summary>Counts a request; false when it is refused, and then answered.</summary>
    public async Task<bool> TakeAsync(HttpContext context)
    {
        using var lease = _addresses.AttemptAcquire(context);
        var headers = context.Response.Headers;
        headers["RateLimit-Policy"] = _policies;
        headers["RateLimit"] = string.Create(CultureInfo.InvariantCulture, $"\"address\";r={_addresses.GetStatistics(context)?.CurrentAvailablePermits ?? 0}");
        if (lease.IsAcquired)
            return true;
        int seconds = (int)Math.Ceiling(WaitOf(lease).TotalSeconds);
        headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        await ApiProblem.Result(429, "too-many-requests", "this address has used its requests up", $"wait {seconds} s; the RateLimit-Policy header says how many there are").ExecuteAsync(context);
        return false;
    }

    /// <summary>Counts the request that is worked on as one of this key, which signed it or whose session it is under. Work of the node's own is not counted.</summary>
    /// <exception cref="ApiException">The key has used its requests up: 429.</exception>
    public static void CountKey(Address key)
    {
        if (Current.Value is { } limits)
            limits.TakeKey(key);
    }

    internal void TakeKey(Address key)
    {
        using var lease = _keys.AttemptAcquire(key);
        if (!lease.IsAcquired)
            throw new ApiException(429, "too-many-requests", $"the key of {key} has used its requests up", "wait a little; the RateLimit-Policy header says how many there are") { RetryAfter = WaitOf(lease) };
    }

    // Where signatures are checked nobody knows of HTTP, and they are checked in one place for all endpoints.
    internal static AsyncLocal<RateLimits?> Current { get; } = new();

    private static TimeSpan WaitOf(RateLimitLease lease) =>
        lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) && wait > TimeSpan.FromSeconds(1) ? wait : TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public void Dispose()
    {
        _addresses.Dispose();
        _keys.Dispose();
        _listeners.Dispose();
        _signIns.Dispose();
        _simulations.Dispose();
    }

    /// <summary>The client's address for counting: an IPv6 client has a whole /64 (RFC 6177), so that is its address here.</summary>
    public static ReadOnlySpan<byte> AddressKey(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        var bytes = address.GetAddressBytes();
        return address.AddressFamily == AddressFamily.InterNetworkV6 ? bytes.AsSpan(0, 8) : bytes;
    }

    internal static int AddressBucket(HttpContext context) => BucketOf(AddressKey(context));

    // Seeded anew in each process, over all bytes: no key can be made that shares another's bucket.
    private static int BucketOf(ReadOnlySpan<byte> bytes)
    {
        var hash = new HashCode();
        hash.AddBytes(bytes);
        return hash.ToHashCode() & (Buckets - 1);
    }

    // A bucket that fills up by a tenth of the window's quota at a time.
    private static RateLimitPartition<int> Bucket(int bucket, int quota, TimeSpan window) => RateLimitPartition.GetTokenBucketLimiter(bucket, _ => new TokenBucketRateLimiterOptions
    {
        TokenLimit = quota, TokensPerPeriod = Math.Max(1, quota / 10), ReplenishmentPeriod = window / 10, QueueLimit = 0, AutoReplenishment = true,
    });
}

/// <summary>Puts the limits before the endpoints.</summary>
public static class RateLimiting
{
    /// <summary>Counts every request except those that ask whether the node is well.</summary>
    public static void UseRateLimits(this WebApplication app)
    {
        var limits = app.Services.GetRequiredService<RateLimits>();
        app.Use(async (context, next) =>
        {
            if (!context.Request.Path.StartsWithSegments("/health", StringComparison.Ordinal) && !await limits.TakeAsync(context))
                return;
            RateLimits.Current.Value = limits;
            await next(context);
        });
    }
}
