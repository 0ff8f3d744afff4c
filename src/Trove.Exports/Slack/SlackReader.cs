using System.Text.Json;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Slack;

/// <summary>Reads a Slack export day by day. It names no account: the member does, by id, name or mail address.</summary>
internal sealed class SlackReader : ExportReader
{
    private const int MostUsers = 200_000, MostConversations = 200_000, MostFiles = 50;

    private static readonly HashSet<string> Speech = new(StringComparer.Ordinal) { "", "thread_broadcast", "file_share", "me_message", "file_comment", "reply_broadcast" };

    private readonly ExportFiles _files;
    private readonly ExportOptions _options;
    private readonly Dictionary<string, (string Id, string Type)> _conversations = new(StringComparer.Ordinal);
    private readonly string _me, _problem;
    private bool _warned;

    public SlackReader(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        foreach (var (list, byId) in SlackFiles.Lists)
        {
            foreach (var (id, name) in Listed(list))
            {
                if (_conversations.Count < MostConversations)
                    _conversations.TryAdd(byId ? id : name, (id, list[..^5]));
            }
        }
        (_me, _problem) = FindMe();
    }

    /// <summary>None: a workspace's export is nobody's.</summary>
    public override string Account => "";

    public override string? WhyIgnored(ExportFile file) => SlackFiles.Day(file) is not null ? null
        : file.Name.Equals(SlackFiles.Users, StringComparison.OrdinalIgnoreCase) ? "names the users; holds no records"
        : SlackFiles.Lists.ContainsKey(file.Name) ? "names the conversations; holds no records"
        : "not a file of messages";

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) =>
        file.Name.Equals(SlackFiles.Users, StringComparison.OrdinalIgnoreCase) || SlackFiles.Lists.ContainsKey(file.Name) || includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => new SlackChecks(_files, _options, _conversations.Keys).Run();

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        if (_problem.Length > 0 && !_warned)
            log.Warn(_problem);
        _warned = true;
        var folder = SlackFiles.Day(file)!.Value.Folder;
        var (id, type) = _conversations.GetValueOrDefault(folder, (RecordRules.NamedThread(folder), "")); // some are named after their members
        var channel = type is "channels" or "groups" ? folder : ""; // the name of a conversation between people holds theirs
        using var stream = file.Open();
        var elements = new JsonReader(stream, _options.Limits, "[]");
        while (elements.Read())
        {
            if (ToRecord(elements.Value, id, type, channel) is { } record)
                yield return record;
            else
                log.Skip(elements.Value.ValueKind == JsonValueKind.Object ? "a message without text" : "an element is no object", $"element {elements.Count}");
        }
    }

    private Record? ToRecord(JsonValue message, string conversation, string type, string channel)
    {
        var links = new List<string>();
        string subtype = message.Text("subtype"u8), user = message.Text("user"u8), bot = message.Text("bot_id"u8), stamp = message.IdText("ts"u8), thread = message.IdText("thread_ts"u8);
        var text = SlackText.Render(message.Text("text"u8), links);
        var files = string.Join(", ", message.Get("files"u8).Items().Take(MostFiles).Select(file => file.Text("name"u8)).Where(name => name.Length is > 0 and < 256));
        bool deleted = subtype == "tombstone", isBot = subtype == "bot_message" || bot.Length > 0, isSpeech = (Speech.Contains(subtype) || deleted) && !isBot;
        if (message.ValueKind != JsonValueKind.Object || (text.Length == 0 && files.Length == 0 && !deleted))
            return null;
        return new Record
        {
            Platform = SlackFiles.Platform,
            Kind = isSpeech ? RecordKind.Message : RecordKind.Other,
            Id = stamp,
            Thread = conversation,
            Author = isSpeech ? user : isBot ? (bot.Length > 0 ? bot : message.Text("username"u8)) : "system",
            Own = isSpeech && _me.Length > 0 && user == _me,
            Time = message.UnixSeconds("ts"u8),
            Text = deleted ? "" : text,
            Meta = Metadata.Of(
                ("type", type),
                ("channel", channel),
                ("parent", thread == stamp ? "" : thread),
                ("what", isBot ? "bot" : isSpeech ? "" : Short(subtype)),
                ("by", isSpeech || isBot ? "" : Short(user)),
                ("attachments", files),
                ("links", string.Join(' ', links)),
                ("state", deleted ? "deleted" : ""),
                ("edited", message.Get("edited"u8).ValueKind == JsonValueKind.Object ? "yes" : "")),
        };
    }

    /// <summary>The id and name of each entry of a list; what comes before a fault.</summary>
    private IEnumerable<(string Id, string Name)> Listed(string name)
    {
        if (_files.Find(name) is not { } file)
            yield break;
        foreach (var element in Elements(file, MostConversations))
            yield return (element.Text("id"u8), element.Text("name"u8));
    }

    private IEnumerable<JsonValue> Elements(ExportFile file, int most)
    {
        using var stream = Guard(file.Open, Stream.Null);
        var elements = new JsonReader(stream, _options.Limits, "[]");
        while (elements.Count < most && Guard(elements.Read, false))
            yield return elements.Value;

        static T Guard<T>(Func<T> read, T otherwise)
        {
            try
            {
                return read();
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                return otherwise;
            }
        }
    }

    /// <summary>The id of the one user whom the member's words name, and what is wrong where there is none.</summary>
    private (string Id, string Problem) FindMe()
    {
        var me = _options.Me.TrimStart('@');
        if (me.Length == 0)
            return ("", "");
        if (_files.Find(SlackFiles.Users) is not { } file)
            return (me, "there is no users.json: the account counts as named by its id");
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var user in Elements(file, MostUsers))
        {
            var profile = user.Get("profile"u8);
            var id = user.Text("id"u8);
            if (id.Equals(me, StringComparison.OrdinalIgnoreCase))
                return (id, "");
            if (found.Count < 2 && (Named(user.Text("name"u8)) || Named(user.Text("real_name"u8)) || Named(profile.Text("real_name"u8)) || Named(profile.Text("display_name"u8)) || Named(profile.Text("email"u8))))
                found.Add(id);
        }
        return found.Count switch
        {
            1 => (found.First(), ""),
            0 => ("", "users.json lists nobody of the account's name: name it by id (U…), by name or by mail address"),
            _ => ("", "users.json lists several of the account's name: name it by id (U…) or by mail address"),
        };

        bool Named(string name) => name.Length > 0 && name.Equals(me, StringComparison.OrdinalIgnoreCase);
    }

    private static string Short(string value) => value.Length <= RecordRules.Name ? value : "";
}
