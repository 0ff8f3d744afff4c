using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Node.Database;

namespace Trove.SystemTests.ManyNodes;

/// <summary>
/// The work queue as two nodes use it, by seeded schedules: claims, leases that end too early, failures, and kills before and after a
/// worker's commit. Every item has its effect once, or is dead and has none.
/// </summary>
public sealed class WorkQueueKillTests(PostgresFixture postgres)
{
    private const int Schedules = 100;
    private const int Items = 4;
    private const int Attempts = 6;

    [Fact]
    public async Task Every_item_has_its_effect_once_whoever_is_killed_when()
    {
        await using var database = await postgres.OpenAsync();
        await database.TransactAsync(t => t.Connection!.ExecuteAsync("CREATE TABLE effect (topic text, item int)", transaction: t), CancellationToken.None);
        await using var one = new WorkQueue(database, NullLogger<WorkQueue>.Instance, "one");
        await using var two = new WorkQueue(database, NullLogger<WorkQueue>.Instance, "two");
        await Parallel.ForEachAsync(Enumerable.Range(0, Schedules), new ParallelOptions { MaxDegreeOfParallelism = 8 },
            async (seed, _) => await RunAsync(database, [one, two], new Random(seed), $"schedule {seed}"));

        await using var connection = await database.Source.OpenConnectionAsync();
        var items = (await connection.QueryAsync<(string Topic, int Item, string State, int Attempts, int Effects)>("""
            SELECT w.topic, (w.payload #>> '{}')::int, w.state, w.attempts, (SELECT count(*)::int FROM effect e WHERE e.topic = w.topic AND e.item = (w.payload #>> '{}')::int)
            FROM work_items w
            """)).ToList();
        Assert.Equal(Schedules * Items, items.Count);
        Assert.All(items, i => Assert.True(i.Effects == (i.State == "done" ? 1 : 0) && i.State is "done" or "dead" && i.Attempts <= Attempts, $"{i}"));
        Assert.True(items.Count(i => i.State == "done") > Schedules * Items / 2);
    }

    private static async Task RunAsync(NodeDatabase database, WorkQueue[] nodes, Random chance, string topic)
    {
        for (int i = 0; i < Items; i++)
            await database.TransactAsync(t => WorkQueue.EnqueueAsync(t, topic, $"{i}", $"{i}", Attempts), CancellationToken.None);
        // A worker is what it claimed; killed, it comes to nothing but the lease it leaves.
        var workers = new List<(WorkQueue Queue, WorkItem Item)>();
        for (int idle = 0; idle < 3;)
        {
            var queue = nodes[chance.Next(2)];
            switch (chance.Next(8))
            {
                case 0 or 1 or 2:
                    if (await queue.ClaimAsync(topic, CancellationToken.None) is { } item)
                        workers.Add((queue, item));
                    else if (workers.Count == 0 && !await IsWaitingAsync(database, topic))
                        idle++;
                    break;
                case 3: // time passes: leases end, pauses are over, also of workers that still work
                    await database.TransactAsync(t => t.Connection!.ExecuteAsync(
                        "UPDATE work_items SET due_at = clock_timestamp() - interval '1 second' WHERE topic = @topic AND state = 'ready'", new { topic }, t), CancellationToken.None);
                    break;
                case 4 when workers.Count > 0: // killed at its work
                    workers.RemoveAt(chance.Next(workers.Count));
                    break;
                case 5 when workers.Count > 0:
                    var failing = Take(workers, chance);
                    await failing.Queue.FailAsync(failing.Item, "no", CancellationToken.None);
                    break;
                case 6 when workers.Count > 0: // killed between its effect and the commit
                    await WorkAsync(database, Take(workers, chance).Item, commit: false);
                    break;
                case 7 when workers.Count > 0:
                    var (by, done) = Take(workers, chance);
                    await WorkAsync(database, done, commit: true);
                    if (chance.Next(2) == 0)
                        workers.Add((by, done)); // did not hear of its commit, and tries again
                    break;
            }
        }
    }

    private static (WorkQueue Queue, WorkItem Item) Take(List<(WorkQueue, WorkItem)> workers, Random chance)
    {
        int i = chance.Next(workers.Count);
        var taken = workers[i];
        workers.RemoveAt(i);
        return taken;
    }

    // The effect and the end of the item in one transaction. Who finds the effect there did it before and did not hear of it.
    private static async Task WorkAsync(NodeDatabase database, WorkItem item, bool commit)
    {
        try
        {
            await database.TransactAsync(async t =>
            {
                bool ended = await t.Connection!.ExecuteScalarAsync<bool>("SELECT state = 'done' FROM work_items WHERE id = @Id", new { item.Id }, t);
                await WorkQueue.CompleteAsync(t, item);
                if (!ended)
                    await t.Connection!.ExecuteAsync("INSERT INTO effect VALUES (@Topic, @item)", new { item.Topic, item = int.Parse(item.Payload, System.Globalization.CultureInfo.InvariantCulture) }, t);
                if (!commit)
                    throw new OperationCanceledException("killed");
            }, CancellationToken.None);
        }
        catch (LeaseLostException)
        {
            // another worker has it, or had it
        }
        catch (OperationCanceledException)
        {
            // nothing of it was kept
        }
    }

    private static async Task<bool> IsWaitingAsync(NodeDatabase database, string topic)
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        return await connection.ExecuteScalarAsync<bool>("SELECT EXISTS (SELECT 1 FROM work_items WHERE topic = @topic AND state = 'ready')", new { topic });
    }
}
