using System.Text;
using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class ExportsMboxTests
{
    private const string Gmail = "Alle Nachrichten.mbox";

    [Fact]
    public void Gmails_mailbox_gives_mails_drafts_and_chats()
    {
        using var export = OpenFixture("mbox-gmail");
        var report = export.Inspect();
        Assert.Equal(("mbox", "ida@example.org"), (report.Platform, report.Account));
        Assert.Equal("message 1, mail 4, note 1", Kinds(report));
        Assert.Equal([true, false, true, true, false, false], export.Records().Select(mail => mail.Own)); // of the fifth, spam, anybody may have written the address
        Assert.Contains(report.Warnings, warning => warning.Contains("most mails in Sent are from", StringComparison.Ordinal));
        Assert.Contains(report.Warnings, warning => warning.Contains("1 mails name a charset that is not known", StringComparison.Ordinal));
        Assert.Contains(report.Warnings, warning => warning.Contains("1 mails have no date", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("boundary=\"b\"")]
    [InlineData("boundary*=\"us-ascii''b\"")]
    public void Parts_lie_between_a_boundary_however_it_is_written(string boundary)
    {
        var mail = $"From: Ida <ida@example.org>\nDate: Mon, 10 Feb 2020 23:12:47 +0100\nContent-Type: multipart/mixed; {boundary}\n\n--b\n\nThe oar\n--b\nContent-Type: text/plain\n\nis long.\n--b--\n";
        using var export = Export.Open("a.eml", Encoding.UTF8.GetBytes(mail), new ExportOptions { Me = "ida@example.org" });
        Assert.Equal("The oar\n\nis long.", export.Records().Single().Text);
    }

    // Each of these takes minutes where a part of it is looked through again and again.
    [Fact]
    public void What_is_made_to_be_searched_without_end_is_read_in_one_pass()
    {
        const int many = 3_000_000;
        var mail = $"From: Ida <ida@example.org>\nDate: Mon, 10 Feb 2020 23:12:47 +0100\nSubject: {string.Concat(Enumerable.Repeat("=?a?b?", 40_000))}\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n{string.Concat(Enumerable.Repeat("--b", many))}";
        using (var export = Export.Open("a.eml", Encoding.UTF8.GetBytes(mail), new ExportOptions { Me = "ida@example.org" }))
            Assert.Single(export.Records());
        var pairs = $"{{\"text\":\"{string.Concat(Enumerable.Repeat("\\ud83d\\ude00", 600_000))}\\ud83d\"}}\n";
        using (var export = Export.Open("a.jsonl", Encoding.UTF8.GetBytes(pairs), new ExportOptions { Me = "ida" }))
            Assert.EndsWith("\uFFFD", export.Records().Single().Text, StringComparison.Ordinal);
        var turns = $"{{{string.Concat(Enumerable.Range(0, 500_000).Select(i => $"\"{i}\":1,"))}\"messages\":[{string.Join(',', Enumerable.Repeat("{\"role\":\"assistant\",\"content\":\"x\"}", 90_000))}]}}\n";
        using (var export = Export.Open("b.jsonl", Encoding.UTF8.GetBytes(turns), new ExportOptions { Me = "ida" }))
            Assert.Equal(90_000, export.Records().Count());
    }

    [Fact]
    public void Labels_are_decoded_before_they_are_split()
    {
        using var export = OpenFixture("mbox-gmail");
        Assert.Equal("Gesendet,Schöne Dinge,Geöffnet", export.Records().First().Meta["labels"]);
    }

    [Fact]
    public void Headers_with_folds_and_words_cut_inside_a_character()
    {
        using var export = OpenFixture("mbox-gmail");
        var mail = export.Records().First();
        Assert.Equal(("Flohmärkt am Flüsschen", "ida@example.org", "Ida Brook"), (mail.Title, mail.Author, mail.Meta["from"]));
        Assert.Equal("bob@example.org jorgen@example.org ann@example.org eve@example.org", mail.Meta["to"]);
    }

    [Fact]
    public void Plain_text_is_preferred_and_attachments_are_named()
    {
        using var export = OpenFixture("mbox-gmail");
        var mail = export.Records().First();
        Assert.Equal("The café is open and this line is long enough to be folded by any program.\nFrom here on it rises.", mail.Text);
        Assert.Equal("1", mail.Meta["quoted"]); // what mboxrd wrote as >>From was a quotation
        Assert.Equal("fähre.jpg\nFahrplan ü.pdf", mail.Meta["attachments"]);
    }

    [Fact]
    public void Replies_hold_no_words_of_others()
    {
        using var export = OpenFixture("mbox-gmail");
        var mails = export.Records().ToList();
        Assert.Equal(("Gern, für zehn €.\n\n\n\n-- \nBob", "5"), (mails[1].Text, mails[1].Meta["quoted"]));
        Assert.Equal(("Abgemacht, bis Samstag 😣", "5"), (mails[2].Text, mails[2].Meta["quoted"]));
        Assert.Equal(("", "Re: Flohmarkt"), (mails[2].Title, mails[2].Meta["subject"])); // its first writer's words
        Assert.Equal(("Dear all,\n\ntwo boats & one oar", "2"), (mails[3].Text, mails[3].Meta["quoted"]));
    }

    [Fact]
    public void Threads_and_parents_tie_replies()
    {
        using var export = OpenFixture("mbox-gmail");
        var mails = export.Records().ToList();
        Assert.All(mails[..3], mail => Assert.Equal("1658000000000000001", mail.Thread));
        Assert.Equal([mails[0].Id, mails[1].Id], mails[1..3].Select(mail => mail.Meta["parent"]));
        using var folders = OpenFixture("mbox-folders");
        var answer = folders.Records().Last();
        var first = folders.Records().First();
        Assert.Equal((first.Id, first.Id), (answer.Thread, answer.Meta["parent"]));
        Assert.DoesNotContain("@", first.Id + answer.Id, StringComparison.Ordinal);
    }

    [Fact]
    public void Dates_with_obsolete_years_and_zones()
    {
        using var export = OpenFixture("mbox-gmail");
        Assert.Equal([1581372767000, 1581408000000, 1581411600000, 1581498000000, null, 1581670800000], export.Records().Select(mail => mail.Time));
    }

    [Fact]
    public void Mails_in_files_of_their_own()
    {
        using var export = OpenFixture("mbox-eml");
        Assert.Equal("ida@example.org", export.Account);
        var mails = export.Records().ToList();
        Assert.Equal((false, "Two oars are left, and they are long enough.", "1"), (mails[0].Own, mails[0].Text, mails[0].Meta["quoted"])); // no mbox: nothing to unquote
        Assert.Equal(1559383200000, mails[0].Time);
        Assert.Equal((true, "Take them.", "message/rfc822"), (mails[1].Own, mails[1].Text, mails[1].Meta["attachments"])); // a mail inside is its author's
        Assert.Contains(export.Report.Warnings, warning => warning.Contains("delivered to", StringComparison.Ordinal));
    }

    [Fact]
    public void Folders_of_mail_programs_without_their_deleted_mails()
    {
        using var export = OpenFixture("mbox-folders");
        var report = export.Inspect();
        Assert.Equal(("ida@example.org", 2L, 1L), (report.Account, report.Records, report.File("Inbox").Skipped));
        Assert.Equal(FileStatus.Ignored, report.File("notes.txt").Status);
        Assert.Equal(("Both are mine.", "2"), (export.Records().Last().Text, export.Records().Last().Meta["quoted"]));
    }

    [Fact]
    public void Nobody_is_guessed_where_it_is_not_clear()
    {
        const string mail = "From a@b Mon Feb 10 22:12:47 2020\nX-Gmail-Labels: Sent\nFrom: {0}@example.org\n\nx\n";
        using var export = Open(Zip(("a.mbox", string.Format(null, mail, "a") + string.Format(null, mail, "b"))));
        Assert.Equal(("", 0), (export.Account, export.Records().Count(record => record.Own)));
        using var named = Open(Zip(("a.mbox", string.Format(null, mail, "a") + string.Format(null, mail, "b"))), new ExportOptions { Me = "B@example.org" });
        Assert.Equal([false, true], named.Records().Select(record => record.Own));
    }

    [Fact]
    public void A_sentence_that_begins_with_From_parts_no_mails()
    {
        using var export = Open(Zip(("Inbox", "From a@b Mon Feb 10 22:12:47 2020\r\nFrom: a@b\r\n\r\nx\r\n\r\nFrom me: it is 12:30 now\r\nFrom 2020 on\r\n")));
        Assert.Equal("x\n\nFrom me: it is 12:30 now\nFrom 2020 on", Assert.Single(export.Records()).Text);
    }

    [Fact]
    public void A_mail_longer_than_the_limit_is_cut_and_the_next_is_read()
    {
        var mails = $"From a Mon Feb 10 22:12:47 2020\nFrom: a@b\n\nbegin {new string('x', 700_000)}\n\nFrom b Mon Feb 10 22:12:48 2020\nFrom: c@d\n\nnext\n";
        using var export = Open(Zip([KeyValuePair.Create("a.mbox", Encoding.UTF8.GetBytes(mails))], System.IO.Compression.CompressionLevel.NoCompression), new ExportOptions { Limits = new ExportLimits { RowLength = 1000 } });
        var records = export.Records().ToList();
        Assert.Equal(["a@b", "c@d"], records.Select(record => record.Author));
        Assert.StartsWith("begin x", records[0].Text, StringComparison.Ordinal);
        Assert.True(records[0].Text.Length < 1000);
        Assert.Equal("next", records[1].Text);
        Assert.Contains(export.Report.Warnings, warning => warning.Contains("longer than 1000 bytes", StringComparison.Ordinal));
    }

    [Fact]
    public void A_text_longer_than_a_record_is_reported()
    {
        using var export = Open(Zip([KeyValuePair.Create("1.eml", Encoding.UTF8.GetBytes("From: a@b\nDate: x\n\n" + new string('x', RecordRules.Text + 1)))], System.IO.Compression.CompressionLevel.NoCompression));
        Assert.Equal((0L, 1L), (export.Inspect().Records, export.Report.File("1.eml").Skipped));
        Assert.Contains("longer than", export.Report.File("1.eml").Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Mails_within_mails_without_end_are_not_followed()
    {
        var mail = new StringBuilder("From: a@b\nDate: Mon, 10 Feb 2020 23:12:47 +0100\nContent-Type: multipart/mixed; boundary=b0\n\n");
        for (int i = 0; i < 500; i++)
            mail.Append(null, $"--b{i}\nContent-Type: multipart/mixed; boundary=b{i + 1}\n\n");
        using var export = Open(Zip(("1.eml", mail + "--b500\n\ndeep\n")));
        Assert.Equal("", Assert.Single(export.Records()).Text);
        Assert.Contains(export.Report.Warnings, warning => warning.Contains("too many parts", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("armour", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\nA: b\n\nhello", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\nA: b\n\nhello", null)]
    [InlineData("rule", "yes\n-----Ursprüngliche Nachricht-----\nVon: Bob\nGesendet: Montag\n\nno", "yes", "5")]
    [InlineData("outlook", "yes\n________________________________\nFrom: Bob\nSent: Monday\n\nno", "yes", "5")]
    [InlineData("forward", "see\n---------- Forwarded message ---------\nFrom: Bob\nDate: Monday\n\nno", "see", "5")]
    [InlineData("between", "> a?\nyes\n> b?\nno", "yes\nno", "2")]
    [InlineData("folded", "yes\n\nOn Mon, 10 Feb 2020 at 22:12, Bob Otter <bob@example.org>\nwrote:\n> no", "yes", "3")]
    [InlineData("colon", "I bring:\n> no", "I bring:", "1")]
    public void Quotations_are_told_by_their_shape(string name, string body, string text, string? quoted)
    {
        using var export = Open(Zip((name + ".eml", $"From: a@b\nDate: Mon, 10 Feb 2020 23:12:47 +0100\n\n{body}\n")));
        var mail = Assert.Single(export.Records());
        Assert.Equal((text, quoted), (mail.Text, mail.Meta.GetValueOrDefault("quoted")));
    }

    [Theory]
    [InlineData("Content-Length: 22", "Content-Length: 99", "mbox.length", "Inbox")]
    [InlineData("Message-ID: <x@example.net>", "Message-ID: <1@example.org>", "mbox.ids", "Inbox")]
    [InlineData("Date: Sat, 01 Jun 2019 12:00:00", "Date: Sat, 08 Jun 2019 12:00:00", "mbox.dates", "Sent.mbox/mbox")]
    [InlineData("Date: Sat, 01 Jun 2019 12:00:00", "Date: Thu, 01 Jan 1970 12:00:00", "mbox.dates", "Sent.mbox/mbox")]
    public void What_a_mailbox_says_twice_must_agree(string old, string changed, string check, string file)
    {
        Assert.Equal(CheckOutcome.Passed, CheckOf(Files("mbox-folders"), check).Outcome);
        Assert.Equal(CheckOutcome.Failed, CheckOf(Edited("mbox-folders", file, old, changed), check).Outcome);
    }

    [Fact]
    public void Copies_of_one_mail_fail_no_check()
    {
        var files = Files("mbox-folders");
        files["Copy"] = files["Inbox"];
        var check = CheckOf(files, "mbox.ids");
        Assert.Equal((CheckOutcome.Passed, "3 ids, 2 of them repeated by copies of the same mail"), (check.Outcome, check.Detail));
    }

    [Theory]
    [InlineData("mbox", "From the editors\n\nhello")]
    [InlineData("Inbox", "From the editors at 12:30 in 2020\nhello")]
    [InlineData("a.eml", "{\"From\": 1}")]
    [InlineData("log", "2020-02-10 22:12:47 From: x")]
    public void Files_of_others_with_such_names_are_no_mail(string name, string text) => Assert.Throws<ExportException>(() => Open(Zip((name, text))));
}
