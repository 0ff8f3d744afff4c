using System.Text;
using Trove.Exports.Source;

namespace Trove.Exports.LinkedIn;

/// <summary>
/// LinkedIn's answer to "Get a copy of your data": a ZIP of CSV files, some behind a note and a blank line:
/// <code>
/// Notes:
/// "When exporting your connection data, you may notice that some of the email addresses are missing. …"
///
/// First Name,Last Name,URL,Email Address,Company,Position,Connected On
/// Otter,Bob,https://www.linkedin.com/in/otter-bob,,Reed Ltd,Boatman,05 May 2023
/// </code>
/// </summary>
internal sealed class LinkedInFormat : IExportFormat
{
    private const int HeadBytes = 4096, HeadsRead = 32, HeaderLines = 16;

    public string Platform => LinkedInFiles.Platform;

    public string Expects => "a ZIP of Shares.csv, Comments.csv, messages.csv, Connections.csv, Profile.csv and others";

    /// <summary>A table of LinkedIn's name with columns of its own is enough; other tables of its names and columns count one each.</summary>
    public int Recognise(ExportFiles files)
    {
        int signals = 0, heads = 0;
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            var table = LinkedInFiles.Table(file);
            var columns = table == LinkedInFiles.Profile ? LinkedInFiles.ProfileColumns : LinkedInFiles.Tables.GetValueOrDefault(table);
            if (columns is null || heads++ >= HeadsRead)
                continue;
            var lines = Encoding.UTF8.GetString(file.Head(HeadBytes)).TrimStart('\uFEFF').Split('\n', HeaderLines + 1).Take(HeaderLines);
            if (lines.Any(line => columns.All(line.Split(',').Select(column => column.Trim().Trim('"')).Contains)))
                signals += LinkedInFiles.IsDistinctive(table) ? ExportFormats.Enough : table == LinkedInFiles.Profile ? 2 : 1;
        }
        return signals;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new LinkedInReader(files, options);
}
