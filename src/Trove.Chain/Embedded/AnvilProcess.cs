using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Trove.Chain.Rpc;

namespace Trove.Chain.Embedded;

/// <summary>One running anvil: finds the program, starts it on loopback with nothing on by default, waits until it answers.</summary>
internal sealed class AnvilProcess : IAsyncDisposable
{
    private const string Package = "@foundry-rs/anvil-linux-amd64";
    private const string Install = "run `npm ci --ignore-scripts` in the folder native/ of the repository, or set TROVE_NATIVE to a folder where that was done";
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(60); // a cold disk, a busy machine

    private readonly ChildProcess _child;

    private AnvilProcess(ChildProcess child, int port) => (_child, Port) = (child, port);

    /// <summary>The loopback port it listens on.</summary>
    public int Port { get; }

    /// <summary>Ends when the process has exited.</summary>
    public Task Exited => _child.Exited;

    /// <summary>One line about how it ended and what it last said.</summary>
    public string Describe() => _child.Describe();

    /// <summary>A loopback port that was free a moment ago.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Starts anvil in <paramref name="folder"/>, which is its home, and returns when it answers on <paramref name="client"/>.</summary>
    /// <exception cref="InvalidOperationException">The program is missing, ended at once, or did not answer in time.</exception>
    public static async Task<AnvilProcess> StartAsync(string folder, ChainGenesis genesis, int port, EthClient client, string? state, CancellationToken ct)
    {
        string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);
        List<string> arguments =
        [
            "--host", "127.0.0.1", "--port", port.ToString(CultureInfo.InvariantCulture), "--quiet",
            "--no-mining", "--order", "fifo", "--prune-history", "64", "--no-cors", "--accounts", "0",
            "--chain-id", Number(genesis.ChainId), "--timestamp", Number(genesis.Timestamp), "--hardfork", genesis.Hardfork,
            "--gas-limit", Number(genesis.GasLimit), "--block-base-fee-per-gas", Number(genesis.BaseFeePerGas),
        ];
        if (state is not null)
            arguments.AddRange(["--load-state", state]);
        var child = await ChildProcess.StartAsync(new ChildProcessOptions
        {
            Program = Find(),
            Arguments = arguments,
            Environment = new Dictionary<string, string> { ["HOME"] = folder, ["RUST_BACKTRACE"] = "0" },
            WorkingDirectory = folder,
        }).ConfigureAwait(false);
        var anvil = new AnvilProcess(child, port);
        try
        {
            await anvil.WaitReadyAsync(client, genesis.ChainId, ct).ConfigureAwait(false);
            return anvil;
        }
        catch
        {
            await anvil.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Ends it. Everything that matters is in the journal already, so nothing is asked of it.</summary>
    public async ValueTask DisposeAsync() => await _child.DisposeAsync().ConfigureAwait(false);

    private async Task WaitReadyAsync(EthClient client, ulong chainId, CancellationToken ct)
    {
        long start = Environment.TickCount64;
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            if (_child.HasExited)
                throw new InvalidOperationException($"starting the embedded chain on port {Port}: {Describe()}");
            try
            {
                // Another program may sit on the port, if it took it in the moment since it was found free.
                ulong found = await client.ChainIdAsync(ct).ConfigureAwait(false);
                if (found != chainId)
                    throw new InvalidOperationException($"starting the embedded chain: port {Port} is answered by a node of chain {found}, not {chainId}; start again");
                return;
            }
            catch (RpcException e) when (e.Failure == RpcFailure.Unreachable)
            {
                if (Environment.TickCount64 - start > ReadyLimit.TotalMilliseconds)
                    throw new InvalidOperationException($"starting the embedded chain: anvil did not answer on port {Port} within {ReadyLimit.TotalSeconds:0} s; {Describe()}", e);
            }
            await Task.Delay(10, ct).ConfigureAwait(false);
        }
    }

    private static string Find()
    {
        var given = Environment.GetEnvironmentVariable("TROVE_NATIVE");
        if (!string.IsNullOrEmpty(given))
            return In(given) is var path && File.Exists(path) ? path : throw new InvalidOperationException($"anvil is not at {path} (TROVE_NATIVE is {given}); {Install}");
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = In(Path.Combine(folder.FullName, "native"));
            if (File.Exists(path))
                return path;
        }
        throw new InvalidOperationException($"anvil, which runs the embedded chain, was not found in native/node_modules above {AppContext.BaseDirectory}; {Install}");
    }

    private static string In(string native) => Path.Combine(native, "node_modules", Package, "bin", "anvil");
}
