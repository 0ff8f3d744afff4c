using Dapper;
using Trove.Core.Rewards;
using Trove.Node.Epochs;
using Trove.Node.Verification;

namespace Trove.SystemTests.Epochs;

/// <summary>The index of novelty in the database against the one in memory.</summary>
[Collection(nameof(NoveltyStoreTests))]
public sealed class NoveltyStoreTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Any_history_closes_as_it_does_in_memory(int seed)
    {
        await using var database = await postgres.OpenAsync();
        var chance = new Random(seed);
        EpochHistory[] assets = [new(database, 1), new(database, 2)];
        foreach (var asset in assets)
            await asset.FoundAsync();
        for (int step = 0; step < 14; step++)
        {
            var asset = assets[chance.Next(2)];
            await asset.ContributeAsync(chance, chance.Next(8), 12, 200);
            await asset.FillAsync();
            await asset.CloseAsync(chance.Next(2) == 0 ? Epoch.MaxTagBytes : chance.Next(1_000));
            if (chance.Next(2) == 0)
                await assets[chance.Next(2)].FillAsync();
        }
        Assert.Contains(assets.SelectMany(a => a.Closed).SelectMany(e => e.Rewards), r => r.KnownScore > 0);
        Assert.Contains(assets.SelectMany(a => a.Closed).SelectMany(e => e.Rewards), r => r.NearScore > 0);
        Assert.Contains(assets.SelectMany(a => a.Closed).SelectMany(e => e.Rewards), r => r.AccountKnown);
        foreach (var asset in assets)
        {
            await asset.FillAsync();
            await asset.RequireTheSameAgainAsync();
        }
        var rows = await EpochHistory.RowsAsync(database);
        Assert.Equal(assets.Sum(a => a.InMemory.Records + a.InMemory.Fingerprints + a.Closed.Count), rows.Count);
        await using var connection = await database.Source.OpenConnectionAsync();
        var parts = (await connection.QueryAsync<(string, long)>("select tableoid::regclass::text, count(*) from novelty_fingerprint group by 1")).ToList();
        Assert.Equal(16, parts.Count);

        // Thrown away and made again of tag lists and rewards, as after a restore and an upgrade.
        await connection.ExecuteAsync("select novelty_reset()");
        Assert.Empty(await EpochHistory.RowsAsync(database));
        foreach (var asset in assets)
            await asset.FillAsync();
        Assert.Equal(rows, await EpochHistory.RowsAsync(database));
    }

    [Fact]
    public async Task No_epoch_is_closed_over_an_index_that_lacks_one()
    {
        await using var database = await postgres.OpenAsync();
        var asset = new EpochHistory(database, 1);
        await asset.FoundAsync();
        await asset.ContributeAsync(new Random(1), 3, 5, 50);
        await asset.CloseAsync();
        await asset.ContributeAsync(new Random(2), 3, 5, 50);
        Assert.Contains("has 0 of the 1 epochs before epoch 2", (await Assert.ThrowsAsync<InvalidOperationException>(() => asset.CloseAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fill_that_is_cut_off_leaves_nothing_and_two_at_once_fill_once()
    {
        await using var database = await postgres.OpenAsync();
        var asset = new EpochHistory(database, 1);
        await asset.FoundAsync();
        await asset.ContributeAsync(new Random(1), 5, 20, 300);
        await asset.CloseAsync();
        await Assert.ThrowsAsync<IOException>(() => asset.Novelty.FillAsync(asset.Asset, () => throw new IOException("cut off"), default));
        Assert.Empty(await EpochHistory.RowsAsync(database));

        // The second waits for the first and then finds it done.
        var (at, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        var first = Task.Run(() => asset.Novelty.FillAsync(asset.Asset, () =>
        {
            at.TrySetResult();
            go.Task.Wait();
        }, default));
        await at.Task;
        int others = 0;
        var second = asset.Novelty.FillAsync(asset.Asset, () => others++, default);
        await using (var watching = await database.Source.OpenConnectionAsync())
            while (!second.IsCompleted && await watching.ExecuteScalarAsync<long>("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()") == 0)
                await Task.Delay(10);
        Assert.False(second.IsCompleted);
        go.SetResult();
        await Task.WhenAll(first, second);
        Assert.Equal(0, others);
        Assert.Equal(asset.InMemory.Records + asset.InMemory.Fingerprints + 1, (await EpochHistory.RowsAsync(database)).Count);
    }

    /// <summary>The same epoch over a little and over a hundred times as much: as many rows are read, and as much memory taken.</summary>
    [Fact]
    public async Task Closing_costs_what_is_in_the_epoch_whatever_is_behind_it()
    {
        await using var database = await postgres.OpenAsync();
        var costs = new List<(long Asked, long Known, long Rows, long Bytes)>();
        foreach (var (name, behind) in new[] { ((byte)1, 300), ((byte)2, 300), ((byte)3, 30_000) }) // the first warms up
        {
            var asset = new EpochHistory(database, name);
            await asset.FoundAsync();
            await asset.ContributeAsync(new Random(5), 20, behind / 10, 1_000_000); // next to none of what is asked for
            await asset.CloseAsync();
            await asset.FillAsync();
            await asset.ContributeAsync(new Random(6), 20, 100, 1_000_000);
            costs.Add(await database.TransactAsync(async tx =>
            {
                var ids = await VerificationStore.WaitingAsync(tx, asset.Asset, 1_000, Epoch.MaxTagBytes);
                var attested = new List<AttestedContribution>();
                await foreach (var one in VerificationStore.AttestedAsync(tx.Connection!, tx, ids))
                    attested.Add(one);
                long rows = await ReadAsync(), bytes = long.MaxValue;
                var index = await NoveltyStore.BeforeAsync(tx, asset.Asset, 2, attested, default);
                rows = await ReadAsync() - rows;
                for (int round = 0; round < 10; round++) // the least: the compiler and other threads take memory too
                {
                    long before = GC.GetTotalAllocatedBytes(precise: true);
                    await NoveltyStore.BeforeAsync(tx, asset.Asset, 2, attested, default);
                    bytes = Math.Min(bytes, GC.GetTotalAllocatedBytes(precise: true) - before);
                }
                return (attested.Sum(a => a.Tags.Entries.Count + a.Tags.Entries.Sum(e => (long)e.Count)), index.Records + index.Fingerprints, rows, bytes);

                // Entries of indexes and rows of tables.
                Task<long> ReadAsync() => tx.Connection!.ExecuteScalarAsync<long>("select sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid)) from pg_class where relname ~ '^novelty_(record|fingerprint)'", transaction: tx);
            }, default));
        }
        Assert.True(costs[2].Known > costs[1].Known);
        Assert.Equal(costs[1].Asked, costs[2].Asked);
        Assert.All(costs, c => Assert.InRange(c.Rows, c.Known, 2 * c.Known)); // what it finds, and nothing else
        Assert.InRange(costs[2].Bytes, 0, costs[1].Bytes * 3 / 2);
    }
}
