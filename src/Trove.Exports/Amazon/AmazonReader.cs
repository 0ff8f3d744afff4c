using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Amazon;

/// <summary>Reads the orders of an Amazon export, one record an item. Addresses, payment and recipients are never taken over.</summary>
internal sealed class AmazonReader(ExportFiles files, ExportOptions options) : ExportReader
{
    /// <summary>The export names nobody but in addresses.</summary>
    public override string Account => "";

    public override string? WhyIgnored(ExportFile file) => AmazonFiles.Tables.ContainsKey(AmazonFiles.Table(file)) ? null
        : "returns, payments, devices or other data of the account itself; not read";

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) => includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => [new AmazonChecks(files, options.Limits).Shipments("amazon.times")];

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        var table = AmazonFiles.Table(file);
        using var rows = CsvTable.Open(file.Open(), options.Limits, log, AmazonFiles.Tables[table]);
        while (rows.Read())
            yield return table == AmazonFiles.Orders ? Order(rows, log) : DigitalItem(rows, log);
    }

    private Record Order(CsvTable row, FileLog log) => Act(row, "Order Date", log) with
    {
        Id = Known(row["Order ID"]),
        Text = Known(row["Gift Message"]),
        Meta = Metadata.Of(
            ("product", Known(row["Product Name"])), ("asin", Known(row["ASIN"])), ("quantity", Known(row["Quantity"])), ("price", Known(row["Unit Price"])),
            ("total", Known(row["Total Owed"])), ("currency", Known(row["Currency"])), ("status", Known(row["Order Status"])),
            ("condition", Known(row["Product Condition"])), ("site", Known(row["Website"]))),
    };

    private Record DigitalItem(CsvTable row, FileLog log) => Act(row, "OrderDate", log) with
    {
        Id = Known(row["OrderId"]),
        Meta = Metadata.Of(
            ("product", Known(row["ProductName"])), ("asin", Known(row["ASIN"])), ("quantity", Known(row["QuantityOrdered"])), ("price", Known(row["OurPrice"])),
            ("currency", Known(row["OurPriceCurrencyCode"])), ("site", Known(row["Marketplace"])), ("of", "digital")),
    };

    private Record Act(CsvTable row, string column, FileLog log)
    {
        var date = row[column];
        long? time = Times.Parse(date) ?? Times.Exactly(date, "yyyy-MM-ddTHH:mm:ss.fff'Z'");
        if (time is null && Known(date).Length > 0)
            log.Warn($"line {row.Line}: the date is not in Amazon's form and was left out");
        return new Record { Platform = AmazonFiles.Platform, Kind = RecordKind.Order, Author = options.Me, Own = true, Time = time };
    }

    // What Amazon writes where it has nothing.
    private static string Known(string value) => value is "Not Available" or "Not Applicable" ? "" : value;
}
