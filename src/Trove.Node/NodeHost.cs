using System.Net;
using System.Reflection;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Trove.Chain.Durability;
using Trove.Chain;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Ceremonies;
using Trove.Node.Chain;
using Trove.Node.Contributions;
using Trove.Node.Database;
using Trove.Node.Delegation;
using Trove.Node.Dividends;
using Trove.Node.Epochs;
using Trove.Node.Evaluations;
using Trove.Node.Guardians;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Requests;
using Trove.Node.Sessions;
using Trove.Node.Staking;
using Trove.Node.Vault;
using Trove.Node.Verification;

namespace Trove.Node;

/// <summary>How a node is run.</summary>
public sealed record NodeOptions
{
    /// <summary>Folder for everything the node keeps.</summary>
    public required string Data { get; init; }

    /// <summary>Address to listen on; only this machine by default.</summary>
    public IPAddress Listen { get; init; } = IPAddress.Loopback;

    /// <summary>Port; 0 for a free one.</summary>
    public int Port { get; init; }

    /// <summary>A PostgreSQL URL instead of a private cluster.</summary>
    public string? Database { get; init; }

    /// <summary>Folder of the ciphertext, which nodes on one database share; under <see cref="Data"/> by default.</summary>
    public string? Blobs { get; init; }

    /// <summary>A network's RPC instead of the embedded chain; then <see cref="Contracts"/> and <see cref="Relayer"/> are needed.</summary>
    public Uri? Rpc { get; init; }

    /// <summary>Blocks until a network's events count.</summary>
    public ulong Confirmations { get; init; } = 2;

    /// <summary>Trove's contracts on that network.</summary>
    public ContractAddresses? Contracts { get; init; }

    /// <summary>Pays the gas on that network; an embedded chain makes its own.</summary>
    public SigningKey? Relayer { get; init; }

    /// <summary>Whose assets it pays gas for on that network.</summary>
    public IReadOnlyCollection<Address> Founders { get; init; } = [];

    /// <summary>What members know the node under, behind a proxy or a name; wallets sign in to no other name.</summary>
    public Uri? PublicUrl { get; init; }

    /// <summary>How much one client may ask.</summary>
    public RateLimitOptions RateLimits { get; init; } = new();

    /// <summary>Least important log lines to print.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>How they are printed.</summary>
    public LogFormat LogFormat { get; init; }

    /// <summary>Bytes of the disk to leave free: below it nothing new is taken.</summary>
    public long KeepFree { get; init; } = 1L << 30;

    /// <summary>How long a round of a ceremony stays open for guardians who are silent.</summary>
    public TimeSpan CeremonyPatience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long the verifiers that were called for a contribution may be silent before one of the reserve is called.</summary>
    public TimeSpan VerifierPatience { get; init; } = TimeSpan.FromHours(6);

    /// <summary>Bytes free on the disk of a folder; tests fill disks by it.</summary>
    internal Func<string, long> FreeSpace { get; init; } = DiskSpace.OfSystem;

    /// <summary>What it asks of those it pays gas for; by default what the chain suggests.</summary>
    internal RelayTerms? RelayTerms { get; init; }
}

/// <summary>A running node: database, chain, HTTP server and workers, stopped in the opposite order.</summary>
public sealed class NodeHost : IAsyncDisposable
{
    private readonly Stack<IAsyncDisposable> _parts = [];
    private WebApplication _app = null!;
    private bool _started;

    private NodeHost()
    {
    }

    /// <summary>Where the API is.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>All that the API answers, for tests that leave nothing out.</summary>
    internal IEnumerable<RouteEndpoint> Endpoints => _app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>();

    /// <summary>Starts everything; what was acknowledged before the last stop or crash is there again when it returns.</summary>
    public static async Task<NodeHost> StartAsync(NodeOptions options, CancellationToken ct)
    {
        var node = new NodeHost();
        try
        {
            await node.RunAsync(options, ct);
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>Its parts, for tests.</summary>
    internal IServiceProvider Services => _app.Services;

    /// <summary>Ends when the node is asked to stop.</summary>
    public Task WaitAsync(CancellationToken ct) => _app.WaitForShutdownAsync(ct);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_started)
            await _app.StopAsync(); // requests and workers end while what they use is still there
        while (_parts.TryPop(out var part))
            await part.DisposeAsync();
    }

    private T Own<T>(T part) where T : IAsyncDisposable
    {
        _parts.Push(part);
        return part;
    }

    private async Task RunAsync(NodeOptions options, CancellationToken ct)
    {
        var clock = TimeProvider.System;
        Directory.CreateDirectory(options.Data);
        Restore.RequireFinished(options.Data);
        var logs = Own(new OwnedLogs(LoggerFactory.Create(l => l.AddTrove(options.LogLevel, options.LogFormat)))).Factory;
        var telemetry = Telemetry.Start();
        if (telemetry is not null)
            Own(telemetry);
        var blobs = NodeFolder.Blobs(options.Data, options.Blobs);
        Directory.CreateDirectory(blobs);
        var disk = new DiskSpace([options.Data, blobs], options.KeepFree, options.FreeSpace);
        var connectionString = options.Database is { } url
            ? DatabaseUrl.Parse(url)
            : Own(await PostgresCluster.StartAsync(options.Data, ct, logs.CreateLogger<PostgresCluster>())).ConnectionString;
        var database = Own(await NodeDatabase.OpenAsync(connectionString, ct));

        var relayer = options.Relayer ?? OwnRelayer(Path.Combine(options.Data, "relayer.secret"));
        var connection = Own(options.Rpc is { } rpc
            ? await ChainConnection.ConnectAsync(rpc, options.Confirmations, clock, ct)
            : await ChainConnection.StartEmbeddedAsync(Path.Combine(options.Data, "chain"), relayer.Address, clock, () => disk.Free < disk.KeepFreeForBlocks, logs.CreateLogger("Trove.Chain"), ct));
        await connection.UseAsync(options.Contracts ?? await DeployAsync(connection, relayer, ct), ct);
        var relay = Own(await ChainRelay.StartAsync(connection, database, relayer,
            options.RelayTerms ?? (connection.Embedded is null ? RelayTerms.Network(options.Founders) : RelayTerms.Embedded), logs.CreateLogger<ChainRelay>(), ct));

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddTrove(options.LogLevel, options.LogFormat);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.Limits.MaxRequestBodySize = 1 << 20; // endpoints that take more say so
            k.Limits.MaxConcurrentConnections = 10_000;
            k.Limits.MaxRequestHeadersTotalSize = 16 << 10;
            k.Limits.MinRequestBodyDataRate = BodyRates.Ordinary;
            k.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
            k.Listen(options.Listen, options.Port);
        });
        var services = builder.Services;
        services.AddApiDocument().AddSingleton(new RateLimits(options.RateLimits));
        services.ConfigureHttpJsonOptions(json => TroveJson.Configure(json.SerializerOptions).UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow); // a field that nobody reads was meant to say something
        services.AddAdmission();
        services.AddSingleton(clock).AddSingleton(database).AddSingleton(connection).AddSingleton(relay);
        services.AddSingleton(s => new WorkQueue(database, s.GetRequiredService<ILogger<WorkQueue>>(), $"{Environment.MachineName}/{Environment.ProcessId}"));
        services.AddSingleton<ChainService>().AddSingleton<ChainEventStore>().AddSingleton<ChainReader>().AddHostedService(s => s.GetRequiredService<ChainReader>());
        services.AddSingleton<AssetStore>().AddSingleton<AssetService>();
        services.AddSingleton<ContributionStore>().AddSingleton<ContributionService>();
        services.AddSingleton<VerificationStore>().AddSingleton<VerificationService>();
        services.AddSingleton(new VerificationOptions(options.VerifierPatience)).AddHostedService<ReserveWorker>();
        services.AddSingleton<HandOutService>().AddSingleton<NoveltyStore>().AddSingleton<EpochService>().AddHostedService<EpochWorker>().AddHostedService<Housekeeper>();
        services.AddSingleton<DividendService>();
        services.AddSingleton<BallotBox>().AddSingleton<RequestService>().AddSingleton<ProposalSimulator>().AddSingleton<StatementStore>().AddSingleton<DelegationService>().AddSingleton<StakeService>()
            .AddSingleton(s => new ContradictionFolder(options.Data, s.GetRequiredService<ILogger<ContradictionFolder>>())).AddSingleton<UseStore>().AddSingleton<UseService>().AddHostedService<RequestWorker>().AddSingleton<LogHeadService>();
        services.AddSingleton(new CeremonyOptions(options.CeremonyPatience)).AddSingleton<CeremonyStore>().AddSingleton<CeremonyService>().AddSingleton<CeremonyChanges>().AddHostedService<CeremonyWorker>();
        services.AddSingleton<EvaluationStore>().AddSingleton<EvaluationService>();
        services.AddSingleton(new PublicSite(options.PublicUrl)).AddSingleton<SessionService>().AddSingleton<Idempotency>();
        services.AddVault(blobs, new VaultOptions { KeepFree = options.KeepFree }, options.FreeSpace);
        services.AddOperations(disk, telemetry is not null);

        _app = Own(builder.Build());
        _app.UseResponseHeaders();
        _app.UseProblems();
        _app.UseOperations();
        _app.UseRateLimits();
        _app.UseRateLimiter();
        _app.UseBodyRates();
        _app.MapApiDocument();
        var api = _app.MapGroup("").WithEntityTags().WithIdempotencyKeys();
        _app.MapHealth();
        MapInfo(api);
        api.MapAssets();
        api.MapContributions();
        api.MapVault();
        api.MapVerification();
        api.MapEpochs();
        api.MapDividends();
        api.MapRequests();
        api.MapDelegation();
        api.MapStakes();
        api.MapCeremonies();
        api.MapEvaluations();
        api.MapLogHeads();
        api.MapSessions();
        api.MapAssetEvents();
        await _app.Services.GetRequiredService<ChainReader>().CatchUpAsync(ct);
        _started = true;
        await _app.StartAsync(ct);
        Address = new Uri(_app.Urls.First());
        LeaveAddress(Path.Combine(options.Data, "node.address"), Address);
    }

    private static async Task<ContractAddresses> DeployAsync(ChainConnection connection, SigningKey relayer, CancellationToken ct)
    {
        var deployed = await Deployment.DeployAsync(connection.Client, relayer, ct);
        return new ContractAddresses(deployed.AssetFactory, deployed.TestDollar);
    }

    private static void MapInfo(IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Node");
        group.MapGet("/", (ChainService chain) => TypedResults.Ok(new NodeInfo(
            Assembly.GetExecutingAssembly().GetName().Version!.ToString(3), chain.ChainId, chain.OperatorTrusted ? "/rpc" : "", chain.Factory, chain.PaymentToken,
            chain.PaymentTokenDomain, chain.OperatorTrusted, ContributionChecker.CodeVersion))).Named("getNode", "What this node is and which chain it is on.");
        group.MapPost("/test-dollars", GiveTestDollars).Named("giveTestDollars", "Test dollars from an embedded chain's operator.");
        routes.MapPost("/rpc", ProxyAsync).WithoutIdempotencyKey();
    }

    private static async Task<Ok<TransactionInfo>> GiveTestDollars(FaucetRequest request, ChainService chain, NodeDatabase database, TimeProvider clock, CancellationToken ct)
    {
        if (request.Amount.Units is var units && (units == 0 || units > 1_000_000_000_000))
            throw ApiException.Invalid("test dollars come in amounts of 0.000001 to 1,000,000", "ask for less");
        Signatures.RequireDeadline(request.Deadline, clock);
        var digest = Messages.TestDollars(Messages.Domain(chain.ChainId, chain.Factory), request.To, request.Amount, request.Nonce, request.Deadline);
        Signatures.Require(request.To, digest, request.Signature);
        return TypedResults.Ok(await Signatures.UnderNonceAsync(database, request.To, request.Nonce, request.Deadline, digest,
            () => chain.MintTestDollarsAsync(request.To, request.Amount, digest, CancellationToken.None), ct));
    }

    // Calls of strangers under way and waiting: the node's own stand in the same line at the chain.
    private static readonly ConcurrencyLimiter ChainCalls = new(new() { PermitLimit = 16, QueueLimit = 256, QueueProcessingOrder = QueueProcessingOrder.OldestFirst });

    private static async Task<IResult> ProxyAsync(HttpContext context, ChainConnection chain, CancellationToken ct)
    {
        if (chain.Proxy is null)
            return ApiProblem.Result(404, "no-embedded-chain", "this node's chain is a network", "use the network's own RPC");
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, ct); // bounded by the server's limit
        using var lease = await ChainCalls.AcquireAsync(1, ct); // once all is here: who sends slowly keeps nobody waiting
        if (!lease.IsAcquired)
            throw new ApiException(503, "busy", "more calls to the chain wait than this node takes", "call again in some seconds");
        return TypedResults.Bytes(await chain.Proxy.HandleAsync(body.ToArray(), ct), "application/json");
    }

    // The embedded chain's own account: worthless elsewhere, but who has it can mint test dollars.
    private static SigningKey OwnRelayer(string file)
    {
        if (!File.Exists(file))
        {
            var secret = RandomNumberGenerator.GetBytes(Secp256k1.SecretSize);
            DurableFile.Write(file, target => target.Write(secret), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            CryptographicOperations.ZeroMemory(secret);
        }
        var bytes = File.ReadAllBytes(file);
        var key = SigningKey.FromBytes(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return key;
    }

    private static void LeaveAddress(string file, Uri address)
    {
        File.WriteAllText(file + ".new", address.ToString());
        File.Move(file + ".new", file, overwrite: true);
    }
}

/// <summary>Does the node's own work on epochs.</summary>
internal sealed class EpochWorker(WorkQueue queue, EpochService epochs) : Worker("epochs", TimeSpan.FromMinutes(30))
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        queue.RunAsync(EpochService.Topic, (item, ct) => epochs.WorkAsync(item, Beat, ct), stoppingToken, Beat);
}

/// <summary>Calls verifiers of the reserve where those called before them are silent.</summary>
internal sealed class ReserveWorker(VerificationService verification, VerificationOptions options, TimeProvider clock, ILogger<ReserveWorker> log) : Worker("reserve", TimeSpan.FromMinutes(30))
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Patience / 4 < Longest ? options.Patience / 4 : Longest, clock);
        try
        {
            do
            {
                Beat();
                try
                {
                    await verification.CallReserveAsync(clock.GetUtcNow() - options.Patience, stoppingToken);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    log.LogError(LogEvents.HousekeepingFailed, e, "Silent verifiers could not be looked for; it is tried again");
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The node stops.
        }
    }
}

/// <summary>Deletes, once an hour, what has served its time: nonces whose signatures have expired, sessions, answers kept for a day, questions to guardians, work done a month ago.</summary>
internal sealed class Housekeeper(NodeDatabase database, WorkQueue queue, SessionService sessions, Idempotency idempotency, CeremonyStore ceremonies, EvaluationStore evaluations, TimeProvider clock, ILogger<Housekeeper> log) : Worker("housekeeper", TimeSpan.FromHours(2))
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromHours(1), clock);
        try
        {
            do
            {
                Beat();
                try
                {
                    // Nonces long after their signatures: a clock that jumps ahead for a day must not make them good again.
                    await database.PruneAsync("used_nonce", "expires < now() - interval '2 days'", null, stoppingToken);
                    await database.PruneAsync("relay_spent", "hour < now() - interval '2 days'", null, stoppingToken);
                    await sessions.PruneAsync(stoppingToken);
                    await idempotency.PruneAsync(stoppingToken);
                    await ceremonies.PruneAsync(stoppingToken);
                    await evaluations.PruneAsync(clock.GetUtcNow().ToUnixTimeSeconds(), stoppingToken);
                    await queue.PruneAsync(clock.GetUtcNow().AddDays(-30), stoppingToken);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    log.LogError(LogEvents.HousekeepingFailed, e, "Housekeeping failed; it is tried again in an hour");
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The node stops.
        }
    }
}
