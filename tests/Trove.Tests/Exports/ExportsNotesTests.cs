using System.Text;
using Trove.Exports;
using Trove.Exports.Notes;
using Trove.Exports.Text;
using static Trove.Tests.Exports.ExportFixture;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Exports;

public class ExportsNotesTests
{
    private static readonly ExportOptions Fen = new() { Me = "Fen Walker" };

    [Fact]
    public void An_Obsidian_vault_is_read_with_its_properties()
    {
        using var export = OpenFixture("notes-obsidian", Fen);
        var records = Records(export);
        Assert.Equal(("notes", "note 6"), (export.Platform, Kinds(export.Report)));
        var oars = records["Rowing/Oars.md"];
        Assert.Equal(("Oars: a history", "Oak was first.", 1619856000000, true, "Fen Walker"), (oars.Title, oars.Text, oars.Time, oars.Own, oars.Author));
        Assert.Equal(("Rowing", "wood to_read", "Sculls\nBlades", "2021-06-01T10:00:00Z"), (oars.Meta["folder"], oars.Meta["labels"], oars.Meta["aliases"], oars.Meta["modified"]));
        var file = export.Report.File(".obsidian/app.json");
        Assert.Equal((FileStatus.Ignored, "kept by a program for itself, or thrown away"), (file.Status, file.Reason));
        Assert.Equal((FileStatus.Ignored, "a drawing"), (export.Report.File("Rowing/Sketch.excalidraw.md").Status, export.Report.File("Rowing/Sketch.excalidraw.md").Reason));
        Assert.Equal(FileStatus.Empty, export.Report.File("Rowing/Empty heading only.md").Status);
    }

    [Fact]
    public void A_daily_note_has_its_names_day_and_keeps_quotes_code_and_links()
    {
        using var export = OpenFixture("notes-obsidian", Fen);
        var records = Records(export);
        var day = records["Daily/2024-03-01.md"];
        Assert.Equal((1709251200000, "day", ""), (day.Time, day.Meta["precision"], day.Title));
        Assert.Equal("Low water at noon. See [[Oars|the oars]] and #wood/oak.\n\n> The tide waits for nobody.\n\n```\nrope = 12\n```", day.Text);
        var talk = records["Daily/2024-03-02 With Otter.md"];
        Assert.Equal((1709337600000, "2024-03-02 With Otter", "# Talk\n\nWe spoke."), (talk.Time, talk.Title, talk.Text));
    }

    [Fact]
    public void A_clipped_page_is_not_the_members_words()
    {
        using var export = OpenFixture("notes-obsidian", Fen);
        var records = Records(export);
        var clipped = records["Rowing/Clipped.md"];
        Assert.Equal((false, "https://example.org/oak", "[[Ida Brook]]", "day"), (clipped.Own, clipped.Url, clipped.Author, clipped.Meta["precision"]));
        var own = records["Rowing/Knots.md"];
        Assert.Equal((true, 1688200200000, "local"), (own.Own, own.Time, own.Meta["clock"]));
        using var other = OpenFixture("notes-obsidian", new ExportOptions { Me = "someone" });
        Assert.False(Records(other)["Rowing/Knots.md"].Own);
        Assert.Single(export.Report.Warnings, warning => warning.Contains("no zone", StringComparison.Ordinal));
        Assert.Single(export.Report.Warnings, warning => warning.Contains("keep out what others wrote", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a.md", "---\nurl: https://example.org/\n---\nwords", false)]
    [InlineData("a.md", "---\nurl: none\n---\nwords", true)]
    [InlineData("a.html", "<meta name=\"exporter-version\" content=\"Evernote\"><meta name=\"source-url\" content=\"https://example.org/\">words", false)]
    [InlineData("a.html", "<meta name=\"exporter-version\" content=\"Evernote\">words", true)]
    public void What_names_the_page_it_was_taken_from_is_not_own(string name, string text, bool own)
    {
        using var export = Open(Zip((name, text)), Fen);
        Assert.Equal(("words", own), (Assert.Single(export.Records()).Text, export.Records().Single().Own));
    }

    [Fact]
    public void Without_a_name_no_note_counts_as_own()
    {
        using var export = OpenFixture("notes-obsidian");
        Assert.All(export.Records(), record => Assert.False(record.Own));
        Assert.Contains(export.Report.Warnings, warning => warning.Contains("--me", StringComparison.Ordinal));
    }

    [Fact]
    public void A_rule_is_not_the_beginning_of_properties()
    {
        using var export = OpenFixture("notes-obsidian", Fen);
        Assert.StartsWith("---\nWords between", Records(export)["Rowing/Rule.md"].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Notions_names_lose_their_ids_and_pages_their_shortened_titles()
    {
        using var export = OpenFixture("notes-notion", Fen);
        var records = Records(export);
        var house = records["Boat house 00112233445566778899aabbccddeeff.md"];
        Assert.Equal(("00112233445566778899aabbccddeeff", "Boat house: keys, rules and everything that a new member asks", 1709287200000, "local", "2024-03-05T21:15:00Z"),
            (house.Id, house.Title, house.Time, house.Meta["clock"], house.Meta["modified"]));
        var rota = records["Boat house 00112233445566778899aabbccddeeff/Rota 0123456789abcdef0123456789abcdef.md"];
        Assert.Equal(("Rota", "- Otter on Monday", "Boat house", house.Id), (rota.Title, rota.Text, rota.Meta["folder"], rota.Thread));
        var page = records["Web page ffeeddccbbaa99887766554433221100.html"];
        Assert.Equal(("Web page", 1712045100000, "Created\t@April 2, 2024 8:05 AM\n\nWater & wood.\n\n- First"), (page.Title, page.Time, page.Text));
        var table = export.Report.Files.Single(file => file.Name.EndsWith("_all.csv", StringComparison.Ordinal));
        Assert.Equal(FileStatus.Ignored, table.Status);
        Assert.StartsWith("a database as a table", table.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_Notion_archive_in_an_archive_is_to_be_unpacked_once()
    {
        var inner = Encoding.Latin1.GetString(ZipFixture("notes-notion"));
        var error = Assert.Throws<ExportException>(() => Open(Zip(("Export-00112233-Part-1.zip", inner))));
        Assert.Contains("unpack it once", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Documents_of_Google_Evernote_and_plain_text()
    {
        using var export = OpenFixture("notes-documents", Fen);
        var records = Records(export);
        Assert.Equal(("Minutes", "We met at eight, and left.", null), (records["Minutes.html"].Title, records["Minutes.html"].Text, records["Minutes.html"].Time));
        var ropes = records["Evernote.html"];
        Assert.Equal(("Ropes", "Hemp\n\nFlax", 1425204000000, true, "rope old"), (ropes.Title, ropes.Text, ropes.Time, ropes.Own, ropes.Meta["labels"]));
        Assert.Equal(("Shopping", "flour\nsalt"), (records["Shopping.txt"].Title, records["Shopping.txt"].Text));
        Assert.Equal("caf\u00e9", records["Wide.txt"].Text);
        Assert.Equal((FileStatus.Ignored, "a page that no program for notes wrote, as far as is known"), (export.Report.File("page.html").Status, export.Report.File("page.html").Reason));
    }

    [Fact]
    public void Bytes_that_are_not_UTF8_are_replaced_and_told()
    {
        using var export = Open(Zip([KeyValuePair.Create("a.txt", (byte[])[.. "caf"u8, 0xE9])]), Fen);
        Assert.Equal("caf\uFFFD", Assert.Single(export.Records()).Text);
        Assert.Contains(export.Report.Warnings, warning => warning.Contains("U+FFFD", StringComparison.Ordinal));
    }

    [Fact]
    public void A_note_without_end_fails_alone()
    {
        using var export = Open(Zip(("long.md", new string('x', RecordRules.Text + 1)), ("short.md", "y")));
        Assert.Single(export.Records());
        Assert.Contains("split it", export.Report.File("long.md").Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("---\na: b\n---\nx", "a=b", "x")]
    [InlineData("---\nDate_Created: '2024'\r\n---\nx", "datecreated=2024", "x")]
    [InlineData("---\na: [b, 'c d']\ne:\n- f\n  - g\n# no\n\nh: i # no\nj: |\n  deep: er\n...\nx", "a=b,c d e=f,g h=i j=", "x")]
    [InlineData("---\na: [[2024-03-01]]\n---", "a=[[2024-03-01]]", "")]
    [InlineData("---\na:b\n---\nx", "", "---\na:b\n---\nx")]
    [InlineData("---\na: b\n", "", "---\na: b\n")]
    [InlineData("----\na: b\n---\n", "", "----\na: b\n---\n")]
    [InlineData("x\n---\na: b\n---\n", "", "x\n---\na: b\n---\n")]
    public void Properties_stand_between_two_lines_at_the_front(string text, string found, string body)
    {
        var properties = FrontMatter.Parse(text, out int at);
        Assert.Equal(body, text[at..]);
        Assert.Equal(found, string.Join(' ', new[] { "a", "datecreated", "e", "h", "j", "deep" }.Where(properties.Has).Select(name => $"{name}={string.Join(',', properties.All(name))}")));
    }

    [Fact]
    public void A_million_lines_are_no_properties()
    {
        Assert.False(FrontMatter.Parse("---\n" + string.Concat(Enumerable.Repeat("a: b\n", 1_000_000)) + "---\n", out int body).Has("a"));
        Assert.Equal(0, body);
    }

    [Theory]
    [InlineData("2024-03-01T10:00:00Z", 1709287200000, false, false)]
    [InlineData("2015-03-01 10:00:00 +0000", 1425204000000, false, false)]
    [InlineData("2024-03-01 10:00", 1709287200000, true, false)]
    [InlineData("March 1, 2024 10:00 AM", 1709287200000, true, false)]
    [InlineData("@March 1, 2024", 1709251200000, false, true)]
    [InlineData("[[2024-03-01]]", 1709251200000, false, true)]
    [InlineData("1.3.2024", null, false, false)]
    [InlineData("2024-13-01", null, false, false)]
    public void Times_are_known_as_far_as_they_are_written(string text, long? time, bool isLocal, bool isDay) => Assert.Equal(new WrittenTime(time, isLocal, isDay), WrittenTime.Parse(text));

    [Theory]
    [InlineData("notes-obsidian", "Rowing/Oars.md", "updated: 2021-06-01", "updated: 2020-06-01", "notes.dates")]
    [InlineData("notes-notion", "Boat house 00112233445566778899aabbccddeeff.md", "March 5, 2024", "January 5, 2024", "notes.dates")]
    public void A_note_changed_before_it_was_made_fails_the_dates(string fixture, string file, string old, string changed, string check)
    {
        Assert.Equal(CheckOutcome.Passed, CheckOf(Files(fixture), check).Outcome);
        Assert.Equal(CheckOutcome.Failed, CheckOf(Edited(fixture, file, old, changed), check).Outcome);
    }

    [Fact]
    public void Two_pages_of_one_id_fail_the_ids()
    {
        Assert.Equal("3 notes have ids of their own", CheckOf(Files("notes-notion"), "notes.ids").Detail);
        var files = Files("notes-notion");
        files["Copy 00112233445566778899aabbccddeeff.md"] = "x"u8.ToArray();
        Assert.Equal(CheckOutcome.Failed, CheckOf(files, "notes.ids").Outcome);
        Assert.Equal(CheckOutcome.Absent, CheckOf(Files("notes-obsidian"), "notes.ids").Outcome);
    }

    /// <summary>Every other format's files, with a text or a page among them, remain that format's.</summary>
    [Theory]
    [InlineData("reddit")]
    [InlineData("chatgpt")]
    [InlineData("x")]
    [InlineData("instagram")]
    [InlineData("facebook")]
    [InlineData("linkedin")]
    [InlineData("spotify")]
    [InlineData("amazon")]
    [InlineData("claude")]
    [InlineData("discord-json")]
    [InlineData("slack")]
    [InlineData("telegram")]
    [InlineData("whatsapp-ios")]
    [InlineData("whatsapp-android")]
    public void Other_formats_win_with_notes_among_their_files(string fixture)
    {
        using var alone = OpenFixture(fixture);
        var files = Files(fixture);
        for (int i = 0; i < 100; i++)
            files[$"Notes {i}.md"] = "Read me"u8.ToArray();
        using var mixed = Open(Zip(files));
        Assert.NotEqual("notes", mixed.Platform);
        Assert.Equal(alone.Platform, mixed.Platform);
    }

    [Theory]
    [InlineData("program.txt", "12/31/23, 21:41 - A: hello\n12/31/23, 21:42 - B: hello\n")]
    [InlineData("_chat.txt", "Talk about eels")]
    [InlineData("messages.html", "<!DOCTYPE html><html><head><title>Exported Data</title></head><body><div class=\"page_wrap\">x</div></body></html>")]
    [InlineData("Takeout/My Activity/Search/MyActivity.html", "<html><head><title>My Activity History</title></head><body><div class=\"outer-cell\">x</div></body></html>")]
    [InlineData("posts.csv", "id,text\n1,x\n")]
    public void Pages_tables_and_chats_are_not_notes(string name, string text) => Assert.Throws<ExportException>(() => Open(Zip((name, text))));

    [Fact]
    public void A_folder_of_mostly_other_files_is_not_of_notes()
    {
        var files = Enumerable.Range(0, 9).Select(i => ($"note {i}.md", "x")).Append(("main.cs", "class A;")).ToArray();
        using var export = Open(Zip(files));
        Assert.Equal("notes", export.Platform);
        Assert.Throws<ExportException>(() => Open(Zip(files[1..])));
    }

    private static Dictionary<string, Record> Records(Export export) => export.Records().ToDictionary(record => record.Source);
}
