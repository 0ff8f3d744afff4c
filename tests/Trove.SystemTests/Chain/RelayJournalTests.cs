using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Node.Chain;

namespace Trove.SystemTests.Chain;

/// <summary>The relayer's journal in PostgreSQL: what its SQL finds and takes back.</summary>
public sealed class RelayJournalTests(PostgresFixture postgres)
{
    private static readonly Address Account = Address.Parse("0x" + new string('1', 40)), Other = Address.Parse("0x" + new string('2', 40));
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

    private static RelayLedger Ledger(Trove.Node.Database.NodeDatabase database, Address account) => new RelayJournal(database, account, (UInt128.MaxValue, UInt128.MaxValue)).Ledger;

    private static RelayedTransaction Transaction(ulong nonce, byte version, Hash32? key) => new(Other, nonce, Keccak256.Hash([version]), [version], version, key);

    private static Receipt Mined(ulong block) => new(Keccak256.Hash("transaction"u8), true, new BlockRef(block, Keccak256.Hash("block"u8)), 21_000, 1, null, []);

    private static IEnumerable<Hash32> Hashes(IEnumerable<RelayedTransaction> transactions) => transactions.Select(t => t.Hash);
}
