using System.Collections.Concurrent;
using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Node.Database;

namespace Trove.SystemTests.Database;

public class WorkQueueTests(PostgresFixture postgres)
{
    [Fact]
    public async Task An_item_exists_only_if_the_callers_transaction_commits()
    {
        await using var database = await postgres.OpenAsync();
        await using var queue = Queue(database);
        await using (var connection = await database.Source.OpenConnectionAsync())
        await using (var transaction = await connection.BeginTransactionAsync())
            Assert.True(await WorkQueue.EnqueueAsync(transaction, "t", "{}"));
        Assert.Null(await queue.ClaimAsync("t", CancellationToken.None));
        await Enqueue(database, "t", """{"a": 1}""");
        var item = await queue.ClaimAsync("t", CancellationToken.None);
        Assert.Equal("""{"a": 1}""", item!.Payload);
        Assert.Equal(1, item.Attempt);
        Assert.Null(await queue.ClaimAsync("t", CancellationToken.None));
        Assert.Null(await queue.ClaimAsync("other", CancellationToken.None));
    }

    [Fact]
    public async Task A_unique_key_is_added_once_even_after_it_was_done_until_it_is_pruned()
    {
        await using var database = await postgres.OpenAsync();
        await using var queue = Queue(database);
        Assert.True(await Enqueue(database, "t", "1", "k"));
        Assert.False(await Enqueue(database, "t", "2", "k"));
        Assert.True(await Enqueue(database, "u", "3", "k"));
        var item = await queue.ClaimAsync("t", CancellationToken.None);
        await database.TransactAsync(t => WorkQueue.CompleteAsync(t, item!), CancellationToken.None);
        Assert.False(await Enqueue(database, "t", "4", "k"));
        Assert.Equal(1, await queue.PruneAsync(DateTimeOffset.UtcNow.AddMinutes(1), CancellationToken.None));
        Assert.True(await Enqueue(database, "t", "5", "k"));
    }

    [Fact]
    public async Task Many_workers_get_each_item_once()
    {
        await using var database = await postgres.OpenAsync();
        await using var queue = Queue(database);
        for (int i = 0; i < 60; i++)
            await Enqueue(database, "t", $"{i}");
        var got = new ConcurrentBag<string>();
        await Task.WhenAll(Enumerable.Range(0, 6).Select(async _ =>
        {
            while (await queue.ClaimAsync("t", CancellationToken.None) is { } item)
                got.Add(item.Payload);
        }));
        Assert.Equal(60, got.Count);
        Assert.Equal(60, got.Distinct().Count());
    }

    [Fact]
    public async Task A_failing_item_pauses_comes_again_and_is_dead_with_its_error_after_its_last_attempt()
    {
        await using var database = await postgres.OpenAsync();
        await using var queue = Queue(database);
        await Enqueue(database, "t", "{}", attempts: 2);
        var first = await queue.ClaimAsync("t", CancellationToken.None);
        Assert.False(await queue.FailAsync(first!, "once\0", CancellationToken.None));
        Assert.Null(await queue.ClaimAsync("t", CancellationToken.None)); // it pauses
        await MakeDue(database);
        var second = await queue.ClaimAsync("t", CancellationToken.None);
        Assert.Equal(2, second!.Attempt);
        Assert.True(await queue.FailAsync(second, new string('x', 1999) + "\U0001F600", CancellationToken.None));
        await MakeDue(database);
        Assert.Null(await queue.ClaimAsync("t", CancellationToken.None));
        await using var connection = await database.Source.OpenConnectionAsync();
        Assert.Equal(new string('x', 1999), await connection.ExecuteScalarAsync<string>("SELECT last_error FROM work_items WHERE state = 'dead'"));
    }

    [Fact]
    public async Task A_worker_that_lost_its_lease_can_neither_complete_nor_fail_the_item()
    {
        await using var database = await postgres.OpenAsync();
        await using var queue = Queue(database);
        await Enqueue(database, "t", "{}");
        var lost = await queue.ClaimAsync("t", CancellationToken.None);
        Assert.True(await queue.HeartbeatAsync(lost!, CancellationToken.None));
        await MakeDue(database); // its lease is over
        var again = await queue.ClaimAsync("t", CancellationToken.None);
        Assert.Equal(2, again!.Attempt);
        Assert.False(await queue.HeartbeatAsync(lost!, CancellationToken.None));
        Assert.False(await queue.FailAsync(lost!, "late", CancellationToken.None));
        await Assert.ThrowsAsync<LeaseLostException>(() => database.TransactAsync(t => WorkQueue.CompleteAsync(t, lost!), CancellationToken.None));
        await database.TransactAsync(t => WorkQueue.CompleteAsync(t, again), CancellationToken.None);
        await database.TransactAsync(t => WorkQueue.CompleteAsync(t, again), CancellationToken.None); // twice is once
    }

    [Fact]
    public async Task An_item_that_kills_its_workers_is_dead_after_its_attempts()
    {
        await using var database = await postgres.OpenAsync();
        await using var queue = Queue(database);
        await Enqueue(database, "t", "{}", attempts: 2);
        for (int i = 0; i < 2; i++)
        {
            Assert.NotNull(await queue.ClaimAsync("t", CancellationToken.None));
            await MakeDue(database);
        }
        Assert.Null(await queue.ClaimAsync("t", CancellationToken.None));
        await using var connection = await database.Source.OpenConnectionAsync();
        Assert.Equal("the worker me ended without a result", await connection.ExecuteScalarAsync<string>("SELECT last_error FROM work_items WHERE state = 'dead'"));
    }

    [Fact]
    public async Task A_running_worker_is_woken_completes_what_succeeds_and_records_what_fails()
    {
        await using var database = await postgres.OpenAsync();
        await using var queue = Queue(database);
        using var stop = new CancellationTokenSource();
        var seen = new ConcurrentQueue<string>();
        var all = new TaskCompletionSource();
        var worker = queue.RunAsync("t", async (item, ct) =>
        {
            seen.Enqueue(item.Payload);
            if (item.Payload == "2")
                throw new InvalidOperationException("no");
            if (item.Payload == "3") // its effects and its end in one transaction
                await database.TransactAsync(t => WorkQueue.CompleteAsync(t, item), ct);
            if (item.Payload == "4")
                all.SetResult();
        }, stop.Token);
        foreach (var payload in new[] { "1", "2", "3", "4" })
            await Enqueue(database, "t", payload);
        await all.Task.WaitAsync(TimeSpan.FromMinutes(1));
        await using var connection = await database.Source.OpenConnectionAsync();
        while (await connection.ExecuteScalarAsync<int>("SELECT count(*) FROM work_items WHERE state = 'done'") < 3)
            await Task.Delay(20);
        await stop.CancelAsync();
        await worker;
        Assert.Equal(["1", "2", "3", "4"], seen);
        Assert.Equal("InvalidOperationException: no", await connection.ExecuteScalarAsync<string>("SELECT last_error FROM work_items WHERE state = 'ready'"));
    }

    [Fact]
    public async Task A_worker_that_stops_gives_its_item_back_as_if_it_had_not_taken_it()
    {
        await using var database = await postgres.OpenAsync();
        await using var queue = Queue(database);
        using var stop = new CancellationTokenSource();
        var begun = new TaskCompletionSource();
        await Enqueue(database, "t", "{}");
        var worker = queue.RunAsync("t", async (_, ct) =>
        {
            begun.SetResult();
            await Task.Delay(Timeout.Infinite, ct);
        }, stop.Token);
        await begun.Task;
        await stop.CancelAsync();
        await worker;
        Assert.Equal(1, (await queue.ClaimAsync("t", CancellationToken.None))!.Attempt);
    }

    [Fact]
    public async Task A_clock_that_was_set_back_does_not_make_items_wait()
    {
        await using var database = await postgres.OpenAsync();
        await using var queue = Queue(database);
        foreach (var (payload, due) in new[] { ("1", "10 minutes"), ("2", "1 hour") })
        {
            await Enqueue(database, payload, payload);
            await using var connection = await database.Source.OpenConnectionAsync();
            await connection.ExecuteAsync("UPDATE work_items SET due_at = clock_timestamp() + @due::interval WHERE topic = @payload", new { due, payload });
        }
        Assert.Null(await queue.ClaimAsync("1", CancellationToken.None)); // a pause, as there are
        Assert.NotNull(await queue.ClaimAsync("2", CancellationToken.None)); // no pause is that long
    }

    [Fact]
    public async Task A_waiting_worker_is_woken_by_the_commit()
    {
        await using var database = await postgres.OpenAsync();
        await using var queue = Queue(database);
        await using var connection = await database.Source.OpenConnectionAsync();
        string? woken = null;
        connection.Notification += (_, e) => woken = e.Payload;
        await connection.ExecuteAsync("LISTEN trove_work");
        await Enqueue(database, "t", "{}");
        await connection.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal("t", woken);
    }

    private static WorkQueue Queue(NodeDatabase database) => new(database, NullLogger<WorkQueue>.Instance, "me");

    private static Task<bool> Enqueue(NodeDatabase database, string topic, string payload, string? key = null, int attempts = 10) =>
        database.TransactAsync(t => WorkQueue.EnqueueAsync(t, topic, payload, key, attempts), CancellationToken.None);

    private static async Task MakeDue(NodeDatabase database)
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await connection.ExecuteAsync("UPDATE work_items SET due_at = clock_timestamp() - interval '1 second' WHERE state = 'ready'");
    }
}
