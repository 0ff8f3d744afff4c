using System.Globalization;
using Trove.Exports.Source;

namespace Trove.Exports.Discord;

/// <summary>
/// The files of a Discord data package (specs/exports/discord.md), told by their shape: since 2024 the names of folders are in the
/// member's language.
/// </summary>
internal static class DiscordFiles
{
    public const string Platform = "discord", Channel = "channel.json", Index = "index.json", User = "user.json", Guild = "guild.json";

    // 2015-01-01, from which Discord counts.
    private const long Epoch = 1_420_070_400_000;

    public static readonly string[] Columns = ["ID", "Timestamp", "Contents"];

    /// <summary><c>messages/c123/messages.csv</c> or <c>….json</c>, the folder with or without its <c>c</c>.</summary>
    public static bool IsMessages(ExportFile file) => Names.File(file.Name).ToLowerInvariant() is "messages.csv" or "messages.json" && ChannelId(file).Length > 0;

    /// <summary>Is the file called so, in whatever folder?</summary>
    public static bool Is(ExportFile file, string name) => Names.File(file.Name).Equals(name, StringComparison.OrdinalIgnoreCase);

    /// <summary>The folder a file is in, with its slash; empty at the top.</summary>
    public static string Folder(string name) => name[..(name.LastIndexOf('/') + 1)];

    /// <summary>The id in the name of a channel's folder; empty where it is none.</summary>
    public static string ChannelId(ExportFile file)
    {
        var folder = Names.File(Folder(file.Name).TrimEnd('/'));
        var id = folder.StartsWith('c') ? folder[1..] : folder;
        return Created(id) is null ? "" : id;
    }

    /// <summary>When an id was made, milliseconds since 1970: its upper 42 bits count from 2015 (Discord, "Snowflakes"). Null for what is no id.</summary>
    public static long? Created(string id) => id.Length is >= 15 and <= 20
        && ulong.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out ulong bits) ? (long)(bits >> 22) + Epoch : null;
}
