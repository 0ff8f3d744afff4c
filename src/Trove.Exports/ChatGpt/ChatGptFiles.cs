using Trove.Exports.Source;

namespace Trove.Exports.ChatGpt;

/// <summary>The files of a ChatGPT export (specs/exports/chatgpt.md).</summary>
internal static class ChatGptFiles
{
    public const string Platform = "chatgpt";

    public const string User = "user.json", Manifest = "export_manifest.json", Feedback = "message_feedback.json",
        Shared = "shared_conversations.json", Comparisons = "model_comparisons.json", Page = "chat.html";

    /// <summary><c>conversations.json</c>, or one of <c>conversations-000.json</c>, <c>conversations-001.json</c>, ….</summary>
    public static bool IsConversations(ExportFile file)
    {
        var name = file.Name.ToLowerInvariant();
        if (!name.StartsWith("conversations", StringComparison.Ordinal) || name.Contains('/'))
            return false;
        int dot = name.IndexOf('.');
        var rest = name[13..(dot < 0 ? name.Length : dot)].Trim(); // "", "-000", or " (1)" of a repeated download
        return rest.All(c => char.IsAsciiDigit(c) || c is '-' or '(' or ')');
    }

    /// <summary>Is the file this one, ignoring case?</summary>
    public static bool Is(ExportFile file, string name) => file.Name.Equals(name, StringComparison.OrdinalIgnoreCase);
}
