using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Trove.Node.Api;

namespace Trove.Node.Operations;

/// <summary>
/// The first part of stopping: the port stays open, readiness answers 503, new requests are refused, and those under way end,
/// for at most <see cref="Limit"/>. Then the server closes, workers end, and what they used is closed after them.
/// </summary>
public sealed class Drain(IHostApplicationLifetime lifetime, TimeProvider clock, ILogger<Drain> log) : IHostedLifecycleService
{
    /// <summary>The longest that requests under way are waited for.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(25);

    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _underWay;

    /// <summary>Ends when the node is asked to stop: what only waits should end then.</summary>
    public CancellationToken Stopping => lifetime.ApplicationStopping;

    /// <summary>Requests that are being answered.</summary>
    public int UnderWay => Volatile.Read(ref _underWay);

    /// <inheritdoc/>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (UnderWay == 0)
            return;
        log.LogInformation(LogEvents.Draining, "Stopping: {Requests} requests are under way and have {Seconds} s to end", UnderWay, Limit.TotalSeconds);
        try
        {
            await _empty.Task.WaitAsync(Limit, clock, cancellationToken);
        }
        catch (TimeoutException)
        {
            log.LogWarning(LogEvents.DrainTimeout, "{Requests} requests did not end in time and are broken off", UnderWay);
        }
    }

    /// <summary>Counts a request, or refuses it.</summary>
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Request.Path.StartsWithSegments(HealthEndpoints.Root, StringComparison.Ordinal))
        {
            await next(context);
            return;
        }
        // Counted before looking, so that nobody who was let in is missed.
        Interlocked.Increment(ref _underWay);
        try
        {
            if (!Stopping.IsCancellationRequested)
            {
                await next(context);
                return;
            }
            context.Response.Headers.RetryAfter = "5";
            context.Response.Headers.Connection = "close";
            await ApiProblem.Result(503, "stopping", "the node was asked to stop", "try again in a moment, or ask another node").ExecuteAsync(context);
        }
        finally
        {
            if (Interlocked.Decrement(ref _underWay) == 0 && Stopping.IsCancellationRequested)
                _empty.TrySetResult();
        }
    }

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Signals belong to the program, which has more to stop than the web server.</summary>
internal sealed class NoSignals : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
