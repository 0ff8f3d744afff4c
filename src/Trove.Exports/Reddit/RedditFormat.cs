using System.Text;
using Trove.Exports.Source;

namespace Trove.Exports.Reddit;

/// <summary>
/// Reddit's answer to a data request: a flat ZIP of about 38 CSV files, UTF-8 with a byte order mark, such as
/// <code>
/// id,permalink,date,ip,subreddit,gildings,link,parent,body,media
/// ei92zg4,https://www.reddit.com/r/…/ei92zg4/,2019-02-24 06:20:28 UTC,,intertidal,0,https://www.reddit.com/r/…/,,"Looks like …",
/// </code>
/// </summary>
internal sealed class RedditFormat : IExportFormat
{
    private const int HeadBytes = 1024, HeadsRead = 64;

    public string Platform => RedditFiles.Platform;

    public string Expects => "a ZIP of comments.csv, posts.csv, messages.csv, statistics.csv and others";

    /// <summary>
    /// A table of Reddit's name with Reddit's columns is a signal of its own where the columns include a permalink;
    /// other known names count one each.
    /// </summary>
    public int Recognise(ExportFiles files)
    {
        int signals = 0, heads = 0;
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            var table = RedditFiles.Table(file);
            if (!RedditFiles.IsKnown(table) || heads++ >= HeadsRead)
                continue;
            var header = Encoding.UTF8.GetString(file.Head(HeadBytes)).TrimStart('\uFEFF').Split('\n', '\r')[0];
            var columns = header.Split(',').Select(column => column.Trim().Trim('"').ToLowerInvariant()).ToHashSet();
            if (!RedditFiles.Tables.TryGetValue(table, out var required))
                signals += table == RedditFiles.Checkfile && columns.SetEquals(["filename", "sha256"]) ? 1
                    : table == RedditFiles.Statistics && columns.SetEquals(["statistic", "value"]) ? 1 : 0;
            else if (required.All(columns.Contains))
                signals += columns.Contains("permalink") || table is RedditFiles.Chats ? ExportFormats.Enough : 1;
        }
        return signals;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new RedditReader(files, options);
}
