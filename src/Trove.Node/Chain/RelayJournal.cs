using Dapper;
using Npgsql;
using Trove.Chain.Relay;
using Trove.Core;
using Trove.Node.Database;

namespace Trove.Node.Chain;

/// <summary>
/// The relayer's ledger in the node's database, shared by all nodes that pay with the same key. A turn is an advisory lock of one
/// session, and the journal is written over that session: who lost the lock has lost the session too and can journal nothing.
/// What it may still broadcast is what it has journaled, which is what the others broadcast as well.
/// </summary>
/// <param name="database">The nodes' database.</param>
/// <param name="account">The relayer's account.</param>
/// <param name="budget">What may be spent.</param>
/// <param name="silence">PostgreSQL ends the turn of a process that stands still, or whose machine is gone, after so long.</param>
internal sealed class RelayJournal(NodeDatabase database, Address account, RelayBudget budget, TimeSpan silence)
{
    /// <summary>How long a node that stands still keeps the others waiting.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);

    private const long TurnLocks = 0x74726f7665_0003; // with the account's hash
    private const long BudgetLock = 7236402;
    private static readonly byte[] AllTogether = [];

    /// <summary>The ledger as the relayer wants it.</summary>
    public RelayLedger Ledger => new() { ReserveAsync = ReserveAsync, EnterAsync = EnterAsync };

    /// <summary>Of a day the last 24 whole hours and the running one count.</summary>
    private Task<bool> ReserveAsync(IReadOnlyList<Beneficiary> beneficiaries, UInt128 cost, CancellationToken ct) => database.TransactAsync(async tx =>
    {
        await tx.Connection!.ExecuteAsync($"set local idle_in_transaction_session_timeout = {Milliseconds(silence)}", transaction: tx); // who stands still here holds up all beneficiaries
        await tx.Connection!.ExecuteAsync("select pg_advisory_xact_lock(@BudgetLock)", new { BudgetLock }, tx);
        var parts = beneficiaries.CountBy(b => b).ToList();
        var spent = await SpentAsync(tx.Connection!, [.. parts.Select(p => p.Key)], tx);
        var each = cost / (UInt128)Math.Max(1, beneficiaries.Count) + (beneficiaries.Count > 1 ? 1u : 0u);
        // Among others, what the part of each will be is known only now: who has something left is let in, and may exceed by one part.
        bool alone = parts.DistinctBy(p => p.Key.Account).Count() == 1;
        if (spent[0].Day + cost > budget.All || parts.Zip(spent[1..]).Any(p => !Fits(p.First.Key, p.Second, alone || p.First.Value > 1 ? each * (UInt128)p.First.Value : 1)))
            return false;
        await tx.Connection!.ExecuteAsync("""
            insert into relay_spent (beneficiary, hour, cost) select b, date_trunc('hour', now()), sum(w::numeric) from unnest(@whose, @wei) as c(b, w) group by b
            on conflict (beneficiary, hour) do update set cost = relay_spent.cost + excluded.cost
            """, new { whose = Whose(beneficiaries), wei = beneficiaries.Select(_ => each).Prepend(cost).Select(w => w.ToString()).ToArray() }, tx);
        var counted = beneficiaries.Where(IsCounted).ToList();
        await tx.Connection!.ExecuteAsync("""
            insert into relay_member (asset, member, spent) select a, b, sum(w::numeric) from unnest(@within, @whose, @wei) as c(a, b, w) group by a, b
            on conflict (asset, member) do update set spent = relay_member.spent + excluded.spent
            """, new { within = counted.ConvertAll(b => b.Within.ToArray()), whose = counted.ConvertAll(b => b.Account.ToArray()), wei = counted.ConvertAll(b => Counted(b, each).ToString()) }, tx);
        return true;
    }, ct);

    /// <summary>What each has left of its budgets, in wei.</summary>
    public async Task<IReadOnlyList<UInt128>> LeftAsync(IReadOnlyList<Beneficiary> beneficiaries, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        var spent = await SpentAsync(connection, beneficiaries, null);
        return [.. beneficiaries.Select((b, i) => UInt128.Min(Less(budget.Each, spent[i + 1].Day), IsCounted(b) ? Less(b.Most, spent[i + 1].Ever) : UInt128.MaxValue))];
    }

    private static UInt128 Less(UInt128 most, UInt128 spent) => most - UInt128.Min(most, spent);

    private static bool IsCounted(Beneficiary beneficiary) => beneficiary.Most != UInt128.MaxValue;

    private static UInt128 Counted(Beneficiary whose, UInt128 cost) => Less(cost, whose.Carried);

    // The dividends' claim of who has used up everything else counts nothing, and has to fit nowhere.
    private bool Fits(Beneficiary whose, (UInt128 Day, UInt128 Ever) spent, UInt128 more) =>
        spent.Day + more <= budget.Each && (!IsCounted(whose) || Counted(whose, more) is var counted && (counted == 0 || spent.Ever + counted <= whose.Most));

    // Of all together, then of each.
    private async Task<(UInt128 Day, UInt128 Ever)[]> SpentAsync(NpgsqlConnection connection, IReadOnlyList<Beneficiary> beneficiaries, NpgsqlTransaction? tx) =>
        [.. (await connection.QueryAsync<(string Day, string Ever)>("""
            select (select coalesce(sum(cost), 0) from relay_spent where beneficiary = b and hour > now() - interval '1 day')::text,
                coalesce((select spent from relay_member where asset = a and member = b), 0)::text
            from unnest(@whose, @within) with ordinality as w(b, a, i) order by i
            """, new
        {
            whose = Whose(beneficiaries),
            within = beneficiaries.Select(b => b.Within.ToArray()).Prepend(AllTogether).ToArray(),
        }, tx)).Select(s => (UInt128.Parse(s.Day), UInt128.Parse(s.Ever)))];

    private static byte[][] Whose(IReadOnlyList<Beneficiary> beneficiaries) => [AllTogether, .. beneficiaries.Select(b => b.Account.ToArray())];

    private async Task<RelayTurn> EnterAsync(CancellationToken ct)
    {
        var connection = await database.Source.OpenConnectionAsync(ct);
        try
        {
            // Waiting is no silence: the timeout counts between commands only. Over TCP a machine that is gone is noticed by its keepalives.
            await connection.ExecuteAsync(new CommandDefinition($"""
                set idle_session_timeout = {Milliseconds(silence)}; set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 3; set tcp_keepalives_count = 3;
                select pg_advisory_lock(hashtextextended(encode(@account, 'hex'), @TurnLocks))
                """, new { account, TurnLocks }, commandTimeout: 0, cancellationToken: ct));
        }
        catch
        {
            await EndAsync(connection);
            throw;
        }
        var session = new Session(connection, silence / 5);
        Task<IReadOnlyList<RelayedTransaction>> ReadAsync(string rows, object values, CancellationToken cancel) => session.DoAsync<IReadOnlyList<RelayedTransaction>>(async c =>
            [.. (await c.QueryAsync<(Address Beneficiary, long Nonce, Hash32 Hash, byte[] Raw, string Cost, byte[]? Key)>(new CommandDefinition($"""
                with chosen as ({rows}) select beneficiary, nonce, hash, raw, max_cost::text, key from chosen order by nonce, sent_at
                """, values, cancellationToken: cancel)))
                .Select(r => new RelayedTransaction(r.Beneficiary, (ulong)r.Nonce, r.Hash, r.Raw, UInt128.Parse(r.Cost), r.Key is { } key ? new Hash32(key) : null))], cancel);
        Task WriteAsync(string sql, object? values, CancellationToken cancel) => session.DoAsync(c => c.ExecuteAsync(new CommandDefinition(sql, values, cancellationToken: cancel)), cancel);
        return new RelayTurn
        {
            UnsettledAsync = cancel => ReadAsync("select * from relayed where settled_at is null and (account = @account or account is null)", new { account }, cancel),
            OfKeyAsync = (key, cancel) => ReadAsync("select * from relayed where account = @account and key = @key and block is not null", new { account, key }, cancel),
            ReopenAsync = (first, end, cancel) => ReadAsync("""
                update relayed set settled_at = null, block = null, gas = null where account = @account and nonce >= @first and nonce < @end returning *
                """, new { account, first = (long)first, end = (long)end }, cancel),
            NextNonceAsync = async cancel => (ulong)await session.DoAsync(c => c.ExecuteScalarAsync<long>(new CommandDefinition(
                "select coalesce(max(nonce) + 1, 0) from relayed where account = @account", new { account }, cancellationToken: cancel)), cancel),
            JournalAsync = (t, cancel) => WriteAsync("""
                insert into relayed (hash, account, nonce, raw, beneficiary, max_cost, key) values (@Hash, @account, @nonce, @Raw, @Beneficiary, @cost::numeric, @key) on conflict do nothing
                """, new { t.Hash, account, nonce = (long)t.Nonce, t.Raw, t.Beneficiary, key = t.Key?.ToArray(), cost = t.MaxCost.ToString() }, cancel),
            SettleAsync = (nonce, receipt, cancel) => WriteAsync("""
                update relayed set settled_at = now(), block = @block, gas = @gas where nonce = @nonce and (account = @account or account is null) and settled_at is null
                """, new { account, nonce = (long)nonce, block = (long?)receipt?.Block.Number, gas = (long?)receipt?.GasUsed }, cancel),
            KeepAsync = cancel => WriteAsync("select 1", null, cancel),
            LeaveAsync = async () =>
            {
                await session.EndAsync();
                await EndAsync(connection);
            },
        };
    }

    private static long Milliseconds(TimeSpan time) => (long)time.TotalMilliseconds;

    /// <summary>
    /// The turn's session: one command at a time, and a sign of life between them, for the chain's node may take longer to answer
    /// than a turn may be silent. A process that stands still gives none.
    /// </summary>
    private sealed class Session
    {
        private readonly NpgsqlConnection _connection;
        private readonly SemaphoreSlim _one = new(1);
        private readonly CancellationTokenSource _ended = new();
        private readonly Task _living;

        public Session(NpgsqlConnection connection, TimeSpan period)
        {
            _connection = connection;
            _living = LiveAsync(period);
        }

        public async Task<T> DoAsync<T>(Func<NpgsqlConnection, Task<T>> command, CancellationToken cancel)
        {
            await _one.WaitAsync(cancel);
            try
            {
                // Dapper would open a closed one anew, and write over a session that has no lock.
                if (_connection.State != System.Data.ConnectionState.Open)
                    throw new InvalidOperationException("its database session has ended, and another process may have the turn; what is journaled goes on there");
                return await command(_connection);
            }
            finally
            {
                _one.Release();
            }
        }

        /// <summary>Ends the signs of life; never throws.</summary>
        public async Task EndAsync()
        {
            await _ended.CancelAsync();
            await _living;
            _ended.Dispose();
            _one.Dispose();
        }

        private async Task LiveAsync(TimeSpan period)
        {
            using var timer = new PeriodicTimer(period);
            try
            {
                while (await timer.WaitForNextTickAsync(_ended.Token))
                    await DoAsync(c => c.ExecuteAsync("select 1"), _ended.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or NpgsqlException or InvalidOperationException)
            {
                // The turn is over, or lost: then its next command says so.
            }
        }
    }

    // A session that cannot be tidied up is broken, and its lock went with it.
    private static async Task EndAsync(NpgsqlConnection connection)
    {
        try
        {
            if (connection.FullState == System.Data.ConnectionState.Open)
                await connection.ExecuteAsync("select pg_advisory_unlock_all(); reset idle_session_timeout; reset tcp_keepalives_idle; reset tcp_keepalives_interval; reset tcp_keepalives_count");
        }
        catch (NpgsqlException)
        {
            NpgsqlConnection.ClearPool(connection); // closed for good, not kept with its lock
        }
        finally
        {
            await connection.DisposeAsync();
        }
    }
}
