using System.Diagnostics;
using System.Text.RegularExpressions;
using Dapper;
using Npgsql;
using Trove.Node.Database;

namespace Trove.SystemTests.Epochs;

/// <summary>A node's database server and a second one, to which ranges of the index are moved as specs/operations.md says.</summary>
internal sealed partial class TwoServers : IAsyncDisposable
{
    private readonly PostgresCluster _here, _there;
    private readonly string _otherFolder;

    private TwoServers(PostgresCluster here, PostgresCluster there, string folder, string otherFolder, NodeDatabase database) =>
        (_here, _there, Folder, _otherFolder, Database) = (here, there, folder, otherFolder, database);

    /// <summary>The node's data folder.</summary>
    public string Folder { get; }

    public NodeDatabase Database { get; }

    /// <summary>The other server's database, as its owner.</summary>
    public string There => _there.ConnectionString;

    public static async Task<TwoServers> StartAsync()
    {
        string folder = TestFolder.Create(), other = TestFolder.Create("-other");
        var (here, there) = (await PostgresCluster.StartAsync(folder, default), await PostgresCluster.StartAsync(other, default));
        // The first server asks as whom it runs; the second lets in who started it.
        if (Environment.IsPrivilegedProcess)
        {
            File.AppendAllText(Path.Combine(other, "postgres", "pg_ident.conf"), "owner \"postgres\" trove\n");
            await RunAsync(there.ConnectionString, "select pg_reload_conf()");
        }
        return new TwoServers(here, there, folder, other, await NodeDatabase.OpenAsync(here.ConnectionString, default));
    }

    /// <summary>Moves one of the sixteen ranges of fingerprints, by the page's own statements.</summary>
    public async Task MoveAsync(int range)
    {
        var page = File.ReadAllText(Path.Combine(Path.GetDirectoryName(Story.TroveCli.Program)!, "../../../../../specs/operations.md"));
        var blocks = Sql().Matches(page).Select(m => m.Groups[1].Value
            .Replace("fingerprint_7", $"fingerprint_{range:x}", StringComparison.Ordinal)
            .Replace("140737488355328", $"{(range + 1) * (1L << 44)}", StringComparison.Ordinal).Replace("123145302310912", $"{range * (1L << 44)}", StringComparison.Ordinal)
            .Replace("/run/other", new NpgsqlConnectionStringBuilder(There).Host, StringComparison.Ordinal)).ToList();
        Assert.Equal(3, blocks.Count);
        await RunAsync(There, blocks[0]);
        if (await RunAsync(_here.ConnectionString, "select count(*) from pg_foreign_server") == 0)
            await RunAsync(_here.ConnectionString, blocks[1]);
        await RunAsync(_here.ConnectionString, blocks[2]);
    }

    /// <summary>Runs statements, past the node; the first value of their answer.</summary>
    public static async Task<long> RunAsync(string connection, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connection + ";Pooling=false");
        await using var open = await source.OpenConnectionAsync();
        return await open.ExecuteScalarAsync<object?>(sql) is long count ? count : 0;
    }

    /// <summary>Kills a session's process: its server falls down with it and comes back.</summary>
    public async Task KillAsync(int session)
    {
        using (var process = Process.GetProcessById(session))
            process.Kill();
        while (true)
        {
            try
            {
                await RunAsync(_here.ConnectionString, "select 1");
                return;
            }
            catch (NpgsqlException)
            {
                await Task.Delay(50); // it recovers
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        await _here.DisposeAsync();
        await _there.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
        Directory.Delete(_otherFolder, recursive: true);
    }

    [GeneratedRegex("```sql\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Sql();
}
