using Dapper;
using Trove.Core.Rewards;
using Trove.Node.Epochs;
using Trove.Node.Verification;

namespace Trove.SystemTests.Epochs;

/// <summary>What a node takes into an epoch and into memory. Alone in the process, because bytes are counted.</summary>
[Collection("load")]
public sealed class EpochSizeTests(PostgresFixture postgres)
{
    private const int Largest = VerificationService.MaxTagBytes;
    private const double Allocated = 28; // bytes for a byte of lists in all, most of them not at the same time

    [Fact]
    public async Task Contributions_wait_in_their_order_for_an_epoch_that_has_room()
    {
        await using var database = await postgres.OpenAsync();
        var asset = new EpochHistory(database, 1);
        await asset.FoundAsync();
        await asset.ContributeAsync(600, 600, 5_000, 40, 600); // the fourth would fit where the third does not
        foreach (int taken in (int[])[2, 1, 2])
        {
            await asset.FillAsync();
            await asset.CloseAsync(1_300);
            Assert.Equal(taken, asset.Closed[^1].Rewards.Count);
        }
        Assert.Empty(await database.TransactAsync(tx => VerificationStore.WaitingAsync(tx, asset.Asset, 10, 1_300), default));
    }

    /// <summary>Bytes in use while one list after the other is read and let go of: of one statement's, not of all.</summary>
    [Fact]
    public async Task Lists_are_read_as_many_at_a_time_as_have_the_bytes_of_the_largest()
    {
        await using var database = await postgres.OpenAsync();
        var asset = new EpochHistory(database, 1);
        await asset.FoundAsync();
        await asset.ContributeAsync([.. Enumerable.Repeat(Largest / 3, 15)]);
        var live = new List<long>();
        for (int round = 0; round < 3 && !live.Exists(InBounds); round++) // again: meanwhile what ran before may still take memory or let go of it
            live.Add(await database.TransactAsync(async tx =>
            {
                var ids = await VerificationStore.WaitingAsync(tx, asset.Asset, 100, Epoch.MaxTagBytes);
                Assert.Equal(15, ids.Count);
                long before = GC.GetTotalMemory(forceFullCollection: true), most = 0;
                await foreach (var one in VerificationStore.AttestedAsync(tx.Connection!, tx, ids))
                {
                    Assert.Equal(("reddit.checkfile", ""), Assert.Single(one.Evidence.Checks) is var check ? (check.Name, check.Detail) : default);
                    most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
                }
                return most;
            }, default));
        Assert.True(live.Exists(InBounds), $"{string.Join(", ", live)} bytes were live");

        static bool InBounds(long live) => live is >= Largest / 3 and <= Largest * 2; // and what is made of one of them
    }

    [Fact]
    public async Task An_epoch_is_closed_with_a_few_times_its_bytes()
    {
        const int parts = 8, most = (int)(Epoch.MaxTagBytes / parts), fit = (int)(Epoch.MaxTagBytes / Largest); // of the largest, which takes as many times more
        await using var database = await postgres.OpenAsync();
        var asset = new EpochHistory(database, 1);
        await asset.FoundAsync();
        await asset.ContributeAsync([.. Enumerable.Repeat(Largest / parts, fit + 1)]);
        double least = double.MaxValue;
        for (int round = 0; round < 3 && least > Allocated; round++)
        {
            var (bytes, epoch) = await database.TransactAsync(async tx =>
            {
                long before = GC.GetTotalAllocatedBytes(precise: true);
                var ids = await VerificationStore.WaitingAsync(tx, asset.Asset, EpochService.MaxContributions, most);
                var closed = await EpochService.ComputeAsync(tx, asset.Asset, 1, default, EpochHistory.Policy, ids, default);
                return (GC.GetTotalAllocatedBytes(precise: true) - before, closed);
            }, default);
            Assert.Equal(fit, epoch.Rewards.Count);
            Assert.All(epoch.Rewards, r => Assert.Equal(r.Score, r.NovelScore));
            least = Math.Min(least, (double)bytes / most);
        }
        Assert.InRange(least, 1, Allocated);
    }

    /// <summary>The same epoch over a little and over a hundred times as much: of no table are more rows read, and no more kept, than it asks for.</summary>
    [Fact]
    public async Task Closing_costs_what_is_in_the_epoch_whatever_is_behind_it()
    {
        await using var database = await postgres.OpenAsync();
        const int contributions = 20;
        var costs = new List<(long Asked, long Known, long Rows)>();
        foreach (var (name, behind) in new[] { ((byte)1, 300), ((byte)2, 30_000) })
        {
            var asset = new EpochHistory(database, name);
            await asset.FoundAsync();
            await asset.ContributeAsync(new Random(5), contributions, behind / 10, 1_000_000); // next to none of what is asked for
            await asset.CloseAsync();
            await asset.FillAsync();
            await asset.ContributeAsync(new Random(6), contributions, 100, 1_000_000);
            costs.Add(await database.TransactAsync(async tx =>
            {
                var ids = await VerificationStore.WaitingAsync(tx, asset.Asset, 1_000, Epoch.MaxTagBytes);
                var attested = new List<AttestedContribution>();
                await foreach (var one in VerificationStore.AttestedAsync(tx.Connection!, tx, ids))
                    attested.Add(one);
                long rows = await ReadAsync();
                var index = await NoveltyStore.BeforeAsync(tx, asset.Asset, 2, attested, default);
                rows = await ReadAsync() - rows;
                return (attested.Sum(a => a.Tags.Entries.Count + a.Tags.Entries.Sum(e => (long)e.Count)), index.Records + index.Fingerprints, rows);

                // Entries of indexes and rows of tables.
                Task<long> ReadAsync() => tx.Connection!.ExecuteScalarAsync<long>("select sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid)) from pg_class where relnamespace = 'public'::regnamespace", transaction: tx);
            }, default));
        }
        Assert.InRange(costs[1].Known, costs[0].Known + 1, costs[1].Asked);
        Assert.Equal(costs[0].Asked, costs[1].Asked);
        Assert.All(costs, c => Assert.InRange(c.Rows, c.Known, 2 * c.Known + 10 * contributions)); // what it finds, and whose accounts those are
    }
}
