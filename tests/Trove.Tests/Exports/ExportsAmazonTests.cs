using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class ExportsAmazonTests
{
    private const string First = "Retail.OrderHistory.1/Retail.OrderHistory.1.csv";

    [Fact]
    public void Every_item_is_an_order_of_every_numbered_table()
    {
        using var export = OpenFixture("amazon", new ExportOptions { Me = "Fen" });
        var report = export.Inspect();
        Assert.Equal(("amazon", "order 4", 0L), (report.Platform, Kinds(report), report.Files.Sum(file => file.Skipped)));
        Assert.Equal(FileStatus.Ignored, report.File("Retail.CustomerReturns.1/Retail.CustomerReturns.1.csv").Status);
        Assert.Empty(report.Warnings);
        var order = export.Records().Single(record => record.Id == "202-0000001-0000001");
        Assert.Equal((RecordKind.Order, true, "Fen", 1682944496000), (order.Kind, order.Own, order.Author, order.Time));
        Assert.Equal(("Oak oil, 1 l", "2", "15.00", "GBP", "Happy birthday, Bob!"), (order.Meta["product"], order.Meta["quantity"], order.Meta["total"], order.Meta["currency"], order.Text));
        Assert.Equal(1325473445678, export.Records().Single(record => record.Id == "112-0000001-0000003").Time);
        Assert.Equal(("Tides: a history", "digital"), (export.Records().Single(record => record.Id == "D01-1").Meta["product"], export.Records().Single(record => record.Id == "D01-1").Meta["of"]));
    }

    [Fact]
    public void Addresses_payment_and_recipients_are_never_taken_over()
    {
        using var export = OpenFixture("amazon");
        foreach (var record in export.Records())
        {
            Assert.DoesNotContain(record.Meta.Values, value => value.Contains("Mill Lane", StringComparison.Ordinal) || value.Contains("Visa", StringComparison.Ordinal)
                || value.Contains("555", StringComparison.Ordinal) || value.Contains("MAIL(", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void What_is_not_available_stays_unknown()
    {
        using var export = OpenFixture("amazon");
        var order = export.Records().Single(record => record.Id == "202-0000001-0000002");
        Assert.Null(order.Time);
        Assert.Equal("", order.Text);
        Assert.DoesNotContain(order.Meta.Values, value => value.StartsWith("Not ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_shipment_before_its_order_fails_the_times()
    {
        Assert.Equal("2 items were shipped after they were ordered", CheckOf(Files("amazon"), "amazon.times").Detail);
        Assert.Contains("1 of 2", CheckOf(Edited("amazon", First, "2023-05-02T06", "2023-04-02T06"), "amazon.times").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_of_others_with_Amazons_name_is_not_Amazons() =>
        Assert.Throws<ExportException>(() => Open(Zip(("Digital Items.csv", "id,name\n1,2\n"), ("Retail.OrderHistory.1.csv", "id,name\n1,2\n"))));
}
