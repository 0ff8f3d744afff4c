using System.Text;
using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class ChatGptTests
{
    [Fact]
    public void The_shown_path_comes_first_and_other_branches_keep_their_name()
    {
        using var export = OpenFixture("chatgpt");
        var records = export.Records().Where(record => record.Thread == "conv-1" && record.Source == "conversations.json").ToList();
        Assert.Equal(
            ["ctx note", "u1 prompt", "c1 other", "t1 other", "a1 answer", "u2 prompt", "u1-old prompt u1-old", "a1-old answer u1-old"],
            records.Select(record => $"{record.Id} {record.Kind.Name()} {record.Meta.GetValueOrDefault("branch")}".TrimEnd()));
        Assert.Equal("ctx", records.Single(record => record.Id == "u1-old").Meta["parent"]);
    }

    [Fact]
    public void A_prompt_is_own_and_an_answer_is_not()
    {
        using var export = OpenFixture("chatgpt");
        var records = export.Records().ToDictionary(record => (record.Source, record.Id));
        var prompt = records[("conversations.json", "u1")];
        var answer = records[("conversations.json", "a1")];
        Assert.Equal(("user-Jx7", true, "Why is the Thames called so?", 1706780010123), (prompt.Author, prompt.Own, prompt.Text, prompt.Time));
        Assert.Equal(("assistant", false, "From Celtic \nTamesa.", "gpt-4"), (answer.Author, answer.Own, answer.Text, answer.Meta["model"]));
        Assert.Equal("River names", prompt.Meta["conversation"]);
        Assert.Equal("", prompt.Title); // the assistant titled the conversation
    }

    [Fact]
    public void Tool_calls_and_tool_output_are_other()
    {
        using var export = OpenFixture("chatgpt");
        var records = export.Records().ToDictionary(record => (record.Source, record.Id));
        var call = records[("conversations.json", "c1")];
        var output = records[("conversations.json", "t1")];
        Assert.Equal((RecordKind.Other, "search(\"Thames\")", "browser", "code"), (call.Kind, call.Text, call.Meta["tool"], call.Meta["type"]));
        Assert.Equal((RecordKind.Other, "Celtic Tamesa", "browser"), (output.Kind, output.Text, output.Author));
    }

    [Fact]
    public void Parts_that_are_objects_are_named_and_their_neighbours_kept()
    {
        using var export = OpenFixture("chatgpt");
        var prompt = export.Records().Single(record => record.Id == "u2");
        Assert.Equal(("And this bridge?", "image_asset_pointer", "bridge.jpg"), (prompt.Text, prompt.Meta["assets"], prompt.Meta["attachments"]));
    }

    [Fact]
    public void Custom_instructions_are_one_note_in_the_members_words()
    {
        using var export = OpenFixture("chatgpt");
        var note = Assert.Single(export.Records(), record => record.Kind == RecordKind.Note);
        Assert.Equal("I keep bees.\n\nBe brief.", note.Text);
        Assert.True(note.Own);
        Assert.Null(note.Time);
        var report = export.Inspect().File("conversations.json");
        Assert.Equal(2, report.Skipped);
        Assert.Contains("given before", report.Reason, StringComparison.Ordinal);
        Assert.Contains("a system message without text", report.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void HalfASurrogatePair()
    {
        using var export = OpenFixture("chatgpt");
        Assert.Equal("Do they sleep \uFFFD?", export.Records().Single(record => record.Id == "y").Text);
    }

    [Fact]
    public void Feedback_is_a_vote_and_a_shared_link_other()
    {
        using var export = OpenFixture("chatgpt");
        var vote = Assert.Single(export.Records(), record => record.Kind == RecordKind.Vote);
        Assert.Equal(("Wrong river.", "thumbs_down", 1706781600000), (vote.Text, vote.Meta["rating"], vote.Time));
        Assert.Equal("shared", export.Records().Single(record => record.Id == "share-1").Meta["what"]);
    }

    [Fact]
    public void Numbered_parts_with_a_manifest()
    {
        using var export = OpenFixture("chatgpt-parts");
        Assert.Equal("user-K2", export.Account);
        Assert.Equal(["How deep is a well?", "Which stone is hardest?"], export.Records().Select(record => record.Text));
        Assert.All(export.Checks(), check => Assert.Equal(CheckOutcome.Passed, check.Outcome));
    }

    [Fact]
    public void A_changed_part_fails_the_manifest_and_an_absent_one_does_not()
    {
        var files = Files("chatgpt-parts");
        files["conversations-001.json"] = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(files["conversations-001.json"]).Replace("hardest", "softest"));
        Assert.Equal(CheckOutcome.Failed, CheckOf(files, "chatgpt.manifest").Outcome);
        files.Remove("conversations-001.json");
        Assert.Equal(CheckOutcome.Passed, CheckOf(files, "chatgpt.manifest").Outcome);
        files["conversations-007.json"] = files["conversations-000.json"];
        Assert.Contains("not listed", CheckOf(files, "chatgpt.manifest").Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"parent\": \"t1\"", "\"parent\": \"u1\"", "does not name it as parent")]
    [InlineData("\"current_node\": \"u2\"", "\"current_node\": \"gone\"", "current node")]
    [InlineData("\"children\": [\"t1\"]", "\"children\": []", "hangs nowhere")]
    [InlineData("\"parent\": \"sys\", \"children\"", "\"parent\": null, \"children\"", "parent")]
    public void A_broken_link_fails_the_tree(string old, string changed, string detail)
    {
        var files = Files("chatgpt");
        var text = Encoding.UTF8.GetString(files["conversations.json"]);
        Assert.Contains(old, text, StringComparison.Ordinal);
        files["conversations.json"] = Encoding.UTF8.GetBytes(text.Replace(old, changed, StringComparison.Ordinal));
        var check = CheckOf(files, "chatgpt.tree");
        Assert.Equal(CheckOutcome.Failed, check.Outcome);
        Assert.Contains(detail, check.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void The_checks_pass_on_the_fixture()
    {
        Assert.Equal(CheckOutcome.Passed, CheckOf(Files("chatgpt"), "chatgpt.tree").Outcome);
        Assert.Equal(CheckOutcome.Absent, CheckOf(Files("chatgpt"), "chatgpt.manifest").Outcome);
        Assert.Equal(CheckOutcome.Passed, CheckOf(Files("chatgpt"), "chatgpt.times").Outcome);
    }

    [Fact]
    public void A_message_from_before_ChatGPT_fails_the_times()
    {
        var files = Files("chatgpt");
        files["conversations.json"] = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(files["conversations.json"]).Replace("1706780011.5", "1206780011.5"));
        Assert.Contains("1 of 8", CheckOf(files, "chatgpt.times").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void ACircleOfParents()
    {
        using var export = Open(Zip(("conversations.json", """
            [{"mapping":{"a":{"message":{"author":{"role":"user"},"content":{"parts":["x"]}},"parent":"b","children":["b"]},
                         "b":{"message":{"author":{"role":"user"},"content":{"parts":["y"]}},"parent":"a","children":["a"]}},"current_node":"a"}]
            """)));
        Assert.Equal(2, export.Inspect().Records);
        Assert.Equal(CheckOutcome.Failed, export.Checks()[0].Outcome);
    }

    [Fact]
    public void TruncatedInsideAConversation()
    {
        var text = Encoding.UTF8.GetString(Files("chatgpt")["conversations.json"]);
        using var export = Open(Zip(("conversations.json", text[..text.IndexOf("Do they sleep", StringComparison.Ordinal)])));
        var file = export.Inspect().File("conversations.json");
        Assert.Equal((FileStatus.Failed, 8L), (file.Status, file.Records)); // the first conversation was whole
        Assert.Contains("after 1 whole elements", file.Reason, StringComparison.Ordinal);
        Assert.Equal(CheckOutcome.Failed, export.Checks()[0].Outcome);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("1e300")]
    [InlineData("\"soon\"")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("99999999999999999999999")]
    public void A_create_time_that_is_none_gives_none(string time)
    {
        using var export = Open(Zip(("conversations.json",
            "[{\"mapping\":{\"a\":{\"message\":{\"create_time\":" + time + ",\"author\":{\"role\":\"user\"},\"content\":{\"parts\":[\"x\"]}}}},\"current_node\":\"a\"}]")));
        Assert.Null(Assert.Single(export.Records()).Time);
    }

    [Fact]
    public void DeeplyNestedConversation()
    {
        using var export = Open(Zip(("conversations.json", "[{\"mapping\":" + new string('[', 100_000))));
        Assert.Equal(FileStatus.Failed, export.Inspect().File("conversations.json").Status);
    }

    [Fact]
    public void ConversationLongerThanTheLimit()
    {
        var options = new ExportOptions { Limits = new ExportLimits { JsonValueBytes = 20_000 } };
        using var export = Open(Zip(("conversations.json", "[{\"mapping\":{},\"title\":\"" + new string('x', 30_000) + "\"}]")), options);
        Assert.Contains("longer than 20000 bytes", export.Inspect().File("conversations.json").Reason, StringComparison.Ordinal);
    }
}
