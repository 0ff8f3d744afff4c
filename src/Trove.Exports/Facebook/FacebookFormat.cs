using Trove.Exports.Instagram;
using Trove.Exports.MetaPlatforms;
using Trove.Exports.Source;

namespace Trove.Exports.Facebook;

/// <summary>
/// Facebook's export as JSON, with Messenger's conversations in it, or Messenger's download of encrypted chats:
/// <code>
/// your_facebook_activity/posts/your_posts_1.json
///   [{"timestamp":1700000000,"data":[{"post":"caf\u00c3\u00a9"}],"attachments":[…],"title":"Fen updated her status."}]
/// your_facebook_activity/comments_and_reactions/comments.json
///   {"comments_v2":[{"timestamp":1700000000,"data":[{"comment":{"comment":"…","author":"Fen"}}],"title":"…"}]}
/// </code>
/// </summary>
internal sealed class FacebookFormat : IExportFormat
{
    private const int HeadsRead = 256;
    private static readonly InstagramFormat Instagram = new();

    public string Platform => FacebookFiles.Platform;

    public string Expects => "a ZIP in JSON with profile_information.json, posts/your_posts_1.json, messages/inbox/…/message_1.json and others";

    /// <summary>
    /// Facebook's folder, its profile, its posts or a versioned section is enough. So are conversations, which Instagram writes
    /// alike, unless Instagram's own files are there too.
    /// </summary>
    public int Recognise(ExportFiles files)
    {
        int heads = 0;
        bool hasThreads = false;
        foreach (var file in files.All.Where(file => file.IsReadable && file.Name.EndsWith(".json", StringComparison.OrdinalIgnoreCase)))
        {
            var folders = MetaFiles.Folders(file);
            if (folders.Contains("/your_facebook_activity/", StringComparison.Ordinal) || folders.Contains("/your_activity_across_facebook/", StringComparison.Ordinal))
                return ExportFormats.Enough;
            if (heads++ >= HeadsRead)
                continue;
            hasThreads |= MetaThread.Is(file) ? HasShape(file, "\"sender_name\""u8, "\"timestamp_ms\""u8)
                : MetaThread.IsEncrypted(file) && HasShape(file, "\"senderName\""u8, "\"timestamp\""u8);
            var section = MetaFiles.Section(file);
            if (FacebookFiles.Sections.ContainsKey(section) && !FacebookFiles.IsAmbiguous(section) && HasShape(file, "\"timestamp\""u8, "\""u8))
                return ExportFormats.Enough;
            if (section == FacebookFiles.Profile && FacebookFiles.IsProfile(file) && HasShape(file, "\"full_name\""u8, "\"name\""u8))
                return ExportFormats.Enough;
        }
        return hasThreads && Instagram.Recognise(files) == 0 ? ExportFormats.Enough : 0;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new FacebookReader(files, options);

    private static bool HasShape(ExportFile file, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        var head = file.Head(MetaFiles.HeadBytes).AsSpan();
        return head.IndexOf(first) >= 0 && head.IndexOf(second) >= 0;
    }
}
