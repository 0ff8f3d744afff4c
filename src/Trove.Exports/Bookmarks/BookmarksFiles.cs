using System.Text;
using Trove.Exports.Source;

namespace Trove.Exports.Bookmarks;

/// <summary>The files in which browsers and services write bookmarks (specs/exports/bookmarks.md).</summary>
internal static class BookmarksFiles
{
    public const string Platform = "bookmarks";

    private const int HeadBytes = 1024;

    /// <summary>Does it have the first line that Netscape gave such files, or is it Pocket's list?</summary>
    public static bool IsBookmarks(ExportFile file)
    {
        if (!file.Name.EndsWith(".html", StringComparison.OrdinalIgnoreCase) && !file.Name.EndsWith(".htm", StringComparison.OrdinalIgnoreCase))
            return false;
        var head = Encoding.Latin1.GetString(file.Head(HeadBytes));
        return head.Contains("<!DOCTYPE NETSCAPE-Bookmark-file-1", StringComparison.OrdinalIgnoreCase)
            || (head.Contains("<title>Pocket Export</title>", StringComparison.OrdinalIgnoreCase) && head.Contains("<ul>", StringComparison.OrdinalIgnoreCase));
    }
}
