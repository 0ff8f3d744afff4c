using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class ExportsFacebookTests
{
    private const string Inbox = "your_facebook_activity/messages/inbox/otterbob_1234567890/message_1.json", Profile = "personal_information/profile_information/profile_information.json";

    [Fact]
    public void Every_section_gives_its_kind()
    {
        using var export = OpenFixture("facebook");
        var report = export.Inspect();
        Assert.Equal(("facebook", "Fën Walker"), (report.Platform, report.Account));
        Assert.Equal("post 5, comment 1, message 9, search 1, vote 2, follow 2, bookmark 1, other 2", Kinds(report));
        Assert.DoesNotContain(report.Files, file => file.Status == FileStatus.Failed);
        Assert.Equal(FileStatus.Ignored, report.File("security_and_login_information/ip_address_activity.json").Status);
        Assert.Empty(report.Warnings);
        var comments = report.File("your_facebook_activity/comments_and_reactions/comments.json");
        Assert.Equal((1L, 1L, "an entry lacks what makes a comment (element 2)"), (comments.Records, comments.Skipped, comments.Reason));
    }

    [Fact]
    public void The_generation_of_2019_with_unversioned_sections_and_older_roots()
    {
        using var export = OpenFixture("facebook-2019");
        var report = export.Inspect();
        Assert.Equal(("facebook", "post 1, comment 1, vote 1, follow 1, other 1"), (report.Platform, Kinds(report)));
        Assert.Equal("Vœux", export.Records().Single(record => record.Kind == RecordKind.Post).Text);
        Assert.Equal("name:OtterBob_aB-cD", export.Records().Single(record => record.Meta.GetValueOrDefault("what") == "call").Thread);
    }

    [Fact]
    public void Posts_are_repaired_and_Facebooks_sentences_are_left_out()
    {
        using var export = OpenFixture("facebook");
        var posts = export.Records().Where(record => record.Kind == RecordKind.Post).ToDictionary(record => record.Time!.Value);
        Assert.Equal(("Reeds – café – 🐦", "", "Otter Bøb"), (posts[1577836800000].Text, posts[1577836800000].Title, posts[1577836800000].Meta["tags"]));
        Assert.Equal(("", "https://fen.example.org/reeds"), (posts[1577836801000].Text, posts[1577836801000].Url));
        Assert.Equal(("The weir at dawn", "1.jpg 2.jpg", "Mill weir"), (posts[1577836802000].Text, posts[1577836802000].Meta["media"], posts[1577836802000].Meta["place"]));
        Assert.Equal("group", posts[1577836803000].Meta["type"]);
        Assert.Equal(("On salt", "Salt travels slowly."), (posts[1577836804000].Title, posts[1577836804000].Text));
    }

    [Fact]
    public void Messages_of_every_folder_are_own_by_the_full_name()
    {
        using var export = OpenFixture("facebook");
        var messages = export.Records().Where(record => record.Kind == RecordKind.Message).ToDictionary(record => record.Time!.Value);
        Assert.Equal(("Ça va? 👋", true, "1234567890"), (messages[1577836820000].Text, messages[1577836820000].Own, messages[1577836820000].Thread));
        Assert.Equal("1234567890", messages[1477836817000].Thread); // the second file of one conversation
        Assert.Equal(("Before encryption", true), (messages[1577836814000].Text, messages[1577836814000].Own));
        Assert.Equal(["1234567890", "2234567890", "3234567890", "4234567890", "5234567890"], messages.Values.Select(message => message.Thread).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal("group", messages[1577836815000].Meta["type"]);
        Assert.Equal("4.png", messages[1577836817000].Meta["media"]);
    }

    [Fact]
    public void A_text_beside_a_share_is_kept_and_the_sentence_is_not()
    {
        using var export = OpenFixture("facebook");
        var shares = export.Records().Where(record => record.Meta.ContainsKey("link")).ToDictionary(record => record.Meta["link"], record => record.Text);
        Assert.Equal("Read this, it is about you", shares["https://example.org/x"]);
        Assert.Equal("", shares["https://example.org/y"]);
        var notice = export.Records().Single(record => record.Meta.GetValueOrDefault("what") == "notice");
        Assert.Equal((RecordKind.Other, false), (notice.Kind, notice.Own));
    }

    [Fact]
    public void Comments_reactions_searches_and_saves()
    {
        using var export = OpenFixture("facebook");
        var records = export.Records().ToList();
        var comment = records.Single(record => record.Kind == RecordKind.Comment);
        Assert.Equal(("Schön!", true, "River people"), (comment.Text, comment.Own, comment.Meta["group"]));
        Assert.Equal(["LOVE", "👍"], records.Where(record => record.Kind == RecordKind.Vote).Select(record => record.Meta["reaction"]));
        Assert.Equal("reed warbler", records.Single(record => record.Kind == RecordKind.Search).Text);
        var save = records.Single(record => record.Kind == RecordKind.Bookmark);
        Assert.Equal(("https://example.org/tides", "Tide tables"), (save.Url, save.Meta["name"]));
        Assert.Equal("Heron", records.Single(record => record.Meta.GetValueOrDefault("what") == "follower").Author);
        Assert.DoesNotContain(records, record => record.Meta.Values.Any(value => value.Contains("192.0.2.5", StringComparison.Ordinal)));
    }

    [Fact]
    public void Messengers_download_of_encrypted_chats()
    {
        using var export = OpenFixture("messenger-encrypted", new ExportOptions { Me = "Fën Walker" });
        Assert.Equal("facebook", export.Platform);
        var records = export.Records().ToList();
        Assert.Equal("message 2, vote 1, other 1", Kinds(export.Report));
        Assert.Equal(("Encrypted – café", false, 1717500000123), (records[0].Text, records[0].Own, records[0].Time));
        Assert.Equal((true, "😮", "1717500000123"), (records[1].Own, records[1].Meta["reaction"], records[1].Meta["parent"]));
        Assert.Equal(("5.jpg", true), (records[2].Meta["media"], records[2].Own));
    }

    [Fact]
    public void A_conversation_alone_is_Facebooks_and_beside_Instagrams_files_Instagrams()
    {
        using var alone = Open(Zip([KeyValuePair.Create("messages/inbox/a_1/message_1.json", Files("facebook")[Inbox])]));
        Assert.Equal("facebook", alone.Platform);
        using var beside = OpenFixture("instagram-2021");
        Assert.Equal("instagram", beside.Platform);
    }

    [Theory]
    [InlineData("message_1.json", "{\"participants\":[],\"messages\":[]}")]
    [InlineData("comments.json", "{\"comments\":[{\"text\":\"a blog's\"}]}")]
    [InlineData("profile_information.json", "{\"profile\":{}}")]
    [InlineData("your_posts.json", "[]")]
    public void Files_of_others_with_Facebooks_names_are_not_Facebooks(string name, string json) =>
        Assert.Throws<ExportException>(() => Open(Zip((name, json))));

    [Fact]
    public void Checks_pass_on_an_untouched_export_and_the_profile_comes_along()
    {
        using var export = OpenFixture("facebook");
        Assert.Equal(["facebook.threads", "facebook.times"], export.Checks().Select(check => check.Name));
        Assert.All(export.Checks(), check => Assert.Equal(CheckOutcome.Passed, check.Outcome));
        Assert.Contains("6 files", export.Checks()[0].Detail, StringComparison.Ordinal);
        Assert.Equal([Profile, Inbox], export.Files.Where(file => export.IsEvidence(file, name => name == Inbox)));
    }

    [Fact]
    public void A_conversation_moved_or_dated_before_the_account_fails()
    {
        Assert.Contains("1 of 6", CheckOf(Edited("facebook", Inbox, "\"inbox/otterbob_1234567890\"", "\"inbox/heron_1\""), "facebook.threads").Detail, StringComparison.Ordinal);
        Assert.Contains("before the account existed", CheckOf(Edited("facebook", Profile, "1262304000", "1500000000"), "facebook.times").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void TruncatedInsideAMessage()
    {
        var files = Files("facebook");
        files[Inbox] = files[Inbox][..(files[Inbox].Length / 2)];
        using var export = Open(Zip(files));
        var file = export.Inspect().File(Inbox);
        Assert.Equal(FileStatus.Failed, file.Status);
        Assert.InRange(file.Records, 1, 3);
        Assert.Equal(CheckOutcome.Failed, export.Checks()[0].Outcome);
    }
}
