namespace Trove.Node.Operations;

/// <summary>The state of one part of a node.</summary>
/// <param name="Part">Stable name, such as <c>database</c>.</param>
/// <param name="Ok">Does it do its work?</param>
/// <param name="Reason">What was seen. No paths, no secrets: anybody may read it.</param>
/// <param name="NextStep">What the operator can do, when something is wrong.</param>
public sealed record HealthPart(string Part, bool Ok, string Reason, string? NextStep = null);

/// <summary>
/// A look at one part that never waits longer than <see cref="Limit"/> and never runs twice at a time: a look that hangs is
/// reported as such until it ends.
/// </summary>
internal sealed class Probe(string part, string nextStep, Func<CancellationToken, Task<HealthPart>> look, TimeProvider clock)
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private Task<HealthPart>? _running;
    private long _started;

    /// <summary>Not to be called by two at a time.</summary>
    public async Task<HealthPart> LookAsync()
    {
        if (_running is null)
        {
            _started = clock.GetTimestamp();
            // On the pool: what blocks, as a dead network disk does, must not block who asks.
            _running = Task.Run(TryAsync);
        }
        try
        {
            var result = await _running.WaitAsync(Limit, clock);
            _running = null;
            return result;
        }
        catch (TimeoutException)
        {
            return new HealthPart(part, false, $"no answer for {clock.GetElapsedTime(_started).TotalSeconds:0} s", nextStep);
        }
    }

    private async Task<HealthPart> TryAsync()
    {
        using var limit = new CancellationTokenSource(Limit, clock);
        try
        {
            return await look(limit.Token);
        }
        catch (OperationCanceledException)
        {
            return new HealthPart(part, false, $"no answer within {Limit.TotalSeconds:0} s", nextStep);
        }
        catch (Exception e)
        {
            // The kind only: messages name hosts and folders. The log of whoever uses the part has the rest.
            return new HealthPart(part, false, $"it fails with {e.GetType().Name}", nextStep);
        }
    }
}
