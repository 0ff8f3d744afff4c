using System.Text;
using Trove.Exports;
using Trove.Exports.Slack;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class SlackTests
{
    private static readonly ExportOptions Tom = new() { Me = "tom" };

    [Fact]
    public void Channels_threads_bots_and_joins()
    {
        using var export = OpenFixture("slack", Tom);
        var records = export.Records().ToList();
        Assert.Equal(
            [
                "D1 message U2: Bring a < b type=dms",
                "D1 own message U1: I will type=dms",
                "C1 other system: @U2 has joined the channel by=U2 channel=general type=channels what=channel_join",
                "C1 own message U1: @U2 look: here, https://example.org/d, #general <3 &amp; @here @S1 today channel=general edited=yes links=https://example.org/a?b=1&c=2 type=channels",
                "C1 message U2: Seen channel=general parent=1705300001.000200 type=channels",
                "C1 other B1: Water 4 C channel=general type=channels what=bot",
                "C1 own message U1:  attachments=eel.png channel=general type=channels",
                "C1 message USLACKBOT:  channel=general state=deleted type=channels",
                "G1 message U3: Three of us type=mpims",
            ],
            records.Select(record => $"{record.Thread} {(record.Own ? "own " : "")}{record.Kind.Name()} {record.Author}: {record.Text}{string.Concat(record.Meta.Select(pair => $" {pair.Key}={pair.Value}"))}"));
        Assert.Equal(("1705300001.000200", 1705300001000), (records[3].Id, records[3].Time));
        Assert.Contains("a message without text (element 7)", export.Report.File("general/2024-01-15.json").Reason, StringComparison.Ordinal);
        Assert.All(export.Checks(), check => Assert.Equal(CheckOutcome.Passed, check.Outcome));
        Assert.DoesNotContain(records, record => record.Meta.Values.Concat([record.Text, record.Thread]).Any(value => value.Contains("ida", StringComparison.OrdinalIgnoreCase)));
    }

    [Theory]
    [InlineData("U1", 3)]
    [InlineData("u1", 3)]
    [InlineData("@tom", 3)]
    [InlineData("Tom Reed", 3)]
    [InlineData("tomr", 3)]
    [InlineData("TOM@example.org", 3)]
    [InlineData("U2", 2)]
    [InlineData("Ida Brook", 0)] // two users
    [InlineData("nobody", 0)]
    public void The_member_is_named_by_id_name_or_mail(string me, int own)
    {
        using var export = OpenFixture("slack", new ExportOptions { Me = me });
        Assert.Equal(own, export.Records().Count(record => record.Own));
        Assert.Equal(own == 0, export.Report.Warnings.Any(warning => warning.Contains("users.json lists", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("a & b < c", "a & b < c")]
    [InlineData("&amp;lt;", "&lt;")]
    [InlineData("<@U1|tom> <@U2>", "@U1 @U2")]
    [InlineData("<#C1> <#C1|>", "#C1 #C1")]
    [InlineData("<!channel> <!subteam^S1>", "@channel @S1")]
    [InlineData("<mailto:a@example.org|a@example.org>", "a@example.org")]
    [InlineData("<https://example.org|a &lt; b> <https://example.org>", "a < b https://example.org")]
    [InlineData("<", "<")]
    [InlineData("<>", "")]
    [InlineData("a <b &amp; c", "a <b & c")]
    public void Markup(string raw, string text) => Assert.Equal(text, SlackText.Render(raw, []));

    [Fact]
    public void A_wrapping_folder_is_taken_off()
    {
        using var expected = OpenFixture("slack", Tom);
        using var export = Open(Zip(Files("slack").Select(file => KeyValuePair.Create("Pond Slack export Jan 1 2024/" + file.Key, file.Value))), Tom);
        Assert.Equal(expected.Records(), export.Records());
    }

    [Fact]
    public void A_change_fails_its_check()
    {
        var files = Files("slack");
        files["general/2024-01-17.json"] = Encoding.UTF8.GetBytes("""[{"type":"message","user":"U1","text":"x","ts":"1705300000.000100"}]""");
        Assert.Equal(["slack.times"], Failed(files));
        files = Files("slack");
        files["pond/2024-01-16.json"] = files["D1/2024-01-16.json"];
        Assert.Equal(["slack.conversations"], Failed(files));

        static IEnumerable<string> Failed(Dictionary<string, byte[]> files)
        {
            using var export = Open(Zip(files));
            return [.. export.Checks().Where(check => check.Outcome == CheckOutcome.Failed).Select(check => check.Name)];
        }
    }

    [Fact]
    public void Users_of_another_platform_are_no_workspace()
    {
        using var claude = OpenFixture("claude");
        Assert.Equal("claude", claude.Platform);
        Assert.Throws<ExportException>(() => Open(Zip(("users.json", """[{"id":1,"name":"x"}]"""), ("channels.json", "[]"))));
    }
}
