using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Dapper;
using Npgsql;
using Trove.Chain.Bindings;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Node.Api;
using Trove.Node.Database;
using Trove.Node.Protocol;
using Epoch = Trove.Core.Rewards.Epoch;

namespace Trove.Node.Verification;

/// <summary>One verifier's answer on one contribution: facts and evidence results, or a refusal.</summary>
public sealed record VerifierAnswer(Address Verifier, Attestation? Facts, EvidenceResults? Evidence, string? Code, string? Reason, byte[] Signature)
{
    /// <summary>One of those who found what most found; null when all refused.</summary>
    public static VerifierAnswer? Agreed(IEnumerable<VerifierAnswer> answers) => answers.Where(a => a.Facts is not null).GroupBy(a => a.Facts).MaxBy(g => g.Count())?.First();
}

/// <summary>How long verifiers who were called may be silent before another is.</summary>
public sealed record VerificationOptions(TimeSpan Patience);

/// <summary>An epoch's row.</summary>
public sealed class EpochRow
{
    public Address Asset { get; init; }
    public long Number { get; init; }
    public string State { get; init; } = "";
    public long SetVersion { get; init; }
    public Hash32 Root { get; init; }
    public Hash32 PreviousRoot { get; init; }
    public Hash32 TreeHash { get; init; }
    public int Contributions { get; init; }
    public int Leaves { get; init; }
    public string Total { get; init; } = "";
    public DateTime ClosedAt { get; init; }

    /// <summary>What verifiers sign and the ledger is told.</summary>
    public EpochRoot ToRoot() => new((ulong)Number, PreviousRoot, Root, BigInteger.Parse(Total, CultureInfo.InvariantCulture), (uint)Leaves, TreeHash, (ulong)SetVersion);
}

/// <summary>Attestations, tag lists and epochs in the database.</summary>
public sealed class VerificationStore(NodeDatabase database)
{
    private sealed class AnswerRow
    {
        public Address Verifier { get; init; }
        public string? Facts { get; init; }
        public string? Evidence { get; init; }
        public string? Code { get; init; }
        public string? Reason { get; init; }
        public byte[] Signature { get; init; } = [];
    }

    private sealed class AttestedRow
    {
        public Hash32 Contribution { get; init; }
        public string Facts { get; init; } = "";
        public string? Evidence { get; init; }
        public Hash32? TagsHash { get; init; }
        public int? TagBytes { get; init; }
    }

    // An epoch has up to a hundred thousand contributions: in one statement they would take longer than a command may.
    private const int RowsPerStatement = 2_000;

    // Of contributions what most of their verifiers found, and its tag list.
    private const string FromAgreed = """
        from (select *, count(*) over (partition by contribution, facts) as agree from attestation where contribution = any(@ids) and facts is not null) a
        left join tag_list t on t.hash = a.tags_hash
        order by a.contribution, a.agree desc, a.verifier
        """;

    private const string SelectEpoch = """
        select asset, number, state, set_version as SetVersion, root, previous_root as PreviousRoot, tree_hash as TreeHash,
            contributions, leaves, total::text as total, closed_at as ClosedAt
        from epoch
        """;

    /// <summary>All verifiers' answers on a contribution.</summary>
    public async Task<IReadOnlyList<VerifierAnswer>> AnswersAsync(Hash32 contribution, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await AnswersAsync(connection, null, contribution);
    }

    /// <summary>The same within a transaction.</summary>
    public static Task<IReadOnlyList<VerifierAnswer>> AnswersAsync(NpgsqlTransaction tx, Hash32 contribution) =>
        AnswersAsync(tx.Connection!, tx, contribution);

    /// <summary>The same over a connection, within its transaction if there is one.</summary>
    public static async Task<IReadOnlyList<VerifierAnswer>> AnswersAsync(NpgsqlConnection connection, NpgsqlTransaction? tx, Hash32 contribution)
    {
        var rows = await connection.QueryAsync<AnswerRow>("""
            select verifier, facts::text as facts, evidence::text as evidence, code, reason, signature
            from attestation where contribution = @contribution order by verifier
            """, new { contribution }, tx);
        return [.. rows.Select(r => new VerifierAnswer(r.Verifier, Read<Attestation>(r.Facts), Read<EvidenceResults>(r.Evidence), r.Code, r.Reason, r.Signature))];
    }

    /// <summary>Keeps an answer; a verifier's first answer stays.</summary>
    /// <returns>False when it had answered before.</returns>
    public static async Task<bool> PutAnswerAsync(NpgsqlTransaction tx, Hash32 contribution, VerifierAnswer answer) =>
        await tx.Connection!.ExecuteAsync("""
            insert into attestation (contribution, verifier, facts, evidence, tags_hash, code, reason, signature)
            values (@contribution, @Verifier, @facts::jsonb, @evidence::jsonb, @tags, @Code, @Reason, @Signature)
            on conflict do nothing
            """, new
        {
            contribution, answer.Verifier, answer.Code, answer.Reason, answer.Signature,
            facts = answer.Facts is null ? null : JsonSerializer.Serialize(answer.Facts, TroveJson.Options),
            evidence = answer.Evidence is null ? null : JsonSerializer.Serialize(answer.Evidence, TroveJson.Options),
            tags = answer.Facts?.TagsHash.ToArray(),
        }, tx) == 1;

    /// <summary>Keeps a tag list under its own hash.</summary>
    public static Task PutTagsAsync(NpgsqlTransaction tx, Hash32 hash, byte[] bytes) => tx.Connection!.ExecuteAsync(
        "insert into tag_list (hash, bytes) values (@hash, @bytes) on conflict do nothing", new { hash, bytes }, tx);

    /// <summary>A tag list; null when it is not here.</summary>
    public async Task<byte[]?> TagsAsync(Hash32 hash, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await TagsAsync(connection, null, hash);
    }

    /// <summary>The same over a connection, within its transaction if there is one.</summary>
    public static Task<byte[]?> TagsAsync(NpgsqlConnection connection, NpgsqlTransaction? tx, Hash32 hash) =>
        connection.QuerySingleOrDefaultAsync<byte[]>("select bytes from tag_list where hash = @hash", new { hash }, tx);

    /// <summary>Epochs of an asset, oldest first.</summary>
    public async Task<IReadOnlyList<EpochRow>> EpochsAsync(Address asset, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return (await connection.QueryAsync<EpochRow>($"{SelectEpoch} where asset = @asset order by number", new { asset })).AsList();
    }

    /// <summary>One epoch; null when there is none of that number.</summary>
    public async Task<EpochRow?> EpochAsync(Address asset, ulong number, CancellationToken ct)
    {
        if (number > long.MaxValue)
            return null; // from a URL: more than the column holds
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<EpochRow>($"{SelectEpoch} where asset = @asset and number = @number",
            new { asset, number = (long)number });
    }

    /// <summary>The ids of an epoch's contributions, in its order.</summary>
    public async Task<IReadOnlyList<Hash32>> ContributionsAsync(EpochRow epoch, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return (await connection.QueryAsync<Hash32>("select id from contribution where asset = @Asset and epoch = @Number order by announced_block, id", new { epoch.Asset, epoch.Number })).AsList();
    }

    /// <summary>Rewards of an epoch in its order, from a contribution on.</summary>
    /// <param name="epoch">Which epoch.</param>
    /// <param name="after">The contribution before them; null for the first.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="ct">Ends reading.</param>
    public async Task<IReadOnlyList<Reward>> RewardsAsync(EpochRow epoch, Hash32? after, int limit, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var rows = await connection.QueryAsync<string>("""
            select reward::text from contribution where asset = @Asset and epoch = @Number
                and (@after::bytea is null or (announced_block, id) > (select announced_block, id from contribution where id = @after and asset = @Asset and epoch = @Number))
            order by announced_block, id limit @limit
            """, new { epoch.Asset, epoch.Number, after = after?.ToArray(), limit });
        return [.. rows.Select(r => Read<Reward>(r)!)];
    }

    /// <summary>An epoch, computed again from all its rewards.</summary>
    public async Task<Epoch> ComputeAsync(EpochRow epoch, CancellationToken ct)
    {
        var rewards = new List<Reward>(epoch.Contributions);
        while (await RewardsAsync(epoch, rewards.Count == 0 ? null : rewards[^1].Contribution, RowsPerStatement, ct) is { Count: > 0 } some)
            rewards.AddRange(some);
        return Epoch.FromRewards((ulong)epoch.Number, epoch.PreviousRoot, rewards);
    }

    /// <summary>Keeps a closed epoch and puts its contributions into it, each with its reward.</summary>
    /// <exception cref="ApiException">Another request closed it meanwhile.</exception>
    public static async Task InsertEpochAsync(NpgsqlTransaction tx, Address asset, Epoch epoch, ulong setVersion)
    {
        int inserted = await tx.Connection!.ExecuteAsync("""
            insert into epoch (asset, number, state, set_version, root, previous_root, tree_hash, contributions, leaves, total)
            values (@asset, @number, 'signing', @setVersion, @root, @previous, @treeHash, @contributions, @leaves, @total::numeric)
            on conflict (asset, number) do nothing
            """, new
        {
            asset, number = (long)epoch.Number, setVersion = (long)setVersion, root = epoch.Tree.Root, previous = epoch.PreviousRoot,
            treeHash = epoch.TreeHash, contributions = epoch.Rewards.Count, leaves = epoch.Leaves.Count, total = epoch.Total.Units.ToString(CultureInfo.InvariantCulture),
        }, tx);
        if (inserted == 0)
            throw new ApiException(409, "epoch-open", $"epoch {epoch.Number} of {asset} was closed by another request", "wait until the verifiers have signed it; 'trove asset show' tells");
        foreach (var some in epoch.Rewards.Chunk(RowsPerStatement))
            await tx.Connection!.ExecuteAsync("""
                update contribution c set epoch = @number, reward = r.reward::jsonb from unnest(@ids, @rewards) as r (id, reward) where c.id = r.id
                """, new
            {
                number = (long)epoch.Number, ids = some.Select(r => r.Contribution.ToArray()).ToArray(),
                rewards = some.Select(r => JsonSerializer.Serialize(r, TroveJson.Options)).ToArray(),
            }, tx);
    }

    /// <summary>Contributions that wait for an epoch, in its order and locked: the first of them, as many as one takes.</summary>
    /// <param name="tx">Locks in it.</param>
    /// <param name="asset">The asset.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="tagBytes">Their tag lists have at most so many bytes together; but one is taken whatever it has.</param>
    public static async Task<IReadOnlyList<Hash32>> WaitingAsync(NpgsqlTransaction tx, Address asset, int limit, long tagBytes)
    {
        var ids = (await tx.Connection!.QueryAsync<Hash32>("""
            select id from contribution where asset = @asset and state = 'attested' and epoch is null order by announced_block, id limit @limit for update
            """, new { asset, limit }, tx)).AsList();
        int fit = 0;
        foreach (var some in ids.Chunk(RowsPerStatement))
        {
            var sizes = (await tx.Connection!.QueryAsync<(Hash32 Contribution, int? TagBytes)>($"select distinct on (a.contribution) a.contribution, octet_length(t.bytes) {FromAgreed}",
                new { ids = Bytes(some) }, tx)).ToDictionary(r => r.Contribution, r => r.TagBytes);
            foreach (var id in some)
            {
                tagBytes -= sizes.GetValueOrDefault(id) ?? 0; // reading what is not there says so
                if (tagBytes < 0 && fit > 0)
                    return ids.GetRange(0, fit);
                fit++;
            }
        }
        return ids;
    }

    /// <summary>What epochs are made of, in the order asked for: the facts its verifiers signed, the evidence's results and the tag list of each contribution.</summary>
    /// <param name="connection">Alone in use: who waits for a second one while holding the first may wait for ever.</param>
    /// <param name="tx">Its transaction, if there is one.</param>
    /// <param name="contributions">Attested ones.</param>
    /// <exception cref="InvalidOperationException">One is not attested, or its tag list is missing or damaged.</exception>
    public static async IAsyncEnumerable<AttestedContribution> AttestedAsync(NpgsqlConnection connection, NpgsqlTransaction? tx, IEnumerable<Hash32> contributions)
    {
        foreach (var some in contributions.Chunk(RowsPerStatement))
        {
            var rows = (await connection.QueryAsync<AttestedRow>($"select distinct on (a.contribution) a.contribution, a.facts::text as facts, a.evidence::text as evidence, t.hash as TagsHash, octet_length(t.bytes) as TagBytes {FromAgreed}",
                new { ids = Bytes(some) }, tx)).ToDictionary(r => r.Contribution);
            foreach (var few in Together(some.Select(id => rows.TryGetValue(id, out var row) && row.TagsHash is not null ? row : throw Damaged(id))))
            {
                var lists = (await connection.QueryAsync<(Hash32 Hash, byte[] Bytes)>("select hash, bytes from tag_list where hash = any(@hashes)",
                    new { hashes = Bytes(few.Select(r => r.TagsHash!.Value).Distinct()) }, tx)).ToDictionary(l => l.Hash, l => l.Bytes);
                foreach (var row in few)
                    yield return new AttestedContribution(Read<Attestation>(row.Facts)!, Read<EvidenceResults>(row.Evidence)!.WithoutDetails(),
                        lists.TryGetValue(row.TagsHash!.Value, out var bytes) && TagList.TryRead(bytes, out var tags) ? tags : throw Damaged(row.Contribution));
            }
        }

        static InvalidOperationException Damaged(Hash32 id) => new($"the attestation or the tag list of contribution {id} is missing or damaged: restore the database from a backup");
    }

    // Their lists are in memory at once, beside what was made of those before: as many as have no more bytes than the largest of all may have.
    private static IEnumerable<List<AttestedRow>> Together(IEnumerable<AttestedRow> rows)
    {
        var (few, bytes) = (new List<AttestedRow>(), 0L);
        foreach (var row in rows)
        {
            if ((bytes += row.TagBytes!.Value) > VerificationService.MaxTagBytes && few.Count > 0)
            {
                yield return few;
                (few, bytes) = ([], row.TagBytes.Value);
            }
            few.Add(row);
        }
        if (few.Count > 0)
            yield return few;
    }

    private static byte[][] Bytes(IEnumerable<Hash32> hashes) => [.. hashes.Select(h => h.ToArray())];

    /// <summary>Keeps a verifier's signature of an epoch's root, and says how many there are.</summary>
    public static async Task<int> PutSignatureAsync(NpgsqlTransaction tx, Address asset, ulong number, Address verifier, byte[] signature)
    {
        // Two verifiers at once would each count only their own, and nobody would ever see the m-th.
        await tx.Connection!.ExecuteAsync("select 1 from epoch where asset = @asset and number = @number for update", new { asset, number = (long)number }, tx);
        await tx.Connection!.ExecuteAsync("""
            insert into epoch_signature (asset, number, verifier, signature) values (@asset, @number, @verifier, @signature) on conflict do nothing
            """, new { asset, number = (long)number, verifier, signature }, tx);
        return await tx.Connection!.ExecuteScalarAsync<int>(
            "select count(*)::int from epoch_signature where asset = @asset and number = @number", new { asset, number = (long)number }, tx);
    }

    /// <summary>The signatures of an epoch in the order of their signers, as the ledger wants them.</summary>
    public async Task<IReadOnlyList<(Address Verifier, byte[] Signature)>> SignaturesAsync(Address asset, ulong number, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return [.. await connection.QueryAsync<Address, byte[], (Address, byte[])>(
            "select verifier, signature from epoch_signature where asset = @asset and number = @number order by verifier",
            (verifier, signature) => (verifier, signature), new { asset, number = (long)number }, splitOn: "signature")];
    }

    /// <summary>The epoch is on chain: its contributions are rewarded.</summary>
    public static async Task MarkPostedAsync(NpgsqlTransaction tx, Address asset, Epoch epoch)
    {
        await tx.Connection!.ExecuteAsync("update epoch set state = 'posted' where asset = @asset and number = @number",
            new { asset, number = (long)epoch.Number }, tx);
        foreach (var some in epoch.Rewards.Chunk(RowsPerStatement))
            await tx.Connection!.ExecuteAsync("update contribution set state = 'rewarded' where id = any(@ids) and state = 'attested'",
                new { ids = some.Select(r => r.Contribution.ToArray()).ToArray() }, tx);
    }

    private static T? Read<T>(string? json) where T : class => json is null ? null : JsonSerializer.Deserialize<T>(json, TroveJson.Options);
}
