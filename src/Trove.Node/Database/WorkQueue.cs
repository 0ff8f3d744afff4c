using System.Collections.Concurrent;
using System.Diagnostics;
using Dapper;
using Microsoft.Extensions.Logging;
using Npgsql;
using Trove.Node.Operations;

namespace Trove.Node.Database;

/// <summary>What a worker claimed: it holds the lease until it ends the item or <see cref="WorkQueue.Lease"/> is over.</summary>
/// <param name="Id">Number of the item.</param>
/// <param name="Topic">The queue it is in.</param>
/// <param name="Payload">JSON as it was enqueued (PostgreSQL's <c>jsonb</c> may order keys anew).</param>
/// <param name="Attempt">1 for the first try.</param>
/// <param name="LeaseId">Proof of this claim: a worker whose lease was given to another cannot end the item.</param>
public sealed record WorkItem(long Id, string Topic, string Payload, int Attempt, Guid LeaseId);

/// <summary>The worker took longer than its lease, and the item may be with another worker. What it did must be rolled back.</summary>
public sealed class LeaseLostException(WorkItem item)
    : Exception($"work item {item.Id} ({item.Topic}): its lease ended and it may be with another worker; roll back, it will be tried again");

/// <summary>
/// Durable queues in PostgreSQL. An item is enqueued in the transaction that makes it necessary, claimed by one worker at
/// a time under a lease, and tried again with growing pauses until it succeeds or is dead, with its last error kept.
/// Delivery is at least once: a worker makes its effects in the transaction it passes to <see cref="CompleteAsync"/>, or
/// makes them so that they may be repeated.
/// </summary>
public sealed class WorkQueue : IAsyncDisposable
{
    /// <summary>How long a claim lasts without a heartbeat.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(60);

    /// <summary>Attempts until an item is dead, unless it was enqueued with another number.</summary>
    public const int DefaultAttempts = 10;

    /// <summary>Longest payload in characters of JSON: what is large belongs into the vault or a table.</summary>
    public const int MaxPayload = 64 * 1024;

    private const int MaxError = 2000;
    private const string Channel = "trove_work";
    private static readonly TimeSpan SlowPoll = TimeSpan.FromSeconds(5); // also finds what becomes due by time alone
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(15);

    // Due later than anything is ever put off: the database's clock was set back. Without this the queues would stand still for as long.
    private static readonly TimeSpan Implausible = LongestPause + TimeSpan.FromMinutes(1);

    private readonly NodeDatabase _database;
    private readonly ILogger _log;
    private readonly string _owner;
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _wakeUps = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _listener;

    /// <summary>Starts to listen for wake-ups; <see cref="DisposeAsync"/> ends it.</summary>
    /// <param name="database">Where the queues are.</param>
    /// <param name="log">Told of every failed attempt and of a lost connection.</param>
    /// <param name="owner">Name of this process in the table, for operators.</param>
    public WorkQueue(NodeDatabase database, ILogger<WorkQueue> log, string owner)
    {
        _database = database;
        _log = log;
        _owner = owner;
        _listener = ListenAsync(_stop.Token);
    }

    /// <summary>Adds an item to <paramref name="topic"/>; workers see it when the caller's transaction commits.</summary>
    /// <param name="transaction">The caller's transaction.</param>
    /// <param name="topic">The queue: 1 to 100 characters.</param>
    /// <param name="payload">JSON, at most <see cref="MaxPayload"/> characters. No secrets.</param>
    /// <param name="uniqueKey">At most 200 characters; an item of this topic with this key, in any state, is not added again.</param>
    /// <param name="attempts">Tries until it is dead.</param>
    /// <returns>False when the key was there.</returns>
    public static async Task<bool> EnqueueAsync(NpgsqlTransaction transaction, string topic, string payload,
        string? uniqueKey = null, int attempts = DefaultAttempts)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, MaxPayload);
        var connection = transaction.Connection!;
        int added = await connection.ExecuteAsync("""
            INSERT INTO work_items (topic, unique_key, payload, max_attempts)
            VALUES (@topic, @uniqueKey, @payload::jsonb, @attempts)
            ON CONFLICT (topic, unique_key) DO NOTHING
            """, new { topic, uniqueKey, payload, attempts }, transaction);
        if (added == 1)
            await WakeAsync(transaction, [topic]);
        return added == 1;
    }

    /// <summary>Wakes who waits for these topics (<see cref="WaitAsync"/>), at whichever node, when the caller's transaction commits.</summary>
    public static Task WakeAsync(NpgsqlTransaction transaction, IEnumerable<string> topics) =>
        transaction.Connection!.ExecuteAsync("SELECT pg_notify(@Channel, t) FROM unnest(@topics) t", new { Channel, topics = topics.ToArray() }, transaction);

    /// <summary>Takes the item that has been due longest, or null when none is due.</summary>
    public async Task<WorkItem?> ClaimAsync(string topic, CancellationToken ct)
    {
        await using var connection = await _database.Source.OpenConnectionAsync(ct);
        // A worker that dies with its item never reports a failure: such attempts count when the item comes up again.
        return await connection.QuerySingleOrDefaultAsync<WorkItem>(new CommandDefinition("""
            WITH spent AS (
                UPDATE work_items SET state = 'dead', ended_at = clock_timestamp(), lease = NULL,
                    last_error = coalesce(last_error, 'the worker ' || lease_owner || ' ended without a result')
                WHERE id IN (SELECT id FROM work_items WHERE topic = @topic AND state = 'ready'
                    AND (due_at <= clock_timestamp() OR due_at > clock_timestamp() + @Implausible) AND attempts >= max_attempts LIMIT 100 FOR UPDATE SKIP LOCKED))
            UPDATE work_items SET attempts = attempts + 1, lease = gen_random_uuid(), lease_owner = @_owner,
                due_at = clock_timestamp() + @Lease
            WHERE id = (SELECT id FROM work_items WHERE topic = @topic AND state = 'ready'
                AND (due_at <= clock_timestamp() OR due_at > clock_timestamp() + @Implausible) AND attempts < max_attempts ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING id, topic, payload, attempts AS attempt, lease AS lease_id
            """, new { topic, _owner, Lease, Implausible }, cancellationToken: ct));
    }

    /// <summary>Extends the lease to its full length from now.</summary>
    /// <returns>False when the lease was lost.</returns>
    public async Task<bool> HeartbeatAsync(WorkItem item, CancellationToken ct)
    {
        await using var connection = await _database.Source.OpenConnectionAsync(ct);
        return await connection.ExecuteAsync(new CommandDefinition("""
            UPDATE work_items SET due_at = clock_timestamp() + @Lease WHERE id = @Id AND lease = @LeaseId AND state = 'ready'
            """, new { item.Id, item.LeaseId, Lease }, cancellationToken: ct)) == 1;
    }

    /// <summary>Marks the item done, in the transaction that holds the worker's effects. Twice is once.</summary>
    /// <exception cref="LeaseLostException">The item may be with another worker.</exception>
    public static async Task CompleteAsync(NpgsqlTransaction transaction, WorkItem item)
    {
        int done = await transaction.Connection!.ExecuteAsync("""
            UPDATE work_items SET state = 'done', ended_at = coalesce(ended_at, clock_timestamp())
            WHERE id = @Id AND lease = @LeaseId AND state IN ('ready', 'done')
            """, new { item.Id, item.LeaseId }, transaction);
        if (done == 0)
            throw new LeaseLostException(item);
    }

    /// <summary>Ends this attempt: the item is due again after a pause, or dead after its last attempt.</summary>
    /// <param name="item">The claim. If its lease was lost, nothing happens.</param>
    /// <param name="error">Kept with the item, at most 2,000 characters. No secrets.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <returns>True when the item is now dead.</returns>
    public async Task<bool> FailAsync(WorkItem item, string error, CancellationToken ct)
    {
        var pause = Pause(item.Attempt, Random.Shared.NextDouble());
        // PostgreSQL's text takes no NUL, and a cut surrogate pair is no UTF-8.
        error = error.Replace('\0', ' ');
        if (error.Length > MaxError)
            error = error[..(char.IsHighSurrogate(error[MaxError - 1]) ? MaxError - 1 : MaxError)];
        await using var connection = await _database.Source.OpenConnectionAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<string>(new CommandDefinition("""
            UPDATE work_items SET last_error = @error, lease = NULL,
                state = CASE WHEN attempts >= max_attempts THEN 'dead' ELSE 'ready' END,
                ended_at = CASE WHEN attempts >= max_attempts THEN clock_timestamp() END,
                due_at = clock_timestamp() + @pause
            WHERE id = @Id AND lease = @LeaseId AND state = 'ready'
            RETURNING state
            """, new { item.Id, item.LeaseId, error, pause }, cancellationToken: ct)) == "dead";
    }

    /// <summary>Ends this claim without a result, as if it had not been made: the item is due at once and no attempt is counted.</summary>
    /// <returns>False when the lease was lost.</returns>
    public async Task<bool> GiveBackAsync(WorkItem item, CancellationToken ct) => await _database.TransactAsync(async transaction =>
    {
        var topic = await transaction.Connection!.QuerySingleOrDefaultAsync<string>(new CommandDefinition("""
            UPDATE work_items SET attempts = attempts - 1, lease = NULL, lease_owner = NULL, due_at = clock_timestamp()
            WHERE id = @Id AND lease = @LeaseId AND state = 'ready' RETURNING topic
            """, new { item.Id, item.LeaseId }, transaction, cancellationToken: ct));
        if (topic is not null)
            await WakeAsync(transaction, [topic]);
        return topic is not null;
    }, ct);

    /// <summary>Deletes items that were done before <paramref name="before"/>; from then on their unique keys are free. Dead ones stay.</summary>
    /// <returns>How many.</returns>
    public Task<long> PruneAsync(DateTimeOffset before, CancellationToken ct) =>
        _database.PruneAsync("work_items", "state = 'done' AND ended_at < @before", new { before = before.UtcDateTime }, ct);

    /// <summary>
    /// Works on <paramref name="topic"/>, one item at a time, until <paramref name="ct"/> ends it. While
    /// <paramref name="handle"/> runs the lease is extended; its token ends when the lease is lost or the process stops.
    /// Returning means done (<see cref="CompleteAsync"/> is called if the handler did not), an exception means a failed attempt.
    /// </summary>
    /// <param name="topic">The queue.</param>
    /// <param name="handle">Does one item.</param>
    /// <param name="ct">Ends it; an item at hand is given back, or done if its handler does not look at its token.</param>
    /// <param name="beat">Called in each round.</param>
    public async Task RunAsync(string topic, Func<WorkItem, CancellationToken, Task> handle, CancellationToken ct, Action? beat = null)
    {
        int troubles = 0;
        while (!ct.IsCancellationRequested)
        {
            beat?.Invoke();
            try
            {
                var wakeUp = WakeUp(topic); // taken before looking, so that nothing enqueued meanwhile is missed
                if (await ClaimAsync(topic, ct) is { } item)
                    await AttemptAsync(item, handle, ct);
                else
                    await Task.WhenAny(wakeUp, Task.Delay(SlowPoll, ct));
                troubles = 0;
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                _log.LogError(LogEvents.QueueInterrupted, e, "Work on {Topic} is interrupted; it goes on when the database is back", topic);
                await Task.WhenAny(Task.Delay(Pause(++troubles, Random.Shared.NextDouble()) / 10, ct));
            }
        }
    }

    /// <summary>
    /// Ends with the next wake-up of <paramref name="topic"/>, such as an item enqueued, by whichever node, or after <paramref name="limit"/>: items also
    /// become due by time. Take it before looking.
    /// </summary>
    public async Task WaitAsync(string topic, TimeSpan limit, CancellationToken ct)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(WakeUp(topic), Task.Delay(limit, over.Token));
        await over.CancelAsync(); // the timer, or each wake-up would leave one behind
        ct.ThrowIfCancellationRequested();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _listener;
        _stop.Dispose();
    }

    /// <summary>The pause after the n-th failed attempt: doubling from 2 s to 15 min, of which half is chance.</summary>
    internal static TimeSpan Pause(int attempt, double chance)
    {
        var full = TimeSpan.FromSeconds(Math.Min(LongestPause.TotalSeconds, Math.Pow(2, Math.Clamp(attempt, 1, 30))));
        return full * (0.5 + 0.5 * chance);
    }

    private async Task AttemptAsync(WorkItem item, Func<WorkItem, CancellationToken, Task> handle, CancellationToken ct)
    {
        using var lease = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var beat = BeatAsync(item, lease);
        using var span = Telemetry.Job(item.Topic);
        long started = Stopwatch.GetTimestamp();
        var outcome = "given-back";
        try
        {
            await handle(item, lease.Token);
            await _database.TransactAsync(t => CompleteAsync(t, item), ct);
            outcome = "done";
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            await GiveBackAsync(item, CancellationToken.None);
            _log.LogInformation(LogEvents.JobGivenBack, "Work item {Id} ({Topic}) is given back, because this process stops", item.Id, item.Topic);
        }
        catch (Exception e)
        {
            outcome = "failed";
            span?.SetStatus(ActivityStatusCode.Error);
            bool dead = await FailAsync(item, $"{e.GetType().Name}: {e.Message}", ct);
            _log.LogWarning(LogEvents.JobFailed, e, "Work item {Id} ({Topic}) failed at attempt {Attempt}{Dead}", item.Id, item.Topic, item.Attempt,
                dead ? " and is dead" : "");
        }
        finally
        {
            Telemetry.JobDone(item.Topic, outcome, Stopwatch.GetElapsedTime(started));
            await lease.CancelAsync();
            await beat;
        }
    }

    private async Task BeatAsync(WorkItem item, CancellationTokenSource lease)
    {
        long extended = Stopwatch.GetTimestamp(); // not the wall clock, which may jump
        try
        {
            while (true)
            {
                await Task.Delay(Lease / 4, lease.Token);
                try
                {
                    if (!await HeartbeatAsync(item, lease.Token))
                        break;
                    extended = Stopwatch.GetTimestamp();
                }
                catch (NpgsqlException e)
                {
                    _log.LogWarning(LogEvents.LeaseNotExtended, e, "The lease of work item {Id} ({Topic}) could not be extended", item.Id, item.Topic);
                    if (Stopwatch.GetElapsedTime(extended) > Lease)
                        break;
                }
            }
            await lease.CancelAsync();
        }
        catch (OperationCanceledException)
        {
            // The attempt is over.
        }
    }

    private Task WakeUp(string topic) =>
        _wakeUps.GetOrAdd(topic, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    private async Task ListenAsync(CancellationToken ct)
    {
        int troubles = 0;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await using var connection = await _database.Source.OpenConnectionAsync(ct);
                connection.Notification += (_, e) =>
                {
                    if (_wakeUps.TryRemove(e.Payload, out var waiting))
                        waiting.TrySetResult();
                };
                await connection.ExecuteAsync($"LISTEN {Channel}");
                troubles = 0;
                while (true)
                    await connection.WaitAsync(ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                _log.LogWarning(LogEvents.NotListening, e, "Not listening for new work; workers look every {Seconds} s meanwhile", SlowPoll.TotalSeconds);
                await Task.WhenAny(Task.Delay(Pause(++troubles, Random.Shared.NextDouble()) / 10, ct));
            }
        }
    }
}
