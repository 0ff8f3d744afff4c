using System.Text.Json;
using Trove.Exports.Text;

namespace Trove.Exports.Claude;

/// <summary>A message, and where it leaves the conversation as shown.</summary>
/// <param name="Message">The message.</param>
/// <param name="Branch">The id of the first message that is not on the way shown; empty for those that are.</param>
internal readonly record struct ClaudeNode(JsonValue Message, string Branch);

/// <summary>
/// A conversation. Where messages name their parents it is a tree: the way from the first message to the leaf that was shown last is
/// the conversation, and edited prompts and repeated answers are branches off it. Older exports are a plain list.
/// </summary>
internal sealed class ClaudeConversation
{
    private readonly List<JsonValue> _messages;
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);
    private readonly string _leaf;

    public ClaudeConversation(JsonValue conversation)
    {
        Id = conversation.Text("uuid"u8);
        Title = conversation.Text("name"u8);
        Account = conversation.Get("account"u8).Text("uuid"u8);
        Time = conversation.Time("created_at"u8);
        HasMessages = conversation.Get("chat_messages"u8).ValueKind == JsonValueKind.Array;
        _messages = [.. conversation.Get("chat_messages"u8).Items().Where(message => message.ValueKind == JsonValueKind.Object)];
        for (int i = 0; i < _messages.Count; i++)
            Repeated += _index.TryAdd(_messages[i].Text("uuid"u8), i) ? 0 : 1;
        IsTree = _messages.Any(message => Parent(message).Length > 0);
        _leaf = conversation.Text("current_leaf_message_uuid"u8);
    }

    public string Id { get; }

    /// <summary>A title that software gave.</summary>
    public string Title { get; }

    /// <summary>Whose it is; empty where the export does not say.</summary>
    public string Account { get; }

    public long? Time { get; }

    public bool HasMessages { get; }

    /// <summary>Messages whose id is another's.</summary>
    public int Repeated { get; }

    /// <summary>Do messages name their parents?</summary>
    public bool IsTree { get; }

    public int Count => _messages.Count;

    public override string ToString() => $"conversation {Id}";

    /// <summary>The parent's id; empty for the first message, whose parent is a fixed id of no message, and in older exports.</summary>
    public static string Parent(JsonValue message) => message.Text("parent_message_uuid"u8) is var parent && parent.StartsWith("00000000-0000-", StringComparison.Ordinal) ? "" : parent;

    /// <summary>How many messages name a parent that is not in the conversation.</summary>
    public int Orphans() => _messages.Count(message => Parent(message) is { Length: > 0 } parent && !_index.ContainsKey(parent));

    /// <summary>The conversation as shown, then all other messages in the file's order.</summary>
    public IEnumerable<ClaudeNode> Walk()
    {
        if (!IsTree)
        {
            foreach (var message in _messages)
                yield return new ClaudeNode(message, "");
            yield break;
        }
        var shown = new List<int>();
        var branches = new string?[_messages.Count];
        int at = _leaf.Length > 0 && _index.TryGetValue(_leaf, out int leaf) ? leaf : _messages.Count - 1;
        while (at >= 0 && branches[at] is null)
        {
            branches[at] = "";
            shown.Add(at);
            at = ParentOf(at);
        }
        for (int i = shown.Count - 1; i >= 0; i--)
            yield return new ClaudeNode(_messages[shown[i]], "");
        for (int i = 0; i < _messages.Count; i++)
        {
            if (branches[i] is null)
                Name(i, branches);
            if (branches[i] is { Length: > 0 } branch)
                yield return new ClaudeNode(_messages[i], branch);
        }
    }

    /// <summary>Goes up until a message whose branch is known; each message is passed once for all its descendants.</summary>
    private void Name(int from, string?[] branches)
    {
        var way = new List<int>();
        for (int at = from; at >= 0 && branches[at] is null; at = ParentOf(at))
        {
            branches[at] = "?"; // a circle ends here
            way.Add(at);
        }
        int top = ParentOf(way[^1]);
        var branch = top >= 0 && branches[top] is { Length: > 1 } known ? known : _messages[way[^1]].Text("uuid"u8);
        foreach (int at in way)
            branches[at] = branch.Length > 0 ? branch : "?";
    }

    private int ParentOf(int at) => Parent(_messages[at]) is { Length: > 0 } parent && _index.TryGetValue(parent, out int found) && found != at ? found : -1;
}
