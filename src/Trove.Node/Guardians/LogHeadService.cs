using System.Data;
using System.Globalization;
using Dapper;
using Trove.Core;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Protocol;
using Trove.Node.Staking;

namespace Trove.Node.Guardians;

/// <summary>
/// Keeps the heads that guardians publish of their logs, for whoever checks a log against them. A guardian that signs two heads for
/// one number of entries of one chain keeps two logs: both are kept and shown.
/// </summary>
public sealed class LogHeadService(NodeDatabase database, AssetStore assets, ChainConnection connection, ContradictionFolder contradictions, TimeProvider clock)
{
    /// <summary>Between two heads of one guardian.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private const int MaxContradictions = 16; // of one guardian: one would do
    private static readonly TimeSpan MaxSkew = TimeSpan.FromHours(24);

    private enum Outcome
    {
        Kept,
        Contradicts,
        Behind,
        TooSoon,
    }

    private sealed class Row
    {
        public long Id { get; init; }
        public Address Guardian { get; init; }
        public long Chain { get; init; }
        public long Count { get; init; }
        public Hash32 Head { get; init; }
        public long Time { get; init; }
        public byte[] Signature { get; init; } = [];
        public bool Contradicts { get; init; }
        public bool Recent { get; init; }
    }

    /// <summary>The heads of a guardian, newest first.</summary>
    public async Task<Page<LogHeadInfo>> ListAsync(Address guardian, PageRequest page, CancellationToken ct)
    {
        await using var open = await database.Source.OpenConnectionAsync(ct);
        var rows = (await open.QueryAsync<Row>("""
            select h.id, h.guardian, h.chain, h.count, h.head, h.time, h.signature,
                exists (select from guardian_head o where (o.guardian, o.chain, o.count) = (h.guardian, h.chain, h.count) and o.id <> h.id) as contradicts
            from guardian_head h where h.guardian = @guardian and (@before = 0 or h.id < @before) order by h.id desc limit @limit
            """, new { guardian, before = page.Position(), limit = page.Limit + 1 })).ToList();
        bool more = rows.Count > page.Limit;
        var shown = rows.Take(page.Limit).ToList();
        return new Page<LogHeadInfo>([.. shown.Select(r => new LogHeadInfo(r.Guardian, (uint)r.Chain, (ulong)r.Count, r.Head, r.Time, Hex.Encode(r.Signature), r.Contradicts))],
            more ? shown[^1].Id.ToString(CultureInfo.InvariantCulture) : null);
    }

    /// <summary>Keeps a head. One that is here already is kept once.</summary>
    /// <exception cref="ApiException">It is no guardian's, contradicts an earlier one, is behind it, or comes within a minute of it.</exception>
    public async Task PublishAsync(Address guardian, LogHeadRequest head, CancellationToken ct)
    {
        if (head.Chain == 0 || head.Count is 0 or > long.MaxValue || head.Time < 0)
            throw ApiException.Invalid("a head has a chain and a count from 1, and a time since 1970", "publish the head of the guardian's log as it is");
        if (Math.Abs(clock.GetUtcNow().ToUnixTimeMilliseconds() - (decimal)head.Time) > (decimal)MaxSkew.TotalMilliseconds)
            throw new ApiException(403, "expired", "the head was signed more than 24 h from now", "sign it again; if that does not help, set the guardian's clock");
        var signature = Signatures.Require(guardian, Messages.LogHead(connection.ChainId, guardian, head.Chain, head.Count, head.Head, head.Time), head.Signature);
        var guarded = (await assets.ListAsync(ct)).Where(a => a.Custody.Guardians.Contains(guardian)).ToList();
        if (guarded.Count == 0)
            throw new ApiException(403, "no-guardian", $"{guardian} is a guardian of no asset here", "publish heads at a node that knows an asset of yours");
        switch (await database.TransactAsync(tx => KeepAsync(tx, guardian, head, signature), ct, IsolationLevel.Serializable))
        {
            case Outcome.Contradicts:
                var first = await FirstAsync(guardian, head, ct);
                foreach (var asset in guarded)
                    contradictions.Keep(guardian, string.Create(CultureInfo.InvariantCulture, $"log-{head.Chain}"), new SignedStatements(asset.Asset,
                        LogHeads: [first, new LogHeadInfo(guardian, head.Chain, head.Count, head.Head, head.Time, Hex.Encode(signature), true)]));
                throw new ApiException(409, "log-contradicts", $"{guardian} has signed another head for {head.Count} entries of chain {head.Chain}; both are shown",
                    "stop the guardian and look at its log with 'trove guardian log --verify --node URL'");
            case Outcome.Behind:
                throw new ApiException(409, "log-behind", $"{guardian} has published a later head than that of {head.Count} entries of chain {head.Chain}",
                    "a log that was brought back from a backup goes on in a new chain: start the guardian again");
            case Outcome.TooSoon:
                throw new ApiException(429, "too-soon", $"{guardian} has published a head within the last minute", "publish the newest one in a minute") { RetryAfter = Interval };
        }
    }

    // The head that was kept first for that count.
    private async Task<LogHeadInfo> FirstAsync(Address guardian, LogHeadRequest head, CancellationToken ct)
    {
        await using var open = await database.Source.OpenConnectionAsync(ct);
        var row = await open.QuerySingleAsync<Row>("select head, time, signature from guardian_head where guardian = @guardian and chain = @chain and count = @count and not contradicts",
            new { guardian, chain = (long)head.Chain, count = (long)head.Count });
        return new LogHeadInfo(guardian, head.Chain, head.Count, row.Head, row.Time, Hex.Encode(row.Signature), true);
    }

    private static async Task<Outcome> KeepAsync(Npgsql.NpgsqlTransaction tx, Address guardian, LogHeadRequest head, byte[] signature)
    {
        var (chain, count) = ((long)head.Chain, (long)head.Count);
        var at = await tx.Connection!.QuerySingleOrDefaultAsync<Row>(
            "select id, head from guardian_head where guardian = @guardian and chain = @chain and count = @count and not contradicts", new { guardian, chain, count }, tx);
        if (at is not null && at.Head == head.Head)
            return Outcome.Kept;
        var newest = await tx.Connection!.QuerySingleOrDefaultAsync<Row>("""
            select id, chain, count, received_at > clock_timestamp() - @interval as recent from guardian_head where guardian = @guardian and not contradicts order by id desc limit 1
            """, new { guardian, interval = Interval }, tx);
        if (at is null && newest is not null && (chain < newest.Chain || (chain == newest.Chain && count < newest.Count)))
            return Outcome.Behind;
        if (at is null && newest is { Recent: true })
            return Outcome.TooSoon;
        if (at is not null && await tx.Connection!.ExecuteScalarAsync<int>("select count(*)::int from guardian_head where guardian = @guardian and contradicts", new { guardian }, tx) >= MaxContradictions)
            return Outcome.Contradicts;
        await tx.Connection!.ExecuteAsync("""
            insert into guardian_head (guardian, chain, count, head, time, signature, contradicts) values (@guardian, @chain, @count, @Head, @Time, @signature, @contradicts)
            on conflict do nothing
            """, new { guardian, chain, count, head.Head, head.Time, signature, contradicts = at is not null }, tx);
        return at is null ? Outcome.Kept : Outcome.Contradicts;
    }
}
