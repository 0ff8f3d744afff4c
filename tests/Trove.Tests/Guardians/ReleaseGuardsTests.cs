using Trove.Core;
using Trove.Node.Guardians;

namespace Trove.Tests.Guardians;

/// <summary>What a guardian releases at most, and what is unusual; counted the same after every restart.</summary>
public class ReleaseGuardsTests
{
    private const long Hour = 3_600_000;
    private const long Start = 1_800_000_000_000;

    [Fact]
    public void Limits_of_a_grant_and_of_an_asset_hold_by_the_hour_and_by_the_day()
    {
        var limits = new GuardianLimits { Grant = new ReleaseLimit(3, 5, 100, 150), Asset = new ReleaseLimit(4, 100, 1000, 1000) };
        var guards = new ReleaseGuards(limits);
        for (int i = 0; i < 3; i++)
        {
            Assert.Null(guards.TooMuch(Asset(1), Request(1), 10, Start + i));
            guards.Count(Released(1, 1, 10, Start + i));
        }
        Assert.Contains("3 releases of the grant within an hour", guards.TooMuch(Asset(1), Request(1), 10, Start + 9), StringComparison.Ordinal);
        Assert.Null(guards.TooMuch(Asset(1), Request(2), 10, Start + 9));
        guards.Count(Released(1, 2, 10, Start + 9));
        Assert.Contains("4 releases of the asset within an hour", guards.TooMuch(Asset(1), Request(3), 10, Start + 9), StringComparison.Ordinal);
        Assert.Null(guards.TooMuch(Asset(2), Request(1), 10, Start + 9)); // another asset's
        Assert.Contains("100 parts of the grant within an hour", guards.TooMuch(Asset(2), Request(1), 101, Start + 9), StringComparison.Ordinal);

        // The hour passes, the day does not.
        Assert.Null(guards.TooMuch(Asset(1), Request(1), 100, Start + Hour + 9));
        guards.Count(Released(1, 1, 100, Start + Hour + 9));
        Assert.Contains("150 parts of the grant within a day", guards.TooMuch(Asset(1), Request(1), 21, Start + 2 * Hour + 9), StringComparison.Ordinal);
        guards.Count(Released(1, 1, 1, Start + 3 * Hour));
        Assert.Contains("5 releases of the grant within a day", guards.TooMuch(Asset(1), Request(1), 1, Start + 5 * Hour), StringComparison.Ordinal);
        Assert.Null(guards.TooMuch(Asset(1), Request(1), 1, Start + 24 * Hour + 3));
    }

    [Fact]
    public void Counted_from_the_log_is_what_was_counted_as_it_was_written()
    {
        var random = new Random(3);
        for (int history = 0; history < 60; history++)
        {
            var limits = new GuardianLimits { Grant = new ReleaseLimit(4, 9, 200, 400), Asset = new ReleaseLimit(6, 20, 300, 900), RefusalsPerHour = 5 };
            var running = new ReleaseGuards(limits);
            var log = new List<GuardianLogEntry>();
            long now = Start;
            for (int i = 0; i < 120; i++)
            {
                now += random.Next(4) == 0 ? random.Next(3 * (int)Hour) : random.Next((int)Hour / 4);
                int asset = random.Next(2), request = random.Next(3), parts = 1 + random.Next(60);
                var entry = random.Next(5) switch
                {
                    0 => new GuardianLogEntry(0, default, now, GuardianLogEntry.Refused, Asset: Asset(asset), Code: "not-open"),
                    1 => new GuardianLogEntry(0, default, now, GuardianLogEntry.Alarm, Asset: Asset(asset), Code: "unusual-volume"),
                    _ => Released(asset, request, parts, now),
                };
                running.Count(entry);
                log.Add(entry);
                var restarted = new ReleaseGuards(limits);
                restarted.Replay(Enumerable.Reverse(log), now);
                long later = now + random.Next((int)Hour);
                Assert.Equal(running.TooMuch(Asset(asset), Request(request), parts, later), restarted.TooMuch(Asset(asset), Request(request), parts, later));
                Assert.Equal(running.Unusual(Asset(asset), parts, later), restarted.Unusual(Asset(asset), parts, later));
                Assert.Equal(running.MayRefuse(later), restarted.MayRefuse(later));
                Assert.Equal(running.MayAlarm("unusual-volume", Asset(asset), later), restarted.MayAlarm("unusual-volume", Asset(asset), later));
            }
        }
    }

    [Fact]
    public void Unusual_is_more_than_four_times_the_median_of_the_hours_before()
    {
        var guards = new ReleaseGuards(new GuardianLimits());
        long now = Start;
        for (int i = 0; i < ReleaseGuards.MinHistory; i++, now += 2 * Hour)
        {
            Assert.Null(guards.Unusual(Asset(1), 1_000_000, now)); // nothing to compare with
            guards.Count(Released(1, 1, 10, now));
        }
        Assert.Null(guards.Unusual(Asset(1), 40, now));
        Assert.Contains("41 parts within an hour; the median at its last 8 releases is 10", guards.Unusual(Asset(1), 41, now), StringComparison.Ordinal);
        Assert.Null(guards.Unusual(Asset(2), 41, now));

        // Many small ones within an hour add up to the same.
        for (int i = 0; i < 4; i++)
        {
            Assert.Null(guards.Unusual(Asset(1), 10, now + i));
            guards.Count(Released(1, 1, 10, now + i));
        }
        Assert.NotNull(guards.Unusual(Asset(1), 10, now + 4));

        Assert.True(guards.MayAlarm("unusual-volume", Asset(1), now));
        guards.Count(new GuardianLogEntry(0, default, now, GuardianLogEntry.Alarm, Asset: Asset(1), Code: "unusual-volume"));
        Assert.False(guards.MayAlarm("unusual-volume", Asset(1), now + Hour - 1));
        Assert.True(guards.MayAlarm("unusual-volume", Asset(2), now));
        Assert.True(guards.MayAlarm("unusual-volume", Asset(1), now + Hour));
    }

    [Fact]
    public void Clock_that_jumped_closes_nothing_for_good()
    {
        var guards = new ReleaseGuards(new GuardianLimits { Grant = new ReleaseLimit(1, 1, 100, 100), RefusalsPerHour = 1 });
        guards.Count(Released(1, 1, 10, Start + 1000 * Hour)); // written while the clock was far ahead
        guards.Count(new GuardianLogEntry(0, default, Start + 1000 * Hour, GuardianLogEntry.Refused, Code: "not-open"));
        Assert.Null(guards.TooMuch(Asset(1), Request(1), 10, Start));
        Assert.True(guards.MayRefuse(Start));
        guards.Count(new GuardianLogEntry(0, default, Start, GuardianLogEntry.Refused, Code: "not-open"));
        Assert.False(guards.MayRefuse(Start + 1));
    }

    [Fact]
    public void As_many_ceremonies_are_joined_in_an_hour_as_may_be()
    {
        var guards = new ReleaseGuards(new GuardianLimits());
        for (int i = 0; i < ReleaseGuards.MaxJoins; i++)
        {
            Assert.True(guards.MayJoin(Start + i));
            guards.Count(new GuardianLogEntry(0, default, Start + i, GuardianLogEntry.Joined));
        }
        Assert.False(guards.MayJoin(Start + Hour - 1));
        Assert.True(guards.MayJoin(Start + Hour));
        guards.Count(new GuardianLogEntry(0, default, Start + Hour, GuardianLogEntry.Confirmed)); // follows a join
        guards.Count(new GuardianLogEntry(0, default, Start + Hour, GuardianLogEntry.Joined));
        Assert.False(guards.MayJoin(Start + Hour));
        Assert.True(guards.MayJoin(Start + Hour + 1));
    }

    private static Address Asset(int i) => new(Keccak256.Hash([1, (byte)i]).ToArray().AsSpan(12));

    private static Hash32 Request(int i) => Keccak256.Hash([2, (byte)i]);

    private static GuardianLogEntry Released(int asset, int request, int parts, long at) =>
        new(0, default, at, GuardianLogEntry.Released, Asset: Asset(asset), Request: Request(request), Use: 1, KeyVersion: 1, Proofs: false, Parts: parts, Block: 1);
}
