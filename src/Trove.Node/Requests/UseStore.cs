using Dapper;
using Trove.Core;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.Node.Requests;

/// <summary>Guardians' answers and runners' results in the database.</summary>
public sealed class UseStore(NodeDatabase database)
{
    private sealed class AnswerRow
    {
        public Address Guardian { get; init; }
        public int KeyVersion { get; init; }
        public int CommitteeEpoch { get; init; }
        public bool Proofs { get; init; }
        public byte[]? Sealed { get; init; }
        public string? Code { get; init; }
        public string? Reason { get; init; }
        public byte[] Signature { get; init; } = [];
    }

    /// <summary>Keeps a guardian's answer; its first answer to the same question stays.</summary>
    public async Task PutAnswerAsync(Address asset, Hash32 request, uint use, GuardianAnswer answer, byte[]? sealedFile, byte[] signature, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await connection.ExecuteAsync("""
            insert into guardian_answer (asset, request, use, key_version, committee_epoch, guardian, proofs, sealed, code, reason, signature)
            values (@asset, @request, @use, @version, @committee, @Guardian, @Proofs, @sealedFile, @Code, @Reason, @signature) on conflict do nothing
            """, new { asset, request, use = (int)use, version = (int)answer.KeyVersion, committee = (int)answer.CommitteeEpoch, answer.Guardian, answer.Proofs, sealedFile, answer.Code, answer.Reason, signature });
    }

    /// <summary>The answers to one version of a use's key.</summary>
    public async Task<IReadOnlyList<GuardianAnswer>> AnswersAsync(Hash32 request, uint use, uint keyVersion, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var rows = await connection.QueryAsync<AnswerRow>("""
            select guardian, key_version as KeyVersion, committee_epoch as CommitteeEpoch, proofs, sealed, code, reason, signature from guardian_answer
            where request = @request and use = @use and key_version = @version order by answered_at
            """, new { request, use = (int)use, version = (int)keyVersion });
        return [.. rows.Select(r => new GuardianAnswer(r.Guardian, (uint)r.KeyVersion, (uint)r.CommitteeEpoch, r.Proofs, r.Sealed is null ? null : Convert.ToBase64String(r.Sealed), r.Code, r.Reason, Hex.Encode(r.Signature)))];
    }

    /// <summary>Which questions about some requests a guardian has answered.</summary>
    public async Task<IReadOnlySet<(Hash32 Request, uint Use, uint KeyVersion, uint CommitteeEpoch, bool Proofs)>> AnsweredAsync(Address guardian, IReadOnlyCollection<Hash32> requests, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var rows = await connection.QueryAsync<(Hash32 Request, int Use, int Version, int Committee, bool Proofs)>(
            "select request, use, key_version, committee_epoch, proofs from guardian_answer where guardian = @guardian and request = any(@requests)",
            new { guardian, requests = requests.Select(r => r.ToArray()).ToArray() });
        return rows.Select(r => (r.Request, (uint)r.Use, (uint)r.Version, (uint)r.Committee, r.Proofs)).ToHashSet();
    }

    /// <summary>Remembers that a runner wants proofs.</summary>
    public async Task WantProofsAsync(Hash32 request, uint use, uint keyVersion, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await connection.ExecuteAsync("insert into proofs_wanted (request, use, key_version) values (@request, @use, @version) on conflict do nothing",
            new { request, use = (int)use, version = (int)keyVersion });
    }

    /// <summary>For which of some requests' keys proofs are wanted.</summary>
    public async Task<IReadOnlySet<(Hash32 Request, uint Use, uint KeyVersion)>> ProofsWantedAsync(IReadOnlyCollection<Hash32> requests, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var rows = await connection.QueryAsync<(Hash32 Request, int Use, int Version)>("select request, use, key_version from proofs_wanted where request = any(@requests)",
            new { requests = requests.Select(r => r.ToArray()).ToArray() });
        return rows.Select(r => (r.Request, (uint)r.Use, (uint)r.Version)).ToHashSet();
    }

    /// <summary>Keeps an encrypted result before its hash goes on chain; one that was kept earlier for the same open use goes.</summary>
    public Task PutResultAsync(Hash32 request, uint use, Hash32 hash, byte[] sealedResult, CancellationToken ct) => database.TransactAsync(async tx =>
    {
        await tx.Connection!.ExecuteAsync("delete from result where request = @request and use = @use and hash <> @hash", new { request, use = (int)use, hash }, tx);
        await tx.Connection!.ExecuteAsync("insert into result (request, use, hash, sealed) values (@request, @use, @hash, @sealedResult) on conflict do nothing",
            new { request, use = (int)use, hash, sealedResult }, tx);
    }, ct);

    /// <summary>The encrypted result of a use; null when it is not here.</summary>
    public async Task<byte[]?> ResultAsync(Hash32 request, uint use, Hash32 hash, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<byte[]>("select sealed from result where request = @request and use = @use and hash = @hash", new { request, use = (int)use, hash });
    }
}
