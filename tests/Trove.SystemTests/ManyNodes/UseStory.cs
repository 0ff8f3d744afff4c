using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Crypto;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.Node.Runners;
using Trove.SystemTests.Api;
using Trove.SystemTests.Story;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.ManyNodes;

/// <summary>
/// A query through two nodes: a buyer, members who vote, three guardians two of whom open a part, and a runner. Guardians and
/// runner know one node each and wait for it while it is dead; everybody else asks both at once, through whichever node is next.
/// </summary>
internal sealed class UseStory(NodePair nodes, ChainServer chain, string folder) : IDisposable
{
    private const string Sql = "SELECT year, count(*) CLIP 10 AS comments, count(distinct member) AS members FROM records GROUP BY year CELLS 2";
    private const int Threshold = 2;

    /// <summary>Who asks. A node sends its request for the dividend that it has paid before.</summary>
    public SigningKey Buyer => _buyer.SigningKey;

    /// <summary>What one use costs.</summary>
    public static readonly Money Price = new(250_000_000);

    private readonly List<KeyFile> _guardians = [KeyFile.Create(), KeyFile.Create(), KeyFile.Create()];
    private readonly KeyFile _runner = KeyFile.Create();
    private readonly KeyFile _buyer = KeyFile.Create();
    private Hash32 _request;

    /// <summary>Creates an asset whose keys the guardians have made. Its votes last until the chain's time is moved on: long enough for every voter.</summary>
    public async Task<AssetInfo> FoundAsync(int node, NodeInfo info, SigningKey founder, IReadOnlyList<KeyFile> verifiers)
    {
        var shares = new List<EpochShares>();
        var asset = await ApiFixture.CreateAssetAsync(nodes.Clients[node], info, founder, verifiers, _guardians, Threshold, [_runner.SigningKey.Address], "MANY",
            ApiFixture.Quick with { Rules = ApiFixture.Votes(900) }, ApiFixture.Policy, shares, chain.Client, charter: ApiFixture.Small with { UseTime = 3600 });
        foreach (var (share, guardian) in shares.Zip(_guardians))
        {
            await Committees.GiveAsync(Folder(guardian), guardian, asset, share);
            share.Dispose();
        }
        return asset;
    }

    /// <summary>The guardians and the runner, at work.</summary>
    public IEnumerable<Task> Work(CancellationToken stop) => _guardians.Select((g, i) => Task.Run(async () =>
    {
        using var client = new TroveClient(nodes.Clients[i & 1].Node, longRunning: true);
        await new GuardianProcess(client, chain.Client, g, new GuardianOptions(Folder(g), 0, []), NullLogger<GuardianProcess>.Instance, TimeProvider.System).RunAsync(stop);
    })).Append(Task.Run(async () =>
    {
        using var client = new TroveClient(nodes.Clients[1].Node, longRunning: true);
        var executor = new ExecutorCommand(Environment.ProcessPath!, [TroveCli.Program, "execute-use"]);
        await new RunnerProcess(client, chain.Client, _runner, executor, [], NullLogger<RunnerProcess>.Instance, TimeProvider.System).RunAsync(stop);
    }));

    /// <summary>From the request to its settlement.</summary>
    public async Task TellAsync(NodeInfo info, AssetInfo asset, IReadOnlyList<Member> members)
    {
        await chain.MintAsync(_buyer.SigningKey.Address, Price);
        await nodes.UntilAsync(async c => (await c.DataAsync(asset.Asset, default)).SnapshotEpoch == 1);
        var data = await nodes.AskAsync(c => c.DataAsync(asset.Asset, default));
        var terms = new RequestTerms(_buyer.SigningKey.Address, _buyer.Identity.Recipient.ToString(), ["comment"], 2019, 9999, data.SnapshotEpoch, Query.Parse(Sql).CodeHash,
            data.MinimumGroupSize, Price, 1, DateTimeOffset.UtcNow.AddHours(12).ToUnixTimeSeconds(), Member.Fresh()) { Epsilon = Uses.UseFixture.NoNoise };
        long until = Member.Soon();
        _request = ContractDigests.RequestId(info.ChainId, asset.Grants, terms.ToAbi());
        var request = new QueryRequest(terms, Sql, until, Hex.Encode(_buyer.SigningKey.Sign(
            ContractDigests.ReceiveWithAuthorization(info.PaymentTokenDomain, terms.Buyer, asset.Grants, Price.Units, (ulong)until, _request))));
        await TwiceAsync(c => c.RequestQueryAsync(asset.Asset, request, default), async c => (await c.RequestsAsync(asset.Asset, default)).Count == 1);

        var proposal = ContractDigests.RequestProposal(asset.Grants, _request);
        await TwiceAsync(c => c.ProposeAsync(asset.Asset, new ProposeRequest("approve", _request), default),
            async c => (await c.ProposalsAsync(asset.Asset, default)).Count == 1);
        await nodes.UntilAsync(async c => (await c.ProposalAsync(asset.Asset, proposal, default)).State == "active");
        var governor = new AssetGovernor(asset.Governor);
        await Task.WhenAll(members.Select(m => TwiceAsync(c => c.VoteAsync(asset.Asset, proposal, new VoteRequest(m.Key.Address, 1,
                Hex.Encode(m.Key.Sign(ContractDigests.Ballot(info.ChainId, asset.Governor, proposal, 1, m.Key.Address, ContractDigests.BallotNonce(proposal))))), default),
            _ => governor.HasVotedAsync(chain.Client, ContractDigests.ToInteger(proposal), m.Key.Address))));

        await chain.AdvanceToAsync((await nodes.AskAsync(c => c.ProposalAsync(asset.Asset, proposal, default))).VoteEnd + 1);
        await nodes.UntilAsync(async c => (await c.ProposalAsync(asset.Asset, proposal, default)).State == "succeeded");
        // Into the timelock, and out of it.
        await TwiceAsync(c => c.ExecuteAsync(asset.Asset, proposal, default), async c => (await c.ProposalAsync(asset.Asset, proposal, default)).State is "queued" or "executed");
        await TwiceAsync(c => c.ExecuteAsync(asset.Asset, proposal, default), async c => (await c.ProposalAsync(asset.Asset, proposal, default)).State == "executed");
        await nodes.UntilAsync(async c => (await c.RequestAsync(asset.Asset, _request, default)).State is "settled" or "refunded");
    }

    /// <summary>On the chain everything of it happened once, and its money is where it belongs; either node gives the same result, which the buyer's key opens.</summary>
    public async Task CheckAsync(NodeInfo info, AssetInfo asset, IReadOnlyList<Member> members)
    {
        var governor = await chain.LogsAsync(asset.Governor);
        Assert.Single(governor, l => AssetGovernor.ProposalCreatedEvent.Decode(l) is not null);
        Assert.Equal(members.Select(m => m.Key.Address).Order(), governor.Select(AssetGovernor.VoteCastEvent.Decode).OfType<AssetGovernor.VoteCastEvent>().Select(e => e.Voter).Order());
        Assert.Single(governor, l => AssetGovernor.ProposalQueuedEvent.Decode(l) is not null);
        Assert.Single(governor, l => AssetGovernor.ProposalExecutedEvent.Decode(l) is not null);

        var grants = await chain.LogsAsync(asset.Grants);
        Assert.Single(grants, l => Grants.SnapshotTakenEvent.Decode(l) is not null);
        Assert.Equal(_request, Assert.Single(grants.Select(Grants.RequestedEvent.Decode).OfType<Grants.RequestedEvent>()).Request);
        Assert.Single(grants, l => Grants.ApprovedEvent.Decode(l) is not null);
        // A runner whose node died may have begun anew: the same use, with the next key.
        var opened = grants.Select(Grants.UseOpenedEvent.Decode).OfType<Grants.UseOpenedEvent>().ToList();
        Assert.Equal(Enumerable.Range(1, opened.Count).Select(v => (1u, (uint)v)), opened.Select(e => (e.Use, e.KeyVersion)));
        Assert.Equal(opened.Count, opened.Select(e => e.OneTimeKey).Distinct().Count());
        Assert.Equal(opened[0].Deadline, opened[^1].Deadline);
        var posted = Assert.Single(grants.Select(Grants.ResultPostedEvent.Decode).OfType<Grants.ResultPostedEvent>());
        Assert.Equal(Price.Units, (UInt128)Assert.Single(grants.Select(Grants.SettledEvent.Decode).OfType<Grants.SettledEvent>()).Amount);
        Assert.DoesNotContain(grants, l => Grants.UseFailedEvent.Decode(l) is not null || Grants.RefundedEvent.Decode(l) is not null || Grants.CreditPaidEvent.Decode(l) is not null);
        Assert.Single((await chain.LogsAsync(asset.Asset)).Select(ShareToken.DividendDistributedEvent.Decode), e => e?.From == asset.Grants && (UInt128)e.Amount == Price.Units);
        var dollar = new TestDollar(chain.Contracts.TestDollar);
        Assert.True((await dollar.BalanceOfAsync(chain.Client, asset.Grants)).IsZero); // nothing stayed in escrow,
        Assert.True((await dollar.BalanceOfAsync(chain.Client, _buyer.SigningKey.Address)).IsZero); // and nothing came back

        // Enough guardians released for the key that the result was computed with, and said so first.
        Assert.True(_guardians.Count(g => Released(g, opened[^1].KeyVersion)) >= Threshold);

        foreach (var client in nodes.Clients)
        {
            await UseFixture.WaitAsync(async () => (await client.RequestAsync(asset.Asset, _request, default)).State == "settled");
            var done = Assert.Single(await client.RequestsAsync(asset.Asset, default));
            Assert.Equal((1u, "settled", posted.ResultHash), (Assert.Single(done.Uses).Use, done.Uses[0].State, done.Uses[0].ResultHash!.Value));
            Assert.Equal(members.Count, Assert.Single(await client.ProposalsAsync(asset.Asset, default)).Voters);
            Assert.Equal(_request, Assert.Single((await client.MoneyAsync(asset.Asset, default)).Uses).Request);
            var sealedResult = await client.SealedResultAsync(asset.Asset, _request, 1, _buyer.SigningKey, default);
            Assert.Equal(posted.ResultHash, new Hash32(SHA256.HashData(sealedResult)));
            using var plain = new MemoryStream();
            await AgeFile.DecryptAsync(new MemoryStream(sealedResult), plain, [_buyer.Identity]);
            // Each member wrote two comments, a year apart.
            Assert.Equal([(2019, members.Count, members.Count), (2020, members.Count, members.Count)],
                QueryResult.TryRead(plain.ToArray())!.Rows.Select(r => ((int)r[0].Number, (int)r[1].Number, (int)r[2].Number)));
        }
    }

    public void Dispose()
    {
        foreach (var key in (KeyFile[])[.. _guardians, _runner, _buyer])
            key.Dispose();
    }

    // Two who do not know of each other ask for the same at the same moment, and each of them until it has happened.
    private Task TwiceAsync(Func<TroveClient, Task> act, Func<TroveClient, Task<bool>> happened)
    {
        return Task.WhenAll(OneAsync(), OneAsync());

        Task OneAsync() => UseFixture.WaitAsync(async () =>
        {
            await nodes.OnceAsync(act, happened);
            return await nodes.AskAsync(happened);
        });
    }

    private string Folder(KeyFile guardian) => Path.Combine(folder, $"guardian-{guardian.SigningKey.Address}");

    private bool Released(KeyFile guardian, uint keyVersion) => File.ReadLines(Path.Combine(Folder(guardian), "releases.jsonl")).Select(l => JsonNode.Parse(l)!)
        .Any(l => (string)l["outcome"]! == "released" && (string)l["request"]! == _request.ToString() && (uint)l["keyVersion"]! == keyVersion);
}
