using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Core.Votes;

namespace Trove.Tests.Core;

public class TurnoutForecastTests
{
    private static readonly Arbitrary<uint[]> Numbers = ArbMap.Default.ArbFor<NonEmptyArray<uint>>().Convert(a => a.Get, NonEmptyArray<uint>.NewNonEmptyArray);

    [Fact]
    public void Stays_between_what_is_there_and_what_there_is_and_in_order() => Forall((past, supply, present, against) =>
    {
        if (TurnoutForecast.Of(supply, present, against, new Shares(1), past) is not { } f)
            return past.Count < TurnoutForecast.LeastVotes;
        return f.Low.Units >= present.Units && f.Low.Units <= f.Median.Units && f.Median.Units <= f.High.Units
            && f.High.Units <= UInt128.Max(present.Units, supply.Units - against.Units) && f.Votes == Math.Min(past.Count, TurnoutForecast.MostVotes);
    });

    [Fact]
    public void More_votes_never_lower_it_and_never_make_the_quorum_less_likely() => Forall((past, supply, present, against) =>
    {
        var (half, quorum) = (new Shares(present.Units / 2), new Shares(supply.Units / 2));
        if (TurnoutForecast.Of(supply, present, against, quorum, past) is not { } more || TurnoutForecast.Of(supply, half, against, quorum, past) is not { } less)
            return past.Count < TurnoutForecast.LeastVotes;
        return less.Low.Units <= more.Low.Units && less.Median.Units <= more.Median.Units && less.High.Units <= more.High.Units && Hope(less.Outlook) <= Hope(more.Outlook);
    });

    [Theory]
    [InlineData(50, 100, QuorumOutlook.Reached)]
    [InlineData(51, 100, QuorumOutlook.Likely)] // the lowest of the votes before brought a tenth of all shares
    [InlineData(60, 100, QuorumOutlook.Likely)]
    [InlineData(61, 100, QuorumOutlook.Unclear)]
    [InlineData(80, 100, QuorumOutlook.Unclear)] // the highest three tenths
    [InlineData(81, 100, QuorumOutlook.Unlikely)]
    [InlineData(110, 200, QuorumOutlook.Unclear)] // of twice as many shares, between 70 and 110
    [InlineData(111, 200, QuorumOutlook.Unlikely)]
    public void Says_what_the_votes_before_would_bring(uint quorum, uint supply, QuorumOutlook outlook)
    {
        PastTurnout[] past = [Past(100, 10, 20), Past(1000, 300, 600), Past(100, 20, 40)];
        var f = TurnoutForecast.Of(new Shares(supply), new Shares(50), default, new Shares(quorum), past)!;
        Assert.Equal((50 + supply / 10, 50 + supply / 5, 50 + supply * 3 / 10, outlook), ((uint)f.Low.Units, (uint)f.Median.Units, (uint)f.High.Units, f.Outlook));
    }

    [Fact]
    public void Two_votes_say_nothing_and_only_the_newest_twenty_speak()
    {
        Assert.Null(TurnoutForecast.Of(new Shares(100), default, default, new Shares(1), [Past(100, 0, 9), Past(100, 0, 9)]));
        var past = Enumerable.Repeat(Past(100, 0, 99), 50).Concat(Enumerable.Repeat(Past(100, 0, 3), 20)).ToList();
        var f = TurnoutForecast.Of(new Shares(100), new Shares(1), default, new Shares(50), past)!;
        Assert.Equal((20, 4u, QuorumOutlook.Unlikely), (f.Votes, f.High.Units, f.Outlook));
    }

    [Fact]
    public void Votes_against_cannot_reach_the_quorum_any_more()
    {
        var f = TurnoutForecast.Of(new Shares(100), new Shares(5), new Shares(80), new Shares(30), [Past(100, 0, 90), Past(100, 0, 90), Past(100, 0, 90)])!;
        Assert.Equal((20u, QuorumOutlook.Unlikely), (f.High.Units, f.Outlook));
    }

    [Fact]
    public void Amounts_of_the_largest_asset_do_not_overflow()
    {
        var all = new Shares((UInt128.One << 120) - 1);
        PastTurnout[] past = [new(all, default, all), new(new Shares(1), default, new Shares(1)), new(default, default, default)];
        Assert.Equal(all, TurnoutForecast.Of(all, default, default, all, past)!.High);
    }

    private static int Hope(QuorumOutlook outlook) => outlook switch { QuorumOutlook.Unlikely => 0, QuorumOutlook.Unclear => 1, QuorumOutlook.Likely => 2, _ => 3 };

    private static PastTurnout Past(uint supply, uint then, uint end) => new(new Shares(supply), new Shares(then), new Shares(end));

    private static void Forall(Func<List<PastTurnout>, Shares, Shares, Shares, bool> holds) => Prop.ForAll(Numbers, ArbMap.Default.ArbFor<uint>(), ArbMap.Default.ArbFor<uint>(), (numbers, x, y) =>
    {
        // Shares of a vote never exceed its supply; its end has at least what was there before.
        var past = numbers.Select((n, i) => (n, m: numbers[(i + 1) % numbers.Length])).Select(p => Past(p.n, Math.Min(p.n, p.m) / 2, Math.Min(p.n, p.m))).ToList();
        uint supply = Math.Max(x, y), present = Math.Min(x, y) / 2, against = (supply - present) / 3;
        return holds(past, new Shares(supply), new Shares(present), new Shares(against));
    }).QuickCheckThrowOnFailure();
}
