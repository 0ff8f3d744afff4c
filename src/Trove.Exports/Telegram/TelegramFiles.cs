using Trove.Exports.Source;

namespace Trove.Exports.Telegram;

/// <summary>The files of a Telegram export (specs/exports/telegram.md).</summary>
internal static class TelegramFiles
{
    public const string Platform = "telegram";

    /// <summary>Where messages stand: at the top for a single chat, else in the lists of chats and of chats that were left.</summary>
    public static readonly string[] Lists = ["", "chats.list[].", "left_chats.list[]."];

    /// <summary><c>result.json</c>, in a folder of its own where several chats were exported, or <c>result (1).json</c>.</summary>
    public static bool IsResult(ExportFile file)
    {
        var name = Names.File(file.Name);
        return name.StartsWith("result", StringComparison.OrdinalIgnoreCase) && name.EndsWith(".json", StringComparison.OrdinalIgnoreCase);
    }
}
