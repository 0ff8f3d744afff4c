using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Dapper;
using Npgsql;
using Trove.Chain.Abi;
using Trove.Core;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.Node.Chain;

/// <summary>What an event carried, as far as the node needs it. One shape for all kinds keeps the table simple.</summary>
public sealed record ChainEventData(ulong Epoch = 0, uint Index = 0, Hash32? Contribution = null, Address? From = null, Address? To = null,
    UInt128Text Amount = default, Hash32? Root = null, Hash32? TreeHash = null, Hash32? Subject = null, uint Use = 0, Hash32? Key = null, ulong Until = 0, uint Version = 0,
    string? Text = null, RequestTerms? Terms = null, IReadOnlyList<Address>? Accounts = null, IReadOnlyList<VerifierInfo>? Verifiers = null, RuleSet? Rules = null, CharterInfo? Charter = null);

/// <summary>A 128-bit amount of either money or shares, as text in JSON.</summary>
[System.Text.Json.Serialization.JsonConverter(typeof(Converter))]
public readonly record struct UInt128Text(UInt128 Value)
{
    /// <summary>An amount of an event.</summary>
    /// <exception cref="AbiException">2^128 and above, which no asset has: the chain's node lies.</exception>
    public static UInt128Text Of(BigInteger amount) =>
        amount <= (BigInteger)UInt128.MaxValue ? new((UInt128)amount) : throw new AbiException("an amount of more than 128 bits");

    private sealed class Converter : System.Text.Json.Serialization.JsonConverter<UInt128Text>
    {
        public override UInt128Text Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && UInt128.TryParse(reader.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out var value)
                ? new(value)
                : throw new JsonException("expected an amount as decimal text");

        public override void Write(Utf8JsonWriter writer, UInt128Text value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Value.ToString(CultureInfo.InvariantCulture));
    }
}

/// <summary>An event of one asset at its place on the chain.</summary>
public sealed record ChainEvent(ulong Block, uint LogIndex, Hash32 BlockHash, Hash32 Transaction, long At, Address Contract, Address Asset,
    string Name, ChainEventData Data)
{
    /// <summary>Block and log index: the name of a payout.</summary>
    public string Id => $"{Block}-{LogIndex}";
}

/// <summary>Chain events in the database.</summary>
public sealed class ChainEventStore(NodeDatabase database)
{
    private sealed class Row
    {
        public long Block { get; init; }
        public int LogIndex { get; init; }
        public Hash32 BlockHash { get; init; }
        public Hash32 Tx { get; init; }
        public DateTime At { get; init; }
        public Address Address { get; init; }
        public Address Asset { get; init; }
        public string Name { get; init; } = "";
        public string Data { get; init; } = "";
    }

    /// <summary>Where the follower stands, as it wrote it; null at the first start.</summary>
    public async Task<string?> CursorAsync(CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<string>("select cursor from chain_cursor where name = 'events'");
    }

    /// <summary>
    /// Moves the cursor, deletes what a reorganisation took back and adds what is new, all at once. False when another
    /// node has moved the cursor meanwhile.
    /// </summary>
    public Task<bool> ApplyAsync(string? from, string to, ulong? rollBackFrom, IReadOnlyList<ChainEvent> events,
        Func<NpgsqlTransaction, Task> alongside, CancellationToken ct) =>
        database.TransactAsync(async tx =>
        {
            var connection = tx.Connection!;
            await connection.ExecuteAsync("select pg_advisory_xact_lock(7236401)", transaction: tx);
            var current = await connection.QuerySingleOrDefaultAsync<string>("select cursor from chain_cursor where name = 'events'", transaction: tx);
            if (current != from)
                return false;
            if (rollBackFrom is { } block)
            {
                await connection.ExecuteAsync("delete from chain_event where block >= @block", new { block = (long)block }, tx);
                await connection.ExecuteAsync("update chain_cursor set rewrites = rewrites + 1 where name = 'events'", transaction: tx);
            }
            // What stands before an event that is here already would be missed by the books that have read on.
            if (events.Count > 0 && await connection.ExecuteScalarAsync<bool>("select exists (select from chain_event where (block, log_index) > (@block, @logIndex))",
                new { block = (long)events[0].Block, logIndex = (int)events[0].LogIndex }, tx))
                await connection.ExecuteAsync("update chain_cursor set rewrites = rewrites + 1 where name = 'events'", transaction: tx);
            foreach (var e in events)
                await connection.ExecuteAsync("""
                    insert into chain_event (block, log_index, block_hash, tx, at, address, asset, name, data)
                    values (@Block, @LogIndex, @BlockHash, @Transaction, to_timestamp(@at / 1000.0), @Contract, @Asset, @Name, @data::jsonb)
                    on conflict do nothing
                    """, new
                {
                    Block = (long)e.Block, LogIndex = (int)e.LogIndex, e.BlockHash, e.Transaction, at = (double)e.At, e.Contract, e.Asset, e.Name,
                    data = JsonSerializer.Serialize(e.Data, TroveJson.Options),
                }, tx);
            await alongside(tx);
            await connection.ExecuteAsync("""
                insert into chain_cursor (name, cursor) values ('events', @to) on conflict (name) do update set cursor = excluded.cursor
                """, new { to }, tx);
            return true;
        }, ct);

    /// <summary>The place of an asset's newest event; 0, 0 when there is none.</summary>
    public async Task<(ulong Block, int LogIndex)> LastAsync(Address asset, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var (block, index) = await connection.QuerySingleOrDefaultAsync<(long, int)>("select block, log_index from chain_event where asset = @asset order by block desc, log_index desc limit 1", new { asset });
        return ((ulong)block, index);
    }

    /// <summary>
    /// The events of an asset after a place, in order, and how often events had been taken back by then. Only with the same number
    /// do they continue what was read before, whichever node took some back. All of them without a limit.
    /// </summary>
    public async Task<(IReadOnlyList<ChainEvent> Events, long Rewrites)> AfterAsync(Address asset, ulong block, int logIndex, CancellationToken ct, int? limit = null)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var rows = await connection.QueryAsync<Row>("""
            select block, log_index as LogIndex, block_hash as BlockHash, tx, at, address, asset, name, data::text as data from chain_event
            where asset = @asset and (block, log_index) > (@block, @logIndex) order by block, log_index limit @limit
            """, new { asset, block = (long)block, logIndex, limit });
        // After them: a rewrite in between shows, and they are read again.
        long rewrites = await connection.ExecuteScalarAsync<long>("select rewrites from chain_cursor where name = 'events'");
        return ([.. rows.Select(r => new ChainEvent((ulong)r.Block, (uint)r.LogIndex, r.BlockHash, r.Tx,
            new DateTimeOffset(r.At, TimeSpan.Zero).ToUnixTimeMilliseconds(), r.Address, r.Asset, r.Name,
            JsonSerializer.Deserialize<ChainEventData>(r.Data, TroveJson.Options)!))], rewrites);
    }
}
