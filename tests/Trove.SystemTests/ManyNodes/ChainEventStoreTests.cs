using Trove.Core;
using Trove.Node.Chain;

namespace Trove.SystemTests.ManyNodes;

/// <summary>Two nodes that read one chain into one database.</summary>
public sealed class ChainEventStoreTests(PostgresFixture postgres)
{
    private static readonly Address Asset = new(Enumerable.Repeat((byte)0xA5, 20).ToArray());

    [Fact]
    public async Task A_node_learns_that_another_took_events_back()
    {
        await using var database = await postgres.OpenAsync();
        await using var other = await Trove.Node.Database.NodeDatabase.OpenAsync(database.Source.ConnectionString, CancellationToken.None);
        ChainEventStore one = new(database), two = new(other);
        Assert.True(await ApplyAsync(one, null, "a", null, Event(1, 0x11), Event(2, 0x22)));
        var (events, before) = await one.AfterAsync(Asset, 0, -1, CancellationToken.None);
        Assert.Equal([1UL, 2UL], events.Select(e => e.Block));

        // Both have read the same blocks: the second to write gives way, and nothing is there twice.
        Assert.False(await ApplyAsync(two, null, "b", null, Event(1, 0x11), Event(2, 0x22)));
        // The second sees the rewrite first. What continues the first one's book is not what it begins with any more.
        Assert.True(await ApplyAsync(two, "a", "c", 2, Event(2, 0x33), Event(3, 0x44)));
        (events, var after) = await one.AfterAsync(Asset, 2, 0, CancellationToken.None);
        Assert.Equal([3UL], events.Select(e => e.Block));
        Assert.NotEqual(before, after);
        (events, var same) = await one.AfterAsync(Asset, 0, -1, CancellationToken.None);
        Assert.Equal([0x11, 0x33, 0x44], events.Select(e => (int)e.BlockHash.ToArray()[0]));
        Assert.Equal(after, same);
    }

    private static Task<bool> ApplyAsync(ChainEventStore store, string? from, string to, ulong? rollBack, params ChainEvent[] events) =>
        store.ApplyAsync(from, to, rollBack, events, _ => Task.CompletedTask, CancellationToken.None);

    private static ChainEvent Event(ulong block, byte hash) => new(block, 0, new Hash32(Enumerable.Repeat(hash, 32).ToArray()), default, 1_700_000_000_000 + (long)block, Asset, Asset, "Transfer", new ChainEventData());
}
