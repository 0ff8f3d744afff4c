using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>
/// One run of Foundry's anvil as an EVM without will of its own: it mines when told, keeps no accounts and no files.
/// Its HTTP port is on loopback and has cheat methods: only <see cref="EmbeddedChain"/> speaks to it.
/// </summary>
internal sealed partial class Anvil : IAsyncDisposable
{
    // The EVM's rules are part of what makes a block's hash; "latest" would change with anvil's version.
    private const string Hardfork = "prague";

    private static readonly EthClientLimits Limits = new() { Timeout = TimeSpan.FromMinutes(10), MaxResponseBytes = 1 << 30 };

    private readonly ChildProcess _child;

    private Anvil(ChildProcess child, Uri url)
    {
        _child = child;
        Client = new EthClient(url, Limits);
        Reader = new EthClient(url);
    }

    /// <summary>For the producer: large replies, long waits.</summary>
    public EthClient Client { get; }

    /// <summary>For the requests of others, within the usual limits.</summary>
    public EthClient Reader { get; }

    public Task Exited => _child.Exited;
    public int ProcessId => _child.Id;

    /// <summary>Starts anvil and returns when it listens.</summary>
    /// <exception cref="InvalidOperationException">It ended, or did not listen in time; with its last output.</exception>
    public static async Task<Anvil> StartAsync(string folder, ulong chainId, ulong genesisTimestamp, string? loadState, CancellationToken cancel)
    {
        List<string> arguments =
        [
            "--host", "127.0.0.1", "--port", "0", "--no-mining", "--order", "fifo", "--prune-history", "64", "--no-cors",
            "--accounts", "0", "--mnemonic-random", "--color", "never", "--hardfork", Hardfork,
            "--chain-id", chainId.ToString(CultureInfo.InvariantCulture), "--timestamp", genesisTimestamp.ToString(CultureInfo.InvariantCulture),
        ];
        if (loadState is not null)
            arguments.AddRange(["--load-state", loadState]);
        var child = await ChildProcess.StartAsync(new ChildProcessOptions
        {
            Program = NativePrograms.Anvil(),
            Arguments = arguments,
            Environment = new Dictionary<string, string> { ["HOME"] = folder }, // else caches grow in the user's home
            WorkingDirectory = folder,
        }).ConfigureAwait(false);
        try
        {
            // Loading a snapshot of a long life takes seconds; five minutes is not a speed but a sign of a hang.
            for (int tries = 0; tries < 15_000 && !child.HasExited; tries++)
            {
                if (Listening().Match(child.OutputTail) is { Success: true } match)
                    return new Anvil(child, new Uri($"http://127.0.0.1:{match.Groups[1].Value}"));
                await Task.Delay(20, cancel).ConfigureAwait(false);
            }
            throw new InvalidOperationException($"starting the embedded chain's EVM: {child.Describe()}");
        }
        catch
        {
            await child.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Gives an account ether out of nothing; only for genesis.</summary>
    public Task SetBalanceAsync(Address account, UInt128 wei, CancellationToken cancel) => SendAsync("anvil_setBalance", cancel, account.ToString(), Quantity.Of(wei));

    /// <summary>Mines one block with this time and what is in the pool, then empties the pool; returns the block.</summary>
    public async Task<Block> MineAsync(ulong timestamp, CancellationToken cancel)
    {
        await SendAsync("evm_setNextBlockTimestamp", cancel, Quantity.Of(timestamp)).ConfigureAwait(false);
        await SendAsync("evm_mine", cancel).ConfigureAwait(false);
        // What did not fit stays in the pool and would enter a later block that was journaled without it.
        await SendAsync("anvil_dropAllTransactions", cancel).ConfigureAwait(false);
        return await Client.GetBlockAsync(BlockTag.Latest, cancel).ConfigureAwait(false) ?? throw new InvalidOperationException("the EVM has no latest block");
    }

    /// <summary>The whole state with all blocks, as gzipped JSON.</summary>
    public async Task<byte[]> DumpStateAsync(CancellationToken cancel)
    {
        var json = await SendAsync("anvil_dumpState", cancel).ConfigureAwait(false);
        return Hex.Decode(json.GetString() ?? throw new InvalidOperationException("the EVM dumped no state"));
    }

    /// <summary>Name and version of the EVM.</summary>
    public async Task<string> VersionAsync(CancellationToken cancel) =>
        (await SendAsync("web3_clientVersion", cancel).ConfigureAwait(false)).GetString() ?? "unknown";

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        Reader.Dispose();
        await _child.DisposeAsync().ConfigureAwait(false); // nothing of its own to save: a kill is a clean end
    }

    private Task<JsonElement> SendAsync(string method, CancellationToken cancel, params IReadOnlyList<JsonNode?> parameters) => Client.SendAsync(method, parameters, cancel);

    [GeneratedRegex(@"Listening on 127\.0\.0\.1:(\d{1,5})\n", RegexOptions.CultureInvariant)]
    private static partial Regex Listening();
}
