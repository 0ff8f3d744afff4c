using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Vault;
using Trove.SystemTests.Api;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Operations;

/// <summary>What a node says of itself when something is wrong, and that it goes on when it is right again.</summary>
public sealed class HealthTests
{
    [Fact]
    public async Task A_node_says_what_is_wrong_and_goes_on_when_it_is_right_again()
    {
        var folder = TestFolder.Create();
        using var founder = SigningKey.Generate();
        using var verifier = KeyFile.Create();
        long free = long.MaxValue;
        try
        {
            await using var node = await NodeHost.StartAsync(new NodeOptions { Data = folder, LogLevel = LogLevel.None, KeepFree = 1000, FreeSpace = _ => Volatile.Read(ref free) }, default);
            using var client = new TroveClient(node.Address);
            var info = await client.InfoAsync(default);
            var asset = await ApiFixture.CreateAssetAsync(client, info, founder, [verifier], "FULL");
            using var member = await Member.PrepareAsync(asset, Member.Reddit("full", "There is always room for one more boat until there is not"));
            var announced = await Evaluators.AnnounceAsync(client, info, asset, member.Announce(info, asset));
            var blob = member.Ciphertexts.First();

            // Nothing new is taken, what is there can be read, and what frees space goes on.
            free = 999;
            var report = await Served.HealthAsync(node.Address, "ready", "failing");
            Assert.Contains("nothing new is taken", (string)report.Part("blobs")["reason"]!, StringComparison.Ordinal);
            Assert.Contains("make space", (string)report.Part("blobs")["nextStep"]!, StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.OK, (await Served.HealthAsync(node.Address, "live")).Code);
            foreach (var refused in new Func<Task>[]
            {
                () => client.PutPieceAsync(announced.Contribution, new Hash32(SHA256.HashData(blob)), 0, blob, announced.UploadToken, default),
                () => client.AnnounceAsync(asset.Asset, member.Announce(info, asset), default),
            })
                Assert.Equal((507, "no-space"), await Assert.ThrowsAsync<TroveApiException>(refused) is var e ? (e.Status, e.Code) : default);
            Assert.Equal("announced", (await client.ContributionAsync(announced.Contribution, default)).State);
            await ApiFixture.VerifyAsync(client, info, [verifier], () => Task.FromResult(true));

            // Nearly nothing left: no block either, so that its journal is never cut off.
            free = 200;
            var chain = node.Services.GetRequiredService<ChainConnection>();
            ulong head = chain.Embedded!.Head.Number;
            Assert.Contains("nearly full", (await Assert.ThrowsAsync<RpcException>(() => chain.Embedded.AdvanceAsync())).Message, StringComparison.Ordinal);
            Assert.Equal(head, chain.Embedded.Head.Number);
            free = long.MaxValue;
            Assert.True((await chain.Embedded.AdvanceAsync()).Number > head);
            await Served.HealthAsync(node.Address, "ready", "ready");
            Assert.Equal(blob.Length, await client.PutPieceAsync(announced.Contribution, new Hash32(SHA256.HashData(blob)), 0, blob, announced.UploadToken, default));

            await WorkersShowAsync(node.Services);
            await ClocksShowAsync(node.Services);
            await DatabaseComesBackAsync(node, folder, client, announced.Contribution);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_look_that_hangs_is_reported_and_not_begun_again()
    {
        int looks = 0;
        var release = new TaskCompletionSource();
        var probe = new Probe("disk", "mend it", async _ =>
        {
            Interlocked.Increment(ref looks);
            await release.Task; // as a dead network disk: it does not look at its token
            return new HealthPart("disk", true, "well");
        }, TimeProvider.System);
        Assert.Equal((false, "mend it"), await probe.LookAsync() is var first ? (first.Ok, first.NextStep) : default);
        Assert.False((await probe.LookAsync()).Ok);
        Assert.Equal(1, looks);
        release.SetResult();
        Assert.True((await probe.LookAsync()).Ok);
        Assert.Equal("it fails with InvalidOperationException", (await new Probe("disk", "mend it", _ => throw new InvalidOperationException("/secret/path"), TimeProvider.System).LookAsync()).Reason);
    }

    private static async Task WorkersShowAsync(IServiceProvider services)
    {
        using var dead = new Dead();
        await dead.StartAsync(default).ContinueWith(_ => { }); // whether starting waits for it is the framework's business
        while (!dead.ExecuteTask!.IsCompleted)
            await Task.Delay(10);
        var live = Health(services, TimeProvider.System, dead, new Hanging()).Live();
        Assert.Equal("failing", live.Status);
        Assert.Equal("it died of InvalidOperationException", live.Parts.Single(p => p.Part == nameof(Dead)).Reason);
        Assert.StartsWith("no sign of life", live.Parts.Single(p => p.Part == "hangs").Reason, StringComparison.Ordinal);
        // The node's own were asked as well, and are none of these.
        Assert.All(services.GetServices<IHostedService>().OfType<BackgroundService>(), w => Assert.IsAssignableFrom<Worker>(w));
    }

    private static async Task ClocksShowAsync(IServiceProvider services)
    {
        foreach (int hours in new[] { -1, 1 })
        {
            var report = await Health(services, new Jumped(TimeSpan.FromHours(hours))).ReadyAsync(default);
            Assert.Contains("s apart", report.Parts.Single(p => p.Part == "database").Reason, StringComparison.Ordinal);
            Assert.False(report.Parts.Single(p => p.Part == "database").Ok);
            Assert.Equal(hours > 0, report.Parts.Single(p => p.Part == "clock").Ok); // an embedded chain may be idle for hours, but not ahead
        }
    }

    // PostgreSQL is killed from outside: the node says so, starts it again, and has lost nothing.
    private static async Task DatabaseComesBackAsync(NodeHost node, string folder, TroveClient client, Hash32 contribution)
    {
        var server = Processes.Naming(Path.Combine(folder, "postgres", "data")).Select(p => p.Id).Min();
        using (var process = Process.GetProcessById(server))
            process.Kill();
        while (Processes.Naming(Path.Combine(folder, "postgres", "data")).Any(p => p.Id == server))
            await Task.Delay(20);
        await Served.HealthAsync(node.Address, "ready", "failing");
        await Served.HealthAsync(node.Address, "ready", "ready");
        Assert.Equal("announced", (await client.ContributionAsync(contribution, default)).State);
    }

    private static NodeHealth Health(IServiceProvider s, TimeProvider clock, params IHostedService[] services) => new(s.GetRequiredService<NodeDatabase>(), s.GetRequiredService<ChainConnection>(),
        s.GetRequiredService<ChainRelay>(), s.GetRequiredService<ChainEventStore>(), s.GetRequiredService<BlobStore>(), s.GetRequiredService<DiskSpace>(), services, s.GetRequiredService<IHostApplicationLifetime>(), clock);

    private sealed class Dead : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.FromException(new InvalidOperationException());
    }

    private sealed class Hanging() : Worker("hangs", TimeSpan.FromMilliseconds(-1))
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.CompletedTask;
    }

    /// <summary>The wall clock jumped; durations are measured by the other.</summary>
    private sealed class Jumped(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UtcNow + by;
    }
}
