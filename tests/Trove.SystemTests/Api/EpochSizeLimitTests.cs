using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Epochs;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Verification;

namespace Trove.SystemTests.Api;

/// <summary>A node proposes epochs that are larger than a verifier can hold: it signs none, reads no more than it holds, and takes earlier ones in bit by bit, whole.</summary>
public sealed class EpochSizeLimitTests(ApiFixture api)
{
    private const int Limit = 1 << 20, InFlight = 8 * 128 * 1024;

    [Fact]
    public async Task Verifier_signs_no_epoch_of_more_bytes_than_an_epoch_may_have_and_reads_no_more_of_it()
    {
        await api.ReadyAsync();
        using var verifier = KeyFile.Create();
        var asset = await ApiFixture.CreateAssetAsync(api.Client, api.Info, api.Founder, [verifier], "TOOLARGE");
        long first = await ContributeAsync("large_a", "Nobody oiled the hinges of the sluice before the flood in April")
            + await ContributeAsync("large_b", "A heron had its nest upon the roof of the ferry house that year")
            + await ContributeAsync("copied_c", "Nobody oiled the hinges of the sluice before the flood in April");
        await CloseAsync(1);

        var node = new Between { Contributions = EpochService.MaxContributions + 1 };
        Assert.Contains("100001 contributions, more than", await RefusalAsync(node, Limit), StringComparison.Ordinal);
        node.Contributions = null;
        Assert.Contains($"more than the {first - 1} bytes", await RefusalAsync(node, first - 1), StringComparison.Ordinal);
        node.IsEndless = true;
        Assert.Contains($"more than the {Limit} bytes", await RefusalAsync(node, Limit), StringComparison.Ordinal);
        Assert.InRange(node.Sent, Limit, Limit + InFlight);
        Assert.Equal(0, (await api.Client.EpochAsync(asset.Asset, 1, default)).Signatures);
        node.IsEndless = false;
        await WorkAsync(node, first, async _ => (await api.Client.EpochAsync(asset.Asset, 1, default)).State == "posted");

        // Started again, it takes in what is behind, which is larger than the epoch that it signs.
        long second = await ContributeAsync("small_c", "We sold the last of the smoked eels");
        Assert.True(second < first);
        await CloseAsync(2);
        // What earned nothing is known all the same, and no node keeps it from a verifier.
        Assert.Contains("document of epoch 1", await RefusalAsync(new Between { HidesWhatEarnedNothing = true }, second), StringComparison.Ordinal);
        await WorkAsync(new Between(), second, async _ => (await api.Client.EpochAsync(asset.Asset, 2, default)).State == "posted");

        async Task<long> ContributeAsync(string account, string text)
        {
            using var member = await Member.PrepareAsync(asset, Member.Reddit(account, text));
            var id = await member.ContributeAsync(api.Client, api.Info, asset);
            await ApiFixture.VerifyAsync(api.Client, api.Info, [verifier], async () => (await api.Client.ContributionAsync(id, default)).State == "attested");
            return (await api.Client.TagsAsync((await api.Client.ContributionAsync(id, default)).Attestations[0].Facts!.TagsHash, default)).Length;
        }

        Task CloseAsync(ulong number)
        {
            var (nonce, deadline) = (Member.Fresh(), Member.Soon());
            return api.Client.CloseEpochAsync(asset.Asset, new CloseEpochRequest(number, nonce, deadline,
                Hex.Encode(api.Founder.Sign(Messages.CloseEpoch(Messages.Domain(api.Info.ChainId, asset.Ledger), asset.Asset, number, nonce, deadline)))), default);
        }

        async Task<string> RefusalAsync(Between between, long limit)
        {
            string? refusal = null;
            await WorkAsync(between, limit, log => Task.FromResult((refusal = log.Last) is not null));
            return refusal!;
        }

        async Task WorkAsync(Between between, long limit, Func<Refusals, Task<bool>> until)
        {
            using var stop = new CancellationTokenSource(TimeSpan.FromMinutes(2));
            using var client = new TroveClient(api.Client.Node, longRunning: true, between.Handler());
            using var chain = new EthClient(new Uri(client.Node, api.Info.Rpc));
            var log = new Refusals();
            var working = new VerifierProcess(client, chain, verifier, VerifierFolders.Of(verifier), ApiFixture.NoDns, ApiFixture.NoPages, log) { MaxTagBytes = limit }.RunAsync(stop.Token);
            while (!await until(log))
                await Task.Delay(50, stop.Token);
            await stop.CancelAsync();
            await working;
        }
    }

    /// <summary>The true node, but the epoch to sign is offered again and again, and its tag lists may be replaced by endless ones.</summary>
    private sealed class Between
    {
        private string? _work;
        private long _sent;

        public bool IsEndless { get; set; }

        /// <summary>How many contributions it says the epoch has; null for what it has.</summary>
        public int? Contributions { get; set; }

        public bool HidesWhatEarnedNothing { get; set; }

        /// <summary>Bytes of endless lists that were read.</summary>
        public long Sent => Interlocked.Read(ref _sent);

        public HttpMessageHandler Handler() => new Handled(this);

        private sealed class Handled(Between node) : DelegatingHandler(new SocketsHttpHandler())
        {
            protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
            {
                var path = request.RequestUri!.AbsolutePath;
                if (node.IsEndless && path.StartsWith("/api/v1/tags/", StringComparison.Ordinal))
                    return new HttpResponseMessage { Content = new StreamContent(new Endless(node)) };
                if (node.HidesWhatEarnedNothing && path.EndsWith("/rewards", StringComparison.Ordinal))
                {
                    var rewards = JsonNode.Parse(await (await base.SendAsync(request, cancellationToken)).Content.ReadAsStringAsync(cancellationToken))!.AsArray();
                    Assert.Equal(1, rewards.RemoveAll(r => (string)r!["reward"]!["amount"]! == "0"));
                    return new HttpResponseMessage { Content = new StringContent(rewards.ToJsonString(), Encoding.UTF8, "application/json") };
                }
                if (path != "/api/v1/verifier/work" || node._work is null)
                {
                    var answer = await base.SendAsync(request, cancellationToken);
                    if (path != "/api/v1/verifier/work" || answer.StatusCode != HttpStatusCode.OK)
                        return answer;
                    node._work = await answer.Content.ReadAsStringAsync(cancellationToken);
                }
                var work = JsonNode.Parse(node._work)!;
                if (node.Contributions is { } count)
                    work["sign"]!["contributions"] = new JsonArray([.. Enumerable.Repeat(default(Hash32).ToString(), count).Select(h => JsonValue.Create(h))]);
                return new HttpResponseMessage { Content = new StringContent(work.ToJsonString(), Encoding.UTF8, "application/json") };
            }
        }

        private sealed class Endless(Between node) : Stream
        {
            public override bool CanRead => true;

            public override bool CanSeek => false;

            public override bool CanWrite => false;

            public override long Length => throw new NotSupportedException();

            public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

            public override int Read(byte[] buffer, int offset, int count)
            {
                Interlocked.Add(ref node._sent, count);
                return count;
            }

            public override void Flush()
            {
            }

            public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

            public override void SetLength(long value) => throw new NotSupportedException();

            public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        }
    }

    /// <summary>Keeps what the verifier says of epochs that it does not sign.</summary>
    private sealed class Refusals : ILogger<VerifierProcess>
    {
        public string? Last { get; private set; }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if ((eventId == LogEvents.EpochTooLarge && logLevel == LogLevel.Error) || (eventId == LogEvents.VerifierRetries && logLevel == LogLevel.Warning))
                Last = formatter(state, exception);
        }
    }
}
