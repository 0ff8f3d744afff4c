using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Claude;

/// <summary>Does a Claude export agree with itself (specs/exports/claude.md)?</summary>
internal sealed class ClaudeChecks(ExportFiles files, ExportOptions options)
{
    // Claude opened on 2023-03-14; a day earlier leaves room for every time zone.
    private const long Opened = 1_678_665_600_000;

    public IReadOnlyList<ExportCheck> Run()
    {
        var users = Users();
        long conversations = 0, trees = 0, broken = 0, dated = 0, early = 0, foreign = 0;
        string? unreadable = null;
        foreach (var file in files.All.Where(file => file.IsReadable && ClaudeFiles.IsConversations(file)))
        {
            try
            {
                using var stream = file.Open();
                var elements = new JsonReader(stream, options.Limits, "[]");
                while (elements.Read())
                {
                    Look(new ClaudeConversation(elements.Value));
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                unreadable ??= $"{Names.Printable(file.Name)}: {ExportFile.Reason(e)}";
            }
        }
        const string account = "claude.account", tree = "claude.tree", times = "claude.times";
        return
        [
            unreadable is not null ? ExportCheck.Failed(account, $"the conversations cannot be read to their end; {unreadable}")
                : conversations == 0 || users.Count == 0 ? ExportCheck.Absent(account, "there is no conversation, or no users.json")
                : foreign > 0 ? ExportCheck.Failed(account, $"{foreign} of {conversations} conversations are of an account that users.json does not list")
                : ExportCheck.Passed(account, $"{conversations} conversations are of an account that users.json lists"),
            trees == 0 ? ExportCheck.Absent(tree, "no message names its parent, as in older exports")
                : broken > 0 ? ExportCheck.Failed(tree, $"{broken} of {trees} conversations name a parent that is missing, or a message twice")
                : ExportCheck.Passed(tree, $"the links of {trees} conversations agree"),
            dated == 0 ? ExportCheck.Absent(times, "no message has a time")
                : early > 0 ? ExportCheck.Failed(times, $"{early} of {dated} messages are dated before Claude opened or before their conversation began")
                : ExportCheck.Passed(times, $"{dated} messages are dated after their conversation began"),
        ];

        void Look(ClaudeConversation conversation)
        {
            conversations++;
            foreign += conversation.Account.Length > 0 && !users.Contains(conversation.Account) ? 1 : 0;
            trees += conversation.IsTree ? 1 : 0;
            broken += conversation.IsTree && (conversation.Orphans() > 0 || conversation.Repeated > 0) ? 1 : 0;
            foreach (var node in conversation.Walk())
            {
                if (node.Message.Time("created_at"u8) is not { } time)
                    continue;
                dated++;
                early += time < Opened || time < (conversation.Time ?? time) - 60_000 ? 1 : 0; // a minute for clocks of several machines
            }
        }
    }

    private HashSet<string> Users()
    {
        if (files.Find(ClaudeFiles.Users) is not { } file)
            return [];
        var document = Json.ReadSmall(file, options.Limits);
        return [.. document.Items().Select(user => user.Text("uuid"u8)).Where(id => id.Length > 0)];
    }
}
