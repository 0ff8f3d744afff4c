using Trove.Exports;
using Record = Trove.Exports.Record;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class ExportsXTests
{
    [Fact]
    public void Every_file_gives_its_kind()
    {
        using var export = OpenFixture("x");
        var report = export.Inspect();
        Assert.Equal(("x", "9001"), (report.Platform, report.Account));
        Assert.Equal("post 4, comment 1, message 3, search 1, vote 3, follow 2, other 7", Kinds(report));
        Assert.All(report.Files, file => Assert.NotEqual(FileStatus.Failed, file.Status));
        Assert.Equal(FileStatus.Empty, report.File("data/mute.js").Status);
        Assert.Equal(FileStatus.Ignored, report.File("data/ip-audit.js").Status);
        Assert.Equal(0, report.Files.Sum(file => file.Skipped));
        Assert.Empty(report.Warnings);
    }

    [Fact]
    public void HTML_entities_are_undone_once_and_links_and_media_kept()
    {
        using var export = OpenFixture("x");
        var post = export.Records().Single(record => record.Text.StartsWith("Salt", StringComparison.Ordinal));
        Assert.Equal("Salt & reeds: 3 < 5, and &lt; stays https://t.co/a1", post.Text);
        Assert.Equal((RecordKind.Post, true, "9001", 1717595122000), (post.Kind, post.Own, post.Author, post.Time));
        Assert.Equal(post.Id, post.Thread);
        Assert.Equal(("https://fen.example.org/reeds", "https://pbs.example.org/media/a.jpg"), (post.Meta["links"], post.Meta["media"]));
    }

    [Fact]
    public void A_reply_is_a_comment_tied_to_what_it_answers()
    {
        using var export = OpenFixture("x");
        var reply = Assert.Single(export.Records(), record => record.Kind == RecordKind.Comment);
        Assert.Equal(("1798300000000000001", "1798300000000000001", "7001", true), (reply.Thread, reply.Meta["parent"], reply.Meta["to"], reply.Own));
    }

    [Fact]
    public void A_retweet_is_not_own_and_its_cut_is_told()
    {
        using var export = OpenFixture("x");
        var retweet = Assert.Single(export.Records(), record => record.Meta.GetValueOrDefault("what") == "retweet");
        Assert.Equal((RecordKind.Other, false, "@otter_bob", "cut"), (retweet.Kind, retweet.Own, retweet.Author, retweet.Meta["state"]));
        Assert.StartsWith("The reed beds", retweet.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("RT @otter_bob: low tide", false)]
    [InlineData("RT @: low tide", true)]
    [InlineData("RT @otter_bob low tide", true)]
    [InlineData("@otter_bob: low tide", true)]
    public void Only_what_has_a_retweets_form_is_one(string text, bool own)
    {
        using var export = Open(Zip(("data/tweets.js", "window.YTD.tweets.part0 = [{\"tweet\":{\"id_str\":\"1\",\"full_text\":\"" + text + "\"}}]")));
        Assert.Equal(own, Assert.Single(export.Records()).Own);
    }

    [Fact]
    public void Long_posts_are_whole_in_their_own_file()
    {
        using var export = OpenFixture("x");
        var note = Assert.Single(export.Records(), record => record.Meta.GetValueOrDefault("what") == "note");
        Assert.EndsWith("& that is all.", note.Text, StringComparison.Ordinal);
        Assert.Equal((RecordKind.Post, 1672628645000, "https://fen.example.org/long"), (note.Kind, note.Time, note.Meta["links"]));
        Assert.Equal(2, export.Records().Count(record => record.Meta.GetValueOrDefault("state") == "cut"));
    }

    [Fact]
    public void Messages_are_own_by_the_senders_id()
    {
        using var export = OpenFixture("x");
        var messages = export.Records().Where(record => record.Kind == RecordKind.Message).ToDictionary(record => record.Id);
        Assert.Equal((false, "7001", "7001-9001", "Are you there > the weir?", 1706933106789), Shape(messages["1500000000000000002"]));
        Assert.Equal((true, "9001", "7001-9001", "At the bridge https://t.co/c3", 1706932800000), Shape(messages["1500000000000000001"]));
        Assert.Equal("https://maps.example.org/bridge", messages["1500000000000000001"].Meta["links"]);
        var reaction = Assert.Single(export.Records(), record => record.Meta.GetValueOrDefault("of") == "message");
        Assert.Equal((RecordKind.Vote, true, "1500000000000000002", "like"), (reaction.Kind, reaction.Own, reaction.Meta["parent"], reaction.Meta["reaction"]));

        static (bool, string, string, string, long?) Shape(Record record) => (record.Own, record.Author, record.Thread, record.Text, record.Time);
    }

    [Fact]
    public void What_happens_to_a_group_is_other()
    {
        using var export = OpenFixture("x");
        var events = export.Records().Where(record => record.Thread == "1490000000000000000" && record.Kind == RecordKind.Other).ToDictionary(record => record.Meta["what"]);
        Assert.Equal("Boat people", events["conversationNameUpdate"].Meta["name"]);
        Assert.Equal("9001 7001", events["participantsJoin"].Meta["users"]);
        Assert.Equal("7002 9001", events["joinConversation"].Meta["users"]);
    }

    [Fact]
    public void Likes_deleted_tweets_and_followers()
    {
        using var export = OpenFixture("x");
        var records = export.Records().ToList();
        var like = records.Single(record => record.Thread == "1798300000000000002");
        Assert.Equal((RecordKind.Vote, true, "", "Herons & egrets"), (like.Kind, like.Own, like.Text, like.Meta["liked"]));
        Assert.Equal("deleted", records.Single(record => record.Text == "Wrong bridge.").Meta["state"]);
        Assert.False(records.Single(record => record.Meta.GetValueOrDefault("what") == "follower").Own);
        Assert.Equal("7003", records.Single(record => record.Meta.GetValueOrDefault("what") == "blocked").Meta["user"]);
        Assert.DoesNotContain(records, record => record.Meta.Values.Any(value => value.Contains("192.0.2.5", StringComparison.Ordinal)));
    }

    [Fact]
    public void Bare_objects_from_before_2020()
    {
        using var export = OpenFixture("x-2019");
        var report = export.Inspect();
        Assert.Equal(("9001", "post 1, message 1, vote 1"), (report.Account, Kinds(report)));
        var post = export.Records().Single(record => record.Kind == RecordKind.Post);
        Assert.Equal(("Bare & old", "https://pbs.example.org/media/old.jpg"), (post.Text, post.Meta["media"]));
        Assert.Equal(CheckOutcome.Passed, CheckOf(Files("x-2019"), "x.ids").Outcome);
        Assert.Equal(CheckOutcome.Absent, CheckOf(Files("x-2019"), "x.manifest").Outcome);
    }

    [Fact]
    public void A_wrapping_folder_and_loose_files_give_the_same_records()
    {
        using var expected = OpenFixture("x");
        using var wrapped = Open(Zip(Files("x").ToDictionary(file => "twitter-2024-06-30-ab12/" + file.Key, file => file.Value)));
        using var loose = Open(Zip(Files("x").ToDictionary(file => file.Key[5..], file => file.Value)));
        Assert.Equal(expected.Records(), wrapped.Records());
        Assert.Equal(expected.Records(), loose.Records());
    }

    [Fact]
    public void Checks_pass_on_an_untouched_archive()
    {
        using var export = OpenFixture("x");
        Assert.Equal(["x.manifest", "x.ids", "x.times"], export.Checks().Select(check => check.Name));
        Assert.All(export.Checks(), check => Assert.Equal(CheckOutcome.Passed, check.Outcome));
        Assert.Contains("14 files", export.Checks()[0].Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("data/manifest.js", "\"count\": \"2\"", "\"count\": \"3\"", "x.manifest", "where the manifest counts 3")]
    [InlineData("data/manifest.js", "data/like.js", "data/likes.js", "x.manifest", "data/like.js is not listed")]
    [InlineData("data/manifest.js", "\"accountId\": \"9001\"", "\"accountId\": \"9002\"", "x.manifest", "another account")]
    [InlineData("data/tweets.js", "Wed Jun 05 13:45:22", "Wed Jun 05 13:45:25", "x.ids", "1 of 5")]
    [InlineData("data/manifest.js", "2024-06-30T00", "2024-06-07T00", "x.times", "1 of 5")]
    [InlineData("data/account.js", "2018-01-01", "2023-01-01", "x.times", "1 of 5")]
    public void An_edit_fails_its_check(string file, string old, string changed, string check, string detail)
    {
        var result = CheckOf(Edited("x", file, old, changed), check);
        Assert.Equal(CheckOutcome.Failed, result.Outcome);
        Assert.Contains(detail, result.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_left_out_by_the_member_fails_nothing_and_its_account_comes_along()
    {
        var files = Files("x");
        files.Remove("data/direct-messages.js");
        Assert.Equal(CheckOutcome.Passed, CheckOf(files, "x.manifest").Outcome);
        using var export = OpenFixture("x");
        Assert.Equal(["data/account.js", "data/like.js", "data/manifest.js"], export.Files.Where(file => export.IsEvidence(file, name => name == "data/like.js")));
    }

    [Theory]
    [InlineData("alert(1); window.YTD.tweets.part0 = []")]
    [InlineData("window.YTD.tweets.part0")]
    [InlineData("[]")]
    public void AnAssignmentThatIsNone(string text)
    {
        using var export = Open(Zip(("data/account.js", "window.YTD.account.part0 = []"), ("data/tweets.js", text)));
        var file = export.Inspect().File("data/tweets.js");
        Assert.Equal(FileStatus.Failed, file.Status);
        Assert.Contains("assignment", file.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void TruncatedInsideATweet()
    {
        var files = Files("x");
        files["data/tweets.js"] = files["data/tweets.js"][..^200];
        using var export = Open(Zip(files));
        var file = export.Inspect().File("data/tweets.js");
        Assert.Equal((FileStatus.Failed, 1L), (file.Status, file.Records));
        Assert.Equal(CheckOutcome.Failed, export.Checks()[0].Outcome);
    }

    [Fact]
    public void Scripts_of_others_are_not_Xs() =>
        Assert.Throws<ExportException>(() => Open(Zip(("data/tweets.js", "export default [1]"), ("account.js", "var account = {}"))));
}
