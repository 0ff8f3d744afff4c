using System.Diagnostics;
using System.Security.Cryptography;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Cli.Demo;

/// <summary>The demo's verifiers: processes of their own with their own keys, as everywhere.</summary>
internal sealed class VerifierProcesses(string folder) : IAsyncDisposable
{
    private readonly List<Process> _processes = [];
    private readonly List<TextWriter> _logs = [];

    /// <summary>The verifiers, as the registry will name them.</summary>
    public List<VerifierInfo> Infos { get; } = [];

    /// <summary>Makes keys and starts the processes; the passphrase goes through a pipe, never through an argument or a file.</summary>
    public static async Task<VerifierProcesses> StartAsync(int count, string folder, Uri node, CancellationToken ct)
    {
        var verifiers = new VerifierProcesses(folder);
        try
        {
            Directory.CreateDirectory(folder);
            for (int i = 1; i <= count; i++)
                await verifiers.StartAsync(Path.Combine(folder, $"verifier-{i}.key"), node, ct);
            return verifiers;
        }
        catch
        {
            await verifiers.DisposeAsync();
            throw;
        }
    }

    /// <summary>Prints the last lines of each verifier's log, for when something went wrong.</summary>
    public async Task PrintLogsAsync()
    {
        foreach (var file in Directory.GetFiles(folder, "*.log").Order(StringComparer.Ordinal))
        {
            Console.Error.WriteLine($"{Path.GetFileName(file)}:");
            foreach (var line in (await File.ReadAllLinesAsync(file)).Where(l => l.Length > 0).TakeLast(10))
                Console.Error.WriteLine($"  {Shared.Safe(line)}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            try
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync();
            }
            catch (InvalidOperationException)
            {
                // It ended by itself.
            }
            process.Dispose();
        }
        foreach (var log in _logs)
            await log.DisposeAsync();
    }

    private async Task StartAsync(string keyFile, Uri node, CancellationToken ct)
    {
        var passphrase = RandomNumberGenerator.GetHexString(32);
        using (var key = KeyFile.Create())
        {
            using var secret = new SecretBytes(System.Text.Encoding.ASCII.GetBytes(passphrase));
            key.Save(keyFile, secret, workFactor: 14); // the passphrase is random: nothing to stretch
            Infos.Add(new VerifierInfo(key.SigningKey.Address, key.Identity.Recipient.ToString()));
        }
        // setpriv: a verifier does not outlive the demo, whatever ends it.
        var start = new ProcessStartInfo("setpriv") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { "--pdeathsig", "KILL", "--", Environment.ProcessPath!, Environment.GetCommandLineArgs()[0],
            "verifier", "--key", keyFile, "--passphrase-fd", "0", "--node", node.ToString() })
            start.ArgumentList.Add(argument);
        var process = Process.Start(start) ?? throw new CommandException("a verifier did not start", "look whether 'setpriv' is installed");
        _processes.Add(process);
        var log = TextWriter.Synchronized(new StreamWriter(Path.ChangeExtension(keyFile, ".log")) { AutoFlush = true });
        _logs.Add(log);
        process.OutputDataReceived += (_, line) => log.WriteLine(line.Data);
        process.ErrorDataReceived += (_, line) => log.WriteLine(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await process.StandardInput.WriteLineAsync(passphrase.AsMemory(), ct);
        process.StandardInput.Close();
    }
}
