using System.Diagnostics;
using Trove.Chain.Embedded;
using Trove.Crypto;

namespace Trove.SystemTests.Chain;

/// <summary>
/// A process to be killed: this test executable once more, running one of the explicit "tests" below, which do something
/// until they are killed and write lines to a file.
/// </summary>
public sealed class Host : IAsyncDisposable
{
    private const string OutputVariable = "TROVE_HOST_OUTPUT";
    private readonly ChildProcess _process;
    private readonly string _output;

    private Host(ChildProcess process, string output) => (_process, _output) = (process, output);

    /// <summary>A key for tests: secret bytes of one value.</summary>
    public static SigningKey Key(int n) => SigningKey.FromBytes(Enumerable.Repeat(checked((byte)n), 32).ToArray());

    /// <summary>The lines written whole so far.</summary>
    public string[] Lines
    {
        get
        {
            if (!File.Exists(_output))
                return [];
            using var stream = new FileStream(_output, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(stream);
            var text = reader.ReadToEnd();
            return text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
    }

    public static async Task<Host> StartAsync(string method, IReadOnlyDictionary<string, string> environment)
    {
        var output = Path.Combine(Path.GetTempPath(), $"trove-host-{Guid.NewGuid():N}");
        var process = await ChildProcess.StartAsync(new ChildProcessOptions
        {
            Program = "dotnet",
            Arguments = [typeof(Host).Assembly.Location, "--explicit", "only", "--filter-method", $"{typeof(HostedRoles).FullName}.{method}"],
            WorkingDirectory = AppContext.BaseDirectory,
            Environment = new Dictionary<string, string>(environment) { [OutputVariable] = output, ["HOME"] = Path.GetTempPath(), ["DOTNET_gcServer"] = "0" },
        });
        return new Host(process, output);
    }

    /// <summary>Waits for a line with this beginning and returns what follows it.</summary>
    public async Task<string> LineAsync(string beginning)
    {
        while (true)
        {
            if (Lines.FirstOrDefault(l => l.StartsWith(beginning, StringComparison.Ordinal)) is { } line)
                return line[beginning.Length..];
            if (_process.HasExited)
                throw new InvalidOperationException($"the process ended before it wrote '{beginning}': {_process.Describe()}");
            await Task.Delay(20);
        }
    }

    /// <summary>SIGKILL for the process alone: what it started must notice by itself.</summary>
    public void KillOnlyIt()
    {
        using var process = Process.GetProcessById(_process.Id);
        process.Kill(entireProcessTree: false);
        process.WaitForExit();
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        File.Delete(_output);
    }

    public static string Starts_a_sleeping_child => nameof(HostedRoles.Starts_a_sleeping_child);

    internal static void Write(string line)
    {
        using var stream = new FileStream(Environment.GetEnvironmentVariable(OutputVariable)!, FileMode.Append, FileAccess.Write, FileShare.Read);
        stream.Write(System.Text.Encoding.UTF8.GetBytes(line + "\n"));
    }
}

/// <summary>What a <see cref="Host"/> runs; never part of an ordinary test run.</summary>
public class HostedRoles
{
    [Fact(Explicit = true)]
    public async Task Starts_a_sleeping_child()
    {
        var user = Environment.GetEnvironmentVariable("TROVE_HOST_USER");
        await using var child = await ChildProcess.StartAsync(new ChildProcessOptions
        {
            Program = "/bin/sleep", Arguments = ["600"], WorkingDirectory = "/", User = user is { Length: > 0 } ? user : null, Group = user is { Length: > 0 } ? "nogroup" : null,
        });
        while (File.ReadAllText($"/proc/{child.Id}/comm").Trim() != "sleep") // setpriv has done its work when it has become the program
            await Task.Delay(10);
        Host.Write($"child {child.Id}");
        await child.Exited;
    }
}
