using System.Globalization;
using Trove.Exports.Source;

namespace Trove.Exports.LinkedIn;

/// <summary>Does a LinkedIn export agree with itself (specs/exports/linkedin.md)?</summary>
internal sealed class LinkedInChecks(ExportFiles files, ExportLimits limits)
{
    // Ids of posts hold the time they were made in their upper bits, in milliseconds since 1970; LinkedIn opened in 2003.
    private const int IdBits = 22;
    private const long Opened = 1_051_000_000_000, Leeway = 26 * 3_600_000;

    /// <summary>
    /// Nothing was shared, said or liked before the post in its link was made; 26 hours are left for time zones. Afterwards is
    /// fine for all of them, for shares that were scheduled too.
    /// </summary>
    public ExportCheck Dates(string name)
    {
        long timed = 0, early = 0;
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            var table = LinkedInFiles.Table(file);
            var column = table switch
            {
                LinkedInFiles.Shares => "ShareLink",
                LinkedInFiles.Comments or LinkedInFiles.Reactions => "Link",
                LinkedInFiles.Votes => "VoteLink",
                _ => "",
            };
            if (column.Length == 0)
                continue;
            try
            {
                using var rows = LinkedInReader.Open(file, table, limits, new FileLog(file.Name));
                while (rows.Read())
                {
                    if (LinkedInReader.Time(rows["Date"]) is not { } time || Made(LinkedInReader.Urn(rows[column])) is not { } made)
                        continue;
                    timed++;
                    early += time < made - Leeway ? 1 : 0;
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                return ExportCheck.Failed(name, $"{Names.Printable(file.Name)} cannot be read: {ExportFile.Reason(e)}");
            }
        }
        return timed == 0 ? ExportCheck.Absent(name, "no row has both a date and a link to a post")
            : early > 0 ? ExportCheck.Failed(name, $"{early} of {timed} rows are dated before the post in their link was made")
            : ExportCheck.Passed(name, $"{timed} rows are dated after the post in their link was made");
    }

    private static long? Made(string urn) =>
        long.TryParse(urn.AsSpan(urn.LastIndexOf(':') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long id) && id >> IdBits > Opened ? id >> IdBits : null;
}
