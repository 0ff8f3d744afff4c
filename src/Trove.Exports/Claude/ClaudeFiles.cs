using Trove.Exports.Source;

namespace Trove.Exports.Claude;

/// <summary>The files of a Claude export (specs/exports/claude.md).</summary>
internal static class ClaudeFiles
{
    public const string Platform = "claude";

    public const string Users = "users.json", Projects = "projects.json", Memories = "memories.json";

    /// <summary><c>conversations.json</c>, numbered where it is split, or <c>conversations (1).json</c>.</summary>
    public static bool IsConversations(ExportFile file) => Is(file, "conversations.json")
        || (file.Name.StartsWith("conversations", StringComparison.OrdinalIgnoreCase) && file.Name.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
            && file.Name.AsSpan(13, file.Name.Length - 18).IndexOfAnyExcept(" -_()0123456789") < 0);

    /// <summary>Is the file this one, ignoring case?</summary>
    public static bool Is(ExportFile file, string name) => file.Name.Equals(name, StringComparison.OrdinalIgnoreCase);
}
