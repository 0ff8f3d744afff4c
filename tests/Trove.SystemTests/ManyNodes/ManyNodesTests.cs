using System.Security.Cryptography;
using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.Node.Verification;
using Trove.SystemTests.Api;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.ManyNodes;

/// <summary>
/// Members, verifiers, a founder, a buyer, guardians and a runner work through two nodes that share a database, a blob folder and a
/// chain, while either node is killed at random moments. What was acknowledged is there, and everything happened once.
/// </summary>
public sealed class ManyNodesTests(PostgresFixture postgres)
{
    private const int Members = 6;
    private const string Passphrase = "of the relayer of tests";
    private static readonly Money First = new(60_000_000), Dividend = new(40_000_000);

    // No word is another member's: what resembles another's text earns nothing.
    private static string OfTheirOwn(string text, int member) => string.Join(' ', text.Split(' ').Select(word => word + (char)('a' + member)));

    [Theory]
    [InlineData(1)]
    public async Task Everything_happens_once_whichever_node_is_killed_when(int seed)
    {
        var folder = TestFolder.Create();
        using var relayer = KeyFile.Create();
        using var founder = SigningKey.Generate();
        List<KeyFile> verifiers = [KeyFile.Create(), KeyFile.Create()];
        List<Member> members = [];
        try
        {
            await using var chain = await ChainServer.StartAsync(Path.Combine(folder, "chain"), relayer.SigningKey.Address);
            var connection = new NpgsqlConnectionStringBuilder(await postgres.NewDatabaseAsync());
            await using var nodes = await NodePair.StartAsync(folder, Shared(folder, connection, chain, relayer, founder.Address));
            using var use = new UseStory(nodes, chain, folder);
            var info = await nodes.AskAsync(c => c.InfoAsync(default));
            var asset = await use.FoundAsync(seed & 1, info, founder, verifiers);

            using var quiet = new CancellationTokenSource();
            using var done = new CancellationTokenSource();
            var killing = nodes.KillAsync(new Random(seed), quiet.Token);
            // Each verifier knows one node only, and waits for it while it is dead.
            var working = verifiers.Select((v, i) => Task.Run(async () =>
            {
                using var client = new TroveClient(nodes.Clients[i].Node, longRunning: true);
                await new VerifierProcess(client, chain.Client, v, Path.Combine(folder, $"verifier-{v.SigningKey.Address}"), ApiFixture.NoDns, ApiFixture.NoPages, NullLogger<VerifierProcess>.Instance).RunAsync(done.Token);
            })).ToList();

            working.AddRange(use.Work(done.Token));
            working.Add(HurryAsync(connection.ConnectionString, done.Token));

            for (int i = 0; i < Members; i++)
                members.Add(await Member.PrepareAsync(asset, Member.Reddit($"many{i}", OfTheirOwn("Words which nobody else has written so far in this marsh", i), OfTheirOwn("And more of them", i))));
            var ids = await Task.WhenAll(members.Select(m => ContributeAsync(nodes, info, asset, m)));
            foreach (var id in ids)
                await nodes.UntilAsync(async c => (await c.ContributionAsync(id, default)).State == "attested");
            await CloseAsync(nodes, info, asset, founder);
            foreach (var member in members)
                await nodes.UntilAsync(async c => await c.BalanceAsync(asset.Asset, member.Key.Address, default) is var b && b.Shares.Units > 0 && b.Unclaimed.Units == 0);
            int before = nodes.Kills;
            await PayAsync(nodes, chain, info, asset, use.Buyer);
            await use.TellAsync(info, asset, members);
            Assert.True(nodes.Kills > before, "no node was killed since the vote was asked for");
            await Task.WhenAll(members.SkipLast(1).Select(m => Claim(info, asset, m)).Select(c => nodes.OnceAsync(c.Act, c.Happened)));
            await quiet.CancelAsync();
            await killing;
            await done.CancelAsync();
            await Task.WhenAll(working);

            // A node stands still between journaling a claim and sending it: the other one takes its turn and sends it. It comes back to what is done.
            var last = Claim(info, asset, members[^1]);
            await nodes.FreezeAsync("relay.journaled", last.Act, last.Happened);

            // On chain: one root, one claim each, one dividend and the price of one use, one payout each.
            var ledger = await chain.LogsAsync(asset.Ledger);
            Assert.Single(ledger, l => Ledger.EpochPostedEvent.Decode(l) is not null);
            Assert.Equal(ids.Order(), ledger.Select(Ledger.SharesClaimedEvent.Decode).OfType<Ledger.SharesClaimedEvent>().Select(e => e.Contribution).Order());
            var token = await chain.LogsAsync(asset.Asset);
            Assert.Equal([First, Dividend, UseStory.Price], token.Select(ShareToken.DividendDistributedEvent.Decode).OfType<ShareToken.DividendDistributedEvent>().Select(e => new Money((UInt128)e.Amount)));
            Assert.Equal(members.Select(m => m.Key.Address).Order(), token.Select(ShareToken.DividendClaimedEvent.Decode).OfType<ShareToken.DividendClaimedEvent>().Select(e => e.Owner).Order());
            await use.CheckAsync(info, asset, members);

            // Through either node: the same money, to the unit, and every acknowledged part.
            foreach (var client in nodes.Clients)
            {
                await UseFixture.WaitAsync(async () => (await client.MoneyAsync(asset.Asset, default)).Payouts.Count == Members);
                var money = await client.MoneyAsync(asset.Asset, default);
                Assert.Equal(First + Dividend + UseStory.Price, money.Received);
                Assert.Equal(money.Received, money.Paid + money.Claimable + money.Dust);
                Assert.Equal(money.Paid, money.Payouts.Aggregate(default(Money), (sum, p) => sum + p.Amount));
                Assert.True(money.Dust.Units <= (UInt128)(Members + 1));
                foreach (var part in members.SelectMany(m => m.Ciphertexts))
                    Assert.Equal(part, await client.BlobAsync(new Hash32(SHA256.HashData(part)), part.Length, default));
            }
            await CheckDatabaseAsync(connection.ConnectionString, chain, relayer.SigningKey.Address);
            Assert.Empty(Directory.EnumerateFiles(Path.Combine(folder, "blobs", "tmp")));
            Assert.Empty(Directory.EnumerateFiles(Path.Combine(folder, "blobs", "uploads")));
        }
        finally
        {
            members.ForEach(m => m.Dispose());
            verifiers.ForEach(v => v.Dispose());
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string[] Shared(string folder, NpgsqlConnectionStringBuilder database, ChainServer chain, KeyFile relayer, Address founder)
    {
        var (url, key, passphrase) = (Path.Combine(folder, "database"), Path.Combine(folder, "relayer.key"), Path.Combine(folder, "passphrase"));
        File.WriteAllText(url, $"postgresql://{database.Username}@localhost/{database.Database}?host={Uri.EscapeDataString(database.Host!)}");
        File.WriteAllText(passphrase, Passphrase);
        using (var secret = new SecretBytes(System.Text.Encoding.UTF8.GetBytes(Passphrase)))
            relayer.Save(key, secret, workFactor: 10);
        return ["--db-file", url, "--blobs", Path.Combine(folder, "blobs"), "--rpc", chain.Rpc.ToString(), "--factory", chain.Contracts.AssetFactory.ToString(),
            "--payment-token", chain.Contracts.TestDollar.ToString(), "--confirmations", "0", "--relayer-key", key, "--founder", founder.ToString(), "--passphrase-file", passphrase];
    }

    // Every step through whichever node is next; pieces of one file through both.
    private static async Task<Hash32> ContributeAsync(NodePair nodes, NodeInfo info, AssetInfo asset, Member member)
    {
        var announced = await nodes.AskAsync(c => Evaluators.AnnounceAsync(c, info, asset, member.Announce(info, asset)));
        await member.SealAsync(announced);
        await nodes.AskAsync(c => c.SetManifestAsync(announced.Contribution, member.Manifest(info, asset, announced), default));
        foreach (var blob in member.Ciphertexts.Append(member.Evidence))
        {
            var hash = new Hash32(SHA256.HashData(blob));
            int piece = blob.Length / 3 + 1;
            for (long at = 0; at < blob.Length;)
                at = await nodes.AskAsync(c => c.PutPieceAsync(announced.Contribution, hash, at, blob.AsMemory((int)at, (int)Math.Min(piece, blob.Length - at)), announced.UploadToken, default));
        }
        await nodes.AskAsync(c => c.CompleteAsync(announced.Contribution, default));
        return announced.Contribution;
    }

    private static async Task CloseAsync(NodePair nodes, NodeInfo info, AssetInfo asset, SigningKey founder)
    {
        await nodes.OnceAsync(c =>
        {
            var (nonce, deadline) = (Member.Fresh(), Member.Soon());
            return c.CloseEpochAsync(asset.Asset, new CloseEpochRequest(1, nonce, deadline,
                Hex.Encode(founder.Sign(Messages.CloseEpoch(Messages.Domain(info.ChainId, asset.Ledger), asset.Asset, 1, nonce, deadline)))), default);
        }, async c => (await c.EpochsAsync(asset.Asset, default)).Count == 1);
        await nodes.UntilAsync(async c => (await c.EpochAsync(asset.Asset, 1, default)).State == "posted");
    }

    private static async Task PayAsync(NodePair nodes, ChainServer chain, NodeInfo info, AssetInfo asset, SigningKey payer)
    {
        await chain.MintAsync(payer.Address, First + Dividend);
        await chain.SendAsync(AssetCalls.Dividend(asset.Asset, Sign(First))); // the nodes pay for who has paid
        await nodes.UntilAsync(async c => (await c.MoneyAsync(asset.Asset, default)).Received == First);
        var request = Sign(Dividend);
        await nodes.OnceAsync(c => c.PayAsync(asset.Asset, request, default), async c => (await c.MoneyAsync(asset.Asset, default)).Received == First + Dividend);

        DividendRequest Sign(Money amount)
        {
            var (nonce, deadline) = (Member.Fresh(), Member.Soon());
            return new DividendRequest(payer.Address, amount, deadline, nonce,
                Hex.Encode(payer.Sign(ContractDigests.ReceiveWithAuthorization(info.PaymentTokenDomain, payer.Address, asset.Asset, amount.Units, (ulong)deadline, nonce))));
        }
    }

    private static (Func<TroveClient, Task> Act, Func<TroveClient, Task<bool>> Happened) Claim(NodeInfo info, AssetInfo asset, Member member) => (c =>
    {
        var (nonce, deadline, owner) = (Member.Fresh(), Member.Soon(), member.Key.Address);
        return c.ClaimAsync(asset.Asset, new ClaimRequest(owner, nonce, deadline,
            Hex.Encode(member.Key.Sign(Messages.Claim(Messages.Domain(info.ChainId, asset.Ledger), asset.Asset, owner, nonce, deadline)))), default);
    }, async c => (await c.BalanceAsync(asset.Asset, member.Key.Address, default)).Paid.Units > 0);

    // A lease runs a minute, a test should not: what was claimed a few seconds ago is due again, so that work is done by two at once more often than ever.
    private static async Task HurryAsync(string connectionString, CancellationToken stop)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        while (!stop.IsCancellationRequested)
        {
            await using (var connection = await source.OpenConnectionAsync(CancellationToken.None))
                await connection.ExecuteAsync("update work_items set due_at = clock_timestamp() where state = 'ready' and due_at between clock_timestamp() and clock_timestamp() + interval '55 seconds'");
            await Task.WhenAny(Task.Delay(500, stop));
        }
    }

    private static async Task CheckDatabaseAsync(string connectionString, ChainServer chain, Address relayer)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var connection = await source.OpenConnectionAsync();
        Assert.Empty(await connection.QueryAsync<string>("select topic || ': ' || last_error from work_items where state = 'dead'"));
        await UseFixture.WaitAsync(async () => await connection.ExecuteScalarAsync<int>("select count(*)::int from work_items where state <> 'done'") == 0);
        Assert.Equal(Members * 2, await connection.ExecuteScalarAsync<int>("select count(*)::int from attestation where facts is not null"));
        Assert.Equal(Members, await connection.ExecuteScalarAsync<int>("select count(*)::int from vault_blobs where kind = 'evidence' and state = 'destroyed'"));
        // Every nonce is one action, from the first on, and each is on the chain.
        Assert.Equal(0, await connection.ExecuteScalarAsync<int>("select count(*)::int from relayed where settled_at is null or block is null or account is null"));
        var nonces = (await connection.QueryAsync<long>("select nonce from relayed order by nonce")).ToList();
        Assert.Equal(Enumerable.Range(0, nonces.Count).Select(n => (long)n), nonces);
        Assert.Equal((ulong)nonces.Count, await chain.Client.GetTransactionCountAsync(relayer));
    }
}
