using System.Text;
using Trove.Exports.Source;

namespace Trove.Exports.Amazon;

/// <summary>
/// Amazon's "Your Orders" of "Request your data": CSV files, each in a folder of its own name:
/// <code>
/// Retail.OrderHistory.1/Retail.OrderHistory.1.csv
/// "Website","Order ID","Order Date","Purchase Order Number","Currency","Unit Price",…,"Product Name",…
/// "Amazon.co.uk","202-0000001-0000001","2023-05-01T12:34:56Z","Not Applicable","GBP","12.5",…,"Oak oil",…
/// </code>
/// </summary>
internal sealed class AmazonFormat : IExportFormat
{
    private const int HeadBytes = 4096, HeadsRead = 32;

    public string Platform => AmazonFiles.Platform;

    public string Expects => "the ZIP \"Your Orders\" with Retail.OrderHistory.1.csv";

    /// <summary>A table of Amazon's name with its columns is enough.</summary>
    public int Recognise(ExportFiles files)
    {
        int heads = 0;
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            if (!AmazonFiles.Tables.TryGetValue(AmazonFiles.Table(file), out var required) || heads++ >= HeadsRead)
                continue;
            var header = Encoding.UTF8.GetString(file.Head(HeadBytes)).TrimStart('\uFEFF').Split('\n', 2)[0];
            var columns = header.Split(',').Select(column => column.Trim().Trim('"')).ToHashSet();
            if (required.All(columns.Contains))
                return ExportFormats.Enough;
        }
        return 0;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new AmazonReader(files, options);
}
