using Trove.Crypto;
using Trove.Crypto.Dkim;
using Trove.Node.Protocol;
using Trove.Node.Verification;
using Trove.Node.Verification.Pages;
using Trove.Tests.Crypto;

namespace Trove.SystemTests.Api;

/// <summary>A DNS and a platform that never answer: their contributions wait, end with a reason, and take nothing with them.</summary>
public sealed class SilentSourcesTests(ApiFixture api)
{
    [Theory]
    [InlineData("dns-silent", "without the mail")]
    [InlineData("platform-silent", "without its public pages")]
    public async Task A_silence_ends(string code, string advice)
    {
        await api.ReadyAsync();
        var (client, info) = (api.Client, api.Info);
        string account = code[..3] + "_silent";
        var verifiers = Enumerable.Range(0, 2).Select(_ => KeyFile.Create()).ToList();
        var asset = await ApiFixture.CreateAssetAsync(client, info, api.Founder, verifiers, "HUSH");
        using var platform = new MailSigner();
        using var member = await Member.PrepareAsync(asset, Member.Reddit(account, "Nine herons stood where nobody would answer the door"));
        if (code == "dns-silent")
            member.Mails = [MailSigner.Mail(platform.Sign(MailSigner.Header(DateTimeOffset.UtcNow.AddDays(-3)), "reddit.com", body: MailSigner.To(account)), MailSigner.To(account))];
        else
            member.Pages = new PublicPages(Profile: true, Permalinks: false, []);
        var id = await member.ContributeAsync(client, info, asset);

        // Announced seven hours ago, but silent for no two yet; then for so long.
        var clock = new Ahead { By = TimeSpan.FromHours(7) };
        int asked = 0;
        await ApiFixture.VerifyAsync(client, info, verifiers, async () =>
        {
            var state = (await client.ContributionAsync(id, default)).State;
            Assert.True(state == "verifying" || clock.By.TotalHours >= 10, state);
            return state != "verifying";
        }, (_, _) => Ask<TxtAnswer>(new DnsSilentException("reddit.com")), (page, _) => Ask<PageAnswer>(new PlatformSilentException(page.Host)), clock);

        var refused = await client.ContributionAsync(id, member.Key, default);
        Assert.Equal(("refused", code), (refused.State, refused.RefusalCode));
        Assert.EndsWith(advice, refused.Refusal, StringComparison.Ordinal);

        // As it was told: without them it counts.
        using var again = await Member.PrepareAsync(asset, Member.Reddit(account, "Nine herons stood where nobody would answer the door"), member.Key);
        var without = await again.ContributeAsync(client, info, asset);
        await ApiFixture.VerifyAsync(client, info, verifiers, async () => (await client.ContributionAsync(without, default)).State != "verifying");
        Assert.Equal("attested", (await client.ContributionAsync(without, default)).State);
        verifiers.ForEach(v => v.Dispose());

        // Three hours go by at every ninth time that anything is asked.
        Task<T> Ask<T>(Exception silence)
        {
            clock.By = TimeSpan.FromHours(7 + 3 * (Interlocked.Increment(ref asked) / 9));
            throw silence;
        }
    }

    private sealed class Ahead : TimeProvider
    {
        private long _by;

        public TimeSpan By
        {
            get => new(Volatile.Read(ref _by));
            set => Volatile.Write(ref _by, value.Ticks);
        }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + By;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => GetUtcNow().Ticks;
    }
}
