using System.Text;
using Trove.Exports;
using Trove.Exports.Text;
using Trove.Exports.WhatsApp;
using Record = Trove.Exports.Record;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class WhatsAppTests
{
    [Fact]
    public void An_iOS_chat_tells_words_from_what_the_platform_wrote()
    {
        using var export = OpenFixture("whatsapp-ios");
        var records = export.Records().ToList();
        Assert.Equal(
            [
                "other system: Messages and calls are end-to-end encrypted. Only people in this chat can read, listen to, or share them.",
                "message Ida Brook: Are the eels back?",
                "own message Tom Reed: Since Tuesday.\nThree of them: one large, two small.\n\nI wrote it down.",
                "message Ida Brook:  media=image omitted",
                "own message Tom Reed:  attachments=00000005-PHOTO-2023-12-31-00-05-09.jpg",
                "own message Tom Reed: The large one attachments=00000006-PHOTO-2023-12-31-00-06-00.jpg",
                "own message Tom Reed: Noon, and still there edited=yes",
                "message Ida Brook:  state=deleted",
                "other system: Missed voice call. Tap to call back",
                "message Wim: @Tom Reed happy new year",
                "own message Tom Reed: Which pond first? options=The upper one | The lower one what=poll",
                "message Ida Brook:  location=https://maps.google.com/?q=52.1,0.3",
                "own message Tom Reed:  state=deleted",
                "message Ida Brook:  media=eels.pdf • 3 pages document omitted",
            ],
            records.Select(Show));
        Assert.Equal(At("2023-12-30T21:41:00Z"), records[1].Time);
        Assert.Equal(At("2023-12-31T00:05:09Z"), records[4].Time); // 12:05 AM
        Assert.Equal(At("2023-12-31T12:10:00Z"), records[6].Time); // 12:10 PM
        Assert.All(records, record => Assert.Equal("local", record.Meta["clock"]));
        Assert.Equal(FileStatus.Ignored, export.Report.File("00000005-PHOTO-2023-12-31-00-05-09.jpg").Status);
        Assert.Contains("up to 14 hours", Assert.Single(export.Report.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void An_Android_chat_of_two_is_its_other_persons_by_name()
    {
        using var export = OpenFixture("whatsapp-android");
        Assert.Equal("Tom Reed", export.Account);
        var records = export.Records().ToList();
        Assert.Equal(
            [
                "other system: Messages and calls are end-to-end encrypted. No one outside of this chat, not even WhatsApp, can read or listen to them. Tap to learn more.",
                "message Ida Brook: Bring the long net",
                "own message Tom Reed: Yes: and the lamp",
                "own message Tom Reed:  media=Media omitted",
                "message Ida Brook: <grin>",
                "other system: Ida Brook changed the subject to \"Ponds: the lower one\"",
                "message Ida Brook: The gate attachments=IMG-20230614-WA0003.jpg",
                "own message Tom Reed: It was open edited=yes",
                "own message Tom Reed:  location=https://maps.google.com/?q=52.2,0.4",
                "message Ida Brook:  state=deleted",
                "own message Tom Reed: 12/06/2023 it was, I think\n13.6.2023, 18:06 - not a header here: another look",
            ],
            records.Select(Show));
        Assert.Equal(At("2023-06-03T21:41:00Z"), records[1].Time);
        Assert.Contains("a message without text (line 12)", export.Report.Files[0].Reason, StringComparison.Ordinal);
        Assert.All(export.Checks(), check => Assert.NotEqual(CheckOutcome.Failed, check.Outcome));
    }

    [Fact]
    public void Several_chats_in_folders_are_several_threads()
    {
        using var export = OpenFixture("whatsapp-many");
        var records = export.Records().ToList();
        Assert.Equal("Tom Reed", export.Account); // the chat of two shows it, for the group too
        Assert.Equal(2, records.Select(record => record.Thread).Distinct().Count());
        Assert.Equal(3, records.Count(record => record.Own));
        Assert.Equal("Medien ausgeschlossen", records.Single(record => record.Meta.ContainsKey("media")).Meta["media"]);
        Assert.Equal("deleted", records.Single(record => record.Own && record.Text.Length == 0).Meta["state"]);
        Assert.Equal(FileStatus.Ignored, export.Report.File("notes.txt").Status);
        Assert.Contains(records, record => record.Thread.Contains("Ida", StringComparison.Ordinal));
        var hidden = new Redaction(RedactionClasses.Person, new byte[Redaction.KeySize]);
        Assert.All(records, record => Assert.Matches(@"^\[redacted:person:[0-9a-f]{8}\]$", hidden.Apply(record).Thread));
        Assert.Equal(2, records.Select(record => hidden.Apply(record).Thread).Distinct().Count());
        Assert.All(records, record => Assert.True(Redaction.IsRedactionOf(record, hidden.Apply(record))));
    }

    [Theory]
    [InlineData("[12/31/23, 9:41:00 PM] a: m", "2023-12-31T21:41:00Z")]
    [InlineData("[12/31/23, 9:41:00\u202FPM] a: m", "2023-12-31T21:41:00Z")]
    [InlineData("\u200E[31.12.23, 21:41:00] a: m", "2023-12-31T21:41:00Z")]
    [InlineData("31/12/2023, 21:41 - a: m", "2023-12-31T21:41:00Z")]
    [InlineData("31/12/2023 21:41 - a: m", "2023-12-31T21:41:00Z")]
    [InlineData("31.12.23, 21:41 - a: m", "2023-12-31T21:41:00Z")]
    [InlineData("12/31/23, 9:41\u202FPM - a: m", "2023-12-31T21:41:00Z")]
    [InlineData("31/12/2023, 9:41 p.\u00A0m. - a: m", "2023-12-31T21:41:00Z")]
    [InlineData("31/12/23, 9:41 p.m. - a: m", "2023-12-31T21:41:00Z")]
    [InlineData("[31/12/23 9:41:00 p. m.] a: m", "2023-12-31T21:41:00Z")]
    [InlineData("31-12-2023, 09.41 PM - a: m", "2023-12-31T21:41:00Z")]
    [InlineData("31.12.23 21.41.05: a: m", "2023-12-31T21:41:05Z")]
    [InlineData("[31-12-23 21:41:05] a: m", "2023-12-31T21:41:05Z")]
    [InlineData("31.12.2023 klo 21.41 - a: m", "2023-12-31T21:41:00Z")]
    [InlineData("[31.12.2023 klo 21.41.05] a: m", "2023-12-31T21:41:05Z")]
    [InlineData("31. 12. 2023. 21:41:05 a: m", "2023-12-31T21:41:05Z")]
    [InlineData("[2023/12/31, 21:41:05] a: m", "2023-12-31T21:41:05Z")]
    [InlineData("[2023-12-31 21:41:05] a: m", "2023-12-31T21:41:05Z")]
    [InlineData("2023-12-31, 21:41 - a: m", "2023-12-31T21:41:00Z")]
    [InlineData("2023/12/31, 9:41 p.m. - a: m", "2023-12-31T21:41:00Z")]
    [InlineData("[2023/12/31 下午9:41:05] a: m", "2023-12-31T21:41:05Z")]
    [InlineData("2023/12/31 上午9:41 - a: m", "2023-12-31T09:41:00Z")]
    [InlineData("[2023. 12. 31. 오후 9:41:05] a: m", "2023-12-31T21:41:05Z")]
    [InlineData("2023. 12. 31. 오전 9:41 - a: m", "2023-12-31T09:41:00Z")]
    [InlineData("[31/12/2566 21:41:05] a: m", "2023-12-31T21:41:05Z")]
    [InlineData("[٣١\u200F/١٢\u200F/٢٠٢٣، ٩:٤١:٠٥ م] a: m", "2023-12-31T21:41:05Z")]
    [InlineData("۳۱/۱۲/۲۰۲۳, ۲۱:۴۱ - a: m", "2023-12-31T21:41:00Z")]
    [InlineData("31.12.23, 9:41 nachm. - a: m", "2023-12-31T21:41:00Z")]
    [InlineData("31/12/23 21:41 – a: m", "2023-12-31T21:41:00Z")]
    [InlineData("31/12/23, 12:05 AM - a: m", "2023-12-31T00:05:00Z")]
    [InlineData("\uFEFF31/12/23, 12:05 pm - a: m", "2023-12-31T12:05:00Z")]
    [InlineData("31/12/23, 9:41 zzz - a: m", null)] // half a day is missing
    [InlineData("31/12/1402, 21:41 - a: m", null)] // another calendar
    [InlineData("31/02/2023, 21:41 - a: m", null)] // no date
    public void HeaderShapes(string line, string? time)
    {
        using var export = Open(Zip(("_chat.txt", line + "\n"), ("WhatsApp.txt", line + "\n")), new ExportOptions { Me = "A" });
        var record = export.Records().First();
        Assert.Equal(("a", "m", true), (record.Author, record.Text, record.Own));
        Assert.Equal(time is null ? null : At(time), record.Time);
        Assert.Equal(time is null, record.Meta.ContainsKey("date"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("12/31/23")]
    [InlineData("12/31/23, 9:41 PM")]
    [InlineData("12/31/23, 25:41 - a: m")]
    [InlineData("12/31/23, 9:4 - a: m")]
    [InlineData("12/31-23, 9:41 - a: m")]
    [InlineData("1234/5678/90, 9:41 - a: m")]
    [InlineData("[12/31/23, 9:41:00 PM a: m")]
    [InlineData("on 12/31/23, 9:41 - a: m")]
    [InlineData("123/12/23, 9:41 - a: m")]
    public void NoHeader(string line) => Assert.False(WhatsAppHeader.TryParse(Encoding.UTF8.GetBytes(line), out _));

    [Fact]
    public void DayAndMonthByTheOrderOfMessages()
    {
        var byDay = Times("01/02/23", "02/02/23", "03/02/23", "01/03/23", "02/03/23");
        Assert.Equal(At("2023-02-01T10:00:00Z"), byDay[0].Time);
        var byMonth = Times("02/01/23", "02/02/23", "02/03/23", "03/01/23", "03/02/23");
        Assert.Equal(At("2023-02-01T10:00:00Z"), byMonth[0].Time);
    }

    [Fact]
    public void DayAndMonthThatCannotBeToldApart()
    {
        using var export = OpenChat("01/02/23", "03/03/23", "04/04/23");
        var records = export.Records().ToList();
        Assert.Equal((null, "01/02/23, 10:00"), (records[0].Time, records[0].Meta["date"]));
        Assert.Equal(At("2023-03-03T10:00:00Z"), records[1].Time); // the same either way
        Assert.Contains("day and month cannot be told apart in this chat: the times of 1 messages", string.Join('\n', export.Report.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void DayAndMonthThatContradictEachOther()
    {
        var records = Times("13/02/23", "02/14/23", "01/02/23");
        Assert.Null(records[2].Time);
        Assert.Equal("01/02/23, 10:00", records[2].Meta["date"]);
    }

    [Fact]
    public void The_account_is_who_took_a_message_back_else_whom_the_member_names()
    {
        const string group = "01/02/23, 10:00 - Ada: x\n01/02/23, 10:01 - Ben: y\n01/02/23, 10:02 - Cai: z\n";
        using var shown = Open(Zip(("WhatsApp Chat with Club.txt", group + "01/02/23, 10:03 - Cai: You deleted this message\n")));
        Assert.Equal("Cai", shown.Account);
        using var named = Open(Zip(("WhatsApp Chat with Club.txt", group)), new ExportOptions { Me = "ben" });
        Assert.Equal("", Open(Zip(("WhatsApp Chat with Club.txt", group))).Account);
        Assert.Equal("y", named.Records().Single(record => record.Own).Text);
        using var stranger = Open(Zip(("WhatsApp Chat with Club.txt", group)), new ExportOptions { Me = "Dot" });
        stranger.Inspect();
        Assert.Contains(stranger.Report.Warnings, warning => warning.Contains("no message is by the account", StringComparison.Ordinal));
    }

    [Fact]
    public void Chats_that_show_two_accounts_show_none()
    {
        using var export = Open(Zip(
            ("a/WhatsApp Chat with Ben.txt", "01/02/23, 10:00 - Ada: x\n01/02/23, 10:01 - Ben: y\n"),
            ("b/WhatsApp Chat with Ben.txt", "01/02/23, 10:00 - Cai: x\n01/02/23, 10:01 - Ben: y\n")));
        Assert.Equal("", export.Account);
    }

    [Fact]
    public void A_message_longer_than_the_limit_is_passed_over()
    {
        var options = new ExportOptions { Limits = new ExportLimits { RowLength = 1000 } };
        using var export = Open(Zip(("_chat.txt", $"01/02/23, 10:00 - A: x\n01/02/23, 10:01 - A: {new string('w', 2000)}\n01/02/23, 10:02 - A: y\n{string.Concat(Enumerable.Repeat("more\n", 300))}01/02/23, 10:03 - A: z\n")), options);
        Assert.Equal(["x", "z"], export.Records().Select(record => record.Text));
        Assert.Contains("longer than 1000 bytes (line 2 and 1 more)", export.Report.Files[0].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void LinesBeforeTheFirstMessageAndBytesThatAreNotUtf8()
    {
        var bytes = (byte[])[.. "01/02/23, 10:00 - A: caf"u8, 0xE9, .. "\n01/02/23, 10:01 - A: ok"u8];
        using var export = Open(Zip([KeyValuePair.Create("_chat.txt", bytes)]));
        Assert.Equal(["caf\uFFFD", "ok"], export.Records().Select(record => record.Text));
        Assert.Contains(export.Report.Warnings, warning => warning.Contains("1 messages hold bytes that are not UTF-8", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("server.txt", "2024-01-01 12:00:00 - INFO: started\n2024-01-01 12:00:01 - INFO: ready\n")]
    [InlineData("_chat.txt", "Talk about eels\n")]
    [InlineData("WhatsApp.csv", "01/02/23, 10:00 - A: x\n")]
    public void What_is_no_chat_is_not_recognised(string name, string text) => Assert.Throws<ExportException>(() => Open(Zip((name, text))));

    [Fact]
    public void The_checks_fail_on_dates_that_run_back_and_attachments_of_another_day()
    {
        Assert.All(Check(Files("whatsapp-ios")["_chat.txt"]), check => Assert.Equal(CheckOutcome.Passed, check.Outcome));
        var text = Encoding.UTF8.GetString(Files("whatsapp-ios")["_chat.txt"]);
        Assert.Equal((CheckOutcome.Passed, CheckOutcome.Failed), Outcomes(text.Replace("PHOTO-2023-12-31-00-06", "PHOTO-2023-11-30-00-06", StringComparison.Ordinal)));
        Assert.Equal((CheckOutcome.Failed, CheckOutcome.Passed), Outcomes(text.Replace("[1/1/24, 8:00", "[1/1/22, 8:00", StringComparison.Ordinal)));
        Assert.Equal((CheckOutcome.Passed, CheckOutcome.Absent), Outcomes("13/02/23, 10:00 - A: x\n"));

        static (CheckOutcome, CheckOutcome) Outcomes(string text) => Check(Encoding.UTF8.GetBytes(text)) is var checks ? (checks[0].Outcome, checks[1].Outcome) : default;

        static IReadOnlyList<ExportCheck> Check(byte[] chat)
        {
            using var export = Open(Zip([KeyValuePair.Create("_chat.txt", chat)]));
            return export.Checks();
        }
    }

    [Fact]
    public void Lines_of_any_length_are_read_whole_or_cut()
    {
        var text = string.Concat(Enumerable.Range(0, 300).Select(i => new string((char)('a' + i % 26), i * 7 % 1500) + (i % 3 == 0 ? "\r\n" : "\n"))) + "last";
        var reader = new LineReader(new MemoryStream(Encoding.ASCII.GetBytes(text)), 1000);
        var expected = text.Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n');
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(reader.Read(out var line));
            Assert.Equal(i + 1, reader.Number);
            Assert.Equal(expected[i].Length > 1000, reader.IsCut);
            Assert.Equal(expected[i][..Math.Min(1000, expected[i].Length)], Encoding.ASCII.GetString(line));
        }
        Assert.False(reader.Read(out _));
    }

    private static Export OpenChat(params string[] dates) => Open(Zip(("_chat.txt", string.Concat(dates.Select(date => $"{date}, 10:00 - A: x\n")))));

    private static List<Record> Times(params string[] dates)
    {
        using var export = OpenChat(dates);
        return [.. export.Records()];
    }

    private static string Show(Record record) => $"{(record.Own ? "own " : "")}{record.Kind.Name()} {record.Author}: {record.Text}"
        + string.Concat(record.Meta.Where(pair => pair.Key != "clock" && pair.Value != "notice").Select(pair => $" {pair.Key}={pair.Value}"));

    private static long At(string time) => DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeMilliseconds();
}
