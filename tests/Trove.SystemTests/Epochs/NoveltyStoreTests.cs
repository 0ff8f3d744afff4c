using Dapper;
using Trove.Core.Rewards;

namespace Trove.SystemTests.Epochs;

/// <summary>The index of novelty in the database against the one in memory.</summary>
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
}
