using Dapper;
using Npgsql;
using Trove.Node.Database;

namespace Trove.SystemTests.Database;

public class MigrationTests(PostgresFixture postgres)
{
    private static readonly Migration First = new(1, "0001_first", "CREATE TABLE first (id int PRIMARY KEY)");
    private static readonly Migration Second = new(2, "0002_second", "CREATE TABLE second (id int); INSERT INTO first VALUES (1)");

    [Fact]
    public async Task Embedded_migrations_apply_once_and_have_unique_numbers()
    {
        var all = Migration.Embedded();
        Assert.Equal(all.Count, all.Select(m => m.Number).Distinct().Count());
        Assert.Contains(all, m => m.Name == "0002_vault");
        var connection = await postgres.NewDatabaseAsync();
        await using (await NodeDatabase.OpenAsync(connection, CancellationToken.None)) { }
        await using var source = NpgsqlDataSource.Create(connection);
        Assert.Equal(0, await Migration.ApplyAsync(source, all, CancellationToken.None));
    }

    [Fact]
    public async Task A_changed_applied_migration_is_refused_by_name()
    {
        await using var source = NpgsqlDataSource.Create(await postgres.NewDatabaseAsync());
        Assert.Equal(2, await Migration.ApplyAsync(source, [First, Second], CancellationToken.None));
        var error = await Refused(source, First, Second with { Sql = Second.Sql + " " });
        Assert.Contains("0002_second was changed", error.Message);
    }

    [Fact]
    public async Task A_database_of_a_newer_program_is_refused()
    {
        await using var source = NpgsqlDataSource.Create(await postgres.NewDatabaseAsync());
        await Migration.ApplyAsync(source, [First, Second], CancellationToken.None);
        Assert.Contains("newer Trove", (await Refused(source, First)).Message);
    }

    [Fact]
    public async Task A_migration_put_in_before_applied_ones_is_refused()
    {
        await using var source = NpgsqlDataSource.Create(await postgres.NewDatabaseAsync());
        await Migration.ApplyAsync(source, [First, Second with { Number = 5 }], CancellationToken.None);
        Assert.Contains("0003_late was never applied",
            (await Refused(source, First, new Migration(3, "0003_late", "SELECT 1"), Second with { Number = 5 })).Message);
    }

    [Fact]
    public async Task Nothing_of_a_failing_migration_is_kept_and_those_before_it_are()
    {
        await using var source = NpgsqlDataSource.Create(await postgres.NewDatabaseAsync());
        var error = await Refused(source, First, Second with { Sql = "CREATE TABLE second (id int); SELECT 1 / 0" });
        Assert.Contains("0002_second failed", error.Message);
        Assert.Equal(1, await Migration.ApplyAsync(source, [First, Second], CancellationToken.None));
    }

    [Fact]
    public async Task Nodes_that_start_together_apply_each_migration_once()
    {
        var connection = await postgres.NewDatabaseAsync();
        var migrations = Enumerable.Range(1, 10).Select(n => new Migration(n, $"{n:0000}_t", $"CREATE TABLE t{n} (id int)")).ToList();
        var applied = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            await using var source = NpgsqlDataSource.Create(connection);
            return await Migration.ApplyAsync(source, migrations, CancellationToken.None);
        }));
        Assert.Equal(10, applied.Sum());
    }

    [Fact]
    public async Task A_serialization_failure_runs_the_work_again()
    {
        await using var database = await postgres.OpenAsync();
        await using (var connection = await database.Source.OpenConnectionAsync())
            await connection.ExecuteAsync("CREATE TABLE counter (n int); INSERT INTO counter VALUES (0)");
        int runs = 0;
        var bothRead = new Barrier(2);
        await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => database.TransactAsync(async t =>
        {
            int n = await t.Connection!.ExecuteScalarAsync<int>("SELECT n FROM counter", transaction: t);
            if (Interlocked.Increment(ref runs) <= 2)
                bothRead.SignalAndWait();
            await t.Connection!.ExecuteAsync("UPDATE counter SET n = @next", new { next = n + 1 }, t);
        }, CancellationToken.None, System.Data.IsolationLevel.Serializable))));
        await using var check = await database.Source.OpenConnectionAsync();
        Assert.Equal(2, await check.ExecuteScalarAsync<int>("SELECT n FROM counter"));
        Assert.True(runs > 2);
    }

    private static Task<DatabaseException> Refused(NpgsqlDataSource source, params Migration[] migrations) =>
        Assert.ThrowsAsync<DatabaseException>(() => Migration.ApplyAsync(source, migrations, CancellationToken.None));
}
