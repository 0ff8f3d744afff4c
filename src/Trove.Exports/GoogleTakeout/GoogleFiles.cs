using Trove.Exports.Bookmarks;
using Trove.Exports.Mbox;
using Trove.Exports.Source;

namespace Trove.Exports.GoogleTakeout;

/// <summary>
/// The files of Google's Takeout (specs/exports/google.md), told by their content: names of folders and files are in the member's
/// language, keys of JSON and classes of pages are not.
/// </summary>
internal static class GoogleFiles
{
    public const string Platform = "google", Wrap = "Takeout/", Index = "archive_browser.html";

    // The pages of activities carry their styles in front, some hundred KiB.
    private const int HeadBytes = 4096, PageHeadBytes = 512 << 10;

    /// <summary>What a file holds.</summary>
    public enum Sort { None, Activity, ActivityPage, History, Records, Visits, Timeline, PhoneTimeline, Keep, KeepPage, Document, Table, Mail, Bookmarks, Profile }

    /// <summary>Does the sort give records?</summary>
    public static bool IsRead(Sort sort) => sort is not (Sort.None or Sort.KeepPage or Sort.Profile);

    /// <summary>Is the sort Google's only where Takeout's names are around it? Other programs write such files too.</summary>
    public static bool NeedsTakeout(Sort sort) => sort is Sort.Mail or Sort.Document or Sort.Bookmarks;

    /// <summary>Is it worth a look? Pictures are not, nor the thousands of files about them.</summary>
    public static bool MayBeRead(string name) => Is(name, ".json") ? !IsAboutPhoto(name) : Is(name, ".html") || Is(name, ".csv") || MboxFiles.IsNamed(name);

    /// <summary>Do names say that it is Takeout's: its wrapping folder, or its index?</summary>
    public static bool IsTakeout(ExportFiles files) => files.All.Any(file => file.IsReadable && Names.File(file.Name).Equals(Index, StringComparison.OrdinalIgnoreCase))
        || files.All.Any(file => file.IsReadable && file.Name.StartsWith(Wrap, StringComparison.OrdinalIgnoreCase));

    /// <summary>What a file holds, from its first bytes.</summary>
    public static Sort Of(ExportFile file)
    {
        if (!file.IsReadable || !MayBeRead(file.Name))
            return Sort.None;
        if (MboxFiles.IsNamed(file.Name))
            return MboxFiles.Of(file) == MboxFiles.Sort.Mbox ? Sort.Mail : Sort.None;
        if (Is(file.Name, ".csv"))
            return GoogleTables.IsKnown(file.Head(HeadBytes)) ? Sort.Table : Sort.None;
        if (Is(file.Name, ".html"))
            return OfPage(file);
        if (IsProfile(file.Name))
            return Sort.Profile;
        var head = file.Head(HeadBytes).AsSpan();
        head = head.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? head[3..] : head;
        head = head.TrimStart(" \t\r\n"u8);
        bool isArray = head is [(byte)'[', ..], isObject = head is [(byte)'{', ..];
        return isArray && Has(head, "\"header\""u8) && Has(head, "\"title\""u8) && (Has(head, "\"products\""u8) || Has(head, "\"time\""u8)) ? Sort.Activity
            : isArray && Has(head, "\"startTime\""u8) && Has(head, "\"geo:"u8) ? Sort.PhoneTimeline
            : !isObject ? Sort.None
            : Has(head, "\"Browser History\""u8) ? Sort.History
            : Has(head, "\"locations\""u8) && Has(head, "\"latitudeE7\""u8) ? Sort.Records
            : Has(head, "\"timelineObjects\""u8) ? Sort.Visits
            : Has(head, "\"semanticSegments\""u8) ? Sort.Timeline
            : Has(head, "\"isTrashed\""u8) && Has(head, "\"isPinned\""u8) ? Sort.Keep
            : Sort.None;
    }

    /// <summary><c>Profile/Profile.json</c>, in the member's language.</summary>
    public static bool IsProfile(string name)
    {
        var file = Names.File(name);
        var folder = name.Length > file.Length ? Names.File(name[..^(file.Length + 1)]) : "";
        return folder.Length > 0 && file.Equals(folder + ".json", StringComparison.OrdinalIgnoreCase);
    }

    private static Sort OfPage(ExportFile file)
    {
        if (BookmarksFiles.IsBookmarks(file))
            return Sort.Bookmarks;
        var head = file.Head(PageHeadBytes).AsSpan();
        return Has(head, "class=\"outer-cell"u8) && Has(head, "content-cell"u8) ? Sort.ActivityPage
            : Has(head, "doc-content\""u8) ? Sort.Document
            : Has(head, "<div class=\"note"u8) ? Sort.KeepPage
            : Sort.None;
    }

    // IMG_1.jpg.json, IMG_1.jpg.supplemental-metadata.json, also cut short.
    private static bool IsAboutPhoto(string name)
    {
        var stem = Names.File(name)[..^5];
        return stem.Contains(".suppl", StringComparison.OrdinalIgnoreCase) || (stem.LastIndexOf('.') is > 0 and var dot && stem.Length - dot is 4 or 5);
    }

    private static bool Is(string name, string ending) => name.EndsWith(ending, StringComparison.OrdinalIgnoreCase);

    private static bool Has(ReadOnlySpan<byte> head, ReadOnlySpan<byte> words) => head.IndexOf(words) >= 0;
}
