using System.Text;
using Trove.Exports;
using Record = Trove.Exports.Record;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class DiscordTests
{
    private const string Me = "397177100697600005", Channel = "529448671641600005", Conversation = "540682695475200005", Ida = "408411124531200005", Server = "518214647808000005";

    [Fact]
    public void A_package_of_tables_gives_own_messages_and_servers()
    {
        using var export = OpenFixture("discord-csv");
        Assert.Equal(Me, export.Account);
        var records = export.Records().ToList();
        Assert.Equal(
            [
                $"message {Channel}: Three eels,\none of them large <@{Ida}> channel=general server=Eel watch type=0",
                $"message {Channel}:  attachments=https://cdn.example.org/eel.png channel=general server=Eel watch type=0",
                $"follow : {Server} server=Eel watch",
            ],
            records.Select(Show));
        Assert.All(records, record => Assert.True(record.Own && record.Author == Me));
        Assert.Equal(1620134162000, records[0].Time);
        Assert.Contains("a message without text (line 5)", export.Report.File($"messages/c{Channel}/messages.csv").Reason, StringComparison.Ordinal);
        Assert.Equal(FileStatus.Ignored, export.Report.File("activity/analytics/events-2021-00000-of-00001.json").Status);
        Assert.Equal(FileStatus.Ignored, export.Report.File("account/user.json").Status);
        Assert.All(export.Checks(), check => Assert.Equal(CheckOutcome.Passed, check.Outcome));
    }

    [Fact]
    public void A_newer_package_has_lists_and_folders_in_the_members_language()
    {
        using var export = OpenFixture("discord-json");
        Assert.Equal(Me, export.Account);
        var records = export.Records().ToList();
        Assert.Equal(
            [
                $"message {Conversation}: Bring the long net to={Ida} type=DM",
                $"message {Conversation}: and the lamp to={Ida} type=DM",
                $"follow : {Server} server=Eel watch",
            ],
            records.Select(Show));
        Assert.Equal(("1196567545511936005", 1705354334000), (records[0].Id, records[0].Time)); // the time is the id's, since the other has no zone
        Assert.All(export.Checks(), check => Assert.Equal(CheckOutcome.Passed, check.Outcome));
    }

    [Theory]
    [InlineData("messages/c" + Channel + "/channel.json", "\"id\":\"" + Channel, "\"id\":\"" + Ida, "discord.channels")]
    [InlineData("messages/index.json", Channel, Ida, "discord.index")]
    [InlineData("messages/c" + Channel + "/messages.csv", "2021-05-04 13:16:02", "2021-05-04 13:26:02", "discord.times")]
    public void A_change_fails_its_check(string name, string old, string changed, string check)
    {
        var files = Files("discord-csv");
        var text = Encoding.UTF8.GetString(files[name]);
        Assert.Contains(old, text, StringComparison.Ordinal);
        files[name] = Encoding.UTF8.GetBytes(text.Replace(old, changed, StringComparison.Ordinal));
        using var export = Open(Zip(files));
        Assert.Equal([check], export.Checks().Where(found => found.Outcome == CheckOutcome.Failed).Select(found => found.Name));
    }

    [Fact]
    public void Evidence_of_one_channel_brings_what_names_it_and_the_account()
    {
        using var export = OpenFixture("discord-csv");
        Assert.Equal([$"account/user.json", "messages/c" + Channel + "/channel.json", "messages/c" + Channel + "/messages.csv", "messages/index.json"],
            export.Files.Where(file => export.IsEvidence(file, name => name.EndsWith("messages.csv", StringComparison.Ordinal))));
    }

    [Fact]
    public void Its_messages_are_not_Reddits_and_the_other_way_round()
    {
        using var discord = Open(Zip([KeyValuePair.Create($"c{Channel}/messages.csv", Files("discord-csv")[$"messages/c{Channel}/messages.csv"])]));
        Assert.Equal("discord", discord.Platform);
        using var reddit = Open(Zip([KeyValuePair.Create("messages.csv", Files("reddit")["messages.csv"])]));
        Assert.Equal("reddit", reddit.Platform);
        Assert.Throws<ExportException>(() => Open(Zip(("c12/messages.csv", "ID,Timestamp,Contents\n"))));
        Assert.Throws<ExportException>(() => Open(Zip(("messages.csv", "CONVERSATION ID,FROM,CONTENT\n")))); // LinkedIn's
    }

    private static string Show(Record record) => $"{record.Kind.Name()} {record.Thread}: {(record.Kind == RecordKind.Follow ? record.Id : record.Text)}{string.Concat(record.Meta.Select(pair => $" {pair.Key}={pair.Value}"))}";
}
