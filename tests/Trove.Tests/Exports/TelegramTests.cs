using System.Text;
using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class TelegramTests
{
    [Fact]
    public void A_full_export_gives_each_message_its_chat_author_and_kind()
    {
        using var export = OpenFixture("telegram");
        Assert.Equal("user7001", export.Account);
        var records = export.Records().ToList();
        Assert.Equal(
            [
                "7002/1 message Ida Brook: Bring the long net type=personal_chat",
                "7002/2 own message Tom Reed: Yes, see https://example.org/nets or the map. links=https://example.org/map parent=1 type=personal_chat",
                "7002/3 own other Tom Reed:  type=personal_chat what=phone_call",
                "7002/4 message Wim: Eels leave at new moon by=user7001 type=personal_chat what=forwarded",
                "7002/5 own message Tom Reed: So did the 😀 last \uFFFD one edited=yes type=personal_chat",
                "7002/6 message Ida Brook:  emoji=🐟 media=sticker type=personal_chat",
                "7002/8 message user7009:  media=contact type=personal_chat",
                "7001/20 own note Tom Reed: Buy rope type=saved_messages",
                "7001/21 message : A post about rope by=user7001 type=saved_messages what=forwarded",
                "9001/30 own message Tom Reed: Which pond first? chat=Eel watch options=The upper one | The lower one type=private_supergroup what=poll",
                "9001/31 message @gif: by a bot by=user7001 chat=Eel watch media=animation type=private_supergroup what=bot",
                "9002/40 post Pond news: Ice chat=Pond news media=photo type=public_channel",
            ],
            records.Select(record => $"{record.Thread}/{record.Id} {(record.Own ? "own " : "")}{record.Kind.Name()} {record.Author}: {record.Text}{string.Concat(record.Meta.Select(pair => $" {pair.Key}={pair.Value}"))}"));
        Assert.Equal(1685828460000, records[0].Time);
        Assert.Contains("a message without text (message 7)", export.Report.Files[0].Reason, StringComparison.Ordinal);
        Assert.Empty(export.Report.Warnings);
        Assert.All(export.Checks(), check => Assert.Equal(CheckOutcome.Passed, check.Outcome));
        Assert.DoesNotContain(records, record => record.ToString().Contains("+1555", StringComparison.Ordinal) || record.Meta.Values.Any(value => value.Contains("+1555", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_single_old_chat_in_its_folder_has_times_of_a_clock_and_shows_whose_it_is()
    {
        using var export = OpenFixture("telegram-chat");
        Assert.Equal("user7001", export.Account); // the chat is called after 7002
        var records = export.Records().ToList();
        Assert.Equal([false, true], records.Select(record => record.Own));
        Assert.Equal((1609710060000, "local"), (records[0].Time, records[0].Meta["clock"]));
        Assert.Contains("2 times are those of a computer's clock", Assert.Single(export.Report.Warnings), StringComparison.Ordinal);
        Assert.Equal([CheckOutcome.Passed, CheckOutcome.Absent], export.Checks().Select(check => check.Outcome));
    }

    [Fact]
    public void Who_takes_the_accounts_number_for_a_name_is_not_the_account()
    {
        var text = Encoding.UTF8.GetString(Files("telegram")["result.json"]).Replace("Ida Brook", "user7001", StringComparison.Ordinal);
        using var export = Open(Zip(("result.json", text)));
        var records = export.Records().ToList();
        Assert.Equal(["1", "6"], records.Where(record => record.Author == "user7001" && !record.Own).Select(record => record.Id));
    }

    [Theory]
    [InlineData("user2")]
    [InlineData("2")]
    [InlineData("bo")]
    public void In_a_group_the_member_names_the_account(string me)
    {
        const string group = """{"name":"G","type":"private_group","id":5,"messages":[{"id":1,"type":"message","date_unixtime":"1685828460","from":"Al","from_id":"user1","text":"x"},{"id":2,"type":"message","date_unixtime":"1685828461","from":"Bo","from_id":"user2","text":"y"}]}""";
        using var export = Open(Zip(("result.json", group)), new ExportOptions { Me = me });
        Assert.Equal("", export.Account == me ? "" : export.Account);
        Assert.Equal("y", Assert.Single(export.Records(), record => record.Own).Text);
    }

    [Theory]
    [InlineData("\"id\": 2, \"type\": \"message\", \"date\"", "\"id\": 1, \"type\": \"message\", \"date\"", "telegram.order")]
    [InlineData("\"date_unixtime\": \"1685828520\"", "\"date_unixtime\": \"1685828521\"", "telegram.times")]
    [InlineData("\"date\": \"2023-06-07T10:00:00\"", "\"date\": \"2023-06-09T10:00:00\"", "telegram.times")]
    public void A_changed_number_or_time_fails_its_check(string old, string changed, string check)
    {
        var text = Encoding.UTF8.GetString(Files("telegram")["result.json"]);
        Assert.Contains(old, text, StringComparison.Ordinal);
        using var export = Open(Zip(("result.json", text.Replace(old, changed, StringComparison.Ordinal))));
        Assert.Equal([check], export.Checks().Where(found => found.Outcome == CheckOutcome.Failed).Select(found => found.Name));
    }

    [Fact]
    public void TruncatedInsideAMessage()
    {
        var text = Encoding.UTF8.GetString(Files("telegram")["result.json"]);
        using var export = Open(Zip(("result.json", text[..text.IndexOf("Buy rope", StringComparison.Ordinal)])));
        var file = export.Inspect().Files[0];
        Assert.Equal((FileStatus.Failed, 7L), (file.Status, file.Records));
        Assert.Equal(CheckOutcome.Failed, export.Checks()[0].Outcome);
    }

    [Theory]
    [InlineData("result.json", """{"messages":[{"id":1,"text":"x"}]}""")]
    [InlineData("result.json", """[{"from_id":1}]""")]
    [InlineData("messages.json", """{"type":"personal_chat","messages":[{"from_id":"user1","date_unixtime":"1","text":"x"}]}""")]
    public void Another_programs_result_is_not_recognised(string name, string text) => Assert.Throws<ExportException>(() => Open(Zip((name, text))));
}
