using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Amazon;

/// <summary>Does an Amazon export agree with itself (specs/exports/amazon.md)?</summary>
internal sealed class AmazonChecks(ExportFiles files, ExportLimits limits)
{
    /// <summary>No order was shipped more than a day before it was made.</summary>
    public ExportCheck Shipments(string name)
    {
        const long day = 86_400_000;
        long compared = 0, wrong = 0;
        foreach (var file in files.All.Where(file => file.IsReadable && AmazonFiles.Table(file) == AmazonFiles.Orders))
        {
            try
            {
                using var rows = CsvTable.Open(file.Open(), limits, new FileLog(file.Name), AmazonFiles.Tables[AmazonFiles.Orders]);
                while (rows.Read())
                {
                    if (Times.Parse(rows["Order Date"]) is not { } ordered || Times.Parse(rows["Ship Date"]) is not { } shipped)
                        continue;
                    compared++;
                    wrong += shipped < ordered - day ? 1 : 0;
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                return ExportCheck.Failed(name, $"{Names.Printable(file.Name)} cannot be read: {ExportFile.Reason(e)}");
            }
        }
        return compared == 0 ? ExportCheck.Absent(name, "no order has both a date and a shipment")
            : wrong > 0 ? ExportCheck.Failed(name, $"{wrong} of {compared} items were shipped more than a day before they were ordered")
            : ExportCheck.Passed(name, $"{compared} items were shipped after they were ordered");
    }
}
