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
        var book = new DividendBook();
        ulong epoch = 0;
        int id = 0;
        for (int step = 0; step < 120; step++)
        {
            switch (chance.Next(5))
            {
                case 0:
                    epoch++;
                    book.EpochPosted(People.Where(_ => chance.Next(2) == 0).Select(p =>
                        new EpochShare(epoch, new Hash32(new byte[32]), p, new Shares((UInt128)chance.NextInt64(1, long.MaxValue)))).ToList());
                    break;
                case 1 when book.Supply.Units > 0:
                    book.Distributed($"{++id}-0", People[0], new Money((UInt128)chance.Next(1, 1_000_000)), id);
                    break;
                case 2:
                    var from = People[chance.Next(People.Length)];
                    var held = book.HeldBy(from).Units;
                    if (held > 0)
                        book.Transferred(from, People[chance.Next(People.Length)], new Shares(held * (UInt128)chance.Next(101) / 100));
                    break;
                default:
                    var owner = People[chance.Next(People.Length)];
                    book.Claimed($"{++id}-0", owner, book.ClaimableBy(owner));
                    break;
            }
            if (book.Paid + book.Claimable + book.Dust != book.Received || book.Dust.Units > (UInt128)People.Length + 1)
                return false;
            if (book.Owners.Aggregate((UInt128)0, (sum, o) => sum + book.HeldBy(o).Units) != book.Supply.Units)
                return false;
        }
        return book.Payouts.All(p =>
            p.Lines.Aggregate((UInt128)0, (s, l) => s + l.Amount.Units) == (p.Lines.Count == 0 ? 0 : p.Amount.Units)
            && p.Lines.All(l => l.Lots.Aggregate((UInt128)0, (s, x) => s + x.Amount.Units) == l.Amount.Units));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_payment_that_is_not_due_is_noticed()
    {
        var book = new DividendBook();
        book.EpochPosted([new EpochShare(1, default, People[0], new Shares(Shares.One))]);
        book.Distributed("1-0", People[1], new Money(100), 1);
        Assert.Throws<InvalidOperationException>(() => book.Claimed("2-0", People[0], new Money(100)));
        book.Claimed("2-0", People[0], new Money(99)); // the division by 10^18 shares rounds down
        Assert.Equal(new Money(1), book.Dust);
    }

    [Fact]
    public void Shares_bought_later_carry_no_earlier_dividends()
    {
        var book = new DividendBook();
        book.EpochPosted([new EpochShare(1, default, People[0], new Shares(Shares.One))]);
        book.Distributed("1-0", People[1], new Money(100), 1);
        book.Transferred(People[0], People[1], new Shares(Shares.One));
        Assert.Equal(new Money(99), book.ClaimableBy(People[0]));
        Assert.Equal(new Money(0), book.ClaimableBy(People[1]));
    }
}
