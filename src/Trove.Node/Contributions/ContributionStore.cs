using System.Text.Json;
using Dapper;
using Npgsql;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Node.Database;
using Trove.Node.Protocol;
using Trove.Node.Verification;

namespace Trove.Node.Contributions;

/// <summary>The states of a contribution, with what each means for its owner.</summary>
public static class ContributionState
{
    /// <summary>Announced; the evidence is not known yet.</summary>
    public const string Announced = "announced";

    /// <summary>Parts and evidence are being uploaded.</summary>
    public const string Uploading = "uploading";

    /// <summary>The verifiers have it.</summary>
    public const string Verifying = "verifying";

    /// <summary>The verifiers agree; it waits for the epoch to close.</summary>
    public const string Attested = "attested";

    /// <summary>Its epoch was posted.</summary>
    public const string Rewarded = "rewarded";

    /// <summary>Refused, with a reason.</summary>
    public const string Refused = "refused";

    /// <summary>Withdrawn by its owner.</summary>
    public const string Withdrawn = "withdrawn";

    /// <summary>A state in words.</summary>
    public static string Meaning(string state) => state switch
    {
        Announced => "announced; the next step is the manifest with the evidence",
        Uploading => "its encrypted parts and evidence are being uploaded",
        Verifying => "the verifiers are checking it",
        Attested => "verified; it earns shares when the epoch closes",
        Rewarded => "verified and part of a posted epoch",
        Refused => "refused",
        Withdrawn => "withdrawn by its owner; its ciphertext is destroyed",
        _ => state,
    };
}

/// <summary>A contribution's row.</summary>
public sealed class ContributionRow
{
    public Hash32 Id { get; init; }
    public long Seq { get; init; }
    public Address Asset { get; init; }
    public Address Owner { get; init; }
    public Hash32 Salt { get; init; }
    public string State { get; init; } = "";
    public string Parts { get; init; } = "";
    public Hash32 PartsRoot { get; init; }
    public long AnnouncedBlock { get; init; }
    public string? Draw { get; init; }
    public byte[][] Verifiers { get; init; } = [];
    public int MustAgree { get; init; }
    public int Called { get; init; }
    public long SetVersion { get; init; }
    public string? Manifest { get; init; }
    public DateTime AnnouncedAt { get; init; }
    public string? RefusalCode { get; init; }
    public string? Refusal { get; init; }
    public long? Epoch { get; init; }
    public string? Reward { get; init; }

    /// <summary>The parts as announced.</summary>
    public IReadOnlyList<AnnouncedPart> ReadParts() => JsonSerializer.Deserialize<List<AnnouncedPart>>(Parts, TroveJson.Options)!;

    /// <summary>How its verifiers were drawn; null when that was before guardians drew them.</summary>
    public ContributionDraw? ReadDraw() => Draw is null ? null : JsonSerializer.Deserialize<ContributionDraw>(Draw, TroveJson.Options);

    /// <summary>The signed manifest; null before there is one.</summary>
    public ManifestRequest? ReadManifest() =>
        Manifest is null ? null : JsonSerializer.Deserialize<ManifestRequest>(Manifest, TroveJson.Options);

    /// <summary>What it earned and why; null before its epoch was closed.</summary>
    public Reward? ReadReward() => Reward is null ? null : JsonSerializer.Deserialize<Reward>(Reward, TroveJson.Options);

    /// <summary>The verifiers that were drawn, in their order.</summary>
    public IReadOnlyList<Address> DrawnVerifiers() => [.. Verifiers.Select(v => new Address(v))];

    /// <summary>Those of them that were called to check it.</summary>
    public IReadOnlyList<Address> CalledVerifiers() => [.. DrawnVerifiers().Take(Called)];
}

/// <summary>The announcement that verifiers were drawn for, and the guardians' evaluations, which other ones of the same outcome may replace.</summary>
public sealed record ContributionDraw(DrawQuestion Question, DrawProof Proof);

/// <summary>Contributions in the database.</summary>
public sealed class ContributionStore(NodeDatabase database)
{
    private const string Select = """
        select id, seq, asset, owner, salt, state, parts::text as parts, parts_root as PartsRoot, announced_block as AnnouncedBlock,
            draw::text as draw, verifiers, must_agree as MustAgree, called, set_version as SetVersion, manifest::text as manifest, announced_at as AnnouncedAt,
            refusal_code as RefusalCode, refusal, epoch, reward::text as reward
        from contribution
        """;

    /// <summary>One contribution; null when it is not known.</summary>
    public async Task<ContributionRow?> FindAsync(Hash32 id, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<ContributionRow>($"{Select} where id = @id", new { id });
    }

    /// <summary>Contributions by their ids.</summary>
    public async Task<IReadOnlyDictionary<Hash32, ContributionRow>> ManyAsync(IReadOnlyCollection<Hash32> ids, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return (await connection.QueryAsync<ContributionRow>($"{Select} where id = any(@ids)", new { ids = ids.Select(i => i.ToArray()).ToArray() })).ToDictionary(r => r.Id);
    }

    /// <summary>One contribution, locked until the transaction ends.</summary>
    public static Task<ContributionRow?> LockAsync(NpgsqlTransaction tx, Hash32 id) =>
        tx.Connection!.QuerySingleOrDefaultAsync<ContributionRow>($"{Select} where id = @id for update", new { id }, tx);

    /// <summary>Contributions of an asset, in the order of their announcement, after <paramref name="after"/>.</summary>
    public async Task<IReadOnlyList<ContributionRow>> ListAsync(Address asset, Address? owner, long after, int limit, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var rows = await connection.QueryAsync<ContributionRow>(
            $"{Select} where asset = @asset and seq > @after{(owner is null ? "" : " and owner = @owner")} order by seq limit @limit",
            new { asset, owner = owner ?? default, after, limit });
        return rows.AsList();
    }

    /// <summary>Inserts an announced contribution; false when its id is there already.</summary>
    public static async Task<bool> InsertAsync(NpgsqlTransaction tx, Hash32 id, Address asset, AnnounceRequest request, Hash32 partsRoot,
        ulong announcedBlock, ContributionDraw draw, IReadOnlyList<Address> verifiers, int mustAgree, ulong setVersion) =>
        await tx.Connection!.ExecuteAsync("""
            insert into contribution (id, asset, owner, salt, state, parts, parts_root, announced_block, draw, verifiers, must_agree, called, set_version)
            values (@id, @asset, @owner, @salt, 'announced', @parts::jsonb, @partsRoot, @announcedBlock, @draw::jsonb, @verifiers, @mustAgree, @mustAgree, @setVersion)
            on conflict do nothing
            """, new
        {
            id, asset, owner = request.Owner, salt = request.Salt, parts = JsonSerializer.Serialize(request.Parts, TroveJson.Options), partsRoot,
            announcedBlock = (long)announcedBlock, draw = JsonSerializer.Serialize(draw, TroveJson.Options), verifiers = verifiers.Select(v => v.ToArray()).ToArray(), mustAgree, setVersion = (long)setVersion,
        }, tx) == 1;

    /// <summary>Keeps evaluations of another committee.</summary>
    public async Task SetDrawAsync(Hash32 id, ContributionDraw draw, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await connection.ExecuteAsync("update contribution set draw = @draw::jsonb where id = @id", new { id, draw = JsonSerializer.Serialize(draw, TroveJson.Options) });
    }

    /// <summary>Counts a contribution; locks the asset's row until the transaction ends.</summary>
    public static Task CountAsync(NpgsqlTransaction tx, Address asset) =>
        tx.Connection!.ExecuteAsync("update asset set contributions = contributions + 1 where asset = @asset", new { asset }, tx);

    /// <summary>Takes the ephemeral shares of all parts for this contribution; false when one serves another already.</summary>
    public static async Task<bool> TakeSharesAsync(NpgsqlTransaction tx, Address asset, Hash32 contribution, IReadOnlyCollection<Hash32> shares) =>
        await tx.Connection!.ExecuteAsync("""
            insert into part_share (asset, share, contribution) select @asset, s, @contribution from unnest(@shares) s
            on conflict do nothing
            """, new { asset, contribution, shares = shares.Select(s => s.ToArray()).ToArray() }, tx) == shares.Count;

    /// <summary>Keeps the manifest and moves on to uploading.</summary>
    public static Task SetManifestAsync(NpgsqlTransaction tx, Hash32 id, ManifestRequest manifest) => tx.Connection!.ExecuteAsync(
        "update contribution set manifest = @manifest::jsonb, state = 'uploading' where id = @id",
        new { id, manifest = JsonSerializer.Serialize(manifest, TroveJson.Options) }, tx);

    /// <summary>Moves to another state.</summary>
    public static Task SetStateAsync(NpgsqlTransaction tx, Hash32 id, string state) =>
        tx.Connection!.ExecuteAsync("update contribution set state = @state where id = @id", new { id, state }, tx);

    /// <summary>Calls more of the verifiers that were drawn, or the first of them, to check a contribution.</summary>
    public static async Task CallAsync(NpgsqlTransaction tx, ContributionRow row, int from, int to)
    {
        await tx.Connection!.ExecuteAsync("update contribution set called = @to, called_at = now() where id = @Id", new { row.Id, to }, tx);
        foreach (var verifier in row.DrawnVerifiers().Skip(from).Take(to - from))
            await WorkQueue.EnqueueAsync(tx, VerifierJob.Topic(verifier), VerifierJob.Check(row.Id).ToJson(), $"check/{row.Id}", VerifierJob.Attempts);
    }

    /// <summary>Contributions whose called verifiers have been silent since a moment, while others are in reserve.</summary>
    public async Task<IReadOnlyList<Hash32>> SilentAsync(DateTimeOffset since, int limit, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return (await connection.QueryAsync<Hash32>("""
            select id from contribution where state = 'verifying' and called < cardinality(verifiers) and called_at < @since order by called_at limit @limit
            """, new { since, limit })).AsList();
    }

    /// <summary>Refuses it, with a reason for its owner.</summary>
    public static Task RefuseAsync(NpgsqlTransaction tx, Hash32 id, string code, string reason) => tx.Connection!.ExecuteAsync(
        "update contribution set state = 'refused', refusal_code = @code, refusal = @reason where id = @id", new { id, code, reason }, tx);

    /// <summary>Marks it withdrawn.</summary>
    public static Task WithdrawAsync(NpgsqlTransaction tx, Hash32 id) => tx.Connection!.ExecuteAsync(
        "update contribution set state = 'withdrawn', withdrawn_at = now() where id = @id and state <> 'withdrawn'", new { id }, tx);

    /// <summary>
    /// Moves to attested under its account's nullifier; false when another wallet has shown control of that account, at least as well.
    /// </summary>
    /// <param name="tx">The transaction.</param>
    /// <param name="id">Which contribution.</param>
    /// <param name="asset">Its asset.</param>
    /// <param name="nullifier">Of its account.</param>
    /// <param name="control">See <see cref="Core.Rewards.EvidenceResults.Control"/>.</param>
    public static async Task<bool> AttestAsync(NpgsqlTransaction tx, Hash32 id, Address asset, Hash32 nullifier, uint control)
    {
        // One at a time of an account: what is looked at is what the next one sees.
        await tx.Connection!.ExecuteAsync("select pg_advisory_xact_lock(hashtextextended(encode(@nullifier, 'hex'), 0))", new { nullifier }, tx);
        return await tx.Connection!.ExecuteAsync("""
            update contribution c set state = 'attested', nullifier = @nullifier, control = @control where id = @id and not exists (
                select 1 from contribution o where o.asset = @asset and o.nullifier = @nullifier and o.owner <> c.owner and o.control >= greatest(@control, 1))
            """, new { id, asset, nullifier, control = (int)control }, tx) == 1;
    }
}
