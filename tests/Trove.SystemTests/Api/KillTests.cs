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
            Core.Hash32 checkedId, waitingId;
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
                waitingId = await late.ContributeAsync(client, info, asset);
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
                Assert.Equal((asset.Ledger, 2L), ((await client.AssetAsync(asset.Asset, default)).Ledger, (await client.AssetAsync(asset.Asset, default)).Contributions));
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
