using System.Numerics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain.Rpc;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Crypto.Dkim;
using Trove.Node;
using Trove.Node.Protocol;
using Trove.Node.Verification;
using Trove.Node.Verification.Pages;

[assembly: AssemblyFixture(typeof(Trove.SystemTests.Api.ApiFixture))]

namespace Trove.SystemTests.Api;

/// <summary>
/// One whole node in this process, an asset with two verifiers that work only when a test lets them, and a second
/// asset of the same founder. Started by the first test that asks.
/// </summary>
public sealed class ApiFixture : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly List<KeyFile> _verifiers = [KeyFile.Create(), KeyFile.Create()];
    private string? _folder;
    private NodeHost? _node;

    public static readonly AssetPolicy Policy = AssetPolicy.Default(["comment", "post"]) with { MinimumWords = 5, QueryPrice = new Money(1), TrainPrice = new Money(2), CopyPrice = new Money(3) };

    public NodeHost Node => _node!;

    public TroveClient Client { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    /// <summary>The node's description of its API.</summary>
    public string Description { get; private set; } = "";

    public NodeInfo Info { get; private set; } = null!;

    public SigningKey Founder { get; } = SigningKey.Generate();

    public AssetInfo Asset { get; private set; } = null!;

    public AssetInfo OtherAsset { get; private set; } = null!;

    public IReadOnlyList<KeyFile> Verifiers => _verifiers;

    /// <summary>Starts what is not running yet.</summary>
    public async Task<ApiFixture> ReadyAsync()
    {
        await _gate.WaitAsync();
        try
        {
            if (_node is not null)
                return this;
            _folder = TestFolder.Create();
            _node = await NodeHost.StartAsync(new NodeOptions { Data = _folder, LogLevel = LogLevel.None, CeremonyPatience = TimeSpan.FromHours(1) }, CancellationToken.None);
            Description = await Contract.ServedAsync(_node.Address);
            Client = Contract.Client(_node.Address);
            Http = Contract.Http(_node.Address);
            Info = await Client.InfoAsync(default);
            Asset = await CreateAssetAsync(Client, Info, Founder, _verifiers, "LIFE");
            OtherAsset = await CreateAssetAsync(Client, Info, Founder, _verifiers, "OTHER");
            return this;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Lets the verifiers work, and the guardians whom they ask, until <paramref name="until"/> is true.</summary>
    public Task VerifyAsync(Func<Task<bool>> until, Func<string, CancellationToken, Task<TxtAnswer>>? lookup = null,
        Func<Uri, CancellationToken, Task<PageAnswer>>? fetch = null) => VerifyAsync(Client, Info, _verifiers, until, lookup, fetch);

    public static async Task VerifyAsync(TroveClient client, NodeInfo info, IEnumerable<KeyFile> verifiers, Func<Task<bool>> until, Func<string, CancellationToken, Task<TxtAnswer>>? lookup = null,
        Func<Uri, CancellationToken, Task<PageAnswer>>? fetch = null, TimeProvider? clock = null)
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        using var chain = new EthClient(new Uri(client.Node, info.Rpc));
        var list = verifiers.ToList();
        await using var guardians = Evaluators.Start(client, info, list);
        var working = list.Select(v => Task.Run(() => new VerifierProcess(client, chain, v, VerifierFolders.Of(v), lookup ?? NoDns, fetch ?? NoPages, NullLogger<VerifierProcess>.Instance, clock).RunAsync(stop.Token))).ToList();
        try
        {
            while (!await until())
                await Task.Delay(50, stop.Token);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(working);
        }
    }

    /// <summary>For verifiers that get no mails.</summary>
    public static Task<TxtAnswer> NoDns(string name, CancellationToken ct) => throw new InvalidOperationException($"nobody had a mail, and {name} was asked for");

    /// <summary>For verifiers that get no addresses of pages.</summary>
    public static Task<PageAnswer> NoPages(Uri page, CancellationToken ct) => throw new InvalidOperationException($"nobody named a page, and {page} was fetched");

    /// <summary>How assets of tests decide: in seconds, with few owners.</summary>
    public static readonly GovernanceInfo Quick = GovernanceInfo.Default with
    {
        VoteExtension = 2, Rules = Votes(30), MinimumOwners = 1, MinimumAge = 0,
    };

    /// <summary>What assets of tests lay down: small groups, a minute for a use.</summary>
    public static readonly CharterInfo Small = CharterInfo.Default with { UseTime = 60, MinimumGroupSize = 2, MinimumSnapshotLeaves = 1, Budget = 10_000_000_000_000_000_000 };

    /// <summary>Votes of every class that last so many seconds and take effect a second later.</summary>
    public static RuleSet Votes(uint seconds) => GovernanceInfo.Default.Rules.Each(r => r with { VotingPeriod = seconds, TimelockDelay = 1 });

    /// <summary>Creates an asset that all the verifiers must agree on; its keys are one guardian's, who answers verifiers and no uses.</summary>
    public static Task<AssetInfo> CreateAssetAsync(TroveClient client, NodeInfo info, SigningKey founder, IReadOnlyList<KeyFile> verifiers, string symbol) =>
        CreateAssetAsync(client, info, founder, verifiers, [Evaluators.Common], 1, [], symbol, Quick, Policy);

    /// <summary>Creates an asset with keys that its guardians made, as 'trove asset create' does.</summary>
    /// <param name="shares">Takes the guardians' shares, in their order.</param>
    /// <param name="chain">The chain, when the node has none of its own.</param>
    /// <param name="mustAgree">How many of the verifiers must agree, if not all.</param>
    public static async Task<AssetInfo> CreateAssetAsync(TroveClient client, NodeInfo info, SigningKey founder, IReadOnlyList<KeyFile> verifiers, IReadOnlyList<KeyFile> guardians, int threshold,
        IReadOnlyList<Address> runners, string symbol, GovernanceInfo governance, AssetPolicy policy, List<EpochShares>? shares = null, EthClient? chain = null, int? mustAgree = null, CharterInfo? charter = null, int vesting = 0)
    {
        var (salt, deadline) = (Member.Fresh(), Member.Soon());
        using var own = chain is null ? new EthClient(new Uri(client.Node, info.Rpc)) : null;
        var (made, dealt) = await Committees.CreateAsync(chain ?? own!, info, founder.Address, salt, guardians, threshold);
        var recipient = made.Key!.Recipient;
        var custody = new CustodyInfo([.. guardians.Select(g => g.SigningKey.Address)], made.Key.Commitments, made.OprfKey!.Commitments, (uint)threshold, runners, 1);
        var infos = verifiers.Select(v => new VerifierInfo(v.SigningKey.Address, v.Identity.Recipient.ToString())).ToList();
        var digest = ContractDigests.CreateAsset(info.ChainId, info.Factory, new AssetParams("Of tests", symbol, salt, info.PaymentToken, recipient.PublicKey, policy.Hash(),
            (BigInteger)policy.EpochCap.Units, (byte)vesting, [.. verifiers.Select(v => v.SigningKey.Address)], [.. verifiers.Select(v => v.Identity.Recipient.PublicKey)], (uint)(mustAgree ?? verifiers.Count),
            custody.ToAbi(), governance.ToAbi(), (charter ?? Small).ToAbi()), founder.Address, (ulong)deadline);
        var asset = await client.CreateAssetAsync(new CreateAssetRequest(founder.Address, "Of tests", symbol, salt, recipient.ToString(), policy, infos, (uint)(mustAgree ?? verifiers.Count),
            custody, governance, charter ?? Small, deadline, Hex.Encode(founder.Sign(digest)), Committees.Proof(made), vesting), default);
        Evaluators.Know(asset, [.. guardians.Select(g => g.SigningKey)], dealt);
        if (shares is null)
            foreach (var share in dealt)
                share.Dispose();
        else
            shares.AddRange(dealt);
        return await client.AssetAsync(asset.Asset, default);
    }

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        Http?.Dispose();
        if (_node is not null)
            await _node.DisposeAsync();
        if (_folder is not null)
            Directory.Delete(_folder, recursive: true);
        _verifiers.ForEach(v => v.Dispose());
        Founder.Dispose();
    }
}
