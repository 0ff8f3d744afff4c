using System.Text;
using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class ExportsLinkedInTests
{
    [Fact]
    public void Every_table_gives_its_kind()
    {
        using var export = OpenFixture("linkedin");
        var report = export.Inspect();
        Assert.Equal(("linkedin", "Fen Walker"), (report.Platform, report.Account));
        Assert.Equal("post 4, comment 2, message 4, search 1, vote 2, follow 2, bookmark 1, other 2", Kinds(report));
        Assert.Equal(0, report.Files.Sum(file => file.Skipped));
        Assert.DoesNotContain(report.Files, file => file.Status == FileStatus.Failed);
        Assert.Equal(FileStatus.Ignored, report.File("Email Addresses.csv").Status);
        Assert.Contains("Saved_Items.csv: line 2", Assert.Single(report.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_share_loses_the_quotes_around_each_line()
    {
        using var export = OpenFixture("linkedin");
        var shares = export.Records().Where(record => record.Source == "Shares.csv").ToList();
        Assert.Equal("First line, with a comma\n\nThen \"quoted\" words", shares[0].Text);
        Assert.Equal(("One line", true, 1683014400000), (shares[1].Text, shares[1].Own, shares[1].Time));
        Assert.Equal(("urn:li:share:7058779589836800000", "https://fen.example.org/boat"), (shares[0].Id, shares[0].Meta["links"]));
    }

    [Fact]
    public void A_comments_quotes_are_escaped_by_backslashes_or_doubled()
    {
        using var export = OpenFixture("linkedin");
        var comments = export.Records().Where(record => record.Kind == RecordKind.Comment).ToList();
        Assert.Equal(["He said \"wait\", so\nI waited", "Plain \"doubled\" quotes"], comments.Select(record => record.Text));
        Assert.Equal(["urn:li:activity:7058379453235200000", "urn:li:ugcPost:7058379453235200000"], comments.Select(record => record.Thread));
    }

    [Fact]
    public void Connections_behind_their_notes_without_mail_addresses()
    {
        using var export = OpenFixture("linkedin");
        var follow = export.Records().Single(record => record.Source == "Connections.csv");
        Assert.Equal((RecordKind.Follow, "Otter Bob", "Reed Ltd", "day", 1683244800000), (follow.Kind, follow.Meta["user"], follow.Meta["company"], follow.Meta["precision"], follow.Time));
        Assert.DoesNotContain(export.Records(), record => record.Meta.Values.Any(value => value.Contains('@')));
    }

    [Fact]
    public void Messages_are_own_by_the_profiles_name_whatever_the_case()
    {
        using var export = OpenFixture("linkedin");
        var messages = export.Records().Where(record => record.Source == "messages.csv").ToList();
        Assert.Equal([false, true, true], messages.Select(record => record.Own));
        Assert.Equal(("2-abc==", "Boats", "Do you still\nbuild boats?", 1683104400000), (messages[0].Thread, messages[0].Title, messages[0].Text, messages[0].Time));
        Assert.Equal("draft", messages[2].Meta["state"]);
    }

    [Fact]
    public void Dates_without_order_or_zone_stay_text()
    {
        using var export = OpenFixture("linkedin");
        var invitations = export.Records().Where(record => record.Source == "Invitations.csv").ToList();
        Assert.Equal([(RecordKind.Message, false, null, "5/1/23, 12:34 PM"), (RecordKind.Other, true, (long?)null, "5/2/23, 1:00 PM")],
            invitations.Select(record => (record.Kind, record.Own, record.Time, record.Meta["date"])));
        Assert.Null(export.Records().Single(record => record.Kind == RecordKind.Bookmark).Time);
    }

    [Fact]
    public void Dates_of_every_form_and_recommendations()
    {
        using var export = OpenFixture("linkedin");
        var records = export.Records().ToLookup(record => record.Source);
        Assert.Equal(1683198733000, records["SearchQueries.csv"].Single().Time);
        Assert.Equal(1682944496000, records["Company Follows.csv"].Single().Time);
        Assert.Equal(("Fen Walker", true), (records["Recommendations_Given.csv"].Single().Author, records["Recommendations_Given.csv"].Single().Own));
        Assert.Equal(("Otter Bob", false), (records["Recommendations_Received.csv"].Single().Author, records["Recommendations_Received.csv"].Single().Own));
    }

    [Fact]
    public void What_is_dated_before_its_post_fails_the_times()
    {
        Assert.Equal((CheckOutcome.Passed, "6 rows are dated after the post in their link was made"),
            (CheckOf(Files("linkedin"), "linkedin.times").Outcome, CheckOf(Files("linkedin"), "linkedin.times").Detail));
        Assert.Contains("1 of 6", CheckOf(Edited("linkedin", "Reactions.csv", "2023-05-01", "2023-04-28"), "linkedin.times").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void The_profile_comes_along_as_evidence()
    {
        using var export = OpenFixture("linkedin");
        Assert.Equal(["Profile.csv", "messages.csv"], export.Files.Where(file => export.IsEvidence(file, name => name == "messages.csv")));
    }

    [Theory]
    [InlineData("messages.csv", "id,date,from,to,body\n1,2,3,4,5\n")]
    [InlineData("comments.csv", "Date,Link,Message\n1,2,3\n")]
    [InlineData("messages.csv", "ID,Timestamp,Contents,Attachments\n1,2,3,4\n")]
    [InlineData("connections.csv", "name,since\nx,y\n")]
    public void Tables_of_others_are_not_LinkedIns(string name, string csv) => Assert.Throws<ExportException>(() => Open(Zip((name, csv))));

    [Fact]
    public void Reddits_tables_stay_Reddits()
    {
        using var export = OpenFixture("reddit");
        Assert.Equal("reddit", export.Platform);
    }

    [Fact]
    public void NotesWithoutATable()
    {
        using var export = Open(Zip([.. Files("linkedin").Where(file => file.Key != "Connections.csv"),
            KeyValuePair.Create("Connections.csv", Encoding.UTF8.GetBytes("Notes:\n\"nothing else\"\n"))]));
        Assert.Equal(FileStatus.Failed, export.Inspect().File("Connections.csv").Status);
    }
}
