using System.Security.Cryptography;
using System.Text;
using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class RedditTests
{
    private const string CommentHeader = "id,permalink,date,ip,subreddit,gildings,link,parent,body,media\n";

    [Fact]
    public void Every_table_gives_its_kind()
    {
        using var export = OpenFixture("reddit");
        var report = export.Inspect();

        Assert.Equal("reddit", report.Platform);
        Assert.Equal("Fen_Walker", report.Account);
        Assert.Equal(
            "post 2, comment 3, message 4, note 2, vote 3, follow 3, bookmark 2, order 2, other 6",
            string.Join(", ", report.Kinds.OrderBy(kind => kind.Key).Select(kind => $"{kind.Key.Name()} {kind.Value}")));
        Assert.Equal(27, report.Records);
        Assert.Empty(report.Warnings);
        Assert.All(report.Files, file => Assert.NotEqual(FileStatus.Failed, file.Status));
        Assert.Equal(FileStatus.Empty, report.File("approved_submitter_subreddits.csv").Status);
        Assert.Equal(FileStatus.Ignored, report.File("ip_logs.csv").Status);
        Assert.Equal(FileStatus.Ignored, report.File("comment_headers.csv").Status);
    }

    [Fact]
    public void A_comment_keeps_its_paragraphs_thread_and_place()
    {
        using var export = OpenFixture("reddit");
        var comment = export.Records().Single(record => record.Id == "c1a");

        Assert.Equal("He said \"wait\", so I waited.\n\nSecond paragraph, with commas, and a\nline break.", comment.Text);
        Assert.Equal(RecordKind.Comment, comment.Kind);
        Assert.Equal("p9x", comment.Thread);
        Assert.Equal("Fen_Walker", comment.Author);
        Assert.True(comment.Own);
        Assert.Equal(1618686131000, comment.Time);
        Assert.Equal("https://www.reddit.com/r/marsh/comments/p9x/reed_beds/c1a/", comment.Url);
        Assert.Equal("marsh", comment.Meta["subreddit"]);
        Assert.Equal("comments.csv", comment.Source);
        Assert.DoesNotContain(comment.Meta, pair => pair.Value.Contains("192.0.2.5", StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_not_known_stays_unknown()
    {
        using var export = OpenFixture("reddit");
        var records = export.Records().ToList();

        Assert.Null(records.Single(record => record.Id == "c1c").Time);
        var removed = records.Single(record => record.Id == "c1b");
        Assert.Equal("", removed.Text);
        Assert.Equal("removed", removed.Meta["state"]);
        Assert.All(records.Where(record => record.Kind is RecordKind.Vote or RecordKind.Bookmark), record => Assert.Null(record.Time));
    }

    [Fact]
    public void Messages_are_own_by_their_sender_whatever_the_case()
    {
        using var export = OpenFixture("reddit");
        var own = export.Records().Where(record => record.Kind == RecordKind.Message).ToDictionary(record => record.Id, record => record.Own);
        Assert.Equal(new Dictionary<string, bool> { ["m1"] = false, ["m2"] = true, ["h1"] = true, ["h2"] = false }, own);
    }

    [Fact]
    public void A_link_post_keeps_its_target_and_a_text_post_has_none()
    {
        using var export = OpenFixture("reddit");
        var posts = export.Records().Where(record => record.Kind == RecordKind.Post).ToDictionary(record => record.Id);
        Assert.Equal("https://maps.example.org/fen", posts["p9y"].Meta["link"]);
        Assert.False(posts["p9x"].Meta.ContainsKey("link"));
    }

    [Fact]
    public void Split_votes_and_archived_messages()
    {
        using var export = OpenFixture("reddit-split");
        var report = export.Inspect();
        Assert.Equal(2, report.Kinds[RecordKind.Vote]);
        Assert.Equal(1, report.Kinds[RecordKind.Message]);
        Assert.Equal(2, report.OwnWords); // boat, Sold
        AssertCheck(Files("reddit-split"), "reddit.message-headers", CheckOutcome.Passed, "1 rows");
        var renamed = Files("reddit-split").ToDictionary(file => file.Key.Replace("messages_archive_headers", "message_headers"), file => file.Value);
        AssertCheck(renamed, "reddit.message-headers", CheckOutcome.Passed, "1 rows");
    }

    [Fact]
    public void Without_statistics_the_member_says_who_they_are()
    {
        var files = Files("reddit");
        files.Remove("statistics.csv");
        using (var unknown = Open(Zip(files)))
        {
            var report = unknown.Inspect();
            Assert.Equal("", report.Account);
            Assert.Contains(report.Warnings, warning => warning.Contains("--me", StringComparison.Ordinal));
            Assert.DoesNotContain(unknown.Records(), record => record.Kind == RecordKind.Message && record.Own);
        }
        using var told = Open(Zip(files), new ExportOptions { Me = "otter_bob" });
        Assert.Equal("otter_bob", told.Account);
        Assert.True(told.Records().Single(record => record.Id == "m1").Own);
    }

    [Fact]
    public void The_exports_own_account_wins_over_the_one_given()
    {
        using var export = OpenFixture("reddit", new ExportOptions { Me = "otter_bob" });
        Assert.Equal("Fen_Walker", export.Account);
        Assert.Contains(export.Inspect().Warnings, warning => warning.Contains("another account", StringComparison.Ordinal));
    }

    [Fact]
    public void A_bad_row_is_reported_with_its_line_and_the_rest_is_read()
    {
        using var export = Open(Zip(("comments.csv", CommentHeader
            + "a,https://r/,2021-04-17 19:02:11 UTC,,s,0,l,,\"one\ntwo\",\n"
            + "b,too,few\n"
            + "c,https://r/,2021-04-17 19:02:11 UTC,,s,0,l,,\"x\"y,\n"
            + "d,https://r/,yesterday,,s,0,l,,last,\n")), new ExportOptions { Me = "me" });
        var report = export.Inspect();
        var file = report.File("comments.csv");
        Assert.Equal((FileStatus.Read, 2, 2), (file.Status, file.Records, file.Skipped));
        Assert.Contains("3 fields where the header has 10 (line 4)", file.Reason, StringComparison.Ordinal);
        Assert.Contains("text after a closing quote (line 5)", file.Reason, StringComparison.Ordinal);
        Assert.Null(export.Records().Single(record => record.Id == "d").Time);
        Assert.Contains(report.Warnings, warning => warning.Contains("line 6: the date", StringComparison.Ordinal));
    }

    [Fact]
    public void One_bad_file_does_not_end_the_import()
    {
        var files = Files("reddit");
        files["posts.csv"] = Encoding.UTF8.GetBytes("nothing,known\n1,2\n");
        using var export = Open(Zip(files));
        var report = export.Inspect();
        Assert.Equal(FileStatus.Failed, report.File("posts.csv").Status);
        Assert.Contains("no column 'id'", report.File("posts.csv").Reason, StringComparison.Ordinal);
        Assert.Equal(3, report.Kinds[RecordKind.Comment]);
    }

    [Fact]
    public void Checks_pass_on_an_untouched_export()
    {
        using var export = Open(Zip(WithCheckfile(Files("reddit"))));
        Assert.All(export.Checks(), check => Assert.Equal(CheckOutcome.Passed, check.Outcome));
        Assert.Equal(["reddit.checkfile", "reddit.comment-headers", "reddit.post-headers", "reddit.message-headers", "reddit.times"],
            export.Checks().Select(check => check.Name));
    }

    [Fact]
    public void An_edited_file_fails_the_checkfile()
    {
        var files = WithCheckfile(Files("reddit"));
        files["comments.csv"] = [.. files["comments.csv"], .. "\n"u8];
        AssertCheck(files, "reddit.checkfile", CheckOutcome.Failed, "comments.csv");
    }

    [Fact]
    public void A_file_left_out_by_the_member_fails_nothing()
    {
        var files = WithCheckfile(Files("reddit"));
        files.Remove("messages.csv");
        AssertCheck(files, "reddit.checkfile", CheckOutcome.Passed, "1 listed files are not here");
        AssertCheck(files, "reddit.message-headers", CheckOutcome.Absent, "not here");
    }

    [Fact]
    public void A_file_slipped_in_beside_the_checkfile_fails()
    {
        var original = Files("reddit");
        var without = new Dictionary<string, byte[]>(original);
        without.Remove("posts.csv");
        var files = WithCheckfile(without);
        files["posts.csv"] = original["posts.csv"];
        AssertCheck(files, "reddit.checkfile", CheckOutcome.Failed, "posts.csv (not listed)");
    }

    [Theory]
    [InlineData("comments.csv", "reddit.comment-headers", "2021-04-17", "2021-04-18")]
    [InlineData("posts.csv", "reddit.post-headers", "\np9x,", "\np9z,")]
    [InlineData("messages.csv", "reddit.message-headers", "2021-07-01 09", "2021-07-02 09")]
    public void A_changed_id_or_date_disagrees_with_the_headers(string file, string check, string old, string changed)
    {
        var files = Files("reddit");
        var text = Encoding.UTF8.GetString(files[file]);
        Assert.Contains(old, text, StringComparison.Ordinal);
        files[file] = Encoding.UTF8.GetBytes(text.Replace(old, changed, StringComparison.Ordinal));
        AssertCheck(files, check, CheckOutcome.Failed, "other ids or dates");
    }

    [Fact]
    public void A_row_added_disagrees_with_the_headers()
    {
        var files = Files("reddit");
        files["posts.csv"] = [.. files["posts.csv"], .. "p9z,u,2020-07-05 05:05:05 UTC,,marsh,0,More,u,text\n"u8];
        AssertCheck(files, "reddit.post-headers", CheckOutcome.Failed, "3 rows, its copy 2");
    }

    [Fact]
    public void A_comment_from_before_the_account_fails_the_times()
    {
        var files = Files("reddit");
        files["comments.csv"] = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(files["comments.csv"]).Replace("2021-04-17", "2011-04-17"));
        AssertCheck(files, "reddit.times", CheckOutcome.Failed, "1 of 4");
    }

    [Fact]
    public void Byte_order_marks_CRLF_and_NUL_bytes()
    {
        var files = Files("reddit").ToDictionary(file => file.Key, file => AsReddit(Encoding.UTF8.GetString(file.Value)));
        files["posts.csv"] = [.. files["posts.csv"], 0, 0, 0];
        using var plain = OpenFixture("reddit");
        using var export = Open(Zip(files));
        Assert.Equal(plain.Records().Select(record => record.Text.Replace("\n", "\r\n")), export.Records().Select(record => record.Text));
        Assert.Contains(export.Inspect().Warnings, warning => warning.Contains("3 NUL bytes", StringComparison.Ordinal));
    }

    public static Dictionary<string, byte[]> WithCheckfile(Dictionary<string, byte[]> files)
    {
        var lines = files.Select(file => $"{file.Key},{Convert.ToHexStringLower(SHA256.HashData(file.Value))}\n");
        return new Dictionary<string, byte[]>(files) { ["checkfile.csv"] = Encoding.UTF8.GetBytes("filename,sha256\n" + string.Concat(lines)) };
    }

    private static void AssertCheck(Dictionary<string, byte[]> files, string name, CheckOutcome outcome, string detail)
    {
        using var export = Open(Zip(files));
        var check = export.Checks().Single(check => check.Name == name);
        Assert.Equal(outcome, check.Outcome);
        Assert.Contains(detail, check.Detail, StringComparison.Ordinal);
    }
}
