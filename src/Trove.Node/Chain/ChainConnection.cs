using Microsoft.Extensions.Logging;
using Trove.Chain.Bindings;
using Trove.Chain.Embedded;
using Trove.Chain.Events;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Node.Chain;

/// <summary>Trove's contracts on a chain.</summary>
public sealed record ContractAddresses(Address Factory, Address PaymentToken);

/// <summary>
/// The chain a node is on: its own embedded one, or a network by RPC URL. The rest of the node does not ask which.
/// </summary>
public sealed class ChainConnection : IAsyncDisposable
{
    private static readonly TimeSpan BlockPoll = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan BlockWait = TimeSpan.FromMinutes(2);

    private readonly TimeProvider _clock;
    private (ulong Number, long At) _seen; // when the embedded chain's head was first seen

    private ChainConnection(EthClient client, Uri rpc, EmbeddedChain? embedded, EthProxy? proxy, ulong chainId, ulong confirmations, TimeProvider clock)
    {
        _clock = clock;
        Client = client;
        Rpc = rpc;
        Embedded = embedded;
        Proxy = proxy;
        ChainId = chainId;
        Confirmations = confirmations;
        Follower = new EventFollower(client, confirmations);
    }

    /// <summary>JSON-RPC of the chain.</summary>
    public EthClient Client { get; }

    /// <summary>Where the chain is asked, past any proxy; may carry a key, so it is in no log and on no command line.</summary>
    public Uri Rpc { get; }

    /// <summary>The chain this node makes itself; null on a network.</summary>
    public EmbeddedChain? Embedded { get; }

    /// <summary>The embedded chain's public face; null on a network.</summary>
    public EthProxy? Proxy { get; }

    /// <summary>EIP-155 chain id.</summary>
    public ulong ChainId { get; }

    /// <summary>Blocks until events count.</summary>
    public ulong Confirmations { get; }

    /// <summary>Reads events in order.</summary>
    public EventFollower Follower { get; }

    /// <summary>Trove's contracts; set once they are deployed or checked.</summary>
    public ContractAddresses Contracts { get; private set; } = new(default, default);

    /// <summary>EIP-712 domain separator of the payment token.</summary>
    public Hash32 PaymentTokenDomain { get; private set; }

    /// <summary>Starts or resumes the embedded chain in a folder.</summary>
    public static async Task<ChainConnection> StartEmbeddedAsync(string folder, Address relayer, TimeProvider clock, Func<bool> diskIsFull, ILogger log, CancellationToken ct)
    {
        var chain = await EmbeddedChain.StartAsync(folder, [relayer], clock, log, ct, diskIsFull);
        var proxy = new EthProxy(chain);
        return new ChainConnection(EthProxyHandler.CreateClient(proxy), chain.RpcUrl, chain, proxy, chain.ChainId, 0, clock);
    }

    /// <summary>Connects to a network.</summary>
    public static async Task<ChainConnection> ConnectAsync(Uri rpc, ulong confirmations, TimeProvider clock, CancellationToken ct)
    {
        var client = new EthClient(rpc);
        return new ChainConnection(client, rpc, null, null, await client.ChainIdAsync(ct), confirmations, clock);
    }

    /// <summary>Sets the contracts and checks that they are there.</summary>
    public async Task UseAsync(ContractAddresses contracts, CancellationToken ct)
    {
        await new AssetFactory(contracts.Factory).LedgerImplementationAsync(Client, cancel: ct);
        PaymentTokenDomain = await new TestDollar(contracts.PaymentToken).DomainSeparatorAsync(Client, cancel: ct);
        Contracts = contracts;
    }

    /// <summary>A block mined after this call.</summary>
    public async Task<BlockRef> NextBlockAsync(CancellationToken ct)
    {
        if (Embedded is not null)
            return (await Embedded.AdvanceAsync(ct)).Ref;
        ulong now = await Client.BlockNumberAsync(ct);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(BlockWait);
        while (true)
        {
            if (await Client.GetBlockAsync(BlockTag.At(now + 1), limit.Token) is { } block)
                return block.Ref;
            await Task.Delay(BlockPoll, limit.Token);
        }
    }

    /// <summary>
    /// Makes an embedded chain notice that time has passed: contracts see the time of the last block, and this chain makes
    /// blocks only when something happens. Under load its time runs ahead of the clock, a second with each block; then it goes
    /// on from where it is at the clock's pace. On a network there is nothing to do.
    /// </summary>
    /// <param name="deadlines">Seconds at which something changes.</param>
    public async Task PassAsync(IEnumerable<long> deadlines, CancellationToken ct)
    {
        if (Embedded is null)
            return;
        var head = Embedded.Head;
        if (_seen.Number != head.Number)
            _seen = (head.Number, _clock.GetTimestamp());
        long ahead = (long)head.Timestamp + (long)_clock.GetElapsedTime(_seen.At).TotalSeconds;
        long now = Math.Max(ahead, _clock.GetUtcNow().ToUnixTimeSeconds());
        if (deadlines.Any(d => d > (long)head.Timestamp && d <= now))
            await Embedded.AdvanceToAsync(DateTimeOffset.FromUnixTimeSeconds(now), ct);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        Proxy?.Dispose();
        if (Embedded is not null)
            await Embedded.DisposeAsync();
    }
}
