using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Trove.Core;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.ChatGpt;

/// <summary>Reads a ChatGPT export conversation by conversation.</summary>
internal sealed class ChatGptReader : ExportReader
{
    // Instructions repeat in every conversation; so many different ones are remembered in order to give each once.
    private const int MostInstructions = 10_000;

    private readonly ExportFiles _files;
    private readonly ExportOptions _options;
    private readonly string _me;
    private readonly HashSet<Hash32> _instructions = [];

    public ChatGptReader(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        Account = ReadAccount();
        _me = Account.Length > 0 ? Account : options.Me;
    }

    public override string Account { get; }

    public override string? WhyIgnored(ExportFile file) =>
        ChatGptFiles.IsConversations(file) || ChatGptFiles.Is(file, ChatGptFiles.Feedback) || ChatGptFiles.Is(file, ChatGptFiles.Shared) ? null
        : ChatGptFiles.Is(file, ChatGptFiles.User) ? "says whose the export is; holds no records"
        : ChatGptFiles.Is(file, ChatGptFiles.Manifest) ? "lists the files, for the consistency checks"
        : ChatGptFiles.Is(file, ChatGptFiles.Page) ? "shows the conversations once more as a page"
        : ChatGptFiles.Is(file, ChatGptFiles.Comparisons) ? "repeats messages of the conversations"
        : "not a text that is read: an attachment, or not known";

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) =>
        ChatGptFiles.Is(file, ChatGptFiles.User) || ChatGptFiles.Is(file, ChatGptFiles.Manifest) || includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => new ChatGptChecks(_files, _options).Run();

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        using var stream = file.Open();
        foreach (var (number, element) in Json.Objects(stream, _options.Limits, log))
        {
            var records = ChatGptFiles.Is(file, ChatGptFiles.Feedback) ? [Feedback(element)]
                : ChatGptFiles.Is(file, ChatGptFiles.Shared) ? [SharedLink(element)]
                : Messages(element, number, log);
            foreach (var record in records)
                yield return record;
        }
    }

    private IEnumerable<Record> Messages(JsonValue element, long number, FileLog log)
    {
        var conversation = new Conversation(element);
        if (!conversation.HasMapping)
        {
            log.Skip("a conversation has no mapping", $"conversation {number}");
            yield break;
        }
        if (conversation.RepeatedNodes > 0)
            log.Skip("a node occurs twice in its conversation", $"conversation {number}");
        if (!conversation.HasCurrentNode)
            log.Warn($"conversation {number} does not say which branch is shown: its last one was taken");
        foreach (var node in conversation.Walk())
        {
            if (node.Message.ValueKind != JsonValueKind.Object)
                continue; // a joint of the tree; every root is one
            if (ToRecord(conversation, node, out var reason) is { } record)
                yield return record;
            else
                log.Skip(reason, $"conversation {number}");
        }
    }

    private Record? ToRecord(Conversation conversation, ConversationNode node, out string reason)
    {
        reason = "";
        var message = ChatGptMessage.Read(node.Message);
        if (message.Instructions.Length > 0)
        {
            var hash = new Hash32(SHA256.HashData(Encoding.UTF8.GetBytes(message.Instructions)));
            if (_instructions.Contains(hash))
            {
                reason = "custom instructions that were given before";
                return null;
            }
            if (_instructions.Count < MostInstructions)
                _instructions.Add(hash);
        }
        else if (message.Text.Length == 0 && message.Assets.Length == 0)
        {
            reason = $"a {Role(message.Role)} message without text";
            return null;
        }
        var kind = message.Instructions.Length > 0 ? RecordKind.Note
            : message.Hidden ? RecordKind.Other
            : message.Role == "user" ? RecordKind.Prompt
            : message is { Role: "assistant", IsToAll: true, IsSpeech: true } ? RecordKind.Answer
            : RecordKind.Other;
        bool own = kind is RecordKind.Note or RecordKind.Prompt;
        return new Record
        {
            Platform = ChatGptFiles.Platform,
            Kind = kind,
            Id = message.Id.Length > 0 ? message.Id : node.Id,
            Thread = conversation.Id,
            Author = own ? _me : message.AuthorName.Length > 0 ? message.AuthorName : Role(message.Role),
            Own = own,
            Time = message.Time,
            Text = message.Instructions.Length > 0 ? message.Instructions : message.Text,
            Meta = Metadata.Of(("conversation", conversation.Title), ("project", conversation.Project), ("model", message.Model), ("assets", message.Assets), ("attachments", message.Attachments),
                ("type", message.ContentType == "text" ? "" : message.ContentType), ("tool", message.Recipient),
                ("what", kind switch { RecordKind.Note => "instructions", RecordKind.Other when message.Hidden => "hidden", _ => "" }),
                ("branch", node.Branch), ("parent", node.Branch.Length > 0 ? node.Parent : "")),
        };
    }

    private static string Role(string role) => role is "user" or "assistant" or "system" or "tool" ? role : "unknown";

    private Record Feedback(JsonValue element)
    {
        return new Record
        {
            Platform = ChatGptFiles.Platform,
            Kind = RecordKind.Vote,
            Id = element.Text("id"u8),
            Thread = element.Text("conversation_id"u8),
            Author = _me,
            Own = true,
            Time = element.Time("create_time"u8) ?? element.UnixSeconds("create_time"u8),
            Text = FeedbackText(element.Text("content"u8)),
            Meta = Metadata.Of(("rating", element.Text("rating"u8))),
        };
    }

    /// <summary>The comment is JSON inside a string: <c>"{\"tags\":[…],\"text\":\"…\"}"</c>.</summary>
    private string FeedbackText(string content)
    {
        return Json.Parse(Encoding.UTF8.GetBytes(content), _options.Limits).Text("text"u8);
    }

    private Record SharedLink(JsonValue element) => new()
    {
        Platform = ChatGptFiles.Platform,
        Kind = RecordKind.Other,
        Id = element.Text("id"u8),
        Thread = element.Text("conversation_id"u8),
        Author = _me,
        Own = true,
        Meta = Metadata.Of(("what", "shared")),
    };

    private string ReadAccount()
    {
        if (_files.Find(ChatGptFiles.User) is not { } file)
            return "";
        var user = Json.ReadSmall(file, _options.Limits);
        if (user.ValueKind == JsonValueKind.Array)
            user = user.Items().FirstOrDefault();
        var account = user.Text("id"u8) is { Length: > 0 } id ? id : user.Text("email"u8);
        return account.Length <= RecordRules.Name ? account : "";
    }
}
