using System.Collections.Frozen;
using Trove.Exports.Source;

namespace Trove.Exports.Amazon;

/// <summary>The tables of an Amazon export and their columns (specs/exports/amazon.md).</summary>
internal static class AmazonFiles
{
    public const string Platform = "amazon";

    public const string Orders = "retail.orderhistory", DigitalItems = "digital items";

    /// <summary>The tables that give records, with the columns they cannot do without.</summary>
    public static readonly FrozenDictionary<string, string[]> Tables = new Dictionary<string, string[]>
    {
        [Orders] = ["Order ID", "Order Date", "Product Name"],
        [DigitalItems] = ["OrderId", "OrderDate", "ProductName"],
    }.ToFrozenDictionary();

    /// <summary>The table that a file holds, from its name in any folder, in lower case and without the number of a split file or a repeated download.</summary>
    public static string Table(ExportFile file)
    {
        var name = Names.File(file.Name).ToLowerInvariant();
        return name.EndsWith(".csv", StringComparison.Ordinal) ? name[..^4].TrimEnd("0123456789().  ".ToCharArray()) : "";
    }
}
