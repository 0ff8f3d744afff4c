using System.Text.Json;
using Dapper;
using Npgsql;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.Node.Ceremonies;

/// <summary>A ceremony in the database.</summary>
internal sealed class CeremonyRow
{
    public Hash32 Id { get; init; }
    public byte[] Terms { get; init; } = [];
    public Address Contract { get; init; }
    public Address? Founder { get; init; }
    public Hash32? Salt { get; init; }
    public long? Deadline { get; init; }
    public byte[]? Signature { get; init; }
    public string State { get; init; } = "";
    public string Round { get; init; } = "";
    public string? Failure { get; init; }
    public string Findings { get; init; } = "";
    public string? Result { get; init; }
    public TimeSpan Age { get; init; }

    public bool IsOpen => State == "open";

    public CeremonyTerms ReadTerms() => CeremonyTerms.Parse(Terms);

    public CeremonyResult? ReadResult() => Result is null ? null : JsonSerializer.Deserialize<CeremonyResult>(Result, TroveJson.Options);

    public CeremonyInfo ToInfo(IReadOnlyList<CeremonyEntry> entries) => new(Id, Convert.ToBase64String(Terms), Founder, Salt, Deadline, Signature is null ? null : Hex.Encode(Signature),
        State, Round, Failure, JsonSerializer.Deserialize<List<CeremonyFindingInfo>>(Findings, TroveJson.Options)!,
        [.. entries.Where(e => e.Round is null).Select(e => Convert.ToBase64String(e.Bytes))], [.. entries.Where(e => e.Round is not null).Select(e => Convert.ToBase64String(e.Bytes))], ReadResult());
}

/// <summary>A message that was taken, or what a round closed with.</summary>
internal sealed class CeremonyEntry
{
    public int Position { get; init; }

    /// <summary>Of a closing.</summary>
    public int? Round { get; init; }

    public byte[] Bytes { get; init; } = [];
}

/// <summary>What became of a ceremony, as of its last entry.</summary>
internal sealed record CeremonyProgress(string State, string Round, string? Failure, IReadOnlyList<CeremonyFindingInfo> Findings, CeremonyResult? Result);

/// <summary>Ceremonies in the database. Whoever adds to one holds its row, so that all nodes have its entries in one order.</summary>
public sealed class CeremonyStore(NodeDatabase database)
{
    /// <summary>Most ceremonies that one guardian is shown.</summary>
    public const int MaxShown = 300;

    private const string Columns = "c.id, c.terms, c.contract, c.founder, c.salt, c.deadline, c.signature, c.state, c.round, c.failure, c.findings::text as findings, c.result::text as result, now() - c.started_at as age";
    private const long Beginning = 0x5452_4345_5245; // advisory lock: who begins counts what is open, one after the other

    /// <summary>Waits until nobody else begins a ceremony, to the end of the transaction.</summary>
    internal static Task LockBeginningAsync(NpgsqlTransaction tx) => tx.Connection!.ExecuteAsync("select pg_advisory_xact_lock(@Beginning)", new { Beginning }, tx);

    /// <summary>Creations that are open: of one founder, and in all.</summary>
    internal static Task<(long Own, long All)> OpenCreationsAsync(NpgsqlTransaction tx, Address founder) => tx.Connection!.QuerySingleAsync<(long, long)>(
        "select count(*) filter (where founder = @founder), count(*) from ceremony where state = 'open' and founder is not null", new { founder }, tx);

    /// <summary>Begins a ceremony; false when one for the same registry is open.</summary>
    internal static async Task<bool> BeginAsync(NpgsqlTransaction tx, CeremonyTerms terms, Address? founder, Hash32? salt, long? deadline, byte[]? signature)
    {
        int begun = await tx.Connection!.ExecuteAsync("""
            insert into ceremony (id, terms, contract, epoch, founder, salt, deadline, signature) values (@Id, @bytes, @Contract, @epoch, @founder, @salt, @deadline, @signature)
            on conflict do nothing
            """, new { terms.Id, bytes = terms.Bytes.ToArray(), terms.Contract, epoch = (long)terms.New.Epoch, founder, salt, deadline, signature }, tx);
        if (begun == 1)
            await tx.Connection!.ExecuteAsync("insert into ceremony_seat (guardian, ceremony) select unnest(@guardians), @Id",
                new { guardians = terms.Seats.Select(s => s.Guardian.ToArray()).ToArray(), terms.Id }, tx);
        return begun == 1;
    }

    /// <summary>Holds a ceremony to the end of the transaction; null when there is none.</summary>
    internal static Task<CeremonyRow?> HoldAsync(NpgsqlTransaction tx, Hash32 id) =>
        tx.Connection!.QuerySingleOrDefaultAsync<CeremonyRow>($"select {Columns} from ceremony c where id = @id for update", new { id }, tx);

    /// <summary>One ceremony; null when there is none.</summary>
    internal static Task<CeremonyRow?> FindAsync(NpgsqlTransaction tx, Hash32 id) =>
        tx.Connection!.QuerySingleOrDefaultAsync<CeremonyRow>($"select {Columns} from ceremony c where id = @id", new { id }, tx);

    /// <summary>Entries from a position on, in order.</summary>
    internal static async Task<IReadOnlyList<CeremonyEntry>> EntriesAsync(NpgsqlTransaction tx, Hash32 id, int from) =>
        [.. await tx.Connection!.QueryAsync<CeremonyEntry>("select position, round, bytes from ceremony_entry where ceremony = @id and position >= @from order by position", new { id, from }, tx)];

    /// <summary>Adds an entry to a ceremony that the caller holds.</summary>
    internal static Task AddAsync(NpgsqlTransaction tx, Hash32 id, int position, CeremonyRound? round, byte[] bytes) =>
        tx.Connection!.ExecuteAsync("insert into ceremony_entry (ceremony, position, round, bytes) values (@id, @position, @round, @bytes)", new { id, position, round = (int?)round, bytes }, tx);

    /// <summary>Writes down what became of a ceremony that the caller holds.</summary>
    internal static Task SetAsync(NpgsqlTransaction tx, Hash32 id, CeremonyProgress p) => tx.Connection!.ExecuteAsync("""
        update ceremony set state = @State, failure = @Failure, findings = @findings::jsonb, result = @result::jsonb,
            round_since = case when round = @Round then round_since else now() end, round = @Round, ended_at = case when @State = 'open' then null else coalesce(ended_at, now()) end
        where id = @id
        """, new
    {
        id, p.State, p.Round, p.Failure, findings = JsonSerializer.Serialize(p.Findings, TroveJson.Options), result = p.Result is null ? null : JsonSerializer.Serialize(p.Result, TroveJson.Options),
    }, tx);

    /// <summary>Ends an open ceremony without a result.</summary>
    internal Task FailAsync(Hash32 id, string failure, CancellationToken ct) => ExecuteAsync(
        "update ceremony set state = 'failed', failure = @failure, ended_at = now() where id = @id and state = 'open'", new { id, failure }, ct);

    /// <summary>Is the open round older than this?</summary>
    internal static Task<bool> IsOverdueAsync(NpgsqlTransaction tx, Hash32 id, TimeSpan patience) =>
        tx.Connection!.ExecuteScalarAsync<bool>("select state = 'open' and round_since < now() - @patience from ceremony where id = @id", new { id, patience }, tx);

    /// <summary>Open ceremonies whose round is older than this.</summary>
    internal async Task<IReadOnlyList<Hash32>> OverdueAsync(TimeSpan patience, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return [.. await connection.QueryAsync<Hash32>("select id from ceremony where state = 'open' and round_since < now() - @patience order by round_since limit 100", new { patience })];
    }

    /// <summary>Ends creations that are older than this.</summary>
    internal Task ExpireAsync(TimeSpan age, CancellationToken ct) => ExecuteAsync(
        "update ceremony set state = 'failed', failure = 'expired', ended_at = now() where state = 'open' and founder is not null and started_at < now() - @age", new { age }, ct);

    /// <summary>Ceremonies in which a guardian has a seat, open or ended within a day: changes first, which owners voted for, then what is open, the newest first.</summary>
    internal async Task<IReadOnlyList<CeremonyRow>> OfGuardianAsync(Address guardian, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return [.. await connection.QueryAsync<CeremonyRow>($"""
            select {Columns} from ceremony c join ceremony_seat s on s.ceremony = c.id
            where s.guardian = @guardian and (c.state = 'open' or c.ended_at > now() - interval '1 day')
            order by c.founder is null desc, c.state = 'open' desc, c.started_at desc limit {MaxShown}
            """, new { guardian })];
    }

    /// <summary>A ceremony with all its entries; null when there is none.</summary>
    internal Task<CeremonyInfo?> ShowAsync(Hash32 id, CancellationToken ct) => database.TransactAsync(async tx =>
        await FindAsync(tx, id) is { } row ? row.ToInfo(await EntriesAsync(tx, id, 0)) : null, ct, System.Data.IsolationLevel.RepeatableRead);

    /// <summary>The change of a registry's committee that is under way: open, or done and not on chain yet; null when there is none.</summary>
    internal async Task<CeremonyRow?> ChangeAsync(Address registry, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.QueryFirstOrDefaultAsync<CeremonyRow>(
            $"select {Columns} from ceremony c where contract = @registry and founder is null and (state = 'open' or (state = 'done' and not settled)) order by started_at limit 1", new { registry });
    }

    /// <summary>Registries with a change under way, and of assets whose owners have invited guardians.</summary>
    internal async Task<IReadOnlyList<Address>> ChangingAsync(CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return [.. await connection.QueryAsync<Address>("""
            select registry from asset where invited
            union select contract from ceremony where founder is null and (state = 'open' or (state = 'done' and not settled))
            """)];
    }

    /// <summary>How many attempts at a committee have failed, and how long ago the last one did.</summary>
    internal async Task<(long Failed, TimeSpan? Ago)> AttemptsAsync(Address registry, uint epoch, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.QuerySingleAsync<(long, TimeSpan?)>("""
            select count(*), now() - max(ended_at) from ceremony
            where contract = @registry and epoch = @epoch and founder is null and state = 'failed' and failure <> 'not-invited'
            """, new { registry, epoch = (long)epoch });
    }

    /// <summary>A change came to its end on chain, one way or the other.</summary>
    internal Task SettleAsync(Hash32 id, CancellationToken ct) => ExecuteAsync("update ceremony set settled = true where id = @id", new { id }, ct);

    /// <summary>Deletes ceremonies that ended a month ago: guardians and founders have long asked for what they were to know.</summary>
    public Task<long> PruneAsync(CancellationToken ct) =>
        database.PruneAsync("ceremony", "ended_at < now() - interval '30 days' and (founder is not null or settled or state = 'failed')", null, ct);

    private async Task ExecuteAsync(string sql, object values, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await connection.ExecuteAsync(new CommandDefinition(sql, values, cancellationToken: ct));
    }
}
