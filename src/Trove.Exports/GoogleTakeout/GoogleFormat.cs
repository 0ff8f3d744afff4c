using Trove.Exports.Source;

namespace Trove.Exports.GoogleTakeout;

/// <summary>
/// Google's Takeout: ZIPs <c>takeout-20240115T101112Z-001.zip</c> of one folder <c>Takeout/</c> with a folder for each product, and the timeline that
/// telephones export:
/// <code>
/// Takeout/Chrome/History.json              {"Browser History":[{"title":"…","url":"…","time_usec":1581373967000000}]}
/// Takeout/My Activity/Search/MyActivity.json [{"header":"Search","title":"Searched for tide","titleUrl":"…?q=tide","time":"2020-02-10T22:12:47.123Z"}]
/// Timeline.json                            {"semanticSegments":[{"startTime":"…","visit":{"topCandidate":{"placeLocation":{"latLng":"51.5°, -0.1°"}}}}]}
/// </code>
/// </summary>
internal sealed class GoogleFormat : IExportFormat
{
    private const int HeadsRead = 32;

    public string Platform => GoogleFiles.Platform;

    public string Expects => "takeout-….zip, all of its parts, or Timeline.json of a telephone";

    /// <summary>Most shapes are Google's alone; tables, mail, bookmarks and documents count below Takeout's names only.</summary>
    public int Recognise(ExportFiles files)
    {
        bool isTakeout = GoogleFiles.IsTakeout(files);
        bool isAny = files.All.Where(file => file.IsReadable && GoogleFiles.MayBeRead(file.Name) && (isTakeout || !file.Name.EndsWith(".csv", StringComparison.OrdinalIgnoreCase)))
            .Take(HeadsRead).Select(GoogleFiles.Of).Any(sort => isTakeout ? GoogleFiles.IsRead(sort) || sort == GoogleFiles.Sort.KeepPage : GoogleFiles.IsRead(sort) && !GoogleFiles.NeedsTakeout(sort));
        return isAny ? ExportFormats.Enough : 0;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new GoogleReader(files, options);
}
