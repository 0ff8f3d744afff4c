using System.Globalization;
using Trove.Exports.Source;

namespace Trove.Exports.Slack;

/// <summary>The files of a Slack export (specs/exports/slack.md).</summary>
internal static class SlackFiles
{
    public const string Platform = "slack", Users = "users.json";

    /// <summary>Lists of conversations, and whether a conversation's folder bears its id instead of its name.</summary>
    public static readonly IReadOnlyDictionary<string, bool> Lists = new Dictionary<string, bool>(StringComparer.OrdinalIgnoreCase)
    {
        ["channels.json"] = false, ["groups.json"] = false, ["mpims.json"] = false, ["dms.json"] = true,
    };

    /// <summary>The folder of <c>general/2024-01-15.json</c> and its day; null for every other file.</summary>
    public static (string Folder, DateOnly Day)? Day(ExportFile file)
    {
        int slash = file.Name.IndexOf('/');
        return slash > 0 && file.Name.Length == slash + 16 && file.Name.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
            && DateOnly.TryParseExact(file.Name.AsSpan(slash + 1, 10), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
            ? (file.Name[..slash], day) : null;
    }
}
