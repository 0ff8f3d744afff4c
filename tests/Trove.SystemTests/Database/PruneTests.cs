using Dapper;

namespace Trove.SystemTests.Database;

/// <summary>Cleaning of tables that strangers can fill.</summary>
public sealed class PruneTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Rows_go_in_bounded_batches_past_those_that_somebody_holds()
    {
        await using var database = await postgres.OpenAsync();
        await using var connection = await database.Source.OpenConnectionAsync();
        await connection.ExecuteAsync("""
            create table batches (rows int);
            create function note() returns trigger language plpgsql as $$ begin insert into batches select count(*) from gone; return null; end $$;
            create trigger noted after delete on session referencing old table as gone for each statement execute function note();
            insert into session (token, address, expires) select sha256(n::text::bytea), '\x0101010101010101010101010101010101010101', now() + case when n <= 25 then interval '-1 hour' else interval '1 hour' end
            from generate_series(1, 30) n
            """);
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await connection.ExecuteAsync("select 1 from session where token = sha256('7') for update", transaction: transaction);
            Assert.Equal(24, await database.PruneAsync("session", "expires < now()", null, default, batch: 10));
        }
        Assert.Equal([10, 10, 4], await connection.QueryAsync<int>("select rows from batches"));
        Assert.Equal(1, await database.PruneAsync("session", "expires < now()", null, default, batch: 10));
        Assert.Equal(0, await database.PruneAsync("session", "expires < now()", null, default, batch: 10));
        Assert.Equal(5, await connection.ExecuteScalarAsync<int>("select count(*)::int from session"));
    }
}
