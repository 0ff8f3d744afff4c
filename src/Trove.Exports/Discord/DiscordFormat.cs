using Trove.Exports.Source;

namespace Trove.Exports.Discord;

/// <summary>
/// Discord's data package: a folder for each channel in which the account wrote, with its own messages only, as CSV until 2024 and
/// as JSON since:
/// <code>
/// messages/index.json                     {"123456789012345678":"general in Eel watch"}
/// messages/c123456789012345678/channel.json   {"id":"123456789012345678","type":0,"name":"general","guild":{"id":"…","name":"Eel watch"}}
/// messages/c123456789012345678/messages.csv   ID,Timestamp,Contents,Attachments
/// messages/c123456789012345678/messages.json  [{"ID":123456789012345679,"Timestamp":"2024-01-15 21:32:14","Contents":"…","Attachments":""}]
/// </code>
/// </summary>
internal sealed class DiscordFormat : IExportFormat
{
    private const int HeadBytes = 4096, HeadsRead = 4;

    public string Platform => DiscordFiles.Platform;

    public string Expects => "the data package with messages, account and servers";

    /// <summary>A table or list of messages in a folder named by an id, with Discord's columns.</summary>
    public int Recognise(ExportFiles files)
    {
        int most = 0, heads = 0;
        foreach (var file in files.All.Where(file => file.IsReadable && DiscordFiles.IsMessages(file)))
        {
            if (heads++ >= HeadsRead)
                break;
            var head = file.Head(HeadBytes).AsSpan();
            bool columns = head.IndexOf("ID"u8) >= 0 && head.IndexOf("Timestamp"u8) >= 0 && head.IndexOf("Contents"u8) >= 0;
            most = Math.Max(most, columns ? ExportFormats.Enough : files.Find(DiscordFiles.Folder(file.Name) + DiscordFiles.Channel) is null ? 1 : 2);
        }
        return most > 0 && files.All.Any(file => DiscordFiles.Is(file, DiscordFiles.User)) ? most + 1 : most;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new DiscordReader(files, options);
}
