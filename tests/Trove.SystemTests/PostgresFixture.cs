using Trove.Node.Database;
using Trove.SystemTests;

[assembly: AssemblyFixture(typeof(PostgresFixture))]

namespace Trove.SystemTests;

/// <summary>
/// One private cluster for all tests of this assembly, started by the first that needs it; each test gets a database of
/// its own. In /var/tmp, because PostgreSQL's user may not enter what a test runner keeps to itself.
/// </summary>
public sealed class PostgresFixture : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private string? _folder;
    private PostgresCluster? _cluster;
    private int _databases;

    /// <summary>Connection string of a new, empty database.</summary>
    public async Task<string> NewDatabaseAsync()
    {
        await _gate.WaitAsync();
        try
        {
            _folder ??= TestFolder.Create();
            _cluster ??= await PostgresCluster.StartAsync(_folder, CancellationToken.None);
            return await _cluster.CreateDatabaseAsync($"test_{++_databases}", CancellationToken.None);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>A new database with the schema.</summary>
    public async Task<NodeDatabase> OpenAsync() => await NodeDatabase.OpenAsync(await NewDatabaseAsync(), CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
        if (_folder is not null)
            Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>Folders for tests that other users may pass through.</summary>
public static class TestFolder
{
    private const UnixFileMode Passable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    public static string Create(string? name = null)
    {
        var folder = $"/var/tmp/trove-test-{Guid.NewGuid():N}{name}";
        Directory.CreateDirectory(folder);
        SetMode(folder, Passable);
        return folder;
    }

    public static void SetMode(string folder, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder, mode);
    }
}
