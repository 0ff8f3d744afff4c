using Dapper;
using Trove.Core;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.Node.Delegation;

/// <summary>Delegates' statements in the database: the newest of each.</summary>
public sealed class StatementStore(NodeDatabase database)
{
    private sealed class Row
    {
        public Address Delegate { get; init; }
        public long Revision { get; init; }
        public string Text { get; init; } = "";
        public byte[] Signature { get; init; } = [];
        public DateTime At { get; init; }
    }

    /// <summary>Who has made a statement about an asset.</summary>
    public async Task<IReadOnlyList<Address>> AuthorsAsync(Address asset, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return [.. await connection.QueryAsync<Address>("select delegate from delegate_statement where asset = @asset", new { asset })];
    }

    /// <summary>The statements of some delegates.</summary>
    public async Task<IReadOnlyDictionary<Address, StatementInfo>> OfAsync(Address asset, IReadOnlyCollection<Address> delegates, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return (await connection.QueryAsync<Row>("select delegate, revision, text, signature, at from delegate_statement where asset = @asset and delegate = any(@delegates)",
            new { asset, delegates = delegates.Select(d => d.ToArray()).ToArray() }))
            .ToDictionary(r => r.Delegate, r => new StatementInfo(r.Text, (ulong)r.Revision, Hex.Encode(r.Signature), new DateTimeOffset(r.At, TimeSpan.Zero).ToUnixTimeMilliseconds()));
    }

    /// <summary>Keeps a statement; false when a newer one, or another of the same revision, is there.</summary>
    public Task<bool> PutAsync(Address asset, Address @delegate, ulong revision, string text, byte[] signature, CancellationToken ct) =>
        database.TransactAsync(async tx => await tx.Connection!.ExecuteAsync("""
            insert into delegate_statement (asset, delegate, revision, text, signature) values (@asset, @delegate, @revision, @text, @signature)
            on conflict (asset, delegate) do update set revision = excluded.revision, text = excluded.text, signature = excluded.signature, at = now()
                where delegate_statement.revision < excluded.revision or (delegate_statement.revision = excluded.revision and delegate_statement.text = excluded.text)
            """, new { asset, @delegate, revision = (long)revision, text, signature }, tx) > 0, ct);
}
