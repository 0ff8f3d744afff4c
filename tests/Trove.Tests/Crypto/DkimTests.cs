using System.Security.Cryptography;
using System.Text;
using Trove.Crypto.Dkim;

namespace Trove.Tests.Crypto;

public sealed class DkimTests : IDisposable
{
    // RFC 8463 appendix A.2 and A.3.
    internal const string Ed25519Record = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    internal const string RsaRecord = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";
    internal static readonly string Example = string.Join("\r\n",
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;", " d=football.example.com; i=@football.example.com;", " q=dns/txt; s=brisbane; t=1528637909; h=from : to :",
        " subject : date : message-id : from : subject : date;", " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;", " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus", " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==",
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;", " d=football.example.com; i=@football.example.com;", " q=dns/txt; s=test; t=1528637909; h=from : to : subject :", " date : message-id : from : subject : date;",
        " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;", " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3", " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz", " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=",
        "From: Joe SixPack <joe@football.example.com>", "To: Suzie Q <suzie@shopping.example.net>", "Subject: Is dinner ready?", "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)",
        "Message-ID: <20030712040037.46341.5F8J@football.example.com>", "", "Hi.", "", "We lost the game.  Are you hungry yet?", "", "Joe.", "");

    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly RSA _rsa = RSA.Create(2048);

    public void Dispose() => _rsa.Dispose();

    [Theory]
    [InlineData("\r\n")]
    [InlineData("\n")] // as mail stores write it
    public async Task The_standards_mail_with_two_signatures_passes_twice(string newLine)
    {
        var results = await VerifyAsync(Example.Replace("\r\n", newLine, StringComparison.Ordinal), ("brisbane", Ed25519Record), ("test", RsaRecord));
        Assert.Equal([(DkimOutcome.Pass, "signed by football.example.com", Ed25519Record), (DkimOutcome.Pass, "signed by football.example.com", RsaRecord)],
            results.Select(r => (r.Outcome, r.Detail, r.KeyRecord)));
    }

    [Theory]
    [InlineData("hungry yet", "hungry now", "the body was changed")]
    [InlineData("Joe.\r\n", "Joe.\r\nP.S.\r\n", "the body was changed")]
    [InlineData("suzie@", "susie@", "the signed fields were changed")]
    [InlineData("Subject: Is", "Subject: Was\r\nSubject: Is", "the signed fields were changed")] // it is signed that there is one
    [InlineData("t=1528637909; h=from : to :", "t=1528637908; h=from : to :", "the signed fields were changed")]
    public async Task A_tampered_mail_fails(string from, string to, string why)
    {
        var results = await VerifyAsync(Example.Replace(from, to, StringComparison.Ordinal), ("brisbane", Ed25519Record), ("test", RsaRecord));
        Assert.Equal((DkimOutcome.Fail, why), (results[0].Outcome, results[0].Detail));
    }

    [Theory]
    [InlineData("Hi.\r\n", "Hi. \t \r\n")]
    [InlineData("the game.  Are", "the game. \t Are")]
    [InlineData("Joe.\r\n", "Joe.\r\n\r\n\r\n")]
    [InlineData("Subject: Is dinner ready?", "subject :  Is dinner\r\n\tready?  ")]
    public async Task White_space_may_change_on_a_relaxed_way(string from, string to) =>
        Assert.All(await VerifyAsync(Example.Replace(from, to, StringComparison.Ordinal), ("brisbane", Ed25519Record), ("test", RsaRecord)), r => Assert.Equal(DkimOutcome.Pass, r.Outcome));

    [Theory]
    [InlineData(null, DkimOutcome.PermError, "there is no key at brisbane._domainkey.football.example.com")]
    [InlineData("v=DKIM1; k=ed25519; p=", DkimOutcome.PermError, "the key was revoked")]
    [InlineData("v=DKIM1; k=ed25519; t=y; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", DkimOutcome.Policy, "the domain only tries its key out")]
    [InlineData("v=DKIM1; k=ed25519; s=tlsrpt; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", DkimOutcome.PermError, "the key is not for mail")]
    [InlineData("v=DKIM1; k=ed25519; h=sha1; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", DkimOutcome.PermError, "the key is not for SHA-256")]
    [InlineData("k=ed25519; v=DKIM1; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", DkimOutcome.PermError, "the key's record is of another version than DKIM1")]
    [InlineData("k=ed25519; p=AAAA", DkimOutcome.PermError, "an Ed25519 key has 32 bytes")]
    [InlineData(RsaRecord, DkimOutcome.PermError, "the key is of another kind than the signature")]
    [InlineData("v=DKIM1; p=%", DkimOutcome.PermError, "the key is no base64")]
    [InlineData("v=DKIM1; p=AAAA", DkimOutcome.PermError, "the RSA key cannot be read")]
    [InlineData("nothing", DkimOutcome.PermError, "the key's record cannot be read")]
    [InlineData("k=ed25519; p=21qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", DkimOutcome.Fail, "the signed fields were changed")] // another domain's
    public async Task The_key_decides(string? record, DkimOutcome outcome, string detail)
    {
        var results = await VerifyAsync(Example, record is null ? [] : [("brisbane", record)]);
        Assert.Equal((outcome, detail), (results[0].Outcome, results[0].Detail));
    }

    [Fact]
    public async Task Without_an_answer_it_may_hold_later()
    {
        var results = await DkimVerifier.VerifyAsync(Read(Example), (_, _) => Task.FromResult(new TxtAnswer([], Failed: true)), Now, TestContext.Current.CancellationToken);
        Assert.Equal(DkimOutcome.TempError, results[0].Outcome);
    }

    [Fact]
    public async Task Two_records_under_one_name_are_none()
    {
        var results = await DkimVerifier.VerifyAsync(Read(Example), (_, _) => Task.FromResult(new TxtAnswer([Ed25519Record, RsaRecord], Failed: false)), Now, TestContext.Current.CancellationToken);
        Assert.All(results, r => Assert.StartsWith("there are several keys", r.Detail, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("simple/simple")]
    [InlineData("simple/relaxed")]
    [InlineData("relaxed/simple")]
    [InlineData("relaxed")]
    [InlineData(null)]
    public async Task A_mail_signed_here_passes_by_every_way_and_is_held_to_it(string? way)
    {
        var mail = Sign("Hello  there \r\n\r\n", way is null ? "" : $"c={way}; ");
        Assert.Equal((DkimOutcome.Pass, "signed by example.org"), Only(await VerifyAsync(mail, ("s", Record()))));
        bool headerMayChange = way?.StartsWith("relaxed", StringComparison.Ordinal) == true, bodyMayChange = way?.EndsWith("/relaxed", StringComparison.Ordinal) == true;
        Assert.Equal(headerMayChange, (await VerifyAsync(mail.Replace("Subject: Your", "Subject:  Your", StringComparison.Ordinal), ("s", Record())))[0].Outcome == DkimOutcome.Pass);
        Assert.Equal(bodyMayChange, (await VerifyAsync(mail.Replace("Hello  there", "Hello there", StringComparison.Ordinal), ("s", Record())))[0].Outcome == DkimOutcome.Pass);
    }

    [Theory]
    [InlineData("", "simple")]
    [InlineData("", "relaxed")]
    [InlineData("\r\n\r\n", "relaxed")]
    [InlineData("no line's end", "relaxed")]
    [InlineData("no line's end", "simple")]
    public async Task Odd_bodies(string body, string way) => Assert.Equal(DkimOutcome.Pass, Only(await VerifyAsync(Sign(body, $"c=simple/{way}; "), ("s", Record()))).Outcome);

    // RFC 6376 section 3.4.5.
    [Theory]
    [InlineData(true, true, "a:X\r\nb:Y Z\r\n", " C\r\nD E\r\n")]
    [InlineData(false, false, "A: X\r\nB : Y\t\r\n\tZ  \r\n", " C \r\nD \t E\r\n")]
    public void The_standards_canonicalization(bool relaxedHeader, bool relaxedBody, string header, string body)
    {
        var mail = Read("A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n");
        Assert.Equal(header, string.Concat(mail.Fields.Select(f => DkimCanonicalization.Header(f, relaxedHeader))));
        Assert.Equal(body, Encoding.Latin1.GetString(DkimCanonicalization.Body(mail.Body.Span, relaxedBody)));
    }

    [Theory]
    [InlineData("l=5; ", DkimOutcome.Policy, "it covers a part of the body only (l=)")]
    [InlineData("x=1500000000; ", DkimOutcome.Policy, "it has expired")]
    [InlineData("t=1900000000; ", DkimOutcome.Policy, "it was made in the future")]
    [InlineData("t=1400000000; x=1300000000; ", DkimOutcome.PermError, "its times cannot be read, or it expires before it was made")]
    [InlineData("i=a@example.com; ", DkimOutcome.PermError, "its i= is not of its domain")]
    [InlineData("i=a@evilexample.org; ", DkimOutcome.PermError, "its i= is not of its domain")]
    [InlineData("q=http; ", DkimOutcome.PermError, "its key is not in the DNS")]
    [InlineData("c=nofws; ", DkimOutcome.PermError, "its c= is not known")]
    [InlineData("v=1; ", DkimOutcome.PermError, "its tags cannot be read")]
    public async Task What_is_refused_though_it_was_signed(string tags, DkimOutcome outcome, string detail) =>
        Assert.Equal((outcome, detail), Only(await VerifyAsync(Sign("Hello\r\n", tags), ("s", Record()))));

    [Theory]
    [InlineData("a@sub.example.org", "", DkimOutcome.Pass)]
    [InlineData("a@sub.example.org", "t=s; ", DkimOutcome.PermError)]
    [InlineData("a@example.org", "t=s; ", DkimOutcome.Pass)]
    public async Task A_strict_key_is_for_its_own_domain(string identity, string flags, DkimOutcome outcome) =>
        Assert.Equal(outcome, Only(await VerifyAsync(Sign("Hello\r\n", $"i={identity}; "), ("s", flags + Record()))).Outcome);

    [Fact]
    public async Task Other_algorithms_and_short_keys_do_not_count()
    {
        Assert.Equal(DkimOutcome.Policy, Only(await VerifyAsync(Sign("Hello\r\n", "").Replace("a=rsa-sha256", "a=rsa-sha1", StringComparison.Ordinal), ("s", Record()))).Outcome);
        using var weak = RSA.Create(512);
        var (outcome, detail) = Only(await VerifyAsync(Sign("Hello\r\n", "", weak), ("s", Record(weak))));
        Assert.Equal((DkimOutcome.Policy, "the RSA key has 512 bits; from 1024 to 8192 count"), (outcome, detail));
    }

    [Fact]
    public async Task A_bare_RSA_key_is_one_too() =>
        Assert.Equal(DkimOutcome.Pass, Only(await VerifyAsync(Sign("Hello\r\n", ""), ("s", "p=" + Convert.ToBase64String(_rsa.ExportRSAPublicKey())))).Outcome);

    [Fact]
    public async Task Only_so_many_signatures_are_looked_at()
    {
        int asked = 0;
        var mail = Read(string.Concat(Enumerable.Repeat("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s; h=from; bh=AA==; b=AA==\r\n", 100)) + "From: a\r\n\r\n");
        var results = await DkimVerifier.VerifyAsync(mail, (_, _) =>
        {
            asked++;
            return Task.FromResult(new TxtAnswer([], Failed: false));
        }, Now, TestContext.Current.CancellationToken);
        Assert.Equal((DkimVerifier.MaxSignatures, DkimVerifier.MaxSignatures), (results.Count, asked));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\r\n\r\nbody")]
    [InlineData(" folded\r\n\r\n")]
    [InlineData("no colon\r\n\r\n")]
    [InlineData("N\u00e4me: x\r\n\r\n")]
    public void What_is_no_mail(string text) => Assert.Null(DkimMessage.Read(Encoding.Latin1.GetBytes(text)));

    private static DkimMessage Read(string mail) => DkimMessage.Read(Encoding.Latin1.GetBytes(mail))!;

    private static (DkimOutcome Outcome, string Detail) Only(IReadOnlyList<DkimResult> results) => (results.Single().Outcome, results.Single().Detail);

    private static Task<IReadOnlyList<DkimResult>> VerifyAsync(string mail, params (string Selector, string Record)[] keys) =>
        DkimVerifier.VerifyAsync(Read(mail), (name, _) => Task.FromResult(new TxtAnswer([.. keys.Where(k => name.StartsWith(k.Selector + "._domainkey.", StringComparison.Ordinal)).Select(k => k.Record)], Failed: false)),
            Now, TestContext.Current.CancellationToken);

    private string Record(RSA? rsa = null) => "p=" + Convert.ToBase64String((rsa ?? _rsa).ExportSubjectPublicKeyInfo());

    // A signer of its own, with string operations where the verifier walks: by each way of c=, From and Subject signed.
    private string Sign(string body, string tags, RSA? rsa = null)
    {
        var ways = tags.Contains("c=", StringComparison.Ordinal) ? tags.Split("c=")[1].Split(';')[0].Split('/') : ["simple"];
        bool relaxedHeader = ways[0] == "relaxed", relaxedBody = ways.Length > 1 && ways[1] == "relaxed";
        var lines = body.Split("\r\n").Select(line => relaxedBody ? string.Join(' ', line.Replace('\t', ' ').Split(' ', StringSplitOptions.RemoveEmptyEntries).Prepend(line.StartsWith(' ') ? "" : null).Where(w => w is not null)) : line).ToList();
        while (lines.Count > 0 && lines[^1].Length == 0)
            lines.RemoveAt(lines.Count - 1);
        var canonical = lines.Count == 0 ? relaxedBody ? "" : "\r\n" : string.Concat(lines.Select(line => line + "\r\n"));
        var hash = Convert.ToBase64String(SHA256.HashData(Encoding.Latin1.GetBytes(canonical)));
        var signature = $"v=1; a=rsa-sha256; d=example.org; s=s; {tags}h=from:subject; bh={hash}; b=";
        var signed = relaxedHeader
            ? $"from:Us <us@example.org>\r\nsubject:Your export\r\ndkim-signature:{signature}"
            : $"From: Us <us@example.org>\r\nSubject: Your export\r\nDKIM-Signature: {signature}";
        var bytes = Convert.ToBase64String((rsa ?? _rsa).SignData(Encoding.Latin1.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        return $"DKIM-Signature: {signature}{bytes}\r\nFrom: Us <us@example.org>\r\nSubject: Your export\r\n\r\n{body}";
    }
}
