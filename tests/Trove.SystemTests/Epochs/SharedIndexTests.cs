using Dapper;
using Npgsql;
using Trove.Node.Database;
using Trove.Node.Operations;

namespace Trove.SystemTests.Epochs;

/// <summary>The index of novelty over two servers, by ranges of hashes.</summary>
public sealed class SharedIndexTests
{
    private const int Range = 7;

    [Fact]
    public async Task A_range_on_another_server_gives_the_same_epochs()
    {
        await using var servers = await TwoServers.StartAsync();
        var (database, chance) = (servers.Database, new Random(3));
        var asset = new EpochHistory(database, 1);
        await asset.FoundAsync();
        await EpochAsync();
        var before = await EpochHistory.RowsAsync(database);
        await servers.MoveAsync(Range);
        await servers.MoveAsync(Range + 1);
        Assert.Equal(before, await EpochHistory.RowsAsync(database));
        long moved = await ThereAsync();
        Assert.InRange(moved, 1, before.Count - 1);

        await EpochAsync();
        await EpochAsync();
        Assert.True(await ThereAsync() > moved);
        Assert.Contains(asset.Closed[2].Rewards, r => r.NearScore > 0);
        await asset.RequireTheSameAgainAsync();

        // The other server is asked for a batch's hashes, and sends what it finds of them.
        await using var connection = await database.Source.OpenConnectionAsync();
        await connection.ExecuteAsync("""
            set plan_cache_mode = force_generic_plan;
            prepare ask(int, int, bigint, bigint, bigint[]) as select fingerprint from novelty_fingerprint where asset = $1 and epoch < $2 and fingerprint between $3 and $4 and fingerprint = any($5)
            """);
        var plan = string.Join('\n', await connection.QueryAsync<string>($"explain verbose execute ask(1, 3, {Range * (1L << 44)}, {(Range * (1L << 44)) + 5}, '{{{Range * (1L << 44)}}}')"));
        Assert.Matches(@"Remote SQL: SELECT fingerprint FROM public\.novelty_fingerprint_7 WHERE [^\n]*fingerprint = ANY \(\$", plan);
        Assert.Matches(@"Remote SQL: [^\n]*epoch < ", plan);
        Assert.Contains("Subplans Removed: 15", plan, StringComparison.Ordinal);

        // A backup has neither: what comes back is one server's, empty, and is filled from the tag lists. The other server is left alone.
        string backups = TestFolder.Create("-backups"), again = TestFolder.Create("-again");
        try
        {
            var rows = await EpochHistory.RowsAsync(database);
            long there = await ThereAsync();
            await Backup.MakeAsync(servers.Folder, backups, default);
            await Restore.RunAsync(backups, again, default);
            await using (var cluster = await PostgresCluster.StartAsync(again, default))
            await using (var restored = await NodeDatabase.OpenAsync(cluster.ConnectionString, default))
            {
                Assert.Empty(await EpochHistory.RowsAsync(restored));
                Assert.Equal(0, await TwoServers.RunAsync(cluster.ConnectionString, "select count(*) from pg_foreign_table"));
                Assert.Equal(1, await TwoServers.RunAsync(cluster.ConnectionString, "select count(*) from work_items where topic = 'epochs' and state = 'ready'"));
                await new Trove.Node.Epochs.NoveltyStore(restored, new Trove.Node.Verification.VerificationStore(restored)).FillAsync(asset.Asset, () => { }, default);
                Assert.Equal(rows, await EpochHistory.RowsAsync(restored));
            }
            Assert.Equal(there, await ThereAsync());
        }
        finally
        {
            Directory.Delete(backups, recursive: true);
            Directory.Delete(again, recursive: true);
        }

        async Task EpochAsync()
        {
            await asset.ContributeAsync(chance, 8, 12, 200);
            await asset.CloseAsync();
            await asset.FillAsync();
        }

        Task<long> ThereAsync() => TwoServers.RunAsync(servers.There, "select (select count(*) from novelty_fingerprint_7) + (select count(*) from novelty_fingerprint_8)");
    }

    /// <summary>The worst that two servers without a common commit can leave: the other one has an epoch's rows, the node's has none of them.</summary>
    [Fact]
    public async Task What_one_server_committed_alone_is_mended_by_the_next_fill()
    {
        await using var servers = await TwoServers.StartAsync();
        var (database, chance) = (servers.Database, new Random(4));
        var asset = new EpochHistory(database, 1);
        await asset.FoundAsync();
        await asset.ContributeAsync(chance, 8, 12, 200);
        await asset.CloseAsync();
        await asset.FillAsync();
        await servers.MoveAsync(Range);
        await asset.ContributeAsync(chance, 8, 12, 200);
        await asset.CloseAsync();

        // The other server takes its time over its commit, and the node's is killed in it.
        await TwoServers.RunAsync(servers.There, """
            create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(1); return null; end';
            create constraint trigger slow after insert on novelty_fingerprint_7 deferrable initially deferred for each row when (new.fingerprint % 2 = 0) execute function slow();
            """);
        long before = await ThereAsync();
        var filling = Assert.ThrowsAnyAsync<NpgsqlException>(asset.FillAsync);
        while (await TwoServers.RunAsync(servers.There, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'") == 0)
            await Task.Delay(20);
        await servers.KillAsync((int)await TwoServers.RunAsync(database.Source.ConnectionString, "select pid::bigint from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and datname = current_database() and query ilike 'commit%'"));
        await filling;
        while (await TwoServers.RunAsync(servers.There, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'") > 0)
            await Task.Delay(20);
        await TwoServers.RunAsync(servers.There, "drop trigger slow on novelty_fingerprint_7");
        Assert.True(await ThereAsync() > before);
        Assert.Equal(1, await TwoServers.RunAsync(database.Source.ConnectionString, "select count(*) from novelty_epoch"));
        Assert.Equal(0, await TwoServers.RunAsync(database.Source.ConnectionString, "select count(*) from novelty_record where epoch = 2"));

        await asset.FillAsync();
        await asset.ContributeAsync(chance, 8, 12, 200);
        await asset.CloseAsync();
        await asset.FillAsync();
        await asset.RequireTheSameAgainAsync();
        Assert.Equal(asset.InMemory.Records + asset.InMemory.Fingerprints + 3, (await EpochHistory.RowsAsync(database)).Count);

        Task<long> ThereAsync() => TwoServers.RunAsync(servers.There, "select count(*) from novelty_fingerprint_7");
    }
}
