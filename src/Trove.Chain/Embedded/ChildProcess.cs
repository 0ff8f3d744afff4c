using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Trove.Chain.Embedded;

/// <summary>The signals a child is asked to end with (Linux numbers).</summary>
public enum ChildSignal
{
    /// <summary>SIGINT; for PostgreSQL a fast shutdown.</summary>
    Interrupt = 2,

    /// <summary>SIGTERM.</summary>
    Terminate = 15,
}

/// <summary>What to start. No shell sees any of it; the child gets <see cref="Environment"/> and nothing else of ours.</summary>
public sealed record ChildProcessOptions
{
    /// <summary>The program: a path, or a name found through this process's PATH.</summary>
    public required string Program { get; init; }

    /// <summary>Its arguments, passed on one by one.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>The whole environment of the child. PATH is added when it is missing.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>The folder it runs in; it must exist and be reachable for <see cref="User"/>.</summary>
    public required string WorkingDirectory { get; init; }

    /// <summary>Run as this user (name or number); needs root. Null: as ourselves.</summary>
    public string? User { get; init; }

    /// <summary>Run with this group (name or number). Null: the group named as <see cref="User"/> is.</summary>
    public string? Group { get; init; }
}

/// <summary>
/// A long-running child that cannot outlive us: util-linux's <c>setpriv --pdeathsig KILL</c> makes the kernel kill it
/// when its parent dies, even by SIGKILL. The kernel's "parent" is the <em>thread</em> that forked (prctl(2),
/// PR_SET_PDEATHSIG), so one thread that lives as long as this process starts every child.
/// </summary>
public sealed class ChildProcess : IAsyncDisposable
{
    private const int TailChars = 16 * 1024; // kept of the output for error messages; a chatty child costs no more
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private static readonly Lazy<BlockingCollection<Action>> Starter = new(StartStarter);

    private readonly Process _process;
    private readonly string _name;
    private readonly Task _exited;
    private readonly Lock _gate = new();
    private readonly StringBuilder _tail = new();

    private ChildProcess(Process process, string name)
    {
        _process = process;
        _name = name;
        _exited = WatchAsync();
    }

    /// <summary>Process id. setpriv replaces itself by the program, so this is the program's own id.</summary>
    public int Id => _process.Id;

    /// <summary>Ends, without error, when the child has exited and its output was read.</summary>
    public Task Exited => _exited;

    /// <summary>Has the child exited?</summary>
    public bool HasExited => _exited.IsCompleted;

    /// <summary>The exit code, 128 + n for a child killed by signal n, null while it runs.</summary>
    public int? ExitCode => HasExited ? _process.ExitCode : null;

    /// <summary>The last lines of what the child wrote to standard output and error (at most 16 Ki characters).</summary>
    public string OutputTail
    {
        get
        {
            lock (_gate)
                return _tail.ToString();
        }
    }

    /// <summary>Starts the child. Returning means that it was started, not that it is ready.</summary>
    /// <exception cref="InvalidOperationException">The program or setpriv could not be started.</exception>
    public static async Task<ChildProcess> StartAsync(ChildProcessOptions options)
    {
        if (!Directory.Exists(options.WorkingDirectory))
            throw new InvalidOperationException($"starting {options.Program}: its folder {options.WorkingDirectory} does not exist; create it first");
        // A session of its own: Ctrl-C at a terminal goes to the whole foreground group, and must not end a database under its node.
        var start = new ProcessStartInfo("setsid")
        {
            UseShellExecute = false,
            RedirectStandardInput = true, // closed at once: the child reads end of file, never our terminal
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = options.WorkingDirectory,
        };
        foreach (var argument in Arguments(options))
            start.ArgumentList.Add(argument);
        start.Environment.Clear();
        foreach (var (name, value) in options.Environment)
            start.Environment[name] = value;
        start.Environment.TryAdd("PATH", System.Environment.GetEnvironmentVariable("PATH") ?? DefaultPath);

        var process = await ForkAsync(start).ConfigureAwait(false);
        process.StandardInput.Close();
        return new ChildProcess(process, Path.GetFileName(options.Program));
    }

    /// <summary>
    /// Starts a program by setpriv from the one thread that lives as long as this process, so that <c>--pdeathsig</c> means this
    /// process and not a thread of a pool.
    /// </summary>
    /// <exception cref="InvalidOperationException">setpriv could not be started.</exception>
    public static Task<Process> ForkAsync(ProcessStartInfo start)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Starter.Value.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception e)
            {
                started.SetException(new InvalidOperationException(
                    $"starting '{string.Join(' ', start.ArgumentList)}': {start.FileName} (Debian package util-linux) could not be run: {e.Message}", e));
            }
        });
        return started.Task;
    }

    /// <summary>
    /// Asks the child to end by <paramref name="signal"/>, waits at most <paramref name="grace"/>, then kills it with
    /// its descendants. Returns when it is gone; calling it again, or for an exited child, does nothing.
    /// </summary>
    public async Task StopAsync(ChildSignal signal, TimeSpan grace)
    {
        if (!HasExited && !_process.HasExited)
            _ = SendSignal(_process.Id, (int)signal); // ESRCH: it went by itself meanwhile
        try
        {
            await _exited.WaitAsync(grace).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await KillAsync().ConfigureAwait(false);
        }
    }

    /// <summary>SIGKILL for the child and its descendants; returns when it is gone.</summary>
    public Task KillAsync()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // it has exited already
        }
        return _exited;
    }

    /// <summary>One line for an error message: how the child ended and what it last wrote.</summary>
    public string Describe()
    {
        var state = ExitCode is int code ? $"{_name} exited with code {code}" : $"{_name} (process {Id}) is running";
        var tail = OutputTail.Trim();
        return tail.Length == 0 ? $"{state} and wrote nothing" : $"{state}; its last output: {tail}";
    }

    /// <summary>Kills the child if it still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        await KillAsync().ConfigureAwait(false);
        // Not disposed: a caller may still ask for the exit code; the handle goes with the object.
    }

    private static IEnumerable<string> Arguments(ChildProcessOptions options)
    {
        yield return "setpriv";
        yield return "--pdeathsig";
        yield return "KILL";
        if (options.User is not null)
        {
            yield return "--reuid=" + options.User;
            yield return "--regid=" + (options.Group ?? options.User);
            yield return "--clear-groups";
        }
        yield return "--";
        yield return options.Program;
        foreach (var argument in options.Arguments)
            yield return argument;
    }

    private static BlockingCollection<Action> StartStarter()
    {
        var queue = new BlockingCollection<Action>(boundedCapacity: 64);
        new Thread(() =>
        {
            foreach (var start in queue.GetConsumingEnumerable())
                start();
        })
        { IsBackground = true, Name = "trove-child-starter" }.Start();
        return queue;
    }

    private async Task WatchAsync()
    {
        var output = PumpAsync(_process.StandardOutput);
        var error = PumpAsync(_process.StandardError);
        await _process.WaitForExitAsync().ConfigureAwait(false);
        // A grandchild that inherited the pipes may hold them open: its output is of no interest, so it is not awaited long.
        await Task.WhenAny(Task.WhenAll(output, error), Task.Delay(TimeSpan.FromSeconds(1))).ConfigureAwait(false);
    }

    private async Task PumpAsync(StreamReader reader)
    {
        var buffer = new char[1024]; // by blocks, not lines: a line without end must not fill memory
        try
        {
            int read;
            while ((read = await reader.ReadAsync(buffer).ConfigureAwait(false)) > 0)
                lock (_gate)
                {
                    _tail.Append(buffer, 0, read);
                    if (_tail.Length > TailChars)
                        _tail.Remove(0, _tail.Length - TailChars);
                }
        }
        catch (IOException)
        {
            // The pipe broke with the child: what was read is what there is.
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int SendSignal(int pid, int signal);
}
