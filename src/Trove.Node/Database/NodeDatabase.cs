using System.Data;
using Dapper;
using Npgsql;

namespace Trove.Node.Database;

/// <summary>
/// The node's PostgreSQL database, schema up to date: a pool of connections and transactions that retry where
/// PostgreSQL asks for it. The Dapper handlers for <c>Hash32</c> and <c>Address</c> are registered with it.
/// </summary>
public sealed class NodeDatabase : IAsyncDisposable
{
    private const int MaxTries = 8;

    static NodeDatabase() => TypeHandlers.Register();

    private NodeDatabase(NpgsqlDataSource source) => Source = source;

    /// <summary>The pool.</summary>
    public NpgsqlDataSource Source { get; }

    /// <summary>Connects and applies the missing migrations.</summary>
    /// <param name="connection">An Npgsql connection string, from <see cref="PostgresCluster.ConnectionString"/> or <see cref="DatabaseUrl.Parse"/>.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="DatabaseException">The server cannot be reached or the schema cannot be brought up to date.</exception>
    public static Task<NodeDatabase> OpenAsync(string connection, CancellationToken ct) =>
        OpenAsync(connection, Migration.Embedded(), ct);

    internal static async Task<NodeDatabase> OpenAsync(string connection, IReadOnlyList<Migration> migrations, CancellationToken ct)
    {
        var source = NpgsqlDataSource.Create(connection);
        try
        {
            await Migration.ApplyAsync(source, migrations, ct);
            return new NodeDatabase(source);
        }
        catch (NpgsqlException e)
        {
            await source.DisposeAsync();
            var target = new NpgsqlConnectionStringBuilder(connection);
            throw new DatabaseException($"cannot use the database {target.Database} at {target.Host}: {e.Message}. "
                + "Check that PostgreSQL runs there and that --db names a database and a role that may create tables", e);
        }
        catch
        {
            await source.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Runs <paramref name="work"/> in a transaction and commits it. After a serialization failure or a deadlock
    /// (SQLSTATE 40001, 40P01) everything is rolled back and <paramref name="work"/> runs again, at most eight times:
    /// it must have no effect outside the transaction that it cannot repeat.
    /// </summary>
    /// <param name="work">What to do; it passes the transaction to each command.</param>
    /// <param name="ct">Ends the work; nothing is kept.</param>
    /// <param name="isolation">Read committed unless rows are read that are not locked and decide about what is written.</param>
    public async Task<T> TransactAsync<T>(Func<NpgsqlTransaction, Task<T>> work, CancellationToken ct,
        IsolationLevel isolation = IsolationLevel.ReadCommitted)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await Source.OpenConnectionAsync(ct);
                await using var transaction = await connection.BeginTransactionAsync(isolation, ct);
                var result = await work(transaction);
                await transaction.CommitAsync(ct);
                return result;
            }
            catch (PostgresException e) when (attempt < MaxTries
                && e.SqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected)
            {
                await Task.Delay(Random.Shared.Next(1, 10 << attempt), ct);
            }
        }
    }

    /// <summary>As <see cref="TransactAsync{T}"/>, for work without a result.</summary>
    public Task TransactAsync(Func<NpgsqlTransaction, Task> work, CancellationToken ct,
        IsolationLevel isolation = IsolationLevel.ReadCommitted) =>
        TransactAsync(async transaction =>
        {
            await work(transaction);
            return true;
        }, ct, isolation);

    /// <summary>
    /// Deletes the rows of a table that a condition is true of, a few thousand a transaction: a table that strangers have filled stays
    /// usable while it is cleaned.
    /// </summary>
    /// <param name="table">The table; no text of anybody's.</param>
    /// <param name="where">The condition in SQL.</param>
    /// <param name="values">Its parameters.</param>
    /// <param name="ct">Ends the work; what is deleted stays so.</param>
    /// <param name="batch">Most rows of one transaction.</param>
    /// <returns>How many rows.</returns>
    public async Task<long> PruneAsync(string table, string where, object? values, CancellationToken ct, int batch = 5000)
    {
        long all = 0;
        while (true)
        {
            int deleted;
            await using (var connection = await Source.OpenConnectionAsync(ct)) // given back in between
                deleted = await connection.ExecuteAsync(new CommandDefinition(
                    $"delete from {table} where ctid = any(array(select ctid from {table} where {where} limit {batch} for update skip locked))", values, cancellationToken: ct));
            all += deleted;
            if (deleted < batch)
                return all;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Source.DisposeAsync();
}

/// <summary>The database cannot be started, reached or migrated. The message names what and what to do; it holds no password.</summary>
public sealed class DatabaseException(string message, Exception? inner = null) : Exception(message, inner);
