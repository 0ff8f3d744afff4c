using System.Diagnostics;
using Dapper;
using Npgsql;
using Trove.Chain.Embedded;
using Trove.Node.Database;

namespace Trove.SystemTests.Database;

public sealed class PostgresClusterTests : IDisposable
{
    private readonly string _folder = TestFolder.Create();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_was_committed_survives_kill_9_of_the_server()
    {
        int acknowledged = 0;
        for (int round = 0; round < 4; round++)
        {
            // Right after the kill: the dead server's shared memory is still held by its sessions.
            await using var cluster = await PostgresCluster.StartAsync(_folder, CancellationToken.None);
            await using var source = NpgsqlDataSource.Create(cluster.ConnectionString);
            await using (var setup = await source.OpenConnectionAsync())
                await setup.ExecuteAsync("CREATE TABLE IF NOT EXISTS kept (n int PRIMARY KEY)");
            await using (var check = await source.OpenConnectionAsync())
            {
                int there = await check.ExecuteScalarAsync<int>("SELECT count(*) FROM kept WHERE n <= @acknowledged", new { acknowledged });
                Assert.Equal(acknowledged, there);
                // One that was committed and not acknowledged may be there too.
                await check.ExecuteAsync("DELETE FROM kept WHERE n > @acknowledged", new { acknowledged });
            }
            int target = acknowledged + 50;
            var reached = new TaskCompletionSource();
            var writing = Task.Run(async () =>
            {
                try
                {
                    await using var connection = await source.OpenConnectionAsync();
                    while (true)
                    {
                        await connection.ExecuteAsync("INSERT INTO kept VALUES (@n)", new { n = acknowledged + 1 });
                        acknowledged++;
                        if (acknowledged == target)
                            reached.SetResult();
                    }
                }
                catch (NpgsqlException)
                {
                    // The server is gone.
                }
            });
            await await Task.WhenAny(reached.Task, writing);
            using var server = Process.GetProcessById(cluster.ProcessId);
            server.Kill(); // the postmaster alone: its sessions notice by themselves
            await writing;
            Assert.True(acknowledged >= target);
        }
    }

    [Fact]
    public async Task A_process_id_that_belongs_to_another_program_does_not_keep_the_server_from_starting()
    {
        await using (await PostgresCluster.StartAsync(_folder, CancellationToken.None)) { }
        await using var stranger = await ChildProcess.StartAsync(new ChildProcessOptions
        {
            Program = "sleep",
            Arguments = ["600"],
            WorkingDirectory = "/",
            User = Environment.IsPrivilegedProcess ? "postgres" : null, // else PostgreSQL itself sees that it is no server
        });
        var data = Path.Combine(_folder, "postgres", "data");
        await File.WriteAllTextAsync(Path.Combine(data, "postmaster.pid"), $"{stranger.Id}\n{data}\n1\n5432\n\n\n\n");
        await using var cluster = await PostgresCluster.StartAsync(_folder, CancellationToken.None);
        Assert.False(stranger.HasExited);
    }

    [Fact]
    public async Task A_second_node_on_the_folder_is_told_so_and_the_first_goes_on()
    {
        await using var cluster = await PostgresCluster.StartAsync(_folder, CancellationToken.None);
        var error = await Assert.ThrowsAsync<DatabaseException>(() => PostgresCluster.StartAsync(_folder, CancellationToken.None));
        Assert.Contains("Another node runs", error.Message);
        await using var database = await NodeDatabase.OpenAsync(cluster.ConnectionString, CancellationToken.None);
    }

    [Fact]
    public async Task Only_the_account_of_the_node_may_connect()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root to be somebody else");
        await using var cluster = await PostgresCluster.StartAsync(_folder, CancellationToken.None);
        var host = new NpgsqlConnectionStringBuilder(cluster.ConnectionString).Host!;
        Assert.Contains("Peer authentication failed", await Psql("postgres", host));
        Assert.Contains("Permission denied", await Psql("nobody", host));
        Assert.DoesNotContain("failed", await Psql("root", host));

        static async Task<string> Psql(string user, string host)
        {
            await using var psql = await ChildProcess.StartAsync(new ChildProcessOptions
            {
                Program = "psql",
                Arguments = ["-h", host, "-U", "trove", "-d", "trove", "-c", "SELECT 1"],
                Environment = new Dictionary<string, string> { ["LC_ALL"] = "C" },
                WorkingDirectory = "/",
                User = user,
                Group = user == "nobody" ? "nogroup" : user,
            });
            await psql.Exited;
            return psql.OutputTail;
        }
    }

    [Fact]
    public async Task A_path_too_long_for_a_socket_works()
    {
        var deep = Path.Combine(_folder, new string('d', 100));
        await using var cluster = await PostgresCluster.StartAsync(deep, CancellationToken.None);
        var host = new NpgsqlConnectionStringBuilder(cluster.ConnectionString).Host!;
        Assert.False(host.StartsWith(_folder, StringComparison.Ordinal));
        await using (await NodeDatabase.OpenAsync(cluster.ConnectionString, CancellationToken.None)) { }
        await cluster.StopAsync();
        Directory.Delete(host);
    }

    [Fact]
    public async Task A_folder_that_the_servers_user_cannot_enter_is_named()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "without root the server runs as ourselves");
        var closed = Directory.CreateDirectory(Path.Combine(_folder, "closed")).FullName;
        TestFolder.SetMode(closed, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var error = await Assert.ThrowsAsync<DatabaseException>(() => PostgresCluster.StartAsync(Path.Combine(closed, "data"), CancellationToken.None));
        Assert.Contains($"chmod o+x {closed}", error.Message);
    }

    [Fact]
    public async Task A_crash_in_initdb_leaves_nothing_that_looks_like_a_cluster()
    {
        var draft = Directory.CreateDirectory(Path.Combine(_folder, "postgres", "data.new")).FullName;
        await File.WriteAllTextAsync(Path.Combine(draft, "PG_VERSION"), "15\n");
        await using var cluster = await PostgresCluster.StartAsync(_folder, CancellationToken.None);
        Assert.False(Directory.Exists(draft));
    }
}
