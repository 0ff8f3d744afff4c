using System.Security.Cryptography;
using Dapper;
using Microsoft.Extensions.Logging;
using Npgsql;
using Trove.Cli.Benches;
using Trove.Core;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Protocol;
using Trove.SystemTests.Api;

namespace Trove.SystemTests.ManyNodes;

/// <summary>Alone in the process, because allocations are counted.</summary>
[CollectionDefinition("load", DisableParallelization = true)]
public sealed class LoadCollection;

/// <summary>Many at once, and many before: what one more costs is bounded and does not depend on them. 'trove bench load' and 'contribute' say how fast it is.</summary>
[Collection("load")]
public sealed class LoadTests(PostgresFixture postgres)
{
    private const int Members = 30;
    private const int OpenUploads = 300;
    private const int Compiling = 5;
    private const int Filled = 5000;
    private const int Measured = 5;
    private const int AllocatedPerUpload = 10_000_000; // client, server and guardian together, announcement, draw and first piece: 2 MB, and 10 a second by what tests before have left running
    private const int LivePerUpload = 64 << 10; // 5 KB as a rule

    [Fact]
    public async Task Many_at_once_and_many_before_cost_no_more_each()
    {
        var folder = TestFolder.Create();
        List<KeyFile> verifiers = [KeyFile.Create(), KeyFile.Create()];
        using var founder = SigningKey.Generate();
        try
        {
            var database = new NpgsqlConnectionStringBuilder(await postgres.NewDatabaseAsync());
            await using var node = await NodeHost.StartAsync(new NodeOptions
            {
                Data = folder, LogLevel = LogLevel.None, Database = $"postgresql://{database.Username}@localhost/{database.Database}?host={Uri.EscapeDataString(database.Host!)}",
            }, CancellationToken.None);
            using var client = new TroveClient(node.Address);
            var info = await client.InfoAsync(default);
            var asset = await ApiFixture.CreateAssetAsync(client, info, founder, verifiers, "LOAD");
            database.Pooling = false; // a session reports what it read when it ends
            await using var source = NpgsqlDataSource.Create(database.ConnectionString);

            await OpenAsync(client, info, asset, folder);
            await AtOnceAsync(client, info, asset, verifiers);

            // One more, before and after thousands: no more rows are read for it.
            var few = await RowsAsync(source, client, info, asset, verifiers, "few");
            await Filling.AddAsync(source, info, await client.AssetAsync(asset.Asset, default), verifiers, Filled, CancellationToken.None);
            Assert.Equal(OpenUploads + Compiling + Members + Measured + Filled, (await client.AssetAsync(asset.Asset, default)).Contributions);
            List<string> filled;
            await using (var connection = await source.OpenConnectionAsync())
            {
                await connection.ExecuteAsync("vacuum analyze");
                filled = [.. await connection.QueryAsync<string>("select oid::regclass::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and reltuples >= @Filled", new { Filled })];
            }
            var many = await RowsAsync(source, client, info, asset, verifiers, "many");
            Assert.Contains("contribution", filled);
            foreach (var table in filled)
                Assert.True(many[table] - few[table] < Filled, $"{few[table]:0} rows of {table} were read for one contribution, and {many[table]:0} when {Filled} were there");
        }
        finally
        {
            verifiers.ForEach(v => v.Dispose());
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task OpenAsync(TroveClient client, NodeInfo info, AssetInfo asset, string folder)
    {
        var members = new List<Member>();
        for (int i = 0; i < Compiling + OpenUploads; i++)
            members.Add(await Member.PrepareAsync(asset, Member.Reddit("open", $"Whose upload stays open as number {i} of many")));
        foreach (var member in members.Take(Compiling))
            await OpenOneAsync(member);
        long live = GC.GetTotalMemory(forceFullCollection: true), allocated = GC.GetTotalAllocatedBytes(precise: true);
        foreach (var member in members.Skip(Compiling))
            await OpenOneAsync(member);
        allocated = (GC.GetTotalAllocatedBytes(precise: true) - allocated) / OpenUploads;
        live = (GC.GetTotalMemory(forceFullCollection: true) - live) / OpenUploads;
        members.ForEach(m => m.Dispose());
        Assert.True(allocated < AllocatedPerUpload, $"{allocated} bytes were allocated for each open upload");
        Assert.True(live < LivePerUpload, $"{live} bytes are live for each open upload");
        // An open upload is a row and a file: no handle, no lock, nothing in memory.
        Assert.Equal(OpenUploads + Compiling, Directory.EnumerateFiles(Path.Combine(folder, "blobs", "uploads")).Count());
        Assert.DoesNotContain(Directory.EnumerateFiles("/proc/self/fd").Select(f => new FileInfo(f).LinkTarget ?? ""), t => t.StartsWith(Path.Combine(folder, "blobs"), StringComparison.Ordinal));

        async Task OpenOneAsync(Member member)
        {
            var announced = await Evaluators.AnnounceAsync(client, info, asset, member.Announce(info, asset));
            var part = member.Ciphertexts.First();
            Assert.Equal(10, await client.PutPieceAsync(announced.Contribution, new Hash32(SHA256.HashData(part)), 0, part.AsMemory(0, 10), announced.UploadToken, default));
        }
    }

    private static async Task AtOnceAsync(TroveClient client, NodeInfo info, AssetInfo asset, IReadOnlyList<KeyFile> verifiers)
    {
        var members = await Task.WhenAll(Enumerable.Range(0, Members).Select(i => Member.PrepareAsync(asset, Member.Reddit($"atonce{i}", $"One of thirty who come at the same moment, number {i}"))));
        var ids = await Task.WhenAll(members.Select(m => m.ContributeAsync(client, info, asset)));
        await ApiFixture.VerifyAsync(client, info, verifiers, async () => (await client.ContributionsAsync(asset.Asset, members[^1].Key.Address, default)).All(c => c.State == "attested"));
        await ApiFixture.VerifyAsync(client, info, verifiers, async () => (await Task.WhenAll(ids.Select(id => client.ContributionAsync(id, default)))).All(c => c.State == "attested"));
        foreach (var member in members)
            member.Dispose();
    }

    // By table: what is asked again and again while somebody waits is not of the filled ones.
    private static async Task<Dictionary<string, double>> RowsAsync(NpgsqlDataSource source, TroveClient client, NodeInfo info, AssetInfo asset, IReadOnlyList<KeyFile> verifiers, string account)
    {
        var before = await ReadRowsAsync(source);
        for (int i = 0; i < Measured; i++)
        {
            using var member = await Member.PrepareAsync(await client.AssetAsync(asset.Asset, default), Member.Reddit($"{account}{i}", $"One more of {account}, number {i} of those that are measured"));
            var id = await member.ContributeAsync(client, info, asset);
            await ApiFixture.VerifyAsync(client, info, verifiers, async () => (await client.ContributionAsync(id, default)).State == "attested");
            await client.BalanceAsync(asset.Asset, member.Key.Address, default);
        }
        return (await ReadRowsAsync(source)).ToDictionary(t => t.Key, t => (double)(t.Value - before[t.Key]) / Measured);
    }

    private static async Task<Dictionary<string, long>> ReadRowsAsync(NpgsqlDataSource source)
    {
        await using var connection = await source.OpenConnectionAsync();
        // What the node's sessions have not reported yet, at most ten seconds' worth, is far below what is asserted.
        return (await connection.QueryAsync<(string, long)>("select relid::regclass::text, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables")).ToDictionary();
    }
}
