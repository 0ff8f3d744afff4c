using Trove.Exports.Source;

namespace Trove.Exports.Bookmarks;

/// <summary>Do files of bookmarks agree with themselves (specs/exports/bookmarks.md)?</summary>
internal sealed class BookmarksChecks(ExportFiles files)
{
    private const long Day = 86_400_000, FirstBrowser = 725_846_400_000; // 1993-01-01

    /// <summary>Nothing was saved before there were browsers, or changed before it was saved.</summary>
    public ExportCheck Dates(string name)
    {
        long dated = 0, wrong = 0;
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            try
            {
                using var stream = file.Open();
                foreach (var bookmark in BookmarkList.Read(stream))
                {
                    if (bookmark.Added is not { } added)
                        continue;
                    dated++;
                    wrong += added < FirstBrowser || bookmark.Modified < added - Day ? 1 : 0;
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                return ExportCheck.Failed(name, $"{Names.Printable(file.Name)} cannot be read: {ExportFile.Reason(e)}");
            }
        }
        return dated == 0 ? ExportCheck.Absent(name, "no bookmark says when it was saved")
            : wrong > 0 ? ExportCheck.Failed(name, $"{wrong} of {dated} bookmarks were saved before there were browsers, or changed before they were saved")
            : ExportCheck.Passed(name, $"{dated} bookmarks have dates that fit");
    }
}
