using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Dapper;
using Npgsql;

namespace Trove.Node.Database;

/// <summary>One numbered step of the schema: <c>Database/Migrations/0002_vault.sql</c>. Never edited once released.</summary>
public sealed record Migration(int Number, string Name, string Sql)
{
    // Any fixed number that no other program uses for advisory locks in this database.
    private const long LockKey = 0x74726f7665_0001;

    // What a migration has no way to carry over: it is asked for before, so that its operator is told in words.
    private static readonly Dictionary<string, (string Finds, string Why)> NotCarriedOver = new(StringComparer.Ordinal)
    {
        ["0005_grants"] = ("SELECT EXISTS (SELECT FROM asset)", "this database has assets that were founded before there were votes; their contracts cannot be served by this version. "
            + "Keep the earlier program on this data folder, and begin a new folder for new assets"),
    };

    /// <summary>SHA-256 of the SQL text, recorded when it is applied.</summary>
    public byte[] Sha256() => SHA256.HashData(Encoding.UTF8.GetBytes(Sql));

    /// <summary>The migrations built into this program, in order.</summary>
    public static IReadOnlyList<Migration> Embedded()
    {
        const string prefix = "Trove.Node.Database.Migrations.";
        var assembly = Assembly.GetExecutingAssembly();
        var found = new List<Migration>();
        foreach (var resource in assembly.GetManifestResourceNames().Where(n => n.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var name = resource[prefix.Length..^".sql".Length];
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
            found.Add(new Migration(int.Parse(name.AsSpan(0, 4), NumberStyles.None, CultureInfo.InvariantCulture), name, reader.ReadToEnd()));
        }
        return [.. found.OrderBy(m => m.Number)];
    }

    /// <summary>
    /// Applies what is missing, in order, each in its own transaction under one advisory lock: several nodes may start on
    /// one database at once, and a crash leaves whole migrations only.
    /// </summary>
    /// <returns>How many were applied.</returns>
    /// <exception cref="DatabaseException">
    /// An applied migration was changed or is unknown to this program, one was skipped, or its SQL fails.
    /// </exception>
    public static async Task<int> ApplyAsync(NpgsqlDataSource source, IReadOnlyList<Migration> migrations, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        int applied = 0;
        while (await ApplyNextAsync(connection, migrations, ct))
            applied++;
        return applied;
    }

    private static async Task<bool> ApplyNextAsync(NpgsqlConnection connection, IReadOnlyList<Migration> migrations, CancellationToken ct)
    {
        await using var transaction = await connection.BeginTransactionAsync(ct);
        // Another node may be busy with a long migration: wait as long as the caller does.
        await connection.ExecuteAsync(new CommandDefinition("SELECT pg_advisory_xact_lock(@LockKey)", new { LockKey },
            transaction, commandTimeout: 0, cancellationToken: ct));
        await connection.ExecuteAsync("""
            CREATE TABLE IF NOT EXISTS schema_migrations (
                number int PRIMARY KEY, name text NOT NULL, sha256 bytea NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT clock_timestamp())
            """, transaction: transaction);
        var applied = (await connection.QueryAsync<Applied>("SELECT number, name, sha256 FROM schema_migrations ORDER BY number",
            transaction: transaction)).ToDictionary(a => a.Number);
        Check(migrations, applied);
        var next = migrations.FirstOrDefault(m => !applied.ContainsKey(m.Number));
        if (next is null)
            return false;
        if (NotCarriedOver.TryGetValue(next.Name, out var refused) && await connection.ExecuteScalarAsync<bool>(refused.Finds, transaction: transaction))
            throw new DatabaseException($"migration {next.Name} is not applied and nothing was changed: {refused.Why}");
        try
        {
            await connection.ExecuteAsync(new CommandDefinition(next.Sql, transaction: transaction, commandTimeout: 0, cancellationToken: ct));
        }
        catch (PostgresException e)
        {
            throw new DatabaseException($"migration {next.Name} failed ({e.SqlState}: {e.MessageText}); nothing of it was kept. "
                + "Restore the database from a backup or start with an empty one", e);
        }
        await connection.ExecuteAsync("INSERT INTO schema_migrations (number, name, sha256) VALUES (@Number, @Name, @hash)",
            new { next.Number, next.Name, hash = next.Sha256() }, transaction);
        await transaction.CommitAsync(ct);
        return true;
    }

    private static void Check(IReadOnlyList<Migration> migrations, Dictionary<int, Applied> applied)
    {
        var known = migrations.ToDictionary(m => m.Number);
        foreach (var (number, was) in applied)
        {
            if (!known.TryGetValue(number, out var migration))
                throw new DatabaseException($"the database has migration {was.Name}, which this program does not know: "
                    + "it was used by a newer Trove. Run that version, or use another database");
            if (!was.Sha256.AsSpan().SequenceEqual(migration.Sha256()))
                throw new DatabaseException($"migration {migration.Name} was changed after this database applied it. "
                    + "Restore the file as it was and put the change into a new migration, or use another database");
        }
        int last = applied.Count == 0 ? 0 : applied.Keys.Max();
        if (migrations.FirstOrDefault(m => m.Number < last && !applied.ContainsKey(m.Number)) is { } skipped)
            throw new DatabaseException($"migration {skipped.Name} was never applied, though later ones were (up to {last:0000}). "
                + "Give it a number above the last one, or use another database");
    }

    private sealed record Applied(int Number, string Name, byte[] Sha256);
}
