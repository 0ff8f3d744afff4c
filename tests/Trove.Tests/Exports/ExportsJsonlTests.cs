using System.Text;
using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class ExportsJsonlTests
{
    private static readonly ExportOptions Fen = new() { Me = "fen" };

    [Fact]
    public void Every_shape_gives_its_kinds()
    {
        using var export = OpenFixture("jsonl", Fen);
        var report = export.Inspect();
        Assert.Equal(("jsonl", "comment 1, message 1, prompt 7, answer 7, other 4"), (report.Platform, Kinds(report)));
        Assert.Equal(["a turn without text (line 1)"], report.Files.Where(file => file.Skipped > 0).Select(file => file.Reason));
        Assert.Single(report.Warnings, warning => warning.Contains("keep out what others wrote", StringComparison.Ordinal));
    }

    /// <summary>What <c>trove records</c> wrote, of whatever platform, reads as it was.</summary>
    [Fact]
    public void Canonical_lines_come_out_as_they_went_in()
    {
        using var export = OpenFixture("jsonl");
        var again = string.Concat(export.Records().Where(record => record.Source == "records.jsonl").Select(record => Encoding.UTF8.GetString(RecordJsonTests.Write(record))));
        Assert.Equal(Encoding.UTF8.GetString(Files("jsonl")["records.jsonl"]), again);
        using var reddit = OpenFixture("reddit");
        var lines = reddit.Records().SelectMany(RecordJsonTests.Write).ToArray();
        using var copy = Export.Open("mine.jsonl", lines);
        Assert.Equal(reddit.Records(), copy.Records());
    }

    [Fact]
    public void Turns_of_a_chat_have_their_roles_thread_and_time()
    {
        using var export = OpenFixture("jsonl", Fen);
        var chat = export.Records().Where(record => record.Thread == "c1").ToList();
        Assert.Equal(["other system False Be brief. 1709287200000", "prompt fen True Which oar? 1709287200000", "answer assistant False The oak one. 1709287205000", "other tool False 42 1709287200000"],
            chat.Select(record => $"{record.Kind.Name()} {record.Author} {record.Own} {record.Text} {record.Time}"));
        Assert.Equal(("tide-1", "turn"), (chat[2].Meta["model"], chat[0].Meta["what"]));
        var rope = export.Records().Single(record => record.Text == "And the rope?");
        Assert.Equal((1709337600000, "day"), (rope.Time, rope.Meta["precision"]));
        Assert.Equal(rope.Thread, export.Records().Single(record => record.Text == "Hemp.").Thread);
        Assert.EndsWith(":3", rope.Thread, StringComparison.Ordinal);
        Assert.DoesNotContain("turns", rope.Thread, StringComparison.Ordinal);
    }

    [Fact]
    public void Prompts_instructions_and_texts()
    {
        using var export = OpenFixture("jsonl", Fen);
        var records = export.Records().ToList();
        Assert.Equal(["Name a wood > Oak", "Name a knot > Bowline", "Name a tide > Neap", "Name the wood\n\nof this oar > Oak", "Name a sea > North Sea"],
            records.Where(record => record.Source is "pairs.ndjson" or "tasks.jsonl").Chunk(2).Select(pair => $"{pair[0].Text} > {pair[1].Text}"));
        Assert.Equal((1709287200000, "local"), (records.First(record => record.Text == "Name a wood").Time, records.First(record => record.Text == "Name a wood").Meta["clock"]));
        Assert.Null(records.Single(record => record.Text == "Name a sea").Time); // 20240301 is no count of seconds
        var corpus = records.Where(record => record.Source == "corpus.jsonl").ToList();
        Assert.Equal(["A line of a corpus", "Another"], corpus.Select(record => record.Text));
        Assert.All(corpus, record => Assert.Equal((RecordKind.Other, "text"), (record.Kind, record.Meta["what"])));
    }

    [Fact]
    public void Without_a_name_nothing_but_canonical_lines_is_own()
    {
        using var export = OpenFixture("jsonl");
        Assert.Equal(["t1_a"], export.Records().Where(record => record.Own).Select(record => record.Id));
        Assert.DoesNotContain(export.Report.Warnings, warning => warning.Contains("keep out", StringComparison.Ordinal));
    }

    [Fact]
    public void A_bad_line_is_reported_and_passed_over()
    {
        using var export = Open(Zip(("a.jsonl", "{\"text\":\"x\"}\n{\"text\":\n[1]\n{\"other\":1}\n\n{\"text\":5}\n{\"messages\":{}}\n{\"platform\":\"x\",\"kind\":\"post\"}\n{\"text\":\"y\"}")));
        var file = export.Inspect().File("a.jsonl");
        Assert.Equal((2L, 6L), (file.Records, file.Skipped));
        Assert.Equal("a line is no JSON (line 2); a line has none of the shapes that are known (line 3 and 1 more); a turn without text (line 6); a line has no list of turns, or more than 100000 (line 7); a record line is not valid JSON with the keys and types of a record (line 8)", file.Reason);
    }

    [Fact]
    public void ALineLongerThanAllowed()
    {
        using var export = Open(Zip(("a.jsonl", $"{{\"text\":\"x\"}}\n{{\"text\":\"{new string('y', 5000)}\"}}\n{{\"text\":\"z\"}}")), new ExportOptions { Limits = new ExportLimits { JsonValueBytes = 1000 } });
        Assert.Equal(["x", "z"], export.Records().Select(record => record.Text));
        Assert.Contains("longer than 1000 bytes (line 2)", export.Report.File("a.jsonl").Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_of_another_shape_fails_the_lines()
    {
        Assert.Equal(new ExportCheck("jsonl.lines", CheckOutcome.Passed, "11 lines are of the shape of the first of their file"), CheckOf(Files("jsonl"), "jsonl.lines"));
        Assert.StartsWith("1 of 11 lines", CheckOf(Edited("jsonl", "tasks.jsonl", "{\"instruction\":\"Name a sea\",\"input\":\"\",\"output\"", "{\"text\""), "jsonl.lines").Detail, StringComparison.Ordinal);
        Assert.Equal(CheckOutcome.Failed, CheckOf(Edited("jsonl", "corpus.jsonl", "Another\"", "Another"), "jsonl.lines").Outcome);
    }

    [Theory]
    [InlineData("result.jsonl", "{\"chats\":{\"list\":[]}}")]
    [InlineData("lines.jsonl", "not json")]
    [InlineData("array.jsonl", "[{\"text\":\"x\"}]")]
    [InlineData("lines.json", "{\"text\":\"x\"}\n{\"text\":\"y\"}")]
    public void Other_lines_are_not_taken(string name, string text) => Assert.Throws<ExportException>(() => Open(Zip((name, text))));

    [Fact]
    public void Other_formats_win_with_lines_among_their_files()
    {
        foreach (var fixture in new[] { "chatgpt", "claude", "telegram", "discord-json", "slack", "whatsapp-ios" })
        {
            using var alone = OpenFixture(fixture);
            using var mixed = Open(Zip([.. Files(fixture), .. Files("jsonl")]));
            Assert.Equal(alone.Platform, mixed.Platform);
        }
    }
}
