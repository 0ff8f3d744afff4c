using System.Net;
using System.Net.Sockets;
using Dapper;
using Npgsql;
using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Node.Chain;
using Trove.Node.Database;

namespace Trove.SystemTests.Chain;

/// <summary>The relayer's journal in PostgreSQL: what its SQL finds and takes back.</summary>
public sealed class RelayJournalTests(PostgresFixture postgres)
{
    private static readonly Address Account = Address.Parse("0x" + new string('1', 40)), Other = Address.Parse("0x" + new string('2', 40));
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(6); // long enough for signs of life of a busy machine
    private static readonly Hash32 Key = Keccak256.Hash("signed"u8);

    [Fact]
    public async Task Nonces_are_reopened_in_order_with_all_their_versions_and_keys_find_what_was_mined()
    {
        await using var database = await postgres.OpenAsync();
        var (turn, other) = (await Ledger(database, Account).EnterAsync(default), await Ledger(database, Other).EnterAsync(default));
        try
        {
            List<RelayedTransaction> all = [Transaction(0, 1, null), Transaction(1, 2, Key), Transaction(1, 3, Key), Transaction(2, 4, Keccak256.Hash("never"u8)), Transaction(3, 5, null)];
            foreach (var transaction in all)
                await turn.JournalAsync(transaction, default);
            await other.JournalAsync(Transaction(1, 6, Key), default);
            Assert.Empty(await turn.OfKeyAsync(Key, default)); // not settled: it may never happen
            for (ulong nonce = 0; nonce < 4; nonce++)
                await turn.SettleAsync(nonce, nonce == 2 ? null : Mined(nonce), default);
            Assert.Empty(await turn.UnsettledAsync(default));
            Assert.Equal(Hashes(all[1..3]), Hashes(await turn.OfKeyAsync(Key, default)));
            Assert.Empty(await turn.OfKeyAsync(Keccak256.Hash("never"u8), default)); // another took its nonce
            Assert.Empty(await other.OfKeyAsync(Key, default));

            Assert.Equal(Hashes(all[1..4]), Hashes(await turn.ReopenAsync(1, 3, default)));
            var unsettled = await turn.UnsettledAsync(default);
            Assert.Equal(Hashes(all[1..4]), Hashes(unsettled));
            Assert.Equal(all.Slice(1, 3).Select(t => (t.Key, t.MaxCost, Hex.Encode(t.Raw))), unsettled.Select(t => (t.Key, t.MaxCost, Hex.Encode(t.Raw))));
            Assert.Empty(await turn.OfKeyAsync(Key, default));
            await turn.SettleAsync(1, Mined(1), default);
            Assert.Equal(2, (await turn.OfKeyAsync(Key, default)).Count);
            Assert.Equal(4UL, await turn.NextNonceAsync(default));
            Assert.Single(await other.UnsettledAsync(default));
        }
        finally
        {
            await turn.LeaveAsync();
            await other.LeaveAsync();
        }
    }

    [Fact]
    public async Task Members_pay_in_equal_parts_of_their_days_and_no_member_holds_up_the_others()
    {
        await using var database = await postgres.OpenAsync();
        var journal = new RelayJournal(database, Account, new(60, 300), Silence);
        var (a, b, c) = (Account, Other, Address.Parse("0x" + new string('3', 40)));
        Task<bool> Reserve(UInt128 cost, params Beneficiary[] whose) => journal.Ledger.ReserveAsync(whose, cost, default);

        Assert.False(await Reserve(61, a));
        Assert.True(await Reserve(80, a, b)); // 41 each
        Assert.False(await Reserve(30, a));
        Assert.Equal((UInt128)19, await Left(a));
        Assert.True(await Reserve(80, a, b)); // 82: what the part of each is, nobody knew when it was let in
        Assert.Equal(UInt128.Zero, await Left(a));
        Assert.False(await Reserve(2, a, c)); // who has nothing left is not among them
        Assert.True(await Reserve(60, c));
        Assert.False(await Reserve(81)); // 220 of 300 are spent by all
        Assert.True(await Reserve(80)); // haste, which all pay

        await PassAsync(database, 2);
        Assert.True(await Reserve(60, a));
        await PassAsync(database, 2);
        Assert.Equal((UInt128)60, await Left(a));
        Assert.True(await Reserve(40, b, b, c, c)); // parts of 11
        Assert.Equal(((UInt128)38, (UInt128)38), (await Left(b), await Left(c)));
        Assert.False(await Reserve(117, b, b, c)); // two parts of 40 are known to be too much
        Assert.False(await Reserve(36, b, b, b)); // and so is all of it, alone
        Assert.True(await Reserve(33, b, b, b));

        async Task<UInt128> Left(Address whose) => Assert.Single(await journal.LeftAsync([whose], default));
    }

    [Fact]
    public async Task What_an_account_was_ever_paid_in_an_asset_never_comes_back_with_time()
    {
        await using var database = await postgres.OpenAsync();
        var journal = new RelayJournal(database, Account, new(60, 1000), Silence);
        var (asset, another) = (Address.Parse("0x" + new string('a', 40)), Address.Parse("0x" + new string('b', 40)));
        Beneficiary Of(Address account, UInt128 most) => new(account, asset, most);
        Task<bool> Reserve(UInt128 cost, params Beneficiary[] whose) => journal.Ledger.ReserveAsync(whose, cost, default);

        Assert.False(await Reserve(1, Of(Account, 0)));
        Assert.True(await Reserve(50, Of(Account, 90)));
        await PassAsync(database, 40);
        Assert.False(await Reserve(41, Of(Account, 90)));
        Assert.True(await Reserve(40, Of(Account, 90)));
        await PassAsync(database, 4000);
        Assert.False(await Reserve(1, Of(Account, 90)));
        Assert.Equal([UInt128.Zero, 10], await journal.LeftAsync([Of(Account, 90), Of(Account, 100)], default));
        Assert.False(await Reserve(2, Of(Other, 90), Of(Account, 90)));
        Assert.True(await Reserve(1, Of(Account, 91))); // money has moved since
        Assert.True(await Reserve(59, new Beneficiary(Account, another, 59)));
        await PassAsync(database, 2);
        Assert.True(await Reserve(60, Account)); // where only days count

        // All that a batch costs is charged to each, also the part that nobody knew of.
        Assert.True(await Reserve(80, Of(Other, 30), Of(Address.Parse("0x" + new string('3', 40)), 60)));
        Assert.False(await Reserve(1, Of(Other, 41)));
        Assert.True(await Reserve(1, Of(Other, 42)));
    }

    [Fact]
    public async Task A_call_that_carries_its_own_cost_leaves_the_rest_as_it_was()
    {
        await using var database = await postgres.OpenAsync();
        var journal = new RelayJournal(database, Account, new(60, 1000), Silence);
        Beneficiary Of(UInt128 most, UInt128 carried) => new(Account, Other, most, carried);
        Task<bool> Reserve(UInt128 cost, Beneficiary whose) => journal.Ledger.ReserveAsync([whose], cost, default);

        Assert.False(await Reserve(21, Of(0, 20)));
        Assert.True(await Reserve(20, Of(0, 20)));
        Assert.True(await Reserve(20, Of(0, 20)));
        Assert.True(await Reserve(20, Of(10, 15))); // 5 of them count
        Assert.False(await Reserve(1, Of(0, 20))); // a day is a day
        await PassAsync(database, 2);
        Assert.False(await Reserve(6, Of(10, 0)));
        Assert.True(await Reserve(5, Of(10, 0)));
        Assert.False(await Reserve(21, Of(10, 20)));
        Assert.True(await Reserve(20, Of(9, 20))); // whatever was paid before
    }

    private static async Task PassAsync(NodeDatabase database, int days)
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await connection.ExecuteAsync("update relay_spent set hour = hour - @days * interval '1 day'", new { days });
    }

    [Fact]
    public async Task Who_stands_still_loses_its_turn_and_who_only_waits_for_the_chain_keeps_it()
    {
        var connection = new NpgsqlConnectionStringBuilder(await postgres.NewDatabaseAsync());
        await using var pass = new FreezingPass(Path.Combine(connection.Host!, $".s.PGSQL.{connection.Port}"));
        await using var awake = await NodeDatabase.OpenAsync(connection.ConnectionString, default);
        await using var frozen = await NodeDatabase.OpenAsync(new NpgsqlConnectionStringBuilder(connection.ConnectionString) { Host = "127.0.0.1", Port = pass.Port }.ConnectionString, default);
        var waiting = await Ledger(awake, Other).EnterAsync(default); // no command of its own all the while
        var lost = await Ledger(frozen, Account).EnterAsync(default);
        await lost.JournalAsync(Transaction(0, 1, null), default);
        pass.Freeze();
        var next = await Ledger(awake, Account).EnterAsync(default); // when PostgreSQL has ended the other one
        await waiting.JournalAsync(Transaction(0, 2, null), default);
        Assert.Equal(Keccak256.Hash([1]), Assert.Single(await next.UnsettledAsync(default)).Hash);

        // What it does when it wakes up reaches nothing: the next nonce is another's.
        pass.Thaw();
        await Assert.ThrowsAnyAsync<Exception>(() => lost.JournalAsync(Transaction(1, 3, null), default));
        await Assert.ThrowsAnyAsync<Exception>(() => lost.SettleAsync(0, Mined(1), default));
        await lost.LeaveAsync();
        Assert.Equal(1UL, await next.NextNonceAsync(default));
        Assert.Single(await next.UnsettledAsync(default));
        await next.LeaveAsync();
        await waiting.LeaveAsync();
    }

    /// <summary>PostgreSQL's socket over TCP, through which nothing comes while it is frozen: a process that stands still, as its server sees it.</summary>
    private sealed class FreezingPass : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly List<Socket> _sockets = [];
        private readonly Task _accepting;
        private volatile TaskCompletionSource _gate = new();

        public FreezingPass(string socket)
        {
            _gate.SetResult();
            _listener.Start();
            _accepting = AcceptAsync(socket);
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public void Freeze() => _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Thaw() => _gate.SetResult();

        public async ValueTask DisposeAsync()
        {
            _gate.TrySetResult();
            _listener.Stop();
            await _accepting;
            _sockets.ForEach(s => s.Dispose());
        }

        private async Task AcceptAsync(string socket)
        {
            var passing = new List<Task>();
            try
            {
                while (true)
                {
                    var near = await _listener.AcceptSocketAsync();
                    var far = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    _sockets.AddRange([near, far]);
                    await far.ConnectAsync(new UnixDomainSocketEndPoint(socket));
                    passing.AddRange([PassAsync(near, far), PassAsync(far, near)]);
                }
            }
            catch (Exception e) when (e is SocketException or InvalidOperationException)
            {
                // the test is over: closed while it waits, or stopped before it waits again
            }
            _sockets.ForEach(s => s.Dispose());
            await Task.WhenAll(passing);
        }

        private async Task PassAsync(Socket from, Socket to)
        {
            var buffer = new byte[8192];
            try
            {
                for (int read; (read = await from.ReceiveAsync(buffer)) > 0;)
                {
                    await _gate.Task;
                    for (int sent = 0; sent < read;)
                        sent += await to.SendAsync(buffer.AsMemory(sent, read - sent));
                }
                await _gate.Task;
                to.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // either side has closed
            }
        }
    }

    private static RelayLedger Ledger(NodeDatabase database, Address account) => new RelayJournal(database, account, new(UInt128.MaxValue, UInt128.MaxValue), Silence).Ledger;

    private static RelayedTransaction Transaction(ulong nonce, byte version, Hash32? key) => new(Other, nonce, Keccak256.Hash([version]), [version], version, key);

    private static Receipt Mined(ulong block) => new(Keccak256.Hash("transaction"u8), true, new BlockRef(block, Keccak256.Hash("block"u8)), 21_000, 1, null, []);

    private static IEnumerable<Hash32> Hashes(IEnumerable<RelayedTransaction> transactions) => transactions.Select(t => t.Hash);
}
