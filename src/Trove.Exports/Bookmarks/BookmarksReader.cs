using Trove.Exports.Source;

namespace Trove.Exports.Bookmarks;

/// <summary>Reads bookmarks. No such file says whose it is; what is in it was saved by whoever exported it.</summary>
internal sealed class BookmarksReader(ExportFiles files, ExportOptions options) : ExportReader
{
    public override string Account => "";

    public override string? WhyIgnored(ExportFile file) => null; // there are no others

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) => includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => [new BookmarksChecks(files).Dates("bookmarks.dates")];

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        using var stream = file.Open();
        long seen = 0;
        foreach (var bookmark in BookmarkList.Read(stream))
        {
            seen++;
            if (bookmark.Url.Length == 0)
                log.Skip("a bookmark without address, or with one longer than any is", $"bookmark {seen}");
            else if (bookmark.IsQuery)
                log.Skip("a query that the browser made by itself", $"bookmark {seen}");
            else
                yield return bookmark.ToRecord(BookmarksFiles.Platform, options.Me);
        }
    }
}
