using Trove.Exports.MetaPlatforms;
using Trove.Exports.Source;

namespace Trove.Exports.Instagram;

/// <summary>
/// Instagram's export as JSON: a ZIP of small files in folders that move with each generation. Entries carry localised
/// labels:
/// <code>
/// {"likes_media_likes":[{"title":"otter","string_list_data":[{"href":"https://www.instagram.com/p/…","value":"…","timestamp":1700000000}]}]}
/// [{"string_map_data":{"Kommentar":{"value":"sch\u00c3\u00b6n"},"Zeit":{"timestamp":1700000000}}}]
/// [{"timestamp":1700000000,"label_values":[{"label":"URL","value":"https://…"},{"title":"Owner","dict":[…]}],"fbid":"…"}]
/// </code>
/// </summary>
internal sealed class InstagramFormat : IExportFormat
{
    private const int HeadsRead = 256;

    public string Platform => InstagramFiles.Platform;

    public string Expects => "a ZIP in JSON with personal_information.json, posts_1.json, messages/inbox/…/message_1.json and others";

    /// <summary>
    /// Instagram's folder, its profile or one of its sections is enough; conversations are Facebook's too and count nothing.
    /// </summary>
    public int Recognise(ExportFiles files)
    {
        int heads = 0;
        foreach (var file in files.All.Where(file => file.IsReadable && MetaFiles.Stem(file).Length > 0))
        {
            if (MetaFiles.Folders(file).Contains("/your_instagram_activity/", StringComparison.Ordinal))
                return ExportFormats.Enough;
            if (MetaThread.Is(file) || heads++ >= HeadsRead)
                continue;
            var section = MetaFiles.Section(file);
            if (section == InstagramFiles.Profile || (InstagramFiles.Sections.ContainsKey(section) && !InstagramFiles.IsAmbiguous(section) && IsEntry(file)))
                return ExportFormats.Enough;
            if (section is "posts" or "followers" && IsEntry(file))
                return ExportFormats.Enough;
        }
        return 0;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new InstagramReader(files, options);

    private static bool IsEntry(ExportFile file)
    {
        var head = file.Head(MetaFiles.HeadBytes).AsSpan();
        return head.IndexOf("\"string_list_data\""u8) >= 0 || head.IndexOf("\"string_map_data\""u8) >= 0 || head.IndexOf("\"label_values\""u8) >= 0
            || (head.IndexOf("\"creation_timestamp\""u8) >= 0 && head.IndexOf("\"uri\""u8) >= 0);
    }
}
