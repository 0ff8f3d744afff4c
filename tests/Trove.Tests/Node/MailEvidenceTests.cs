using System.Text;
using Trove.Core.Rewards;
using Trove.Crypto.Dkim;
using Trove.Node.Verification;
using Trove.Tests.Crypto;
using Outcome = Trove.Core.Rewards.CheckOutcome;

namespace Trove.Tests.Node;

/// <summary>Mails that platforms, members and strangers made, with the keys that the DNS has.</summary>
public sealed class MailEvidenceTests
{
    private static readonly DateTimeOffset Announced = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    private static readonly MailSigner Platform = new(), Stranger = new(); // keys are slow to make
    private readonly List<string> _asked = [];

    [Theory]
    [InlineData("reddit", "reddit.com", "Reddit <noreply@reddit.com>", "reddit.com")]
    [InlineData("reddit", "redditmail.com", "noreply@redditmail.com", "redditmail.com")]
    [InlineData("reddit", "mail.Reddit.com", "\"Reddit, Inc.\" <noreply@account.reddit.com> (exports)", "reddit.com")]
    [InlineData("google", "accounts.google.com", "Google <no-reply@accounts.google.com>", "google.com")]
    [InlineData("amazon", "amazon.co.uk", "dsar@amazon.co.uk", "amazon.co.uk")]
    public async Task A_mail_that_thePlatform_signed_passes(string platform, string domain, string from, string named)
    {
        var mail = MailSigner.Mail(Platform.Sign(MailSigner.Header(Announced.AddDays(-3), from), domain));
        Assert.Null(MailEvidence.Problem(platform, "maya_tides", mail, Announced));
        Assert.Equal(new EvidenceCheck("dkim", Outcome.Passed, $"{named} signed a mail to the account, at most 400 days before"), await CheckAsync(platform, mail));
        Assert.Equal($"s._domainkey.{domain.ToLowerInvariant()}", Assert.Single(_asked));
    }

    [Theory]
    [InlineData("Your export", "Your last export")]
    [InlineData("maya@", "ada@")]
    [InlineData("it soon", "it later")]
    public async Task A_mail_that_was_changed_fails(string from, string to)
    {
        var mail = Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(Good()).Replace(from, to, StringComparison.Ordinal));
        var check = await CheckAsync("reddit", mail);
        Assert.Equal((Outcome.Failed, "a mail is not as reddit.com signed it"), (check.Outcome, check.Detail));
        // Beside a good one, too: it was given as evidence.
        Assert.Equal(Outcome.Failed, (await CheckAsync("reddit", Good(), mail)).Outcome);
        Assert.Equal(from == "it soon" ? "its body was changed since it was signed" : null, MailEvidence.Problem("reddit", "maya_tides", mail, Announced));
    }

    [Fact]
    public async Task A_mail_that_aStranger_signed_in_thePlatforms_name_fails() =>
        Assert.Equal(Outcome.Failed, (await CheckAsync("reddit", MailSigner.Mail(Stranger.Sign(MailSigner.Header(Announced.AddDays(-3)), "reddit.com")))).Outcome);

    [Theory]
    [InlineData("example.org", "it is not signed by reddit.com or redditmail.com")]
    [InlineData("evilreddit.com", "it is not signed by reddit.com or redditmail.com")]
    [InlineData("reddit.com.example.org", "it is not signed by reddit.com or redditmail.com")]
    [InlineData("com", "it is not signed by reddit.com or redditmail.com")]
    [InlineData("x.com", "it is not signed by reddit.com or redditmail.com")]
    [InlineData("redditmail.com", "its From is of another domain than the one that signed it")] // as a signer of mails of others would
    public async Task SignedByAnotherDomain(string domain, string problem) => await AbsentAsync(problem, Platform.Sign(MailSigner.Header(Announced.AddDays(-3)), domain));

    [Theory]
    [InlineData("Reddit <noreply@example.org>")]
    [InlineData("noreply@evilreddit.com")]
    [InlineData("\"noreply@reddit.com\" <noreply@example.org>")]
    [InlineData("noreply@reddit.com.example.org")]
    public async Task FromOfAnotherDomain(string from) =>
        await AbsentAsync("its From is of another domain than the one that signed it", Platform.Sign(MailSigner.Header(Announced.AddDays(-3), from), "reddit.com"));

    [Theory]
    [InlineData("noreply@reddit.com, b@example.org")]
    [InlineData("Reddit")]
    [InlineData("noreply@reddit.com@example.org")]
    public async Task FromThatIsNotOneAddress(string from) => await AbsentAsync("From is not exactly one address", Platform.Sign(MailSigner.Header(Announced.AddDays(-3), from), "reddit.com"));

    [Theory]
    [InlineData("maya@example.org, ada@example.org")]
    [InlineData("undisclosed-recipients:;")]
    [InlineData("friends: maya@example.org, ada@example.org;")]
    [InlineData("Maya")]
    [InlineData("maya@example")]
    [InlineData("maya@example.org ada@example.org")]
    [InlineData("=?utf-8?q?maya=40example.org=2C?= <m\u00e4ya@example.org>")]
    public async Task ToThatIsNotOneAddress(string to) => await AbsentAsync("To is not exactly one address", Platform.Sign(MailSigner.Header(Announced.AddDays(-3), to: to), "reddit.com"));

    [Theory]
    [InlineData("from:subject:date")]
    [InlineData("from:to:date")]
    [InlineData("from:to:subject")]
    public async Task FieldThatIsNotSigned(string fields) =>
        await AbsentAsync("its signature leaves out To, Subject or Date", Platform.Sign(MailSigner.Header(Announced.AddDays(-3)), "reddit.com", fields));

    // Only the lowest is signed: anybody may put another above it, which mail programs show.
    [Theory]
    [InlineData("To: eve@example.org", "To")]
    [InlineData("Date: Mon, 04 May 2026 11:00:00 +0000", "Date")]
    [InlineData("Subject: Another", "Subject")]
    [InlineData("From: a@reddit.com", "From")]
    public async Task FieldThatStandsTwice(string line, string name) =>
        await AbsentAsync($"it has not exactly one {name}", line + "\r\n" + Platform.Sign(MailSigner.Header(Announced.AddDays(-3)), "reddit.com"));

    [Fact]
    public async Task FieldThatIsMissing() =>
        await AbsentAsync("it has not exactly one To", Platform.Sign(MailSigner.Header(Announced.AddDays(-3)).Replace("To: Maya <maya@example.org>\r\n", "", StringComparison.Ordinal), "reddit.com"));

    [Fact]
    public async Task The_date_is_held_against_the_announced_block_to_the_second()
    {
        foreach (var date in new[] { Announced, Announced.AddDays(-400) })
            Assert.Equal(Outcome.Passed, (await CheckAsync("reddit", MailSigner.Mail(Platform.Sign(MailSigner.Header(date), "reddit.com")))).Outcome);
        await AbsentAsync("it is dated after the contribution", Platform.Sign(MailSigner.Header(Announced.AddSeconds(1)), "reddit.com"));
        await AbsentAsync("it is dated more than 400 days before the contribution", Platform.Sign(MailSigner.Header(Announced.AddDays(-400).AddSeconds(-1)), "reddit.com"));
        await AbsentAsync("its date cannot be read", Platform.Sign(MailSigner.Header(Announced).Replace(" +0000", "", StringComparison.Ordinal), "reddit.com"));
    }

    [Theory]
    [InlineData("l=5; ", "of its signature: it covers a part of the body only (l=)")]
    [InlineData("t=1700000000; x=1700000001; ", "of its signature: it has expired")]
    [InlineData("t=1900000000; ", "of its signature: it was made in the future")]
    public async Task SignatureThatDoesNotCount(string tags, string problem) => await AbsentAsync(problem, Platform.Sign(MailSigner.Header(Announced.AddDays(-3)), "reddit.com", tags: tags));

    [Theory]
    [InlineData("maya@example.org", Outcome.Passed)]
    [InlineData("Maya@Example.org", Outcome.Passed)]
    [InlineData("@Maya_Tides", Outcome.Passed)]
    [InlineData("ada@example.org", Outcome.Absent)]
    public async Task An_account_that_is_an_address_has_to_be_the_mails(string account, Outcome outcome)
    {
        var check = await MailEvidence.CheckAsync("google", account, [MailSigner.Mail(Platform.Sign(MailSigner.Header(Announced, "no-reply@google.com"), "google.com"))], Announced, LookUp, TestContext.Current.CancellationToken);
        Assert.Equal(outcome, check.Outcome);
        Assert.Equal(outcome == Outcome.Absent, check.Detail.EndsWith("it was sent to another address than the account's", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Hi maya_tides,", true)]
    [InlineData("Dear Maya_Tides.", true)]
    [InlineData("\r\nHello @maya_tides!", true)]
    [InlineData("HEY u/maya_tides", true)]
    [InlineData("maya_tides", false)] // any word
    [InlineData("Hi ada, u/maya_tides replied: hi maya_tides", false)] // what others wrote
    [InlineData("u/maya_tides said: Hi maya_tides", false)]
    [InlineData("Hi maya_tides2", false)]
    [InlineData("Hi maya_tides.de", false)]
    [InlineData("Himaya_tides", false)]
    [InlineData("Hi", false)]
    [InlineData("Hi ada", false)]
    public async Task An_account_that_is_a_name_has_to_be_greeted_by_it(string text, bool named)
    {
        var mail = MailSigner.Mail(Platform.Sign(MailSigner.Header(Announced.AddDays(-3)), "reddit.com", body: text + "\r\n"), text + "\r\n");
        var check = await CheckAsync("reddit", mail);
        Assert.Equal(named ? Outcome.Passed : Outcome.Absent, check.Outcome);
        Assert.Equal(named ? null : "it is not about data, or does not greet the account by its name", MailEvidence.Problem("reddit", "maya_tides", mail, Announced));
    }

    [Fact]
    public async Task A_mail_about_something_else_does_not_count() => await AbsentAsync("it is not about data, or does not greet the account by its name",
        Platform.Sign(MailSigner.Header(Announced.AddDays(-3)).Replace("Your export is ready", "ada mentioned you", StringComparison.Ordinal), "reddit.com"));

    [Theory]
    [InlineData("telegram")]
    [InlineData("whatsapp")]
    [InlineData("mbox")]
    public async Task Platforms_that_send_none(string platform)
    {
        Assert.Equal($"mails about {platform} exports do not count", (await CheckAsync(platform, Good())).Detail);
        Assert.NotNull(MailEvidence.Problem(platform, "maya_tides", Good(), Announced));
        Assert.Empty(_asked);
    }

    [Fact]
    public async Task WithoutAMail() => Assert.Equal(new EvidenceCheck("dkim", Outcome.Absent, "no mail in which reddit announces the export was given"), await CheckAsync("reddit"));

    [Fact]
    public async Task WhatIsNoMail() => await AbsentAsync("it is no mail with a header", "PK\u0003\u0004");

    [Theory]
    [InlineData(null)]
    [InlineData("v=DKIM1; p=")]
    [InlineData("v=DKIM1; t=y; p=")]
    public async Task KeyThatIsGone(string? record)
    {
        var check = await MailEvidence.CheckAsync("reddit", "maya_tides", [Good()], Announced, (_, _) => Task.FromResult(new TxtAnswer(record is null ? [] : [record], Failed: false)), TestContext.Current.CancellationToken);
        Assert.Equal((Outcome.Absent, "the mail does not count: reddit.com has no usable key any more under which it was signed"), (check.Outcome, check.Detail));
    }

    [Fact]
    public async Task A_silent_resolver_is_no_fact()
    {
        var silence = await Assert.ThrowsAsync<DnsSilentException>(() =>
            MailEvidence.CheckAsync("reddit", "maya_tides", [Good()], Announced, (_, _) => Task.FromResult(new TxtAnswer([], Failed: true)), TestContext.Current.CancellationToken));
        Assert.Contains("reddit.com", silence.Message, StringComparison.Ordinal);
    }

    // Whoever sends mails for the platform signs too, and relays add theirs; who is not the platform is not even asked for.
    [Fact]
    public async Task One_signature_of_several_is_enough()
    {
        var once = Stranger.Sign(MailSigner.Header(Announced.AddDays(-3)), "sender.example.net");
        Assert.Equal(Outcome.Passed, (await CheckAsync("reddit", MailSigner.Mail(Platform.Sign(once, "reddit.com")))).Outcome);
        Assert.Equal(["s._domainkey.reddit.com"], _asked);
        var twice = Platform.Sign(Stranger.Sign(MailSigner.Header(Announced.AddDays(-3)), "reddit.com", selector: "old"), "reddit.com");
        foreach (var mail in new[] { twice, string.Join("\r\n", twice.Split("\r\n") is var l ? [l[1], l[0], .. l[2..]] : l) })
            Assert.Equal(Outcome.Passed, (await CheckAsync("reddit", MailSigner.Mail(mail))).Outcome);
    }

    [Fact]
    public async Task One_mail_of_several_is_enough_and_the_rest_is_read_in_order()
    {
        var other = MailSigner.Mail(Platform.Sign(MailSigner.Header(Announced.AddDays(-3)), "example.org"));
        Assert.Equal(Outcome.Passed, (await CheckAsync("reddit", other, Good())).Outcome);
        Assert.EndsWith("it is not signed by reddit.com or redditmail.com", (await CheckAsync("reddit", other, "x"u8.ToArray())).Detail, StringComparison.Ordinal);
    }

    // What is published has to be short and of the table, whatever a mail says.
    [Fact]
    public async Task Details_hold_nothing_of_the_mail()
    {
        const string canary = "cnry";
        foreach (var (domain, from, to) in new[] { ($"{canary}.reddit.com", $"{canary} <{canary}@reddit.com>", $"{canary}@example.org"), ("reddit.com", $"a@{canary}.example.org", "a@b.cd"), ("reddit.com", "a@reddit.com", canary) })
            foreach (var lookup in new Func<string, CancellationToken, Task<TxtAnswer>>[] { LookUp, (_, _) => Task.FromResult(new TxtAnswer([], Failed: false)), (_, _) => Task.FromResult(new TxtAnswer([Stranger.Record], Failed: false)) })
            {
                var body = MailSigner.To(canary);
                var check = await MailEvidence.CheckAsync("reddit", canary, [MailSigner.Mail(Platform.Sign(MailSigner.Header(Announced, from, to), domain, selector: canary, body: body), body)], Announced, lookup, TestContext.Current.CancellationToken);
                Assert.DoesNotContain(canary, check.Detail, StringComparison.Ordinal);
                Assert.InRange(check.Detail.Length, 10, 200);
            }
    }

    private byte[] Good() => MailSigner.Mail(Platform.Sign(MailSigner.Header(Announced.AddDays(-3)), "reddit.com"));

    private Task<EvidenceCheck> CheckAsync(string platform, params byte[][] mails) =>
        MailEvidence.CheckAsync(platform, "maya_tides", [.. mails.Select(m => (ReadOnlyMemory<byte>)m)], Announced, LookUp, TestContext.Current.CancellationToken);

    // The same reason on the member's machine and on the verifiers', and nobody is asked.
    private async Task AbsentAsync(string problem, string header)
    {
        var mail = MailSigner.Mail(header);
        int asked = _asked.Count;
        Assert.Equal(problem, MailEvidence.Problem("reddit", "maya_tides", mail, Announced));
        Assert.Equal(new EvidenceCheck("dkim", Outcome.Absent, $"the mail does not count: {problem}"), await CheckAsync("reddit", mail));
        Assert.Equal(asked, _asked.Count);
    }

    private Task<TxtAnswer> LookUp(string name, CancellationToken _)
    {
        _asked.Add(name);
        return Task.FromResult(new TxtAnswer([Platform.Record], Failed: false));
    }
}
