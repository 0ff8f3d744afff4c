using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.Node.Runners;
using Trove.SystemTests.Api;
using Trove.SystemTests.Chain;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Uses;

/// <summary>
/// A node with an asset whose key is dealt to three guardians, two of whom open a part; Maya's and Ada's exports are in it, and a
/// buyer's requests are approved. Guardians and runners are started by the tests, or played by them.
/// </summary>
public sealed class UseFixture : IAsyncLifetime
{
    private const string Sql = "SELECT year, community, count(*) CLIP 1000 AS comments, count(distinct member) AS members, avg(length) CLIP 2000 AS mean_length, avg(mentions('lab')) CLIP 1 AS share_lab FROM records GROUP BY year, community CELLS 1000";

    /// <summary>An ε so large that counts of this query have no noise, but with 2^-1000000, and a cell is shown that has one member more than the group size.</summary>
    internal const ulong NoNoise = 100_000_000_000_000_000;

    private const int Voted = 8;

    private readonly List<KeyFile> _verifiers = [KeyFile.Create(), KeyFile.Create()];
    private readonly Queue<RequestInfo> _voted = [];
    private readonly SemaphoreSlim _gate = new(1);
    private NodeHost _node = null!;
    private SigningKey _founder = null!;

    /// <summary>Everything of this fixture is under it.</summary>
    public string Folder { get; } = TestFolder.Create();

    /// <summary>The node itself, whose chain's time a test may move on.</summary>
    public NodeHost Node => _node;

    public TroveClient Client { get; private set; } = null!;
    public EthClient Chain { get; private set; } = null!;
    public NodeInfo Info { get; private set; } = null!;
    public AssetInfo Asset { get; private set; } = null!;
    public List<EpochShares> EpochShares { get; } = [];
    public IReadOnlyList<KeyFile> Guardians { get; } = [KeyFile.Create(), KeyFile.Create(), KeyFile.Create()];
    public KeyFile Runner { get; } = KeyFile.Create();
    public KeyFile Buyer { get; } = KeyFile.Create();

    /// <summary>Maya and Ada, as members who wrote the samples; their parts can be looked into.</summary>
    internal IReadOnlyList<Member> Members { get; private set; } = [];

    /// <summary>A request for a copy that the owners voted for; nobody has executed it yet.</summary>
    public RequestInfo Copy { get; private set; } = null!;

    /// <summary>The address of the chain, past any node that lies.</summary>
    public Uri Rpc => new(Client.Node, Info.Rpc);

    public async ValueTask InitializeAsync()
    {
        _founder = SigningKey.Generate();
        _node = await NodeHost.StartAsync(new NodeOptions { Data = Path.Combine(Folder, "node"), LogLevel = LogLevel.None }, default);
        Client = new TroveClient(_node.Address);
        Info = await Client.InfoAsync(default);
        Chain = new EthClient(Rpc);
        var policy = AssetPolicy.Default(["comment", "message", "post"]) with { MinimumWords = 5, QueryPrice = new Money(1_000_000), CopyPrice = new Money(2_000_000) };
        Asset = await ApiFixture.CreateAssetAsync(Client, Info, _founder, _verifiers, Guardians, 2, [Runner.SigningKey.Address], "USES",
            ApiFixture.Quick with { Rules = ApiFixture.Votes(45) is var r ? r with { Constitution = r.Constitution with { TimelockDelay = 12 } } : r }, policy, EpochShares, charter: ApiFixture.Small with { MinimumGroupSize = 1, MinimumSnapshotLeaves = 2, UseTime = 3600 });
        var samples = Path.Combine(Path.GetDirectoryName(TroveCli.Program)!, "../../../../../samples");
        Members = [await Member.PrepareAsync(Asset, await File.ReadAllBytesAsync(Path.Combine(samples, "maya-reddit.zip"))),
            await Member.PrepareAsync(Asset, await File.ReadAllBytesAsync(Path.Combine(samples, "ada-reddit.zip")))];
        foreach (var member in Members)
        {
            var id = await member.ContributeAsync(Client, Info, Asset);
            await ApiFixture.VerifyAsync(Client, Info, _verifiers, async () => (await Client.ContributionAsync(id, default)).State == "attested");
        }
        await CloseEpochAsync();
        await WaitAsync(async () => (await Client.DataAsync(Asset.Asset, default)).SnapshotEpoch == 1);
        foreach (var member in Members)
            await WaitAsync(async () => await Client.BalanceAsync(Asset.Asset, member.Key.Address, default) is var b && b.Shares.Units > b.Unclaimed.Units);
        await VoteAsync();
    }

    /// <summary>Closes the running epoch and has it posted.</summary>
    public async Task CloseEpochAsync()
    {
        ulong number = (ulong)(await Client.EpochsAsync(Asset.Asset, default)).Count + 1;
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        await Client.CloseEpochAsync(Asset.Asset, new CloseEpochRequest(number, nonce, deadline,
            Hex.Encode(_founder.Sign(Messages.CloseEpoch(Messages.Domain(Info.ChainId, Asset.Ledger), Asset.Asset, number, nonce, deadline)))), default);
        await ApiFixture.VerifyAsync(Client, Info, _verifiers, async () => (await Client.EpochAsync(Asset.Asset, number, default)).State == "posted");
    }

    /// <summary>A member's contribution, up to the attestation.</summary>
    internal async Task<Hash32> ContributeAsync(Member member)
    {
        var id = await member.ContributeAsync(Client, Info, Asset);
        await ApiFixture.VerifyAsync(Client, Info, _verifiers, async () => (await Client.ContributionAsync(id, default)).State == "attested");
        return id;
    }

    /// <summary>A granted request that no other test has; runners see it from now on.</summary>
    public async Task<RequestInfo> NextGrantAsync()
    {
        await _gate.WaitAsync();
        try
        {
            var request = _voted.Dequeue();
            await ExecuteAsync(request.Proposal);
            return await Client.RequestAsync(Asset.Asset, request.Request, default);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Asks for comments since a year, once.</summary>
    public async Task<RequestInfo> RequestAsync(ulong? lastEpoch = null, AssetInfo? of = null, int fromYear = 2023, RequestUse use = RequestUse.Query)
    {
        var code = use == RequestUse.Query ? Sql : CopyFile.Code;
        var asset = of ?? Asset;
        var data = await Client.DataAsync(asset.Asset, default);
        var terms = new RequestTerms(Buyer.SigningKey.Address, Buyer.Identity.Recipient.ToString(), ["comment"], fromYear, 9999, lastEpoch ?? data.SnapshotEpoch, Keccak256.Hash(System.Text.Encoding.UTF8.GetBytes(code)),
            data.MinimumGroupSize, new Money(25_000_000), 1, DateTimeOffset.UtcNow.AddHours(2).ToUnixTimeSeconds(), Member.Fresh()) { Use = use, Epsilon = use == RequestUse.Query ? NoNoise : 0 };
        var (nonce, until) = (Member.Fresh(), Member.Soon());
        await Client.FaucetAsync(new FaucetRequest(terms.Buyer, terms.Total, nonce, until,
            Hex.Encode(Buyer.SigningKey.Sign(Messages.TestDollars(Messages.Domain(Info.ChainId, Info.Factory), terms.Buyer, terms.Total, nonce, until)))), default);
        var id = ContractDigests.RequestId(Info.ChainId, asset.Grants, terms.ToAbi());
        return await Client.RequestQueryAsync(asset.Asset, new QueryRequest(terms, code, until,
            Hex.Encode(Buyer.SigningKey.Sign(ContractDigests.ReceiveWithAuthorization(Info.PaymentTokenDomain, terms.Buyer, asset.Grants, terms.Total.Units, (ulong)until, id)))), default);
    }

    /// <summary>All members vote.</summary>
    public async Task VoteAsync(Hash32 proposal, byte support)
    {
        await WaitAsync(async () => (await Client.ProposalAsync(Asset.Asset, proposal, default)).State == "active");
        foreach (var member in Members)
            await Client.VoteAsync(Asset.Asset, proposal, new VoteRequest(member.Key.Address, support,
                Hex.Encode(member.Key.Sign(ContractDigests.Ballot(Info.ChainId, Asset.Governor, proposal, support, member.Key.Address, ContractDigests.BallotNonce(proposal))))), default);
    }

    /// <summary>Executes a proposal that was voted for.</summary>
    public async Task ExecuteAsync(Hash32 proposal)
    {
        await WaitAsync(async () => (await Client.ProposalAsync(Asset.Asset, proposal, default)).State == "succeeded");
        await WaitAsync(async () => (await Client.ExecuteAsync(Asset.Asset, proposal, default)).State == "executed");
    }

    /// <summary>Proposes to take a grant back, for Maya.</summary>
    public Task<ProposalInfo> ProposeRevocationAsync(Hash32 request)
    {
        string description = $"Take {request} back";
        long deadline = Member.Soon();
        var id = ContractDigests.ProposalId(new Grants(Asset.Grants).Revoke(request), description);
        return Client.ProposeAsync(Asset.Asset, new ProposeRequest("revoke", request, null, 0, 0, description, Members[0].Key.Address, deadline,
            Hex.Encode(Members[0].Key.Sign(ContractDigests.Propose(Info.ChainId, Asset.Governor, id, Members[0].Key.Address, (ulong)deadline)))), default);
    }

    /// <summary>Opens a use as the registered runner, with the test's own one-time key.</summary>
    public async Task<UseWork> OpenAsync(Hash32 request, X25519Identity oneTimeKey, uint keyVersion = 1)
    {
        var publicKey = oneTimeKey.Recipient.PublicKey;
        var address = Runner.SigningKey.Address;
        await Client.OpenUseAsync(Asset.Asset, request, new OpenUseRequest(address, 1, publicKey, keyVersion,
            Hex.Encode(Runner.SigningKey.Sign(ContractDigests.OpenUse(Info.ChainId, Asset.Grants, request, 1, publicKey, keyVersion, address)))), default);
        return new UseWork(Asset.Asset, request, 1, keyVersion, 1, false, false, false);
    }

    /// <summary>A guardian that asks a node and believes a chain.</summary>
    public GuardianProcess Guardian(int index, string folder, TroveClient? node = null, ulong confirmations = 0, EthClient? chain = null)
    {
        Task.Run(() => Committees.GiveAsync(folder, Guardians[index - 1], Asset, EpochShares[index - 1])).GetAwaiter().GetResult();
        return new GuardianProcess(node ?? Client, chain ?? Chain, Guardians[index - 1], new GuardianOptions(folder, confirmations, []), NullLogger<GuardianProcess>.Instance, TimeProvider.System);
    }

    /// <summary>A runner with the real executor, a process without network.</summary>
    public RunnerProcess RunnerOf(ILogger<RunnerProcess>? log = null) =>
        new(Client, Chain, Runner, new ExecutorCommand(Environment.ProcessPath!, [TroveCli.Program, "execute-use"]), [], log ?? NullLogger<RunnerProcess>.Instance, TimeProvider.System);

    /// <summary>What the guardians answered, opened with the one-time key.</summary>
    internal async Task<IReadOnlyList<ReleaseFile>> ReleasesAsync(UseWork work, X25519Identity oneTimeKey)
    {
        var releases = new List<ReleaseFile>();
        foreach (var answer in (await Client.AnswersAsync(Asset.Asset, work.Request, work.Use, work.KeyVersion, default)).Where(a => a.Sealed is not null))
        {
            int index = Asset.Custody.Guardians.ToList().IndexOf(answer.Guardian) + 1;
            releases.Add(await ReleaseFile.OpenAsync(Convert.FromBase64String(answer.Sealed!), oneTimeKey, new ReleaseHeader(work.Request, work.Use, work.KeyVersion, work.CommitteeEpoch), index, default)
                ?? throw new InvalidOperationException("a release that does not open"));
        }
        return releases;
    }

    /// <summary>Points of the parts of some members that a request covers, in the order of the inputs, as whoever wrote the parts knows them.</summary>
    internal IReadOnlyList<ProvenPoint> PointsInScope(RequestTerms terms, params IEnumerable<Member> members) =>
    [
        .. members.SelectMany(m => m.Parts(Info, Asset).Where(p => terms.Covers(p.Descriptor())).Select(p => (Id: m.Id(Info, Asset), Member: m, Part: p)))
            .OrderBy(p => p.Id).ThenBy(p => p.Part.Kind, StringComparer.Ordinal).ThenBy(p => p.Part.Year)
            .Select(p => ProvenPoint.Check(Hex.Decode(p.Part.Proof), p.Part.EphemeralShare, PartDescriptor.ProofContext(Info.ChainId, Asset.Ledger, Asset.Asset, p.Id, p.Member.Key.Address, p.Part.HeaderHash))),
    ];

    /// <summary>Lets guardians and a runner work until the request has ended.</summary>
    public Task RunAsync(int[] guardians, Hash32 request) =>
        PlayAsync(request, new Lines(), [.. guardians.Select<int, Func<CancellationToken, Task>>(g => Guardian(g, NewFolder()).RunAsync)]);

    /// <summary>Lets a runner and some guardians, honest or played, work until the request has ended.</summary>
    public async Task PlayAsync(Hash32 request, Lines log, params IReadOnlyList<Func<CancellationToken, Task>> guardians)
    {
        try
        {
            await PlayAsync([RunnerOf(log).RunAsync, .. guardians], async () => (await Client.RequestAsync(Asset.Asset, request, default)).State is "settled" or "refunded");
        }
        catch (Xunit.Sdk.XunitException e)
        {
            Assert.Fail($"{e.Message}; the runner said: {string.Join(" | ", log.All)}");
        }
    }

    /// <summary>Lets some work side by side until something has come about; they have all stopped when this returns, or throws.</summary>
    public static Task PlayAsync(IReadOnlyList<Func<CancellationToken, Task>> roles, Func<Task<bool>> done) => PlayAsync(roles, () => WaitAsync(done));

    /// <summary>Lets some work side by side while a story is told, ten minutes long at most; they have all stopped when this returns, or throws.</summary>
    public static async Task PlayAsync(IReadOnlyList<Func<CancellationToken, Task>> roles, Func<Task> story)
    {
        using var stop = new CancellationTokenSource();
        var working = roles.Select(role => role(stop.Token)).ToList();
        try
        {
            await story().WaitAsync(TimeSpan.FromMinutes(10));
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(working);
        }
    }

    /// <summary>A guardian played by a test: whatever this node wants of it for a request is answered as the test says.</summary>
    public async Task AnswerAsync(int index, Hash32 request, Func<UseWork, Task> answer, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            foreach (var work in (await Client.GuardianWorkAsync(Guardians[index - 1].SigningKey.Address, default)).Where(w => w.Request == request))
                await answer(work);
            await Task.WhenAny(Task.Delay(200, ct));
        }
    }

    /// <summary>A fresh folder for a guardian.</summary>
    public string NewFolder() => Path.Combine(Folder, "guardian-" + Guid.NewGuid().ToString("N"));

    public static async Task WaitAsync(Func<Task<bool>> done)
    {
        for (int i = 0; !await done(); i++)
        {
            Assert.True(i < 3000, "waited five minutes");
            await Task.Delay(100);
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (Asset is not null)
                await Audited.HoldsAsync(Chain, Info, Asset.Asset);
        }
        finally
        {
            await StopAsync();
        }
    }

    private async Task StopAsync()
    {
        Client?.Dispose();
        Chain?.Dispose();
        if (_node is not null)
            await _node.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
        foreach (var key in (KeyFile[])[.. _verifiers, .. Guardians, Runner, Buyer])
            key.Dispose();
        foreach (var member in Members)
            member.Dispose();
        _founder?.Dispose();
    }

    private async Task VoteAsync()
    {
        var requests = new List<RequestInfo>();
        for (int i = 0; i <= Voted; i++)
        {
            requests.Add(await RequestAsync(use: i < Voted ? RequestUse.Query : RequestUse.Copy));
            await Client.ProposeAsync(Asset.Asset, new ProposeRequest("approve", requests[i].Request), default);
        }
        foreach (var request in requests)
            await VoteAsync(request.Proposal, 1);
        Copy = requests[Voted];
        foreach (var request in requests.Take(Voted))
            _voted.Enqueue(request);
    }
}
