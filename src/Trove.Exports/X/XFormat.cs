using Trove.Exports.Source;

namespace Trove.Exports.X;

/// <summary>
/// The archive of X, formerly Twitter: a ZIP with scripts below <c>data/</c>, one JSON array each behind an assignment.
/// Since January 2020 each object is wrapped in another that names its type:
/// <code>
/// window.YTD.tweets.part0 = [ {
///   "tweet" : { "id_str" : "1798349875109871616", "created_at" : "Wed Jun 05 13:45:22 +0000 2024",
///     "full_text" : "… &amp;amp; …", "in_reply_to_status_id_str" : "…", "entities" : { "urls" : [ … ] }, … }
/// }, …
/// </code>
/// </summary>
internal sealed class XFormat : IExportFormat
{
    private const int HeadBytes = 64, HeadsRead = 16;

    public string Platform => XFiles.Platform;

    public string Expects => "a ZIP with data/tweets.js, data/account.js, data/manifest.js and others";

    /// <summary>A file of X's name that begins with X's assignment is enough: nobody else writes either.</summary>
    public int Recognise(ExportFiles files) =>
        files.All.Where(file => file.IsReadable && XFiles.Type(file).Length > 0).Take(HeadsRead).Any(file => XFiles.IsAssignment(file.Head(HeadBytes)))
            ? ExportFormats.Enough : 0;

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new XReader(files, options);
}
