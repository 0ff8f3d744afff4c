using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Verification;

namespace Trove.SystemTests.Api;

/// <summary>A node proposes two roots of one epoch, both right for the contributions that it names: the verifier signs the first and no other.</summary>
public sealed class SecondRootTests(ApiFixture api)
{
    [Fact]
    public async Task Verifier_signs_one_of_two_roots_that_are_both_right()
    {
        await api.ReadyAsync();
        using var verifier = KeyFile.Create();
        var asset = await ApiFixture.CreateAssetAsync(api.Client, api.Info, api.Founder, [verifier], "TWOROOTS");
        var ids = new List<Hash32>();
        foreach (var (name, text) in new[] { ("root_a", "Nobody counted the herons that stood along the dyke in March"), ("root_b", "My grandmother salted plums in a stone jar under the stairs") })
        {
            using var member = await Member.PrepareAsync(asset, Member.Reddit(name, text));
            ids.Add(await member.ContributeAsync(api.Client, api.Info, asset));
        }
        await ApiFixture.VerifyAsync(api.Client, api.Info, [verifier], async () =>
            (await api.Client.ContributionAsync(ids[0], default)).State == "attested" && (await api.Client.ContributionAsync(ids[1], default)).State == "attested");
        var first = Epoch.Close(1, default, asset.Policy!, new NoveltyIndex(), [await AttestedAsync(ids[0])]).Tree.Root;
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        var second = (await api.Client.CloseEpochAsync(asset.Asset, new CloseEpochRequest(1, nonce, deadline,
            Hex.Encode(api.Founder.Sign(Messages.CloseEpoch(Messages.Domain(api.Info.ChainId, asset.Ledger), asset.Asset, 1, nonce, deadline)))), default)).Root;
        Assert.NotEqual(first, second);

        var liar = new TwoRoots(ids[0], first);
        await WorkAsync(verifier, liar, log => log.Count > 0);
        await WorkAsync(verifier, liar, log => log.Count > 0); // started again it knows it still
        Assert.Equal([first], liar.Signed);
        Assert.True(liar.Proposed >= 3);
    }

    private async Task<AttestedContribution> AttestedAsync(Hash32 id)
    {
        var info = await api.Client.ContributionAsync(id, default);
        var facts = info.Attestations[0].Facts!;
        Assert.True(TagList.TryRead(await api.Client.TagsAsync(facts.TagsHash, default), out var tags));
        return new AttestedContribution(facts, new EvidenceResults(info.Evidence!), tags);
    }

    private async Task WorkAsync(KeyFile verifier, TwoRoots liar, Func<SecondRoots, bool> until)
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        using var client = new TroveClient(api.Client.Node, longRunning: true, liar.Handler());
        using var chain = new EthClient(new Uri(client.Node, api.Info.Rpc));
        var log = new SecondRoots();
        var working = new VerifierProcess(client, chain, verifier, VerifierFolders.Of(verifier), ApiFixture.NoDns, ApiFixture.NoPages, log).RunAsync(stop.Token);
        while (!until(log))
            await Task.Delay(50, stop.Token);
        await stop.CancelAsync();
        await working;
    }

    /// <summary>What the true node proposes, but first the root of one contribution; signatures stay here.</summary>
    private sealed class TwoRoots(Hash32 contribution, Hash32 root)
    {
        private JsonObject? _work;

        public List<Hash32> Signed { get; } = [];

        public int Proposed { get; private set; }

        public HttpMessageHandler Handler() => new Between(this);

        private async Task<HttpResponseMessage> AnswerAsync(HttpRequestMessage request, Func<Task<HttpResponseMessage>> ask)
        {
            if (request.RequestUri!.AbsolutePath.EndsWith("/signatures", StringComparison.Ordinal))
            {
                Signed.Add((await request.Content!.ReadFromJsonAsync<SignEpochRequest>(TroveJson.Options))!.Root);
                return new HttpResponseMessage(HttpStatusCode.NoContent);
            }
            if (request.RequestUri.AbsolutePath != "/api/v1/verifier/work")
                return await ask();
            while (_work is null)
            {
                var answer = await ask();
                if (answer.StatusCode != HttpStatusCode.OK || JsonNode.Parse(await answer.Content.ReadAsStringAsync()) is not JsonObject work || work["sign"] is null)
                    return answer;
                _work = work;
            }
            var proposal = _work.DeepClone();
            if (Proposed++ == 0)
                (proposal["sign"]!["contributions"], proposal["sign"]!["root"]) = (new JsonArray(contribution.ToString()), root.ToString());
            return new HttpResponseMessage { Content = new StringContent(proposal.ToJsonString(), Encoding.UTF8, "application/json") };
        }

        private sealed class Between(TwoRoots liar) : DelegatingHandler(new SocketsHttpHandler())
        {
            protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
                liar.AnswerAsync(request, () => base.SendAsync(request, cancellationToken));
        }
    }

    /// <summary>Counts what the verifier says about second roots.</summary>
    private sealed class SecondRoots : ILogger<VerifierProcess>
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId == LogEvents.SecondRootRefused && logLevel == LogLevel.Error)
                Interlocked.Increment(ref _count);
        }
    }
}
