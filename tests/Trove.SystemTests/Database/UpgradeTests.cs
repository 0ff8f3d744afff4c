using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dapper;
using Npgsql;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Node.Database;
using Trove.Node.Protocol;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Database;

/// <summary>
/// A database as each migration left it, with rows in every table (<c>Seeds/NNNN_name.sql</c>), upgraded to the newest: every row is
/// still there with what it had. A new migration comes with its seeds.
/// </summary>
public sealed class UpgradeTests(PostgresFixture postgres)
{
    // 0005 takes no assets from before it, so nothing that belongs to one either.
    private static readonly string[] OfAssets = ["asset", "contribution", "part_share", "attestation", "epoch", "epoch_signature"];

    // 0007 keeps its sums by the hour in relay_spent.
    private const string Summed = "relay_cost";

    // 0011 leaves an epoch's rewards with its contributions, which had them too; since 0012 no founder makes a key of tags any more; since 0014 no block draws verifiers.
    private static readonly HashSet<(string Table, string Column)> Dropped = [("epoch", "document"), ("asset", "sealed_tag_key"), ("contribution", "beacon_hash"),
        ("chain_cursor", "cursor"), ("chain_cursor", "rewrites")]; // 0016 has the chain read again

    private static readonly Dictionary<(string Table, string Column), string> Renamed = new() { [("contribution", "beacon_block")] = "announced_block" };

    // 0014 forgets what guardians were asked, which lives an hour: it is asked again.
    private static readonly string[] Forgotten = ["evaluation", "evaluation_answer"];

    public static TheoryData<int> Earlier => [.. Migration.Embedded().Select(m => m.Number)];

    [Theory]
    [MemberData(nameof(Earlier))]
    public async Task Rows_of_every_table_survive_the_upgrade(int from)
    {
        var all = Migration.Embedded();
        await using var source = NpgsqlDataSource.Create(await postgres.NewDatabaseAsync());
        foreach (var migration in all.Where(m => m.Number <= from))
        {
            await Migration.ApplyAsync(source, [.. all.Where(m => m.Number <= migration.Number)], CancellationToken.None);
            await ExecuteAsync(source, await File.ReadAllTextAsync(Seed(migration)));
        }
        var before = await RowsAsync(source);
        foreach (var (table, rows) in before)
            Assert.True(rows.Count > 0 || (from < 5 && OfAssets.Contains(table)), $"{table} has no rows: add some to the seeds of its migration");

        Assert.Equal(all.Count(m => m.Number > from), await Migration.ApplyAsync(source, all, CancellationToken.None));
        var after = await RowsAsync(source);
        foreach (var (table, rows) in before.Where(b => b.Key != Summed && (from >= 14 || !Forgotten.Contains(b.Key))))
            foreach (var row in rows)
                Assert.True(after[table].Any(r => row.All(column => Dropped.Contains((table, column.Key)) || Has(r[Renamed.GetValueOrDefault((table, column.Key), column.Key)], column.Value))), $"{table}: {row.ToJsonString()} is not there any more");
        if (before.TryGetValue(Summed, out var costs))
            foreach (var one in costs.GroupBy(c => (string)c["beneficiary"]!))
                Assert.Equal(Sum(one), Sum(after["relay_spent"].Where(s => (string)s["beneficiary"]! == one.Key)));
    }

    [Fact]
    public async Task Assets_from_before_there_were_votes_are_refused_by_name_and_left_alone()
    {
        var all = Migration.Embedded();
        await using var source = NpgsqlDataSource.Create(await postgres.NewDatabaseAsync());
        await Migration.ApplyAsync(source, [.. all.Where(m => m.Number <= 4)], CancellationToken.None);
        await ExecuteAsync(source, """
            insert into asset (asset, founder, registry, ledger, name, symbol, payment_token, recipient, policy_hash, verifiers, verifier_keys, threshold, set_version, created_block)
            values (decode(repeat('58', 20), 'hex'), decode(repeat('22', 20), 'hex'), '\x', '\x', 'Old', 'OLD', '\x', decode(repeat('64', 32), 'hex'), '\x', '{}', '{}', 1, 1, 3)
            """);
        var error = await Assert.ThrowsAsync<DatabaseException>(() => Migration.ApplyAsync(source, all, CancellationToken.None));
        Assert.Contains("founded before there were votes", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, await Migration.ApplyAsync(source, [.. all.Where(m => m.Number <= 4)], CancellationToken.None)); // the older program still runs on it
    }

    // 0022 gives rules and rewards the two signals that they had not. They are the rules that were signed, and the epoch that is on the chain.
    [Fact]
    public async Task Rules_and_rewards_from_before_language_and_entropy_keep_their_hashes()
    {
        var all = Migration.Embedded();
        await using var source = NpgsqlDataSource.Create(await postgres.NewDatabaseAsync());
        foreach (var migration in all.Where(m => m.Number <= 21))
        {
            await Migration.ApplyAsync(source, [.. all.Where(m => m.Number <= migration.Number)], CancellationToken.None);
            await ExecuteAsync(source, await File.ReadAllTextAsync(Seed(migration)));
        }
        var policy = AssetPolicy.Default(["answer", "comment", "message", "note", "post", "prompt"]) with { Quality = Quality.Full with { Language = 0, Entropy = 0 } };
        var reward = new Reward(policy.Hash(), new Address(new byte[20]), policy.Hash(), 5, 6, 7, 8, 9, 10, 11, Quality.Full with { Digits = 12 }, 8_000, 9_000, false, default, default);
        await using var connection = await source.OpenConnectionAsync();
        await connection.ExecuteAsync("update contribution set reward = @Reward::jsonb; update policy set document = @Policy::jsonb",
            new { Reward = Earlier(reward, "writingFactor", "pairsFactor"), Policy = Earlier(policy) });

        await Migration.ApplyAsync(source, all, CancellationToken.None);
        var after = JsonSerializer.Deserialize<AssetPolicy>(await connection.QuerySingleAsync<string>("select document::text from policy limit 1"), TroveJson.Options)!;
        Assert.Equal("ec562976adadf01edf4982177a5f67278008e3cd0dceec27e625f288c1f82d86", after.Hash().ToHex());
        Assert.Equal(reward, JsonSerializer.Deserialize<Reward>(await connection.QuerySingleAsync<string>("select reward::text from contribution limit 1"), TroveJson.Options));

        static string Earlier<T>(T value, string name = "", string earlier = "")
        {
            var document = JsonSerializer.SerializeToNode(value, TroveJson.Options)!.AsObject();
            Assert.True(document["quality"]!.AsObject().Remove("language") && document["quality"]!.AsObject().Remove("entropy"));
            if (name.Length > 0)
            {
                document[earlier] = document[name]!.DeepClone();
                document.Remove(name);
            }
            return document.ToJsonString();
        }
    }

    // A document may have been given more; what it had, it has.
    private static bool Has(JsonNode? after, JsonNode? before) => before is JsonObject document
        ? after is JsonObject later && document.All(property => Has(later[property.Key], property.Value))
        : JsonNode.DeepEquals(before, after);

    private static BigInteger Sum(IEnumerable<JsonObject> rows) => rows.Aggregate(BigInteger.Zero, (sum, r) => sum + BigInteger.Parse(r["cost"]!.ToJsonString(), CultureInfo.InvariantCulture));

    private static string Seed(Migration migration) =>
        Path.Combine(Path.GetDirectoryName(TroveCli.Program)!, "../../../../../tests/Trove.SystemTests/Database/Seeds", migration.Name + ".sql");

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<Dictionary<string, List<JsonObject>>> RowsAsync(NpgsqlDataSource source)
    {
        await using var connection = await source.OpenConnectionAsync();
        var rows = new Dictionary<string, List<JsonObject>>();
        foreach (var table in (await connection.QueryAsync<string>("select table_name from information_schema.tables where table_schema = 'public' and table_name <> 'schema_migrations'")).ToList())
            rows[table] = [.. (await connection.QueryAsync<string>($"select to_jsonb(t)::text from \"{table}\" t")).Select(r => JsonNode.Parse(r)!.AsObject())];
        return rows;
    }
}
