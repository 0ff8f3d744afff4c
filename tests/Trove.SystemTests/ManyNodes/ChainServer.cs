using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Embedded;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;

namespace Trove.SystemTests.ManyNodes;

/// <summary>A chain behind an RPC of its own, as a network is to its nodes: a block every quarter of a second, contracts deployed.</summary>
internal sealed class ChainServer : IAsyncDisposable
{
    private static readonly TimeSpan BlockTime = TimeSpan.FromMilliseconds(250);
    private readonly EmbeddedChain _chain;
    private readonly EthProxy _proxy;
    private readonly WebApplication _app;
    private readonly SigningKey _deployer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _mining;

    private ChainServer(EmbeddedChain chain, EthProxy proxy, WebApplication app, SigningKey deployer, Deployment contracts)
    {
        (_chain, _proxy, _app, _deployer, Contracts) = (chain, proxy, app, deployer, contracts);
        Rpc = new Uri(app.Urls.Single());
        Client = new EthClient(Rpc);
        _mining = MineAsync();
    }

    public Uri Rpc { get; }

    public EthClient Client { get; }

    public Deployment Contracts { get; }

    /// <summary>Starts it; the relayer has money.</summary>
    public static async Task<ChainServer> StartAsync(string folder, Address relayer)
    {
        var deployer = SigningKey.Generate();
        var chain = await EmbeddedChain.StartAsync(folder, [deployer.Address, relayer], TimeProvider.System, NullLogger.Instance);
        var proxy = new EthProxy(chain);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.MapPost("/", async (HttpContext context) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            return TypedResults.Bytes(await proxy.HandleAsync(body.ToArray()), "application/json");
        });
        await app.StartAsync();
        using var client = EthProxyHandler.CreateClient(proxy);
        return new ChainServer(chain, proxy, app, deployer, await Deployment.DeployAsync(client, deployer));
    }

    /// <summary>Gives somebody test dollars.</summary>
    public Task MintAsync(Address to, Money amount) => SendAsync(new TestDollar(Contracts.TestDollar).Mint(to, (System.Numerics.BigInteger)amount.Units));

    /// <summary>Sends what anybody may send, past all nodes.</summary>
    public async Task SendAsync(ContractCall call)
    {
        var fees = await Client.SuggestFeesAsync();
        var receipt = await _chain.SubmitAsync(new Transaction
        {
            ChainId = _chain.ChainId, Nonce = await Client.GetTransactionCountAsync(_deployer.Address), MaxPriorityFeePerGas = 1, MaxFeePerGas = fees.BaseFee * 2 + 1,
            GasLimit = 400_000, To = call.To, Data = call.Data,
        }.Sign(_deployer).Raw);
        Assert.True(receipt.Success);
    }

    /// <summary>Lets the chain's time pass.</summary>
    public Task AdvanceToAsync(long seconds) => _chain.AdvanceToAsync(DateTimeOffset.FromUnixTimeSeconds(seconds));

    /// <summary>All events of a contract.</summary>
    public async Task<IReadOnlyList<Log>> LogsAsync(Address contract) => await Client.GetLogsAsync(new LogFilter([contract], []), 0, await Client.BlockNumberAsync());

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _mining;
        Client.Dispose();
        await _app.DisposeAsync();
        _proxy.Dispose();
        await _chain.DisposeAsync();
        _deployer.Dispose();
    }

    private async Task MineAsync()
    {
        try
        {
            while (true)
            {
                await Task.Delay(BlockTime, _stop.Token);
                await _chain.AdvanceAsync(_stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // the test is over
        }
    }
}
