using Trove.Exports.Source;

namespace Trove.Exports.Bookmarks;

/// <summary>
/// The bookmarks file that Netscape began and all browsers write, and Pocket's list, which looks much like it:
/// <code>
/// &lt;!DOCTYPE NETSCAPE-Bookmark-file-1&gt;
/// &lt;H1&gt;Bookmarks&lt;/H1&gt;
/// &lt;DL&gt;&lt;p&gt;
///     &lt;DT&gt;&lt;H3 ADD_DATE="1583020800"&gt;Rowing&lt;/H3&gt;
///     &lt;DL&gt;&lt;p&gt;
///         &lt;DT&gt;&lt;A HREF="https://example.org/oars" ADD_DATE="1583020801" TAGS="oak,oars"&gt;Oars&lt;/A&gt;
///         &lt;DD&gt;How to make them
///     &lt;/DL&gt;&lt;p&gt;
/// &lt;/DL&gt;&lt;p&gt;
/// </code>
/// </summary>
internal sealed class BookmarksFormat : IExportFormat
{
    private const int MostFiles = 64;

    public string Platform => BookmarksFiles.Platform;

    public string Expects => "bookmarks.html as browsers export it";

    /// <summary>Nothing but such files: platforms have one among others.</summary>
    public int Recognise(ExportFiles files)
    {
        var readable = files.All.Where(file => file.IsReadable).Take(MostFiles + 1).ToList();
        return readable.Count is > 0 and <= MostFiles && readable.TrueForAll(BookmarksFiles.IsBookmarks) ? ExportFormats.Enough : 0;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new BookmarksReader(files, options);
}
