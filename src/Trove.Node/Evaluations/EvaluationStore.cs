using System.Text.Json;
using Dapper;
using Npgsql;
using Trove.Core;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.Node.Evaluations;

/// <summary>A question's row.</summary>
public sealed class EvaluationRow
{
    public long Id { get; init; }
    public Address Asset { get; init; }
    public int Turn { get; init; }
    public string Question { get; init; } = "";

    /// <summary>As it was signed.</summary>
    public GuardianQuestion ToQuestion() => JsonSerializer.Deserialize<GuardianQuestion>(Question, TroveJson.Options)!;
}

/// <summary>Questions to guardians and their answers in the database.</summary>
public sealed class EvaluationStore(NodeDatabase database)
{
    /// <summary>Turns from here on are strangers': behind all that owners and verifiers can have.</summary>
    internal const int StrangersTurn = 1 << 14;

    private const string Columns = "e.id, e.asset, e.turn, e.question::text as question";
    private const long Asking = 0x5452_4f50_5246; // advisory lock: who asks counts what is open, one after the other

    private sealed class AnswerRow
    {
        public Address Guardian { get; init; }
        public long CommitteeEpoch { get; init; }
        public byte[] Evaluation { get; init; } = [];
        public byte[] Signature { get; init; } = [];
    }

    /// <summary>
    /// Waits until nobody else asks, to the end of the transaction, and counts an asker's questions, all that are open at a moment, and of these
    /// strangers' announcements; those of the asker that are not open any more go.
    /// </summary>
    internal static async Task<(int Own, int All, int Strangers)> CountAsync(NpgsqlTransaction tx, Address asker, long now)
    {
        await tx.Connection!.ExecuteAsync("select pg_advisory_xact_lock(@Asking)", new { Asking }, tx);
        await tx.Connection!.ExecuteAsync("delete from evaluation where asker = @asker and deadline < @now", new { asker, now }, tx);
        return await tx.Connection!.QuerySingleAsync<(int, int, int)>("""
            select count(*) filter (where asker = @asker)::int, count(*)::int, count(*) filter (where turn >= @StrangersTurn)::int from evaluation where deadline >= @now
            """, new { asker, now, StrangersTurn }, tx);
    }

    /// <summary>Is the question here already? One whose deadline has passed is not: an announcement is drawn again for another committee.</summary>
    internal static Task<bool> IsKnownAsync(NpgsqlTransaction tx, Hash32 name, long now) =>
        tx.Connection!.ExecuteScalarAsync<bool>("select exists (select from evaluation where name = @name and deadline >= @now)", new { name, now }, tx);

    /// <summary>Keeps a question.</summary>
    internal static Task PutAsync(NpgsqlTransaction tx, Hash32 name, Address asset, Address asker, long deadline, int turn, GuardianQuestion question) => tx.Connection!.ExecuteAsync("""
        insert into evaluation (name, asset, asker, deadline, turn, question) values (@name, @asset, @asker, @deadline, @turn, @question::jsonb)
        on conflict do nothing
        """, new { name, asset, asker, deadline, turn, question = JsonSerializer.Serialize(question, TroveJson.Options) }, tx);

    /// <summary>A question by its name; null when there is none, or its deadline has passed.</summary>
    public async Task<EvaluationRow?> FindAsync(Hash32 name, long now, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<EvaluationRow>($"select {Columns} from evaluation e where e.name = @name and e.deadline >= @now", new { name, now });
    }

    /// <summary>Keeps a guardian's answer; its first one as a member of a committee stays.</summary>
    public async Task PutAnswerAsync(long question, OprfAnswer answer, byte[] evaluation, byte[] signature, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        await connection.ExecuteAsync("""
            insert into evaluation_answer (question, committee_epoch, guardian, evaluation, signature)
            select id, @epoch, @Guardian, @evaluation, @signature from evaluation where id = @question for key share
            on conflict do nothing
            """, new { question, epoch = (long)answer.CommitteeEpoch, answer.Guardian, evaluation, signature });
    }

    /// <summary>The answers to a question, the latest committee's first.</summary>
    public async Task<IReadOnlyList<OprfAnswer>> AnswersAsync(long question, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var rows = await connection.QueryAsync<AnswerRow>("""
            select guardian, committee_epoch as CommitteeEpoch, evaluation, signature from evaluation_answer where question = @question
            order by committee_epoch desc, guardian limit 256
            """, new { question });
        return [.. rows.Select(r => new OprfAnswer(r.Guardian, (uint)r.CommitteeEpoch, Convert.ToBase64String(r.Evaluation), Hex.Encode(r.Signature)))];
    }

    /// <summary>Questions about assets in whose committee a guardian is, which it has not answered as a member of it, in their turn.</summary>
    public async Task<IReadOnlyList<EvaluationRow>> OfGuardianAsync(Address guardian, (int Turn, long Id) after, int limit, long now, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return [.. await connection.QueryAsync<EvaluationRow>($"""
            select {Columns} from evaluation e join asset a on a.asset = e.asset
            where e.deadline >= @now and (e.turn, e.id) > (@turn, @id) and a.custody->'guardians' ? @seat and not exists
                (select from evaluation_answer w where w.question = e.id and w.guardian = @guardian and w.committee_epoch = (a.custody->>'epoch')::bigint)
            order by e.turn, e.id limit @limit
            """, new { guardian, turn = after.Turn, id = after.Id, limit, now, seat = guardian.ToString() })];
    }

    /// <summary>Is it in the committee of any asset?</summary>
    public async Task<bool> IsGuardianAsync(Address address, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return await connection.ExecuteScalarAsync<bool>("select exists (select from asset where custody->'guardians' ? @seat)", new { seat = address.ToString() });
    }

    /// <summary>Deletes questions whose deadline has passed.</summary>
    public Task<long> PruneAsync(long now, CancellationToken ct) => database.PruneAsync("evaluation", "deadline < @now", new { now }, ct);
}
