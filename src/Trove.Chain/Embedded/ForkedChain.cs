using System.Text.Json.Nodes;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>
/// A copy of a chain at its newest block, in an anvil of its own: what is tried on it stays in it, and it ends with this object. The
/// chain's URL, which may carry a key, goes to anvil in a request and not on its command line.
/// </summary>
public sealed class ForkedChain : IAsyncDisposable
{
    private const ulong Gas = 15_000_000; // the relayer's bound
    private readonly AnvilProcess _anvil;

    private ForkedChain(AnvilProcess anvil, EthClient client) => (_anvil, Client) = (anvil, client);

    /// <summary>JSON-RPC of the copy, also for what anvil alone understands.</summary>
    public EthClient Client { get; }

    /// <summary>Copies a chain.</summary>
    /// <param name="origin">Its JSON-RPC.</param>
    /// <param name="chainId">Its EIP-155 chain id.</param>
    /// <param name="head">The block to copy.</param>
    /// <param name="folder">An empty folder, the copy's home; the caller deletes it.</param>
    /// <param name="ct">Gives up, and ends what was started.</param>
    /// <exception cref="InvalidOperationException">anvil is missing or did not start.</exception>
    /// <exception cref="RpcException">The chain gave no state.</exception>
    public static async Task<ForkedChain> StartAsync(Uri origin, ulong chainId, Block head, string folder, CancellationToken ct)
    {
        var genesis = new ChainGenesis
        {
            Format = 1, ChainId = chainId, Timestamp = head.Timestamp, Hardfork = ChainGenesis.Rules, GasLimit = head.GasLimit, BaseFeePerGas = 0, Funded = [], BalanceWei = "0",
        };
        int port = AnvilProcess.FreePort();
        var client = new EthClient(new Uri($"http://127.0.0.1:{port}/"));
        AnvilProcess? anvil = null;
        try
        {
            anvil = await AnvilProcess.StartAsync(folder, genesis, port, client, null, ct).ConfigureAwait(false);
            await client.SendAsync("anvil_reset", [new JsonObject { ["forking"] = new JsonObject { ["jsonRpcUrl"] = origin.AbsoluteUri, ["blockNumber"] = head.Number } }], ct).ConfigureAwait(false);
            return new ForkedChain(anvil, client);
        }
        catch
        {
            client.Dispose();
            if (anvil is not null)
                await anvil.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Makes an empty block at a time in seconds, or a second after the last one if that is later.</summary>
    public async Task AdvanceToAsync(ulong time, CancellationToken ct)
    {
        var head = await Client.GetBlockAsync(BlockTag.Latest, ct).ConfigureAwait(false);
        await Client.SendAsync("evm_setNextBlockTimestamp", [Math.Max(time, (head?.Timestamp ?? 0) + 1)], ct).ConfigureAwait(false);
        await Client.SendAsync("evm_mine", [], ct).ConfigureAwait(false);
    }

    /// <summary>Writes a word of a contract's storage.</summary>
    public Task StoreAsync(Address contract, Hash32 slot, Hash32 word, CancellationToken ct) =>
        Client.SendAsync("anvil_setStorageAt", [contract.ToString(), slot.ToString(), word.ToString()], ct);

    /// <summary>Sends a call as any account and mines it.</summary>
    /// <exception cref="RpcException">With the decoded revert when the contract reverts; nothing was changed.</exception>
    public async Task SendAsync(Address from, ContractCall call, CancellationToken ct)
    {
        await Client.CallAsync(call, from, cancel: ct).ConfigureAwait(false);
        await Client.SendAsync("anvil_impersonateAccount", [from.ToString()], ct).ConfigureAwait(false);
        await Client.SendAsync("anvil_setBalance", [from.ToString(), "0xffffffffffffffffffffffff"], ct).ConfigureAwait(false);
        var sent = await Client.SendAsync("eth_sendTransaction",
            [new JsonObject { ["from"] = from.ToString(), ["to"] = call.To.ToString(), ["data"] = Hex.Encode(call.Data), ["gas"] = Quantity.Of(Gas) }], ct).ConfigureAwait(false);
        await Client.SendAsync("evm_mine", [], ct).ConfigureAwait(false);
        var receipt = Hash32.TryParse(sent.GetString() ?? "", out var hash) ? await Client.GetTransactionReceiptAsync(hash, ct).ConfigureAwait(false) : null;
        if (receipt is not { Success: true })
            throw new InvalidOperationException("the copy of the chain did not carry out a call that did not revert");
    }

    /// <summary>Ends the copy.</summary>
    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _anvil.DisposeAsync().ConfigureAwait(false);
    }
}
