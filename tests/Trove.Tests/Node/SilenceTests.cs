using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Crypto.Dkim;
using Trove.Node.Verification;
using Trove.Node.Verification.Pages;

namespace Trove.Tests.Node;

/// <summary>How long a contribution waits for a DNS or a platform that is silent, and what its owner is told then.</summary>
public sealed class SilenceTests
{
    private static readonly DateTimeOffset Announced = new(2026, 11, 20, 8, 0, 0, TimeSpan.Zero);
    private static readonly Hash32 Contribution = Hash32.Parse(new string('1', 64));

    private readonly Clock _clock = new() { Now = Announced };
    private readonly Silence _silence;

    public SilenceTests() => _silence = new Silence(_clock);

    [Fact]
    public async Task SilentForSixHours()
    {
        foreach (double hours in new[] { 0.01, 3, 6 })
            await WaitsAsync(hours);
        var refusal = await RefusedAsync(6.01, new DnsSilentException("reddit.com"));
        Assert.Equal(("dns-silent", "the DNS has not told a verifier for 6 hours under which key reddit.com signed a mail: contribute again later, or without the mail"), (refusal.Code, refusal.Message));
        refusal = await RefusedAsync(8, new PlatformSilentException("www.reddit.com"));
        Assert.Equal(("platform-silent", "www.reddit.com has not answered a verifier for 6 hours: contribute again later, or without its public pages"), (refusal.Code, refusal.Message));
    }

    // Announced long ago: uploaded slowly, behind others', or called from the reserve.
    [Fact]
    public async Task An_outage_refuses_nobody_however_long_ago_it_was_announced()
    {
        foreach (double hours in new[] { 50, 50.5, 51, 52 })
            await WaitsAsync(hours);
        Assert.Equal("dns-silent", (await RefusedAsync(52.01)).Code);
    }

    [Fact]
    public async Task An_answer_ends_a_silence()
    {
        await WaitsAsync(7);
        await WaitsAsync(8.9);
        Assert.Equal(1, await _silence.BoundAsync(Contribution, Announced, () => Task.FromResult(1)));
        await WaitsAsync(9.5);
        await WaitsAsync(11.5);
        await RefusedAsync(11.51);
    }

    // A chain may say any time.
    [Fact]
    public async Task AnnouncedInTheFuture()
    {
        _clock.Now = Announced.AddHours(-30);
        await Assert.ThrowsAsync<DnsSilentException>(AskAsync);
        _clock.Now = Announced.AddHours(1);
        await Assert.ThrowsAsync<DnsSilentException>(AskAsync);
    }

    // Somebody whose mails nobody's server answers for can make many contributions of them: others' still end.
    [Fact]
    public async Task More_than_are_remembered()
    {
        for (int i = 0; i < 25_000; i++)
            await Assert.ThrowsAsync<DnsSilentException>(() => _silence.BoundAsync(Numbered(i), Announced, () => Task.FromException<int>(new DnsSilentException("x"))));
        await WaitsAsync(7);
        await RefusedAsync(9.01);
    }

    // Never before either time is over, always when both are, whenever it is tried.
    [Fact]
    public void Both_times_hold() => Prop.ForAll(Gen.Choose(0, 1500).ArrayOf().ToArbitrary(), minutes =>
    {
        var clock = new Clock { Now = Announced };
        var silence = new Silence(clock);
        foreach (int minute in minutes.Order())
        {
            clock.Now = Announced.AddMinutes(minute);
            var thrown = Record.Exception(() => silence.BoundAsync(Contribution, Announced, () => Task.FromException<int>(new DnsSilentException("x"))).GetAwaiter().GetResult());
            Assert.Equal(minute > 360 && minute - minutes.Min() > 120, thrown is RefusedException);
        }
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    // Each of four mails has eight signatures, and each may name another key.
    [Fact]
    public async Task A_minute_is_for_all_keys_of_a_contribution()
    {
        var clock = new FastClock(200);
        int asked = 0;
        var keys = new KeyRecords((_, _) => Task.FromResult(new TxtAnswer([], Failed: ++asked > 0)), clock);
        long started = clock.GetTimestamp();
        for (int i = 0; i < 32; i++)
            Assert.True((await keys.FindAsync($"s{i}._domainkey.reddit.com", TestContext.Current.CancellationToken)).Failed);
        Assert.InRange(asked, 2, 21);
        Assert.InRange(clock.GetElapsedTime(started), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task A_resolver_that_fails_is_asked_again()
    {
        int asked = 0;
        var keys = new KeyRecords((_, _) => Task.FromResult(new TxtAnswer(["k"], Failed: ++asked < 3)), new FastClock(200));
        Assert.Equal(["k"], (await keys.FindAsync("s._domainkey.reddit.com", TestContext.Current.CancellationToken)).Records);
        Assert.Equal(3, asked);
    }

    private static Hash32 Numbered(int i) => new([.. BitConverter.GetBytes(i), .. new byte[28]]);

    private Task<int> AskAsync() => AskAsync(new DnsSilentException("reddit.com"));

    private Task<int> AskAsync(SilentException silent) => _silence.BoundAsync(Contribution, Announced, () => Task.FromException<int>(silent));

    private async Task WaitsAsync(double hours)
    {
        _clock.Now = Announced.AddHours(hours);
        await Assert.ThrowsAsync<DnsSilentException>(AskAsync);
    }

    private async Task<RefusedException> RefusedAsync(double hours, SilentException? silent = null)
    {
        _clock.Now = Announced.AddHours(hours);
        return await Assert.ThrowsAsync<RefusedException>(() => AskAsync(silent ?? new DnsSilentException("reddit.com")));
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
