using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Trove.Chain.Durability;
using Trove.Chain.Embedded;
using Trove.Node.Operations;

namespace Trove.Node.Database;

/// <summary>
/// A PostgreSQL cluster of the node's own, under its data folder, run as its child: reached over a unix socket only,
/// open to the account that runs the node and to no other (peer authentication). PostgreSQL refuses to run as root, so
/// under root it runs as the user <c>postgres</c>. It dies with the node, and what was committed survives that.
/// </summary>
public sealed class PostgresCluster : IAsyncDisposable
{
    private const string Role = "trove";
    private const string DatabaseName = "trove";
    private const string ServiceUser = "postgres";
    private const string PidFile = "postmaster.pid";
    private const int Port = 5432; // part of the socket's file name, no TCP port
    private const int MaxSocketPath = 107; // sockaddr_un.sun_path, less its final zero byte (unix(7))

    private static readonly TimeSpan LockWait = TimeSpan.FromSeconds(10);  // an older server ends, its shared memory is freed
    private static readonly TimeSpan ReadyWait = TimeSpan.FromMinutes(10); // includes recovery of a large write-ahead log
    private static readonly TimeSpan RestartPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StopWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ToolWait = TimeSpan.FromMinutes(2);

    private readonly string _home;
    private readonly string _socketFolder;
    private readonly FileStream _claim;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watch;
    private ChildProcess _server;

    private PostgresCluster(ChildProcess server, string home, string socketFolder, FileStream claim, ILogger log)
    {
        (_server, _home, _socketFolder, _claim, _log) = (server, home, socketFolder, claim, log);
        _watch = WatchAsync();
    }

    /// <summary>For <see cref="NodeDatabase.OpenAsync(string, CancellationToken)"/>. Holds no secret: the socket knows its caller's account.</summary>
    public string ConnectionString => ConnectionFor(_socketFolder, DatabaseName);

    /// <summary>The server's process id; another after it ended unasked and was started again.</summary>
    public int ProcessId => _server.Id;

    /// <summary>
    /// The connection string of the server that a node runs on this folder; null when none does.
    /// </summary>
    /// <exception cref="DatabaseException">There is no cluster under the folder.</exception>
    public static string? FindRunning(string dataFolder)
    {
        var home = Path.Combine(Path.GetFullPath(dataFolder), "postgres");
        if (!Directory.Exists(Path.Combine(home, "data")))
            throw new DatabaseException($"there is no database under {home}: the node there used another server. Use that server's own tools (pg_dump --format=custom), first the database, then the folders chain and blobs");
        try
        {
            using var free = new FileStream(Path.Combine(home, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return null;
        }
        catch (IOException)
        {
            // Locked: the fifth line of the server's lock file is the folder of its socket.
            return File.ReadAllLines(Path.Combine(home, "data", PidFile)) is { Length: > 4 } lines && lines[4].Length > 0
                ? ConnectionFor(lines[4], DatabaseName)
                : throw new DatabaseException($"the database under {home} is starting or stopping; try again in a moment");
        }
    }

    /// <summary>Runs one of PostgreSQL's own programs against a database, as ourselves.</summary>
    /// <exception cref="DatabaseException">It failed; its last lines are in the message.</exception>
    internal static async Task RunToolAsync(string dataFolder, string program, string connection, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        var to = new NpgsqlConnectionStringBuilder(connection);
        await using var child = await ChildProcess.StartAsync(new ChildProcessOptions
        {
            Program = Path.Combine(FindBinaries(Path.Combine(Path.GetFullPath(dataFolder), "postgres", "data")), program),
            Arguments = ["--host", to.Host!, "--port", $"{Port}", "--username", Role, "--dbname", to.Database!, "--no-password", .. arguments],
            Environment = new Dictionary<string, string> { ["LC_ALL"] = "C", ["TZ"] = "UTC" },
            WorkingDirectory = "/",
        });
        await child.Exited.WaitAsync(ct); // as long as the caller does: a large database takes its time
        if (child.ExitCode != 0)
            throw new DatabaseException($"{program} failed: {child.Describe()}");
    }

    /// <summary>Creates the cluster when there is none, starts it and waits until it takes connections.</summary>
    /// <param name="dataFolder">The node's data folder; the cluster lives in <c>postgres</c> below it.</param>
    /// <param name="ct">Ends the wait and the server.</param>
    /// <param name="log">Told when the server ends unasked and is started again.</param>
    /// <exception cref="DatabaseException">
    /// PostgreSQL is not installed, its user cannot reach the folder, another node uses it, or the server does not start.
    /// </exception>
    public static async Task<PostgresCluster> StartAsync(string dataFolder, CancellationToken ct, ILogger? log = null)
    {
        var home = Path.Combine(Path.GetFullPath(dataFolder), "postgres");
        await PrepareAsync(home, ct);
        var claim = Claim(home);
        try
        {
            var sockets = SocketFolder(home);
            var server = await StartAsync(home, sockets, ct);
            return new PostgresCluster(server, home, sockets, claim, log ?? NullLogger.Instance);
        }
        catch
        {
            await claim.DisposeAsync();
            throw;
        }
    }

    private static async Task<ChildProcess> StartAsync(string home, string sockets, CancellationToken ct)
    {
        var data = Path.Combine(home, "data");
        var binaries = FindBinaries(data);
        if (!Directory.Exists(data))
            await InitializeAsync(binaries, home, data, ct);
        await MakeFolderAsync(home, sockets, ct);

        // Read by the server at each start; written anew so that no older rule lets anybody else in.
        WriteConfiguration(Path.Combine(home, "pg_hba.conf"), "local all all peer map=owner\n");
        WriteConfiguration(Path.Combine(home, "pg_ident.conf"), $"owner \"{Environment.UserName}\" {Role}\n");

        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            var server = await StartServerAsync(binaries, home, data, sockets);
            try
            {
                if (await WaitUntilReadyAsync(server, data, sockets, ct))
                {
                    await CreateDatabaseAsync(sockets, DatabaseName, ct);
                    return server;
                }
            }
            catch
            {
                await server.DisposeAsync();
                throw;
            }
            if (!MayRetry(server, data) || Stopwatch.GetElapsedTime(started) > LockWait)
                throw new DatabaseException($"the database under {home} does not start: {server.Describe()}. "
                    + "If another PostgreSQL server runs on this folder, stop it first");
            await Task.Delay(200, ct);
        }
    }

    /// <summary>Creates one more database if it is not there, and returns the connection string for it.</summary>
    /// <param name="name">Lower-case letters, digits and underscores.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<string> CreateDatabaseAsync(string name, CancellationToken ct)
    {
        await CreateDatabaseAsync(_socketFolder, name, ct);
        return ConnectionFor(_socketFolder, name);
    }

    /// <summary>Fast shutdown: sessions end, everything is written, the server exits (killed if that takes over 30 s).</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _watch;
        await _server.StopAsync(ChildSignal.Interrupt, StopWait);
    }

    /// <summary>As <see cref="StopAsync"/>; then another node may use the folder.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _claim.DisposeAsync();
    }

    // A server that ends unasked (out of memory, a full disk) is started again as often as it takes: the node waits for it.
    private async Task WatchAsync()
    {
        var stopped = Task.Delay(Timeout.Infinite, _stop.Token);
        while (await Task.WhenAny(_server.Exited, stopped) != stopped && !_stop.IsCancellationRequested)
        {
            _log.LogError(LogEvents.DatabaseEnded, "PostgreSQL ended unasked and is started again: {State}", _server.Describe());
            await Task.WhenAny(Task.Delay(RestartPause), stopped);
            try
            {
                _stop.Token.ThrowIfCancellationRequested();
                _server = await StartAsync(_home, _socketFolder, _stop.Token);
                _log.LogWarning(LogEvents.DatabaseRestarted, "PostgreSQL runs again as process {Process}", _server.Id);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // The node stops.
            }
            catch (Exception e)
            {
                _log.LogError(LogEvents.DatabaseEnded, e, "PostgreSQL does not start; it is tried again in {Seconds} s", RestartPause.TotalSeconds);
            }
        }
    }

    /// <summary>An exclusive lock on the folder, which ends with this process however it ends.</summary>
    private static FileStream Claim(string home)
    {
        try
        {
            return new FileStream(Path.Combine(home, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new DatabaseException($"cannot lock {home}: {e.Message} Another node runs on this data folder: stop it, or use another folder", e);
        }
    }

    private static string ConnectionFor(string socketFolder, string database) => new NpgsqlConnectionStringBuilder
    {
        Host = socketFolder,
        Port = Port,
        Database = database,
        Username = Role,
        SslMode = SslMode.Disable,
        GssEncryptionMode = GssEncryptionMode.Disable,
        MaxPoolSize = 20, // a third of max_connections below
    }.ConnectionString;

    /// <summary>The folder that holds all of it: ours, others may pass through to what belongs to the service user.</summary>
    private static async Task PrepareAsync(string home, CancellationToken ct)
    {
        Directory.CreateDirectory(home);
        var mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        if (Environment.IsPrivilegedProcess)
            mode |= UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        SetMode(home, mode);
        if (!Environment.IsPrivilegedProcess)
            return;
        var (code, output) = await RunAsync("test", ["-x", home], "/", asService: true, ct);
        if (code == 0)
            return;
        if (code != 1)
            throw new DatabaseException($"cannot run a program as the user '{ServiceUser}' ({output}). "
                + "Install PostgreSQL 15 or later (apt-get install postgresql), or give --db URL");
        throw new DatabaseException($"the user '{ServiceUser}', as whom PostgreSQL runs, may not enter {FirstClosed(home)}. "
            + $"Use a data folder that it can reach, such as /var/lib/trove, or run: chmod o+x {FirstClosed(home)}");
    }

    private static string FirstClosed(string path)
    {
        var closed = path;
        for (var folder = path; folder is not null; folder = Path.GetDirectoryName(folder))
            if (!OperatingSystem.IsWindows() && !File.GetUnixFileMode(folder).HasFlag(UnixFileMode.OtherExecute))
                closed = folder;
        return closed;
    }

    private static string FindBinaries(string data)
    {
        const string root = "/usr/lib/postgresql"; // Debian's layout: a folder a major version
        var versions = Directory.Exists(root)
            ? Directory.GetDirectories(root)
                .Where(d => File.Exists(Path.Combine(d, "bin", "postgres")))
                .Select(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out int v) ? v : 0)
                .Where(v => v >= 15).Order().ToArray()
            : [];
        var marker = Path.Combine(data, "PG_VERSION");
        if (File.Exists(marker))
        {
            var made = File.ReadAllText(marker).Trim();
            return versions.Any(v => v.ToString(CultureInfo.InvariantCulture) == made)
                ? Path.Combine(root, made, "bin")
                : throw new DatabaseException($"the cluster {data} was made by PostgreSQL {made}, which is not under {root}. "
                    + $"Install it: apt-get install postgresql-{made}");
        }
        return versions.Length > 0
            ? Path.Combine(root, versions[^1].ToString(CultureInfo.InvariantCulture), "bin")
            : throw new DatabaseException($"there is no PostgreSQL 15 or later under {root}. "
                + "Install it (apt-get install postgresql), or use another server with --db URL");
    }

    private static async Task InitializeAsync(string binaries, string home, string data, CancellationToken ct)
    {
        // Made beside its place and renamed: a crash in the middle leaves no half cluster that looks whole.
        var draft = data + ".new";
        if (Directory.Exists(draft))
            Directory.Delete(draft, recursive: true);
        await MakeFolderAsync(home, draft, ct);
        var (code, output) = await RunAsync(Path.Combine(binaries, "initdb"),
            ["-D", draft, "-U", Role, "--auth=peer", "--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"],
            home, Environment.IsPrivilegedProcess, ct);
        if (code != 0)
            throw new DatabaseException($"initdb could not create the cluster {data}: {output}");
        Directory.Move(draft, data);
        DurableFile.SyncFolder(home);
    }

    /// <summary>A 0700 folder that belongs to whom PostgreSQL runs as.</summary>
    private static async Task MakeFolderAsync(string home, string folder, CancellationToken ct)
    {
        string[] owner = Environment.IsPrivilegedProcess ? ["-o", ServiceUser, "-g", ServiceUser] : [];
        var (code, output) = await RunAsync("install", ["-d", "-m", "0700", .. owner, folder], home, asService: false, ct);
        if (code != 0)
            throw new DatabaseException($"cannot create the folder {folder} for PostgreSQL: {output}");
    }

    private static string SocketFolder(string home)
    {
        var folder = Path.Combine(home, "run");
        // unix_socket_directories is a list: a comma or quote in the path would be read as its syntax.
        if (Encoding.UTF8.GetByteCount($"{folder}/.s.PGSQL.{Port}.lock") <= MaxSocketPath && folder.IndexOfAny([',', '"', '\\']) < 0)
            return folder;
        // Only root or this user can create names in these, so that a fixed name cannot be taken by somebody else first.
        var runtime = Environment.IsPrivilegedProcess ? "/run" : Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        if (!string.IsNullOrEmpty(runtime) && runtime.Length < 60 && Directory.Exists(runtime))
            return Path.Combine(runtime, "trove-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(home)))[..16]);
        return Directory.CreateTempSubdirectory("trove-").FullName;
    }

    private static void WriteConfiguration(string path, string text)
    {
        File.WriteAllText(path, text);
        SetMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
    }

    private static void SetMode(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows()) // there is no setpriv there either: the cluster does not start
            File.SetUnixFileMode(path, mode);
    }

    private static Task<ChildProcess> StartServerAsync(string binaries, string home, string data, string sockets)
    {
        string[] settings =
        [
            "listen_addresses=", $"port={Port}", $"unix_socket_directories={sockets}", "unix_socket_permissions=0700",
            $"hba_file={home}/pg_hba.conf", $"ident_file={home}/pg_ident.conf",
            "fsync=on", "synchronous_commit=on", "full_page_writes=on", "wal_compression=on",
            // Small machines: other processes of the node need the memory and the cores more.
            "max_connections=60", "shared_buffers=64MB", "work_mem=8MB", "maintenance_work_mem=64MB", "max_wal_size=512MB",
            "max_parallel_workers_per_gather=0", "jit=off", "huge_pages=off",
            // Values of members' rows do not go to the log.
            "log_min_error_statement=panic", "log_error_verbosity=terse", "log_parameter_max_length_on_error=0",
            "logging_collector=off", "log_destination=stderr",
        ];
        return ChildProcess.StartAsync(new ChildProcessOptions
        {
            Program = Path.Combine(binaries, "postgres"),
            Arguments = ["-D", data, .. settings.SelectMany(s => new[] { "-c", s })],
            Environment = new Dictionary<string, string> { ["LC_ALL"] = "C", ["TZ"] = "UTC" },
            WorkingDirectory = home,
            User = Environment.IsPrivilegedProcess ? ServiceUser : null,
        });
    }

    /// <returns>False when the server exited instead.</returns>
    private static async Task<bool> WaitUntilReadyAsync(ChildProcess server, string data, string sockets, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        while (!server.HasExited)
        {
            try
            {
                // Until this file names our server, one that is on its way out may answer at the socket.
                if (ServerId(data) != server.Id)
                {
                    await Task.Delay(20, ct);
                    continue;
                }
                await using var connection = new NpgsqlConnection(ConnectionFor(sockets, "postgres") + ";Pooling=false");
                await connection.OpenAsync(ct);
                return true;
            }
            catch (NpgsqlException e) when (Stopwatch.GetElapsedTime(started) < ReadyWait && (e is not PostgresException || e.SqlState == PostgresErrorCodes.CannotConnectNow))
            {
                await Task.Delay(50, ct); // no socket yet, or it recovers
            }
            catch (NpgsqlException e)
            {
                throw new DatabaseException($"the database at {sockets} does not take connections: {e.Message}; {server.Describe()}", e);
            }
        }
        return false;
    }

    /// <summary>Is this how a server fails that was started while the one killed before it is not quite gone?</summary>
    private static bool MayRetry(ChildProcess server, string data)
    {
        var output = server.OutputTail;
        if (output.Contains("shared memory block", StringComparison.Ordinal))
            return true;
        if (SocketLock(output) is { } socketLock)
        {
            // The same doubt about the lock beside the socket. Nobody else's socket is in this private folder, and no
            // server stands in the data folder: the one that starts holds postmaster.pid already.
            File.Delete(socketLock);
            return true;
        }
        if (!output.Contains("postmaster.pid\" already exists", StringComparison.Ordinal))
            return false;
        // The process id of a killed server may belong to another program by now, which PostgreSQL cannot tell.
        // A server stands in its data folder: if that process does not, the file is stale.
        var file = Path.Combine(data, PidFile);
        try
        {
            var text = File.ReadAllText(file);
            var standing = $"/proc/{ServerId(data)}/cwd/{PidFile}";
            if (!File.Exists(standing) || File.ReadAllText(standing) != text)
                File.Delete(file);
        }
        catch (IOException)
        {
            // The file or the process went meanwhile: the next try will see.
        }
        return true;
    }

    private static string? SocketLock(string output)
    {
        const string End = "/.s.PGSQL.5432.lock";
        int end = output.IndexOf(End + "\" already exists", StringComparison.Ordinal);
        int start = end < 0 ? -1 : output.LastIndexOf('"', end);
        return start < 0 ? null : output[(start + 1)..(end + End.Length)];
    }

    /// <summary>The process id in the first line of the lock file that PostgreSQL keeps in its data folder; 0 without one.</summary>
    private static int ServerId(string data)
    {
        try
        {
            var text = File.ReadAllText(Path.Combine(data, PidFile));
            return int.TryParse(text.Split('\n', 2)[0], NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id : 0;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static async Task CreateDatabaseAsync(string sockets, string name, CancellationToken ct)
    {
        if (name.Length is 0 or > 60 || !name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_'))
            throw new ArgumentException("a database name has lower-case letters, digits and underscores, at most 60", nameof(name));
        await using var connection = new NpgsqlConnection(ConnectionFor(sockets, "postgres") + ";Pooling=false");
        await connection.OpenAsync(ct);
        await using var find = new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = $1", connection) { Parameters = { new() { Value = name } } };
        if (await find.ExecuteScalarAsync(ct) is not null)
            return;
        await using var create = new NpgsqlCommand($"CREATE DATABASE \"{name}\"", connection);
        await create.ExecuteNonQueryAsync(ct);
    }

    private static async Task<(int Code, string Output)> RunAsync(
        string program, IReadOnlyList<string> arguments, string folder, bool asService, CancellationToken ct)
    {
        await using var child = await ChildProcess.StartAsync(new ChildProcessOptions
        {
            Program = program,
            Arguments = arguments,
            Environment = new Dictionary<string, string> { ["LC_ALL"] = "C", ["TZ"] = "UTC" },
            WorkingDirectory = folder,
            User = asService ? ServiceUser : null,
        });
        try
        {
            await child.Exited.WaitAsync(ToolWait, ct);
        }
        catch (TimeoutException)
        {
            throw new DatabaseException($"{program} did not end within {ToolWait.TotalSeconds:0} s: {child.Describe()}");
        }
        return (child.ExitCode ?? -1, child.OutputTail.Trim());
    }
}
