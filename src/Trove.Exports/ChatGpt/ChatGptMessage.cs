using System.Text.Json;
using Trove.Exports.Text;

namespace Trove.Exports.ChatGpt;

/// <summary>A message with its many kinds of content brought to text (specs/exports/chatgpt.md).</summary>
internal sealed record ChatGptMessage
{
    private const int MostAssets = 100;

    public string Id { get; private init; } = "";
    public string Role { get; private init; } = "";
    public string AuthorName { get; private init; } = "";
    public long? Time { get; private init; }
    public string ContentType { get; private init; } = "";
    public string Text { get; private init; } = "";

    /// <summary>The member's custom instructions, when that is what the message is.</summary>
    public string Instructions { get; private init; } = "";

    /// <summary>The types of images, audio and files among the parts.</summary>
    public string Assets { get; private init; } = "";

    /// <summary>Names of attached files.</summary>
    public string Attachments { get; private init; } = "";

    public string Model { get; private init; } = "";

    /// <summary>The tool that it is addressed to; empty when it is for everybody.</summary>
    public string Recipient { get; private init; } = "";

    public bool IsToAll => Recipient.Length == 0;

    /// <summary>Is it speech, and neither thought, code for a tool, nor a tool's result?</summary>
    public bool IsSpeech => ContentType is "" or "text" or "multimodal_text";

    /// <summary>Not shown in the conversation.</summary>
    public bool Hidden { get; private init; }

    public override string ToString() => $"{Role} message {Id}";

    public static ChatGptMessage Read(JsonValue message)
    {
        var author = message.Get("author"u8);
        var content = message.Get("content"u8);
        var metadata = message.Get("metadata"u8);
        var recipient = message.Text("recipient"u8);
        return new ChatGptMessage
        {
            Id = message.Text("id"u8),
            Role = author.Text("role"u8),
            AuthorName = author.Text("name"u8),
            Time = message.UnixSeconds("create_time"u8),
            ContentType = content.Text("content_type"u8),
            Text = Content(content),
            Assets = ListAssets(content),
            Instructions = ReadInstructions(content, metadata),
            Attachments = Attached(metadata),
            Model = metadata.Text("model_slug"u8),
            Recipient = recipient == "all" ? "" : recipient,
            Hidden = metadata.IsTrue("is_visually_hidden_from_conversation"u8),
        };
    }

    /// <summary>
    /// <c>parts</c> hold strings and objects; other content types keep their text in <c>text</c> (code, execution_output,
    /// tether_quote, system_error), <c>result</c> (tether_browsing_display), <c>content</c> (reasoning_recap) or a list of <c>thoughts</c>.
    /// </summary>
    private static string Content(JsonValue content)
    {
        var text = new TextJoin("\n");
        foreach (var part in content.Get("parts"u8).Items())
            text.Add(part.ValueKind == JsonValueKind.Object ? part.Text("text"u8) : part.Text()); // of an object: a transcript of speech
        text.Add(content.Text("text"u8));
        text.Add(content.Text("result"u8));
        text.Add(content.Text("content"u8));
        foreach (var thought in content.Get("thoughts"u8).Items())
        {
            text.Add(thought.Text("summary"u8));
            text.Add(thought.Text("content"u8));
        }
        return text.ToString();
    }

    private static string ListAssets(JsonValue content)
    {
        var types = new TextJoin(",");
        int count = 0;
        foreach (var part in content.Get("parts"u8).Items())
        {
            if (part.Text("content_type"u8) is { Length: > 0 and <= 64 } type && count++ < MostAssets)
                types.Add(type);
        }
        return types.ToString();
    }

    private static string Attached(JsonValue metadata)
    {
        var names = new TextJoin(", ");
        int count = 0;
        foreach (var file in metadata.Get("attachments"u8).Items())
        {
            if (count++ < MostAssets)
                names.Add(file.Text("name"u8));
        }
        return names.ToString();
    }

    /// <summary>The member's own words where the metadata keep them; else as <c>user_editable_context</c> wraps them.</summary>
    private static string ReadInstructions(JsonValue content, JsonValue metadata)
    {
        bool isContext = content.Text("content_type"u8) == "user_editable_context";
        if (!isContext && !metadata.IsTrue("is_user_system_message"u8))
            return "";
        var own = metadata.Get("user_context_message_data"u8);
        var raw = Join(own.Text("about_user_message"u8), own.Text("about_model_message"u8));
        return raw.Length > 0 || !isContext ? raw : Join(content.Text("user_profile"u8), content.Text("user_instructions"u8));
    }

    private static string Join(string first, string second) =>
        first.Length == 0 ? second : second.Length == 0 ? first : $"{first}\n\n{second}";
}
