using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain;
using Trove.Core;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Operations;
using Trove.Node.Protocol;
using Trove.Node.Staking;
using Trove.SystemTests.Api;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Operations;

/// <summary>A running node is backed up and lost; what comes back tells the story to its end.</summary>
public sealed class BackupTests
{
    [Fact]
    public async Task A_node_comes_back_from_its_backup_and_ends_the_story()
    {
        string data = TestFolder.Create(), again = TestFolder.Create("-again"), backups = TestFolder.Create("-backups");
        List<KeyFile> verifiers = [KeyFile.Create(), KeyFile.Create()];
        using SigningKey founder = SigningKey.Generate(), buyer = SigningKey.Generate();
        var secret = System.Security.Cryptography.RandomNumberGenerator.GetBytes(32);
        using var owner = SigningKey.FromBytes(secret);
        try
        {
            AssetInfo asset;
            Hash32 id, withdrawn;
            var (node, client) = await Served.NodeAsync(data);
            await using (node)
            using (client)
            {
                var info = await client.InfoAsync(default);
                asset = await ApiFixture.CreateAssetAsync(client, info, founder, verifiers, "BACK");
                using var member = await Member.PrepareAsync(asset, Member.Reddit("backed_up", "Every tide takes a little of the wall and brings it back elsewhere"), SigningKey.FromBytes(secret));
                id = await member.ContributeAsync(client, info, asset);
                await ApiFixture.VerifyAsync(client, info, verifiers, async () => (await client.ContributionAsync(id, default)).State == "attested");
                using var leaver = await Member.PrepareAsync(asset, Member.Reddit("leaver", "What I said about the ferry was not meant to stay for ever"));
                withdrawn = await leaver.ContributeAsync(client, info, asset);

                new ContradictionFolder(data, NullLogger<ContradictionFolder>.Instance).Keep(asset.Ledger, "root-1", new SignedStatements(asset.Asset));

                var first = await TroveCli.JsonAsync(data, "backup", "--data", data, "--to", backups);
                Assert.Empty(first["missing"]!.AsArray());
                int before = Blobs(backups).Count;
                Assert.Equal((int)first["blobs"]!, before);
                // What its owner took back goes with the next backup; the rest is not copied again.
                var written = Blobs(backups).ToDictionary(b => b, File.GetLastWriteTimeUtc);
                await ApiFixture.VerifyAsync(client, info, verifiers, async () => (await client.ContributionAsync(withdrawn, default)).State == "attested");
                long until = Member.Soon();
                await client.WithdrawAsync(withdrawn, new WithdrawRequest(until, Hex.Encode(leaver.Key.Sign(ContractDigests.Withdraw(info.ChainId, asset.Ledger, leaver.Key.Address, withdrawn, (ulong)until)))), default);
                var second = await TroveCli.JsonAsync(data, "backup", "--data", data, "--to", backups);
                Assert.Equal(before - leaver.Ciphertexts.Count() - 1, (int)second["blobs"]!); // its parts and its evidence
                Assert.Equal((int)second["blobs"]!, Blobs(backups).Count);
                Assert.All(Blobs(backups), b => Assert.Equal(written[b], File.GetLastWriteTimeUtc(b)));

                foreach (int process in Processes.Tree(node.Id))
                    TroveCli.Signal(process, "KILL");
                await node.EndAsync();
                while (Processes.Naming(data).Count > 0)
                    await Task.Delay(20);
            }
            Directory.Delete(data, recursive: true);
            Directory.CreateDirectory(data);

            var part = Directory.GetDirectories(backups).Single(d => Path.GetFileName(d) != "blobs");
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(part, "relayer.secret")));

            // Not over a node, not from a half backup, not from a damaged one; and a half restore does not start.
            File.WriteAllText(Path.Combine(again, "something"), "");
            await RefusedAsync("is not empty", () => Restore.RunAsync(backups, again, default));
            File.Delete(Path.Combine(again, "something"));
            var blob = Blobs(backups)[0];
            var bytes = File.ReadAllBytes(blob);
            File.WriteAllBytes(blob, [(byte)(bytes[0] ^ 1), .. bytes[1..]]);
            await RefusedAsync("not what the manifest says", () => Restore.RunAsync(backups, again, default));
            File.WriteAllBytes(blob, bytes);
            File.Move(Path.Combine(part, "manifest.json"), Path.Combine(part, "manifest"));
            await RefusedAsync("there is no whole backup", () => Restore.RunAsync(backups, again, default));
            File.Move(Path.Combine(part, "manifest"), Path.Combine(part, "manifest.json"));
            Assert.Empty(Directory.EnumerateFileSystemEntries(again));
            File.WriteAllText(Path.Combine(again, "restore.unfinished"), "");
            await RefusedAsync("was not finished", () => NodeHost.StartAsync(new NodeOptions { Data = again }, default));
            File.Delete(Path.Combine(again, "restore.unfinished"));

            var back = await TroveCli.JsonAsync(again, "restore", "--from", backups, "--data", again);
            Assert.Equal(Blobs(backups).Count, (int)back["blobs"]!);
            Assert.Equal([Path.Combine(again, "contradictions", asset.Asset.ToString(), $"{asset.Ledger}-root-1.json")], ContradictionFolder.Files(again));
            (node, client) = await Served.NodeAsync(again);
            await using (node)
            using (client)
            {
                await Served.HealthAsync(client.Node, "ready", "ready");
                var info = await client.InfoAsync(default);
                Assert.Equal(("attested", "withdrawn"), ((await client.ContributionAsync(id, default)).State, (await client.ContributionAsync(withdrawn, default)).State));
                var (nonce, deadline) = (Member.Fresh(), Member.Soon());
                await client.CloseEpochAsync(asset.Asset, new CloseEpochRequest(1, nonce, deadline,
                    Hex.Encode(founder.Sign(Messages.CloseEpoch(Messages.Domain(info.ChainId, asset.Ledger), asset.Asset, 1, nonce, deadline)))), default);
                await ApiFixture.VerifyAsync(client, info, verifiers, async () => (await client.BalanceAsync(asset.Asset, owner.Address, default)).Shares.Units > 0);
                var amount = new Money(5_000_000);
                await client.FaucetAsync(new FaucetRequest(buyer.Address, amount, nonce, deadline,
                    Hex.Encode(buyer.Sign(Messages.TestDollars(Messages.Domain(info.ChainId, info.Factory), buyer.Address, amount, nonce, deadline)))), default);
                await client.PayAsync(asset.Asset, new DividendRequest(buyer.Address, amount, deadline, nonce,
                    Hex.Encode(buyer.Sign(ContractDigests.ReceiveWithAuthorization(info.PaymentTokenDomain, buyer.Address, asset.Asset, amount.Units, (ulong)deadline, nonce)))), default);
                var paid = await client.ClaimAsync(asset.Asset, new ClaimRequest(owner.Address, nonce, deadline,
                    Hex.Encode(owner.Sign(Messages.Claim(Messages.Domain(info.ChainId, asset.Ledger), asset.Asset, owner.Address, nonce, deadline)))), default);
                Assert.InRange(paid.Paid.Units, 4_999_000u, 5_000_000u);
                var doctor = await TroveCli.JsonAsync(again, "doctor", "--data", again);
                Assert.True((bool)doctor["ok"]!);
                foreach (var check in new[] { "libsodium", "postgresql", "fsync", "database", "reader", "factory", "node's clock", "version" })
                    Assert.Equal("ok", (string)Assert.Single(doctor["checks"]!.AsArray(), c => (string)c!["name"]! == check)!["status"]!);
                await node.StopAsync();
            }
            var (code, output, _) = await TroveCli.RunAsync(again, "doctor", "--data", again, "--node", client.Node.ToString());
            Assert.Equal(1, code);
            Assert.Contains("gives no answer", output, StringComparison.Ordinal);

            // A stopped node can be backed up as well.
            var stopped = await TroveCli.JsonAsync(again, "backup", "--data", again, "--to", backups);
            Assert.True((ulong)stopped["blocks"]! > (ulong)back["blocks"]!);
        }
        finally
        {
            verifiers.ForEach(v => v.Dispose());
            foreach (var folder in new[] { data, again, backups })
                Directory.Delete(folder, recursive: true);
        }
    }

    private static List<string> Blobs(string backups) => [.. Directory.GetFiles(Path.Combine(backups, "blobs"), "*", SearchOption.AllDirectories)];

    private static async Task RefusedAsync(string why, Func<Task> what) =>
        Assert.Contains(why, (await Assert.ThrowsAsync<IOException>(what)).Message, StringComparison.Ordinal);
}
