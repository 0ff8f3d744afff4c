using System.Diagnostics;
using System.Security.Cryptography;
using Trove.Chain.Embedded;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Cli.Demo;

/// <summary>One of the demo's verifiers, guardians or runners: its key and, once started, its process.</summary>
internal sealed class Operator(string role, string keyFile, string passphrase, VerifierInfo info) : IAsyncDisposable
{
    private Process? _process;
    private TextWriter? _log;

    /// <summary>Address and recipient, as the registry will name them.</summary>
    public VerifierInfo Info => info;

    /// <summary>Id of its process.</summary>
    public int Id => _process?.Id ?? 0;

    /// <summary>Has its process ended by itself?</summary>
    public bool HasExited => _process is { HasExited: true };

    /// <summary>Starts the process; the passphrase goes through a pipe, never through an argument or a file.</summary>
    public Task StartAsync(Uri node, CancellationToken ct, params string[] more) =>
        StartProcessAsync([role, "--key", keyFile, "--passphrase-fd", "0", "--node", node.ToString(), .. more], ct);

    /// <summary>Starts a command of this program that asks for no more than the passphrase.</summary>
    public async Task StartProcessAsync(IReadOnlyList<string> arguments, CancellationToken ct)
    {
        // setpriv: an operator does not outlive the demo, whatever ends it.
        var start = new ProcessStartInfo("setpriv") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["--pdeathsig", "KILL", "--", Environment.ProcessPath!, Environment.GetCommandLineArgs()[0], .. arguments])
            start.ArgumentList.Add(argument);
        _process = await ChildProcess.ForkAsync(start);
        var log = _log ??= TextWriter.Synchronized(new StreamWriter(Path.ChangeExtension(keyFile, ".log")) { AutoFlush = true });
        _process.OutputDataReceived += (_, line) => log.WriteLine(line.Data);
        _process.ErrorDataReceived += (_, line) => log.WriteLine(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await _process.StandardInput.WriteLineAsync(passphrase.AsMemory(), ct);
        _process.StandardInput.Close();
    }

    /// <summary>Kills the process, as a power failure would.</summary>
    public async Task KillAsync()
    {
        if (_process is null)
            return;
        try
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }
        catch (InvalidOperationException)
        {
            // It ended by itself.
        }
        _process.Dispose();
        _process = null;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        if (_log is not null)
            await _log.DisposeAsync();
    }
}

/// <summary>The demo's operators: processes of their own with their own keys, as everywhere.</summary>
internal sealed class Operators(string folder) : IAsyncDisposable
{
    private readonly List<Operator> _all = [];

    /// <summary>Check contributions.</summary>
    public IReadOnlyList<Operator> Verifiers { get; private set; } = [];

    /// <summary>Hold the asset's key in shares: the first three from its beginning, the last ones from the change of guardians on.</summary>
    public IReadOnlyList<Operator> Guardians { get; private set; } = [];

    /// <summary>Computes on what is released.</summary>
    public Operator Runner { get; private set; } = null!;

    /// <summary>Makes keys for two verifiers, four guardians and a runner.</summary>
    public static Operators Create(string folder)
    {
        Directory.CreateDirectory(folder);
        var operators = new Operators(folder);
        operators.Verifiers = [.. Enumerable.Range(1, 2).Select(i => operators.Make("verifier", i))];
        operators.Guardians = [.. Enumerable.Range(1, 4).Select(i => operators.Make("guardian", i))];
        operators.Runner = operators.Make("runner", 1);
        return operators;
    }

    /// <summary>Starts verifiers and guardians.</summary>
    public async Task StartAsync(Uri node, CancellationToken ct)
    {
        foreach (var verifier in Verifiers)
            await verifier.StartAsync(node, ct);
        await StartAsync(Guardians, node, ct);
    }

    /// <summary>Starts these guardians.</summary>
    public async Task StartAsync(IEnumerable<Operator> guardians, Uri node, CancellationToken ct)
    {
        foreach (var guardian in guardians)
            await guardian.StartAsync(node, ct, "--data", folder, "--confirmations", "0"); // an embedded chain has no reorganisations
    }

    /// <summary>Prints the last lines of each log, for when something went wrong.</summary>
    public async Task PrintLogsAsync()
    {
        foreach (var file in Directory.GetFiles(folder, "*.log").Order(StringComparer.Ordinal))
        {
            Console.Error.WriteLine($"{Path.GetFileName(file)}:");
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(stream);
            foreach (var line in (await reader.ReadToEndAsync()).Split('\n').Where(l => l.Length > 0).TakeLast(10))
                Console.Error.WriteLine($"  {Shared.Safe(line)}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var one in _all)
            await one.DisposeAsync();
    }

    private Operator Make(string role, int number)
    {
        var passphrase = RandomNumberGenerator.GetHexString(32);
        var keyFile = Path.Combine(folder, $"{role}-{number}.key");
        using var key = KeyFile.Create();
        using var secret = new SecretBytes(System.Text.Encoding.ASCII.GetBytes(passphrase));
        key.Save(keyFile, secret, workFactor: 14); // the passphrase is random: nothing to stretch
        var made = new Operator(role, keyFile, passphrase, new VerifierInfo(key.SigningKey.Address, key.Identity.Recipient.ToString()));
        _all.Add(made);
        return made;
    }
}
