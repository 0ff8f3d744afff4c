using System.Globalization;
using System.Text.Json.Nodes;

namespace Trove.SystemTests.Story;

/// <summary>The whole story as a stranger sees it: the real program, told to end after it.</summary>
public class DemoTests
{
    [Fact]
    public async Task Demo_tells_the_whole_story_and_leaves_nothing_behind()
    {
        var data = TestFolder.Create();
        try
        {
            var (code, output, error) = await TroveCli.RunAsync(data, "demo", "--exit", "--json");
            Assert.True(code == 0, output + error);
            var events = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!).ToList();
            JsonNode Event(string name, string? member = null) => Assert.Single(events, e => (string)e["event"]! == name && (member is null || (string)e["member"]! == member));

            Assert.Equal(2, (int)Event("asset")["threshold"]!);
            string[] all = ["Maya", "Jonas", "Ada", "Copycat", "Quiet"];
            Assert.Equal(all, events.Where(e => (string)e["event"]! == "inspect").Select(e => (string)e["member"]!));

            // Who is taken, who is refused, and what they are told.
            Assert.Contains("nothing to contribute", (string)Event("refused", "Quiet")["reason"]!, StringComparison.Ordinal);
            Assert.True((long)Event("contribute", "Ada")["redacted"]! > 0);
            Assert.True((long)Event("contribute", "Ada")["left"]! > 0);
            Assert.Equal(0, (long)Event("contribute", "Jonas")["redacted"]!);
            Assert.Equal(25, (long)Event("contribute", "Maya")["redacted"]!); // who wrote to her, and whom she wrote to: pseudonyms

            foreach (var honest in new[] { "Maya", "Jonas", "Ada" })
            {
                Assert.Equal("rewarded", (string)Event("reward", honest)["state"]!);
                Assert.True(Units(Event("reward", honest)["shares"]) > 0);
                Assert.Equal(Units(Event("reward", honest)["shares"]), Units(Event("claim", honest)["shares"]));
                Assert.True(Units(Event("claim", honest)["paid"]) > 0);
            }
            var copycat = Event("reward", "Copycat");
            Assert.Equal(0, Units(copycat["shares"]));
            Assert.Contains("nothing in it is new", (string)copycat["reason"]!, StringComparison.Ordinal);
            Assert.Contains("announced earlier in this epoch", (string)copycat["reason"]!, StringComparison.Ordinal);
            foreach (var nobody in new[] { "Copycat", "Quiet" })
                Assert.Equal((0, 0), (Units(Event("claim", nobody)["shares"]), Units(Event("claim", nobody)["paid"])));

            // Shares and money, to the last unit.
            Assert.Equal(3, (int)Event("epoch")["leaves"]!);
            Assert.Equal(Units(Event("epoch")["total"]), all[..3].Aggregate(Int128.Zero, (sum, m) => sum + Units(Event("reward", m)["shares"])));
            var money = Event("money");
            Assert.True((bool)money["addsUp"]!);
            Assert.Equal(250_000_000, Units(money["received"]));
            Assert.Equal(Units(money["received"]), Units(money["paid"]) + Units(money["claimable"]) + Units(money["dust"]));
            Assert.Equal(Units(money["paid"]), all.Aggregate(Int128.Zero, (sum, m) => sum + Units(Event("claim", m)["paid"])));
            Assert.Equal(0, Units(money["claimable"]));
            Assert.InRange(Units(money["dust"]), 0, 4);

            // The second half: other guardians, four requests, one result, three refunds, and the money of the one goes to the members.
            string[] second = ["custody", "request", "escrow", "escrow", "escrow", "escrow", "vote", "vote", "vote", "vote", "vote", "invited", "guardians", "granted", "voted-down", "granted", "vote", "revoked", "revoked-refund",
                "result", "paid", "paid", "paid", "granted", "runner-died", "timed-out", "settled"];
            Assert.Equal(second.Order(), events.Select(e => (string)e["event"]!).Where(second.Contains).Order());
            Assert.Equal((3, 2), (((JsonArray)Event("custody")["guardians"]!).Count, (int)Event("custody")["threshold"]!));
            // One guardian went, another came, the key stayed; what was contributed before was opened after.
            string[] first = [.. ((JsonArray)Event("custody")["guardians"]!).Select(g => (string)g!)], then = [.. ((JsonArray)Event("guardians")["guardians"]!).Select(g => (string)g!)];
            Assert.Equal((first[1], first[2], 3, 2), (then[0], then[1], then.Length, (int)Event("guardians")["epoch"]!));
            Assert.DoesNotContain(then[2], first);
            Assert.Equal((string)Event("asset")["recipient"]!, (string)Event("guardians")["recipient"]!);
            Assert.Equal(3, (int)Event("result")["rows"]!);
            foreach (var refund in new[] { "voted-down", "revoked-refund", "timed-out" })
                Assert.Equal(25_000_000, Units(Event(refund)["refunded"]));
            var settled = Event("settled");
            Assert.True((bool)settled["addsUp"]!);
            Assert.Equal(275_000_000, Units(settled["received"]));
            Assert.Equal(Units(settled["paid"]), new[] { "Maya", "Jonas", "Ada" }.Aggregate(Int128.Zero, (sum, m) => sum + Units(Event("paid", m)["paid"])));

            Assert.Empty(Processes.Naming(data));
            Assert.Empty(Directory.EnumerateFileSystemEntries(data));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static Int128 Units(JsonNode? text) => Int128.Parse((string)text!, CultureInfo.InvariantCulture);
}
