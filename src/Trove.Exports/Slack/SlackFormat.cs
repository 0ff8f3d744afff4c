using Trove.Exports.Source;

namespace Trove.Exports.Slack;

/// <summary>
/// Slack's export of a workspace: lists of users and conversations, and a folder for each conversation with a file for each day:
/// <code>
/// users.json               [{"id":"U1","team_id":"T1","name":"ida","profile":{"email":"…"}}]
/// channels.json            [{"id":"C1","name":"general","created":1700000000,"members":["U1"]}]
/// general/2024-01-15.json  [{"type":"message","user":"U1","text":"&lt;@U2&gt; look: &lt;https://example.org|here&gt;","ts":"1705300000.000100",
///                            "thread_ts":"1705290000.000200","client_msg_id":"…"}]
/// </code>
/// </summary>
internal sealed class SlackFormat : IExportFormat
{
    private const int HeadBytes = 16_384, HeadsRead = 6;

    public string Platform => SlackFiles.Platform;

    public string Expects => "the workspace's ZIP of users.json, channels.json and a folder for each channel";

    /// <summary>Messages with Slack's stamps in a file named by a day, a team's users, and conversations with members.</summary>
    public int Recognise(ExportFiles files)
    {
        int days = 0, lists = 0, heads = 0;
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            bool isDay = SlackFiles.Day(file) is not null, isUsers = file.Name.Equals(SlackFiles.Users, StringComparison.OrdinalIgnoreCase);
            if (!(isDay && days == 0) && !isUsers && !SlackFiles.Lists.ContainsKey(file.Name))
                continue;
            if (heads++ >= HeadsRead)
                break;
            var head = file.Head(HeadBytes).AsSpan();
            if (isDay)
                days = head.IndexOf("\"ts\""u8) < 0 ? 0 : head.IndexOf("\"type\""u8) >= 0 && head.IndexOf("\"message\""u8) >= 0 ? 2 : 1;
            else
                lists += isUsers ? head.IndexOf("\"team_id\""u8) >= 0 ? 2 : 0 : head.IndexOf("\"members\""u8) >= 0 && head.IndexOf("\"created\""u8) >= 0 ? 1 : 0;
        }
        return days + lists;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new SlackReader(files, options);
}
