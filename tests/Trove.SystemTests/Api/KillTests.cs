using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Trove.Chain;
using Trove.Chain.Rpc;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Api;

/// <summary>kill -9 of the real node, its chain and its database: what was acknowledged is there, and work goes on.</summary>
public sealed class KillTests
{
    [Fact]
    public async Task Acknowledged_contributions_survive_kill_9_of_node_chain_and_database()
    {
        var data = TestFolder.Create();
        List<KeyFile> verifiers = [KeyFile.Create(), KeyFile.Create()];
        using SigningKey founder = SigningKey.Generate();
        try
        {
            AssetInfo asset;
            Core.Hash32 checkedId, waitingId, gone;
            (WithdrawRequest Request, string Answer) withdrawn;
            (string Id, AssetEvent Event) heard;
            WithdrawRequest later;
            Block head;
            await using (var node = TroveCli.Start(data, "node", "--data", data))
            {
                using var client = await ClientAsync(node, data);
                var info = await client.InfoAsync(default);
                asset = await ApiFixture.CreateAssetAsync(client, info, founder, verifiers, "KILL");
                using var early = await Member.PrepareAsync(asset, Member.Reddit("early", "Checked before anything went wrong with the power"));
                checkedId = await early.ContributeAsync(client, info, asset);
                await ApiFixture.VerifyAsync(client, info, verifiers, async () => (await client.ContributionAsync(checkedId, default)).State == "attested");
                using var late = await Member.PrepareAsync(asset, Member.Reddit("late", "Acknowledged a moment before the power went away"));
                using var sorry = await Member.PrepareAsync(asset, Member.Reddit("gone", "Taken back before anything was read of it"));
                gone = await sorry.ContributeAsync(client, info, asset);
                var withdrawal = Withdrawal(info, asset, sorry.Key, gone);
                withdrawn = (withdrawal, await WithdrawOnceAsync(client.Node, gone, withdrawal));
                heard = await NextEventAsync(client.Node, asset.Asset, "0-0");
                Assert.Equal(("ContributionWithdrawn", gone), (heard.Event.Name, heard.Event.Contribution));
                waitingId = await late.ContributeAsync(client, info, asset);
                later = Withdrawal(info, asset, late.Key, waitingId);
                using (var chain = new EthClient(new Uri(client.Node, info.Rpc)))
                    head = (await chain.GetBlockAsync(BlockTag.At(await chain.BlockNumberAsync())))!;

                // Right after the acknowledgement, all of them at once.
                var processes = Processes.Tree(node.Id);
                Assert.Contains(processes, p => Processes.Read(p, "cmdline").Contains("anvil", StringComparison.Ordinal));
                Assert.Contains(processes, p => Processes.Read(p, "cmdline").Contains("postgres", StringComparison.Ordinal));
                foreach (int process in processes)
                    TroveCli.Signal(process, "KILL");
                Assert.Equal(137, (await node.EndAsync()).Code);
                while (Processes.Naming(data).Count > 0)
                    await Task.Delay(50);
            }
            File.Delete(Path.Combine(data, "node.address"));

            await using (var node = TroveCli.Start(data, "node", "--data", data))
            {
                using var client = await ClientAsync(node, data);
                var info = await client.InfoAsync(default);
                using (var chain = new EthClient(new Uri(client.Node, info.Rpc)))
                {
                    Assert.True(await chain.BlockNumberAsync() >= head.Number);
                    var replayed = (await chain.GetBlockAsync(BlockTag.At(head.Number)))!;
                    Assert.Equal((head.Hash, head.Timestamp), (replayed.Hash, replayed.Timestamp));
                }
                Assert.Equal("attested", (await client.ContributionAsync(checkedId, default)).State);
                Assert.Equal("verifying", (await client.ContributionAsync(waitingId, default)).State);
                await ApiFixture.VerifyAsync(client, info, verifiers, async () => (await client.ContributionAsync(waitingId, default)).State == "attested");
                // A client that lost its connection with the node: its request is answered as it was, and its stream goes on where it was.
                Assert.Equal(withdrawn.Answer, await WithdrawOnceAsync(client.Node, gone, withdrawn.Request));
                await client.WithdrawAsync(waitingId, later, default);
                var next = await NextEventAsync(client.Node, asset.Asset, heard.Id);
                Assert.Equal(("ContributionWithdrawn", waitingId), (next.Event.Name, next.Event.Contribution));
                Assert.Equal((asset.Ledger, 3L), ((await client.AssetAsync(asset.Asset, default)).Ledger, (await client.AssetAsync(asset.Asset, default)).Contributions));
                await node.StopAsync();
            }
            Assert.Empty(Processes.Naming(data));
        }
        finally
        {
            verifiers.ForEach(v => v.Dispose());
            Directory.Delete(data, recursive: true);
        }
    }

    private static WithdrawRequest Withdrawal(NodeInfo info, AssetInfo asset, SigningKey owner, Core.Hash32 contribution)
    {
        long deadline = Member.Soon();
        return new WithdrawRequest(deadline, Core.Hex.Encode(owner.Sign(ContractDigests.Withdraw(info.ChainId, asset.Ledger, owner.Address, contribution, (ulong)deadline))));
    }

    private static async Task<string> WithdrawOnceAsync(Uri node, Core.Hash32 contribution, WithdrawRequest withdrawal)
    {
        using var http = Contract.Http(node);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/contributions/{contribution}/withdrawal") { Content = JsonContent.Create(withdrawal, options: TroveJson.Options) };
        request.Headers.Add("Idempotency-Key", "\"this-withdrawal-and-no-other\"");
        using var response = await http.SendAsync(request);
        var answer = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, answer);
        return answer;
    }

    // The first event after a place that a listener names.
    private static async Task<(string Id, AssetEvent Event)> NextEventAsync(Uri node, Core.Address asset, string last)
    {
        using var http = Contract.Http(node);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/assets/{asset}/events");
        request.Headers.Add("Last-Event-ID", last);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var parser = SseParser.Create(await response.Content.ReadAsStreamAsync());
        await foreach (var item in parser.EnumerateAsync())
            if (item.EventType == "event")
                return (parser.LastEventId, JsonSerializer.Deserialize<AssetEvent>(item.Data, TroveJson.Options)!);
        throw new Xunit.Sdk.XunitException("the stream ended");
    }

    private static async Task<TroveClient> ClientAsync(TroveCli node, string data)
    {
        var file = Path.Combine(data, "node.address");
        while (!File.Exists(file))
        {
            Assert.False(node.HasExited, node.Error);
            await Task.Delay(50);
        }
        return new TroveClient(new Uri((await File.ReadAllTextAsync(file)).Trim()));
    }
}
