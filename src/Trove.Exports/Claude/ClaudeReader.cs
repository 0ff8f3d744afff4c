using System.Text;
using System.Text.Json;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Claude;

/// <summary>Reads a Claude export conversation by conversation.</summary>
internal sealed class ClaudeReader : ExportReader
{
    private const int AccountBytes = 1 << 20, MostAttachments = 100;

    private readonly ExportFiles _files;
    private readonly ExportOptions _options;
    private readonly string _me;

    public ClaudeReader(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        Account = ReadAccount();
        _me = Account.Length > 0 ? Account : options.Me;
    }

    public override string Account { get; }

    public override string? WhyIgnored(ExportFile file) => ClaudeFiles.IsConversations(file) || ClaudeFiles.Is(file, ClaudeFiles.Projects) ? null
        : ClaudeFiles.Is(file, ClaudeFiles.Users) ? "says whose the export is; holds no records"
        : ClaudeFiles.Is(file, ClaudeFiles.Memories) ? "what the assistant keeps of the conversations, in its own words"
        : "not a file of a Claude export that is known";

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) => ClaudeFiles.Is(file, ClaudeFiles.Users) || includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => new ClaudeChecks(_files, _options).Run();

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        using var stream = file.Open();
        foreach (var (number, element) in Json.Objects(stream, _options.Limits, log))
        {
            foreach (var record in ClaudeFiles.Is(file, ClaudeFiles.Projects) ? Project(element, number, log) : Messages(element, number, log))
                yield return record;
        }
    }

    private IEnumerable<Record> Messages(JsonValue element, long number, FileLog log)
    {
        var conversation = new ClaudeConversation(element);
        if (!conversation.HasMessages)
        {
            log.Skip("a conversation has no messages", $"conversation {number}");
            yield break;
        }
        foreach (var node in conversation.Walk())
        {
            int given = 0;
            foreach (var record in ToRecords(conversation, node))
            {
                given++;
                yield return record;
            }
            if (given == 0)
                log.Skip("a message without text", $"conversation {number}");
        }
    }

    /// <summary>The words, then one record for each text of an attachment and each thought, call of a tool and result.</summary>
    private IEnumerable<Record> ToRecords(ClaudeConversation conversation, ClaudeNode node)
    {
        var message = node.Message;
        var sender = message.Text("sender"u8);
        bool isMine = sender == "human" && IsMe(conversation.Account);
        var (text, blocks) = Content(message);
        var files = string.Join(", ", message.Get("attachments"u8).Items().Concat(message.Get("files"u8).Items()).Take(MostAttachments)
            .Select(file => file.Text("file_name"u8)).Where(name => name.Length is > 0 and < 120));
        var words = new Record
        {
            Platform = ClaudeFiles.Platform,
            Kind = sender == "human" ? RecordKind.Prompt : sender == "assistant" ? RecordKind.Answer : RecordKind.Other,
            Id = message.Text("uuid"u8),
            Thread = conversation.Id,
            Author = isMine ? _me : sender == "human" ? conversation.Account : sender == "assistant" ? sender : "unknown",
            Own = isMine,
            Time = message.Time("created_at"u8),
            Text = text,
            Meta = Metadata.Of(("conversation", Short(conversation.Title)), ("attachments", files), ("branch", node.Branch),
                ("parent", node.Branch.Length > 0 ? ClaudeConversation.Parent(message) : "")),
        };
        if (text.Length > 0 || (files.Length > 0 && sender == "human"))
            yield return words;
        int part = 0;
        foreach (var attachment in message.Get("attachments"u8).Items().Take(MostAttachments))
        {
            part++;
            if (attachment.Text("extracted_content"u8) is { Length: > 0 } extracted)
                yield return Part(words, part, "", extracted, ("what", "attachment"), ("attachments", Short(attachment.Text("file_name"u8))));
        }
        foreach (var block in blocks)
        {
            part++;
            var type = block.Text("type"u8);
            if (BlockText(block) is { Length: > 0 } said)
                yield return Part(words, part, type == "tool_result" ? "tool" : "assistant", said, ("type", Short(type)), ("to", type == "tool_use" ? Short(block.Text("name"u8)) : ""));
        }
    }

    /// <summary>What belongs to a message and is nobody's speech.</summary>
    private static Record Part(Record message, int number, string author, string text, params ReadOnlySpan<(string Key, string Value)> meta) => message with
    {
        Kind = RecordKind.Other,
        Id = $"{message.Id}/{number}",
        Author = author,
        Own = false,
        Text = text,
        Meta = Metadata.Of([.. meta, ("conversation", message.Meta.GetValueOrDefault("conversation", "")), ("branch", message.Meta.GetValueOrDefault("branch", "")), ("parent", message.Id)]),
    };

    /// <summary>The blocks of text joined, and all other blocks; older exports have <c>text</c> only.</summary>
    private static (string Text, List<JsonValue> Others) Content(JsonValue message)
    {
        var text = new StringBuilder();
        var others = new List<JsonValue>();
        foreach (var block in message.Get("content"u8).Items())
        {
            if (block.Text("type"u8) == "text")
                text.Append(text.Length > 0 && block.Text("text"u8).Length > 0 ? "\n\n" : "").Append(block.Text("text"u8));
            else
                others.Add(block);
        }
        return (text.Length > 0 || others.Count > 0 ? text.ToString() : message.Text("text"u8), others);
    }

    /// <summary>A thought, the JSON that a tool is given, or what it gives back: a text or a list of such.</summary>
    private static string BlockText(JsonValue block)
    {
        if (block.Text("thinking"u8) is { Length: > 0 } thought)
            return thought;
        if (block.Get("input"u8) is { ValueKind: JsonValueKind.Object } input)
            return Encoding.UTF8.GetString(input.Raw);
        var content = block.Get("content"u8);
        return content.ValueKind == JsonValueKind.String ? content.Text()
            : string.Join('\n', content.Items().Select(item => item.Text("text"u8)).Where(text => text.Length > 0));
    }

    /// <summary>Instructions and a description are the member's; documents of a project are anybody's.</summary>
    private IEnumerable<Record> Project(JsonValue project, long number, FileLog log)
    {
        if (project.IsTrue("is_starter_project"u8))
        {
            log.Skip("a project that came with the account", $"project {number}");
            yield break;
        }
        var creator = project.Get("creator"u8).Text("uuid"u8);
        bool isMine = IsMe(creator);
        var note = new Record
        {
            Platform = ClaudeFiles.Platform,
            Kind = RecordKind.Note,
            Id = project.Text("uuid"u8),
            Thread = project.Text("uuid"u8),
            Author = isMine ? _me : creator,
            Own = isMine,
            Time = project.Time("created_at"u8),
            Title = project.Text("name"u8),
            Text = project.Text("description"u8),
            Meta = Metadata.Of(("what", "project")),
        };
        yield return note;
        if (project.Text("prompt_template"u8) is { Length: > 0 } instructions)
            yield return note with { Id = note.Id + "/instructions", Title = "", Text = instructions, Meta = Metadata.Of(("what", "instructions")) };
        foreach (var document in project.Get("docs"u8).Items())
        {
            yield return note with
            {
                Kind = RecordKind.Other,
                Id = document.Text("uuid"u8),
                Author = "",
                Own = false,
                Time = document.Time("created_at"u8),
                Title = "",
                Text = document.Text("content"u8),
                Meta = Metadata.Of(("what", "document"), ("attachments", Short(document.Text("filename"u8)))),
            };
        }
    }

    /// <summary>A conversation that does not say whose it is, is the account's.</summary>
    private bool IsMe(string account) => account.Length == 0 || account.Equals(_me, StringComparison.OrdinalIgnoreCase);

    private static string Short(string value) => value.Length <= RecordRules.MetaValue ? value : "";

    /// <summary>The one user of <c>users.json</c>, else the account of the first conversation; a team's export names several, and so none.</summary>
    private string ReadAccount()
    {
        if (_files.Find(ClaudeFiles.Users) is { } file)
        {
            var users = Json.ReadSmall(file, _options.Limits).Items().Select(user => user.Text("uuid"u8)).Where(id => id.Length is > 0 and <= RecordRules.Name).ToList();
            if (users.Count > 0)
                return users.Count == 1 ? users[0] : "";
        }
        foreach (var conversations in _files.All.Where(found => found.IsReadable && ClaudeFiles.IsConversations(found)))
        {
            try
            {
                var accounts = new JsonReader(new MemoryStream(conversations.Head(AccountBytes)), _options.Limits, "[].account.uuid");
                if (accounts.Read() && accounts.Value.Text() is { Length: > 0 and <= RecordRules.Name } account)
                    return account;
            }
            catch (InvalidDataException)
            {
                // The head ends inside the first conversation, which does not name its account before.
            }
        }
        return "";
    }
}
