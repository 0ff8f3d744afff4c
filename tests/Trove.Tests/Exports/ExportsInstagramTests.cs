using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Exports;

public class ExportsInstagramTests
{
    private const string Thread = "your_instagram_activity/messages/inbox/otterbob_1122334455667788/message_1.json";

    [Fact]
    public void Every_section_gives_its_kind()
    {
        using var export = OpenFixture("instagram");
        var report = export.Inspect();
        Assert.Equal(("instagram", "fen_walker"), (report.Platform, report.Account));
        Assert.Equal("post 4, comment 2, message 5, search 1, view 1, vote 4, follow 2, bookmark 1, other 5", Kinds(report));
        Assert.All(report.Files, file => Assert.Equal((FileStatus.Read, 0L), file.Status == FileStatus.Ignored ? (FileStatus.Read, 0L) : (file.Status, file.Skipped)));
        Assert.Equal(2, report.Files.Count(file => file.Status == FileStatus.Ignored));
        Assert.Empty(report.Warnings);
        Assert.DoesNotContain(export.Records(), record => record.Meta.Values.Any(value => value.Contains("192.0.2.5", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_generation_of_2021_in_another_language()
    {
        using var export = OpenFixture("instagram-2021");
        var report = export.Inspect();
        Assert.Equal(("instagram", "fen_walker"), (report.Platform, report.Account));
        Assert.Equal("post 1, comment 2, message 1, vote 1, follow 1, other 2", Kinds(report));
        var comments = export.Records().Where(record => record.Kind == RecordKind.Comment).Select(record => (record.Text, record.Meta["to"], record.Time));
        Assert.Equal([("Wie schön", "otter_bob", 1609459300000), ("Hübsch", "otter_bob", 1609459350000)], comments);
    }

    [Fact]
    public void Captions_of_one_medium_and_of_several_and_of_stories()
    {
        using var export = OpenFixture("instagram");
        var posts = export.Records().Where(record => record.Kind == RecordKind.Post).ToDictionary(record => record.Text);
        Assert.Equal((1704067200000, "1.jpg"), (posts["Reed café, étage 2"].Time, posts["Reed café, étage 2"].Meta["media"]));
        Assert.Equal((1706745700000, "2.jpg 3.jpg"), (posts["Two herons 🐦"].Time, posts["Two herons 🐦"].Meta["media"]));
        Assert.Equal("story", posts["At the weir"].Meta["type"]);
        Assert.Equal("archived", posts["Old bridge"].Meta["state"]);
        Assert.All(posts.Values, post => Assert.True(post.Own));
    }

    [Fact]
    public void Labels_that_nest_and_labels_that_do_not()
    {
        using var export = OpenFixture("instagram");
        var likes = export.Records().Where(record => record.Kind == RecordKind.Vote && record.Url.Length > 0).ToDictionary(record => record.Url);
        var nested = likes["https://www.instagram.com/p/AbC1/"];
        Assert.Equal(("18000000000000001", "otter_bob", "post", "", 1704240000000), (nested.Id, nested.Meta["to"], nested.Meta["of"], nested.Text, nested.Time));
        var flat = likes["https://www.instagram.com/p/AbC2/"];
        Assert.Equal(("heron_h", "comment", "👍"), (flat.Meta["to"], flat.Meta["of"], flat.Meta["option"]));
        Assert.Equal("https://www.instagram.com/p/AbC3/", export.Records().Single(record => record.Kind == RecordKind.Bookmark).Url);
    }

    [Fact]
    public void Follows_by_title_and_by_value_and_followers_in_both_shapes()
    {
        using var export = OpenFixture("instagram");
        Assert.Equal(["otter_bob", "heron_h"], export.Records().Where(record => record.Kind == RecordKind.Follow).Select(record => record.Meta["user"]));
        using var old = OpenFixture("instagram-2021");
        foreach (var records in (IEnumerable<Record>[])[export.Records(), old.Records()])
        {
            var follower = Assert.Single(records, record => record.Meta.GetValueOrDefault("what") == "follower");
            Assert.Equal(("heron_h", false), (follower.Author, follower.Own));
        }
    }

    [Fact]
    public void Messages_are_repaired_and_own_by_the_shown_name()
    {
        using var export = OpenFixture("instagram");
        var messages = export.Records().Where(record => record.Source == Thread).ToList();
        var own = messages.Single(record => record.Time == 1704326400500);
        Assert.Equal(("Grüße vom Wehr 🌊", "Fën Walker", true, "1122334455667788"), (own.Text, own.Author, own.Own, own.Thread));
        var reaction = messages.Single(record => record.Kind == RecordKind.Vote);
        Assert.Equal(("Otter Bob", false, "❤", "1704326400500", 1704326500000), (reaction.Author, reaction.Own, reaction.Meta["reaction"], reaction.Meta["parent"], reaction.Time));
        Assert.Equal("6.jpg", messages.Single(record => record.Time == 1704326050000).Meta["media"]);
        Assert.Equal("unsent", messages.Single(record => record.Time == 1704326000000).Meta["state"]);
    }

    [Fact]
    public void Sentences_that_software_wrote_are_nobodys_words()
    {
        using var export = OpenFixture("instagram");
        var messages = export.Records().Where(record => record.Source == Thread && record.Kind != RecordKind.Vote).ToDictionary(record => record.Time!.Value);
        Assert.Equal((RecordKind.Message, "", "Eine Karte"), (messages[1704326300000].Kind, messages[1704326300000].Text, messages[1704326300000].Meta["shared"]));
        Assert.Equal("look https://www.instagram.com/p/AbC5/", messages[1704326250000].Text);
        Assert.Equal("notice", messages[1704326200000].Meta["what"]);
        Assert.Equal("notice", messages[1704326150000].Meta["what"]);
        Assert.Equal((RecordKind.Other, "call", false), (messages[1704326100000].Kind, messages[1704326100000].Meta["what"], messages[1704326100000].Own));
        using var old = OpenFixture("instagram-2021");
        Assert.Equal((RecordKind.Other, false), old.Records().Where(record => record.Author == "Heron").Select(record => (record.Kind, record.Own)).Single());
    }

    [Fact]
    public void Without_a_profile_the_member_says_who_they_are()
    {
        var files = Files("instagram-2021");
        files.Remove("account_information/personal_information.json");
        using var unknown = Open(Zip(files));
        Assert.DoesNotContain(unknown.Records(), record => record.Kind == RecordKind.Message && record.Own);
        using var told = Open(Zip(files), new ExportOptions { Me = "fen_walker" });
        Assert.Single(told.Records(), record => record.Kind == RecordKind.Message && record.Own);
        using var export = OpenFixture("instagram");
        Assert.Equal(["personal_information/personal_information/personal_information.json", Thread],
            export.Files.Where(file => export.IsEvidence(file, name => name == Thread)));
    }

    [Fact]
    public void A_wrapping_folder_gives_the_same_records()
    {
        using var expected = OpenFixture("instagram");
        using var wrapped = Open(Zip(Files("instagram").ToDictionary(file => "instagram-fen_walker-2024-06-30-ab12/" + file.Key, file => file.Value)));
        Assert.Equal(expected.Records(), wrapped.Records());
    }

    [Fact]
    public void Checks_pass_on_an_untouched_export()
    {
        using var export = OpenFixture("instagram");
        Assert.Equal(["instagram.threads", "instagram.times"], export.Checks().Select(check => check.Name));
        Assert.All(export.Checks(), check => Assert.Equal(CheckOutcome.Passed, check.Outcome));
    }

    [Fact]
    public void A_conversation_moved_or_dated_before_Instagram_fails()
    {
        Assert.Equal(CheckOutcome.Failed, CheckOf(Edited("instagram", Thread, "inbox/otterbob_1122334455667788\"", "inbox/heron_1\""), "instagram.threads").Outcome);
        Assert.Contains("1 of 8", CheckOf(Edited("instagram", Thread, "1704326400500", "1004326400500"), "instagram.times").Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("caf\u00c3\u00a9", "café")]
    [InlineData("\u00f0\u009f\u0090\u00a6", "🐦")]
    [InlineData("café", "café")] // Latin-1 itself: no UTF-8
    [InlineData("café 🐦", "café 🐦")] // written rightly
    [InlineData("\u00c3\u00a9 …", "\u00c3\u00a9 …")] // some characters beyond Latin-1
    [InlineData("plain", "plain")]
    [InlineData("", "")]
    public void Mojibake(string written, string meant) => Assert.Equal(meant, Trove.Exports.Text.Mojibake.Repair(written));

    [Fact]
    public void A_list_of_others_with_Instagrams_name_is_not_Instagrams() =>
        Assert.Throws<ExportException>(() => Open(Zip(("posts_1.json", "[{\"title\":\"a blog\",\"body\":\"x\"}]"), ("followers.json", "[]"))));
}
