using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Core.Payouts;

namespace Trove.Tests.Core;

/// <summary>Invariant 1 and 7: money adds up whatever happens in whatever order, and every payment takes itself apart.</summary>
public class DividendBookTests
{
    private static readonly Address[] People = [.. Enumerable.Range(1, 6).Select(i => new Address([.. new byte[19], (byte)i]))];

    [Fact]
    public void Random_histories_add_up() => Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
    {
        var chance = new Random(seed);
        var book = new DividendBook(new Vesting(chance.Next(6)));
        var leaves = new List<EpochShare>();
        ulong epoch = 0;
        int id = 0;
        for (int step = 0; step < 120; step++)
        {
            switch (chance.Next(8))
            {
                case 0:
                    epoch++;
                    var earned = People.Where(_ => chance.Next(2) == 0).Select((p, i) => Leaf(epoch, (uint)i, p, (UInt128)chance.NextInt64(1, long.MaxValue))).ToList();
                    book.EpochPosted(epoch, earned);
                    leaves.AddRange(earned);
                    break;
                case 1 when book.Supply.Units > 0:
                    book.Distributed($"{++id}-0", People[0], new Money((UInt128)chance.Next(1, 1_000_000)), id);
                    break;
                case 2 when leaves.Count > 0:
                    HandOut(book, $"{++id}-0", leaves.Where(_ => chance.Next(2) == 0));
                    break;
                case 3 when leaves.Count > 0 && chance.Next(3) == 0:
                    book.Withdrawn(leaves[chance.Next(leaves.Count)].Contribution);
                    break;
                case 4:
                    var from = People[chance.Next(People.Length)];
                    var held = book.BalanceOf(from).Units;
                    if (held > 0)
                        book.Transferred(from, People[chance.Next(People.Length)], new Shares(held * (UInt128)chance.Next(101) / 100));
                    break;
                default:
                    var owner = People[chance.Next(People.Length)];
                    HandOut(book, $"{++id}-0", book.Due(owner).Select(place => leaves.Single(l => (l.Epoch, l.Index) == (place.Epoch, place.Index))).ToList());
                    if (book.ClaimableBy(owner) != book.PayableBy(owner) || book.ReadyBy(owner).Units != 0)
                        return false;
                    book.Claimed($"{++id}-0", owner, book.ClaimableBy(owner));
                    break;
            }
            if (book.Paid + book.Claimable + book.Waiting + book.Dust != book.Received || book.Dust.Units > (UInt128)People.Length + 1)
                return false;
            var states = leaves.Select(l => book.StateOf(l.Contribution)!).ToList();
            if (states.Any(s => s.HandedOut + s.Ready + s.Unvested + s.Lapsing + s.Lapsed != s.Amount)
                || Sum(People.Select(p => book.HeldBy(p) + book.UnvestedBy(p))) + Sum(states.Select(s => s.Lapsing)) != book.Supply
                || Sum(People.Select(p => book.LostBy(p))) != Sum(states.Select(s => s.Lapsing + s.Lapsed)))
                return false;
        }
        return book.Payouts.All(p =>
            p.Lines.Aggregate((UInt128)0, (s, l) => s + l.Amount.Units) == (p.Lines.Count == 0 ? 0 : p.Amount.Units)
            && p.Lines.All(l => l.Lots.Aggregate((UInt128)0, (s, x) => s + x.Amount.Units) == l.Amount.Units));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_payment_that_is_not_due_is_noticed()
    {
        var book = Owned();
        book.Distributed("1-0", People[1], new Money(100), 1);
        Assert.Throws<InvalidOperationException>(() => book.Claimed("2-0", People[0], new Money(100)));
        book.Claimed("2-0", People[0], new Money(99)); // the division by 10^18 shares rounds down
        Assert.Equal(new Money(1), book.Dust);
    }

    [Fact]
    public void Shares_bought_later_carry_no_earlier_dividends()
    {
        var book = Owned();
        book.Distributed("1-0", People[1], new Money(100), 1);
        book.Transferred(People[0], People[1], new Shares(Shares.One));
        Assert.Equal(new Money(99), book.ClaimableBy(People[0]));
        Assert.Equal(new Money(0), book.ClaimableBy(People[1]));
    }

    [Fact]
    public void Who_leaves_loses_what_has_not_vested_and_the_others_get_what_it_had_earned()
    {
        var book = new DividendBook(new Vesting(2));
        UInt128 share = (UInt128)1 << 60; // divides without a remainder
        EpochShare stays = Leaf(1, 0, People[0], share), leaves = Leaf(1, 1, People[1], 3 * share);
        book.EpochPosted(1, [stays, leaves]);
        book.Distributed("1-0", People[2], new Money(400), 1);
        Assert.Equal((default, default, new Money(300)), (book.HeldBy(People[1]), book.ClaimableBy(People[1]), book.UnvestedMoneyBy(People[1])));
        Assert.Empty(book.Due(People[1]));
        book.EpochPosted(2, []);
        Assert.Equal((new Money(150), new Money(150)), (book.ClaimableBy(People[1]), book.UnvestedMoneyBy(People[1])));
        book.Withdrawn(leaves.Contribution);
        book.EpochPosted(3, []);
        Assert.Equal((new Shares(3 * share / 2), default, new Shares(3 * share / 2)), (book.ReadyBy(People[1]), book.UnvestedBy(People[1]), book.LostBy(People[1])));
        var before = book.ClaimableBy(People[0]);
        HandOut(book, "2-0", [stays, leaves]);
        Assert.Equal(new Shares(5 * share / 2), book.Supply);
        Assert.Equal((new Money(100), new Money(160), new Money(240)), (before, book.ClaimableBy(People[0]), book.ClaimableBy(People[1]))); // 150 over 2.5 shares
        Assert.Equal([(new Money(150), (Shares?)new Shares(3 * share / 2), (Address?)null)], book.Lapses.Select(l => (l.Amount, l.Lapsed, l.From)));
        var lines = book.Pending(People[0]).Lines;
        Assert.Equal([(null, new Money(100)), (new Shares(3 * share / 2), new Money(60))], lines.Select(l => (l.Distribution.Lapsed, l.Amount)));
    }

    [Fact]
    public void Shares_that_are_not_due_are_noticed()
    {
        var book = new DividendBook(new Vesting(3));
        var leaf = Leaf(1, 0, People[0], Shares.One);
        book.EpochPosted(1, [leaf]);
        book.EpochPosted(2, []);
        Assert.Throws<InvalidOperationException>(() => book.SharesClaimed(new LeafPlace(1, 0), new Shares(Shares.One)));
        Assert.Throws<InvalidOperationException>(() => book.SharesLapsed(new LeafPlace(1, 0), new Shares(Shares.One)));
        Assert.Throws<InvalidOperationException>(() => book.SharesClaimed(new LeafPlace(1, 1), new Shares(1)));
        book.Withdrawn(leaf.Contribution);
        book.SharesLapsed(new LeafPlace(1, 0), new Shares(Shares.One - Shares.One / 3));
        Assert.Throws<InvalidOperationException>(() => book.Burnt("1-0", new Shares(Shares.One), 1));
    }

    /// <summary>The node's own claims: few, and yet more than half of what has vested votes.</summary>
    [Fact]
    public void Five_transfers_at_most_hand_out_more_than_half_of_what_has_vested_at_any_time()
    {
        for (int steps = 0; steps <= Vesting.Max; steps++)
        {
            var vesting = new Vesting(steps);
            var book = new DividendBook(vesting);
            book.EpochPosted(1, [Leaf(1, 0, People[0], 1_000_003)]);
            int transfers = 0;
            for (ulong epoch = 2; epoch <= 18; epoch++)
            {
                foreach (var place in book.Due(null))
                {
                    transfers++;
                    book.SharesClaimed(place, book.ReadyBy(People[0]));
                }
                Assert.True(2 * book.BalanceOf(People[0]).Units >= book.HeldBy(People[0]).Units);
                Assert.Empty(book.Due(null));
                book.EpochPosted(epoch, []);
            }
            Assert.Equal(1_000_003u, book.BalanceOf(People[0]).Units);
            Assert.InRange(transfers, 1, Math.Min(5, vesting.Steps));
            Assert.False(book.Vests);
        }
    }

    [Fact]
    public void A_member_reads_what_vests_and_what_leaving_costs()
    {
        var book = new DividendBook(new Vesting(3));
        var leaf = Leaf(1, 0, People[0], 120 * Shares.One);
        book.EpochPosted(1, [leaf]);
        Assert.Equal("120 shares: 0 yours, 120 to come over 3 more epochs; leave now and you lose 120", book.StateOf(leaf.Contribution)!.InWords());
        book.EpochPosted(2, []);
        HandOut(book, "1-0", [leaf]);
        book.EpochPosted(3, []);
        Assert.Equal("120 shares: 40 yours, 40 vested and ready, 40 to come over 1 more epoch; leave now and you lose 40", book.StateOf(leaf.Contribution)!.InWords());
        Assert.Equal(["vest in 3 steps, one with each epoch after epoch 1", "epoch 2: 40 shares, yours", "epoch 3: 40 shares, vested and ready", "epoch 4: 40 shares, to come"], book.StateOf(leaf.Contribution)!.Explain());
        Assert.True(book.Vests);
        book.Withdrawn(leaf.Contribution);
        Assert.False(book.Vests); // all that is left lapses at once: epochs would be closed without end for what nobody has lapse, and change nothing
        book.EpochPosted(4, []);
        Assert.Equal("120 shares: 40 yours, 40 vested and ready, 40 lapse, because it was withdrawn", book.StateOf(leaf.Contribution)!.InWords());
        HandOut(book, "2-0", [leaf]);
        Assert.Equal("120 shares: 80 yours, 40 lapsed when it was withdrawn", book.StateOf(leaf.Contribution)!.InWords());
        Assert.Equal("epoch 4: 40 shares, lapsed", book.StateOf(leaf.Contribution)!.Explain()[^1]);
    }

    private static DividendBook Owned()
    {
        var book = new DividendBook();
        var leaf = Leaf(1, 0, People[0], Shares.One);
        book.EpochPosted(1, [leaf]);
        HandOut(book, "0-0", [leaf]);
        return book;
    }

    private static EpochShare Leaf(ulong epoch, uint index, Address owner, UInt128 amount) => new(epoch, index, Hash32.Parse($"0x{epoch:x32}{index:x32}"), owner, new Shares(amount));

    // As the ledger does: of each leaf what is ready, then all that lapses at once.
    private static void HandOut(DividendBook book, string id, IEnumerable<EpochShare> leaves)
    {
        var lapsed = default(Shares);
        foreach (var leaf in leaves)
        {
            var (place, state) = (new LeafPlace(leaf.Epoch, leaf.Index), book.StateOf(leaf.Contribution)!);
            if (state.Ready.Units > 0)
                book.SharesClaimed(place, state.Ready);
            if (state.Lapsing.Units == 0)
                continue;
            book.SharesLapsed(place, state.Lapsing);
            lapsed += state.Lapsing;
        }
        if (lapsed.Units > 0)
            book.Burnt(id, lapsed, 1);
    }

    private static Shares Sum(IEnumerable<Shares> shares) => shares.Aggregate(default(Shares), (sum, s) => sum + s);
}
