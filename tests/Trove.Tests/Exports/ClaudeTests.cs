using System.Text;
using Trove.Exports;
using Record = Trove.Exports.Record;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class ClaudeTests
{
    [Fact]
    public void Words_attachments_thoughts_and_tools_are_kept_apart()
    {
        using var export = OpenFixture("claude");
        Assert.Equal("user-1", export.Account);
        Assert.Equal(
            [
                "m1 own prompt user-1: Why is it called an elver? attachments=notes.txt, elver.png",
                "m1/1 other : Elvers seen in April. attachments=notes.txt parent=m1 what=attachment",
                "m2 answer assistant: From eel-fare.\n\nSo says a dictionary.",
                "m2/1 other assistant: Eel-fare. parent=m2 type=thinking",
                "m2/2 other assistant: {\"query\":\"elver\"} parent=m2 to=web_search type=tool_use",
                "m2/3 other tool: eel-fare, 1640s parent=m2 type=tool_result",
                "m5 own prompt user-1: And silver \uFFFD eel?",
                "m3 own prompt user-1: And glass eel? branch=m3 parent=m2",
                "m4 answer assistant: Because it is clear. branch=m3 parent=m3",
                "n1 own prompt user-1: An old export has no content",
                "n2 answer assistant: Only text.",
            ],
            export.Records().Where(record => record.Source == "conversations.json").Select(Show));
        Assert.Equal(1709553601123, export.Records().First().Time);
        Assert.Equal("Eel names", export.Records().First().Meta["conversation"]);
        Assert.Contains("a message without text (conversation 1)", export.Inspect().File("conversations.json").Reason, StringComparison.Ordinal);
        Assert.All(export.Checks(), check => Assert.Equal(CheckOutcome.Passed, check.Outcome));
    }

    [Fact]
    public void A_project_is_its_makers_note_and_its_documents_are_not()
    {
        using var export = OpenFixture("claude");
        Assert.Equal(
            [
                "p1 own note user-1: Eel book/Notes for a book what=project",
                "p1/instructions own note user-1: Write plainly. what=instructions",
                "d1 other : Three eels were counted. attachments=survey.txt what=document",
                "p2 note user-2: Other/Of a colleague what=project",
            ],
            export.Records().Where(record => record.Source == "projects.json").Select(Show));
        var report = export.Inspect();
        Assert.Contains("came with the account (project 1)", report.File("projects.json").Reason, StringComparison.Ordinal);
        Assert.Equal(FileStatus.Ignored, report.File("memories.json").Status);
    }

    [Fact]
    public void Without_users_the_first_conversation_says_whose_it_is()
    {
        var files = Files("claude");
        files.Remove("users.json");
        using var export = Open(Zip(files));
        Assert.Equal("user-1", export.Account);
        Assert.Equal(CheckOutcome.Absent, export.Checks()[0].Outcome);
    }

    [Fact]
    public void A_teams_export_counts_only_the_named_members_prompts_as_own()
    {
        var files = Files("claude");
        files["users.json"] = Encoding.UTF8.GetBytes("""[{"uuid":"user-1"},{"uuid":"user-2"}]""");
        using var nobody = Open(Zip(files));
        Assert.DoesNotContain(nobody.Records(), record => record.Own);
        using var other = Open(Zip(files), new ExportOptions { Me = "user-2" });
        Assert.Equal("p2", Assert.Single(other.Records(), record => record.Own).Id);
    }

    [Theory]
    [InlineData("\"account\":{\"uuid\":\"user-1\"}", "\"account\":{\"uuid\":\"user-9\"}", "claude.account")]
    [InlineData("\"parent_message_uuid\":\"m3\"", "\"parent_message_uuid\":\"gone\"", "claude.tree")]
    [InlineData("\"uuid\":\"m4\"", "\"uuid\":\"m3\"", "claude.tree")]
    [InlineData("2024-03-04T12:02:00", "2024-03-03T12:02:00", "claude.times")]
    public void A_change_fails_its_check(string old, string changed, string check)
    {
        var files = Files("claude");
        var text = Encoding.UTF8.GetString(files["conversations.json"]);
        Assert.Contains(old, text, StringComparison.Ordinal);
        files["conversations.json"] = Encoding.UTF8.GetBytes(text.Replace(old, changed, StringComparison.Ordinal));
        using var export = Open(Zip(files));
        Assert.Equal([check], export.Checks().Where(found => found.Outcome == CheckOutcome.Failed).Select(found => found.Name));
        Assert.True(export.Inspect().Records > 0);
    }

    [Fact]
    public void ACircleOfParents()
    {
        using var export = Open(Zip(("conversations.json", """
            [{"uuid":"c","chat_messages":[{"uuid":"a","sender":"human","text":"x","parent_message_uuid":"b"},{"uuid":"b","sender":"human","text":"y","parent_message_uuid":"a"},
              {"uuid":"d","sender":"human","text":"z","parent_message_uuid":"00000000-0000-4000-8000-000000000000"}]}]
            """)));
        Assert.Equal(["z", "x", "y"], export.Records().Select(record => record.Text));
    }

    [Fact]
    public void Its_conversations_are_not_ChatGpts_and_the_other_way_round()
    {
        using var claude = Open(Zip([KeyValuePair.Create("conversations.json", Files("claude")["conversations.json"])]));
        Assert.Equal("claude", claude.Platform);
        using var chatGpt = Open(Zip([KeyValuePair.Create("conversations.json", Files("chatgpt")["conversations.json"])]));
        Assert.Equal("chatgpt", chatGpt.Platform);
    }

    private static string Show(Record record) => $"{record.Id} {(record.Own ? "own " : "")}{record.Kind.Name()} {record.Author}: {record.Title}{(record.Title.Length > 0 ? "/" : "")}{record.Text}"
        + string.Concat(record.Meta.Where(pair => pair.Key != "conversation").Select(pair => $" {pair.Key}={pair.Value}"));
}
