using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace Trove.SystemTests.Story;

/// <summary>The real command line, as a process of its own, on a data folder of its own.</summary>
internal sealed class TroveCli : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _error = new();
    private readonly Task<string> _rest;
    private readonly List<JsonNode> _lines = [];

    private TroveCli(Process process)
    {
        _process = process;
        process.ErrorDataReceived += (_, e) =>
        {
            lock (_error)
                _error.AppendLine(e.Data);
        };
        process.BeginErrorReadLine();
        _rest = ReadAsync();
    }

    /// <summary>The repository.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>trove.dll of the build that these tests are of.</summary>
    public static string Program { get; } = FindProgram();

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>All that was written to standard error so far.</summary>
    public string Error
    {
        get
        {
            lock (_error)
                return _error.ToString();
        }
    }

    /// <summary>Starts a command; everything it keeps goes to <paramref name="data"/>.</summary>
    public static TroveCli Start(string data, params string[] arguments) => Start(data, new Dictionary<string, string>(), arguments);

    /// <summary>As <see cref="Start(string, string[])"/>, with more in its environment.</summary>
    public static TroveCli Start(string data, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("env", ["--default-signal=INT", "dotnet", "exec", Program, .. arguments]) // who runs the tests may have ignored it
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, StandardOutputEncoding = Encoding.UTF8, WorkingDirectory = data,
            Environment = { ["TROVE_DATA"] = data, ["DOTNET_NOLOGO"] = "1" },
        };
        start.Environment.Remove("TROVE_NODE");
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var cli = new TroveCli(Process.Start(start)!);
        cli._process.StandardInput.Close();
        return cli;
    }

    /// <summary>Runs a command to its end.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(string data, params string[] arguments)
    {
        await using var cli = Start(data, arguments);
        var (code, output) = await cli.EndAsync();
        return (code, output, cli.Error);
    }

    /// <summary>Runs a command that has to succeed; its JSON.</summary>
    public static async Task<JsonNode> JsonAsync(string data, params string[] arguments)
    {
        var (code, output, error) = await RunAsync(data, [.. arguments, "--json"]);
        Assert.True(code == 0, $"trove {string.Join(' ', arguments)}: {code}\n{output}\n{error}");
        return JsonNode.Parse(output)!;
    }

    /// <summary>Waits until it ends by itself; its exit code and output.</summary>
    public async Task<(int Code, string Output)> EndAsync()
    {
        var output = await _rest.WaitAsync(TimeSpan.FromMinutes(5));
        await _process.WaitForExitAsync();
        return (_process.ExitCode, output);
    }

    /// <summary>Waits for a line of the demo's JSON; all that came until then.</summary>
    public async Task<IReadOnlyList<JsonNode>> WaitForEventAsync(string name)
    {
        for (int i = 0; i < 3000; i++)
        {
            lock (_lines)
                if (_lines.Any(l => (string?)l["event"] == name))
                    return [.. _lines];
            Assert.False(_process.HasExited, $"the demo ended before '{name}': {Error}");
            await Task.Delay(100);
        }
        throw new TimeoutException($"the demo did not come to '{name}' within five minutes: {Error}");
    }

    /// <summary>Asks it to end as a service manager does.</summary>
    public async Task StopAsync()
    {
        Signal(_process.Id, "TERM");
        await _process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromMinutes(1)).Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        await _rest;
        _process.Dispose();
    }

    /// <summary>Sends it a signal.</summary>
    public void Signal(string signal) => Signal(_process.Id, signal);

    /// <summary>Sends a signal to one process.</summary>
    public static void Signal(int process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process}"]);
        kill.WaitForExit();
    }

    private async Task<string> ReadAsync()
    {
        var all = new StringBuilder();
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            all.AppendLine(line);
            if (line.StartsWith("{\"event\"", StringComparison.Ordinal))
                lock (_lines)
                    _lines.Add(JsonNode.Parse(line)!);
        }
        return all.ToString();
    }

    private static string FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Trove.slnx")))
                return folder.FullName;
        throw new InvalidOperationException("the tests run inside the repository");
    }

    private static string FindProgram()
    {
        var build = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/')); // …/bin/Release/net10.0
        return Path.Combine(Repository, "src", "Trove.Cli", "bin", build.Parent!.Name, build.Name, "trove.dll");
    }
}

/// <summary>Processes by what /proc tells of them.</summary>
internal static class Processes
{
    /// <summary>Those whose command line names the folder, with their command lines.</summary>
    public static IReadOnlyList<(int Id, string CommandLine)> Naming(string folder) =>
        [.. All().Select(id => (id, CommandLine: Read(id, "cmdline"))).Where(p => p.CommandLine.Contains(folder, StringComparison.Ordinal))];

    /// <summary>A process and all that descend from it.</summary>
    public static IReadOnlyList<int> Tree(int root)
    {
        var parents = All().ToDictionary(id => id, Parent);
        var tree = new List<int> { root };
        for (int i = 0; i < tree.Count; i++)
            tree.AddRange(parents.Where(p => p.Value == tree[i]).Select(p => p.Key));
        return tree;
    }

    /// <summary>A file of /proc/ID with its NULs as spaces; empty when the process is gone.</summary>
    public static string Read(int id, string file)
    {
        try
        {
            return Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/{id}/{file}")).Replace('\0', ' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static IEnumerable<int> All() => Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(n => int.TryParse(n, out _)).Select(n => int.Parse(n!, System.Globalization.CultureInfo.InvariantCulture));

    private static int Parent(int id) => Read(id, "stat") is var stat && stat.LastIndexOf(')') is > 0 and var end
        && stat[(end + 2)..].Split(' ') is [_, var parent, ..] ? int.Parse(parent, System.Globalization.CultureInfo.InvariantCulture) : 0;
}
