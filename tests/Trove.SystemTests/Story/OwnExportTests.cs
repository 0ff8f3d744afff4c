using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Trove.SystemTests.Story;

/// <summary>
/// Strangers' exports beside the samples, and a member with a key of its own: they are rewarded, and of what they wrote
/// nothing is anywhere at rest, in no argument and in no environment.
/// </summary>
public class OwnExportTests
{
    [Fact]
    public async Task Strangers_exports_are_rewarded_and_found_nowhere_at_rest()
    {
        string[] canaries = [.. Enumerable.Range(0, 5).Select(_ => "cNRy" + RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 20))];
        var scan = new PlaintextScan(canaries);
        var start = DateTime.UtcNow;
        string data = TestFolder.Create(), home = TestFolder.Create("-home");
        try
        {
            Exports.WriteChatGpt(Path.Combine(home, "assistant.zip"),
                $"Please explain how {canaries[0]} gets into the harbour master's ledger every single Tuesday",
                "Which knots would you teach a nervous beginner before her first crossing of the channel?",
                "Draft three gentle sentences for my sister, who has sold her accordion and regrets it");
            Exports.WriteReddit(Path.Combine(home, "wrapped.zip"), "quay_crane",
                [$"My notebook calls it {canaries[1]}, although nobody else on the pier would know what that means", "Grease the winch in October, then \"forget\" it until the herring return"],
                ["Nobody but you should ever read about the lighthouse keeper"]);
            Exports.WriteReddit(Path.Combine(home, "private.zip"), "tar_barrel",
                [$"Write to {canaries[2]}@example.org about the tar, the brushes and the old ladder", $"Second coat on Monday: {canaries[3]} dries faster than any varnish that I have tried"],
                [$"Between us: {canaries[4]} hides the key under the third plank of the slipway"]);
            File.WriteAllText(Path.Combine(home, "pass.txt"), "a passphrase of this test\n");

            await using (var demo = TroveCli.Start(data, "demo", "--json", "--with", Path.Combine(home, "assistant.zip"), "--with", Path.Combine(home, "wrapped.zip")))
            {
                var events = await demo.WaitForEventAsync("up");
                foreach (var (member, platform) in new[] { ("You (1)", "chatgpt"), ("You (2)", "reddit") })
                {
                    Assert.Equal(platform, (string)Event(events, "inspect", member)["platform"]!);
                    Assert.Equal("rewarded", (string)Event(events, "reward", member)["state"]!);
                    Assert.True(Units(Event(events, "reward", member)["shares"]) > 0);
                    Assert.True(Units(Event(events, "claim", member)["paid"]) > 0);
                }
                Assert.True((bool)Assert.Single(events, e => (string)e["event"]! == "money")["addsUp"]!);

                // A member of its own, who finds the node by itself, leaves the messages at home and blacks out mail.
                var key = await TroveCli.JsonAsync(data, "key", "new", "-o", Path.Combine(home, "me.key"), "--passphrase-file", Path.Combine(home, "pass.txt"));
                var (code, output, told) = await TroveCli.RunAsync(data, "contribute", Path.Combine(home, "private.zip"), "--to", "TIDE", "--exclude", "message", "--redact", "mail",
                    "--key", Path.Combine(home, "me.key"), "--passphrase-file", Path.Combine(home, "pass.txt"), "--json");
                Assert.True(code == 0, told);
                var contributed = JsonNode.Parse(output)!;
                // Whole files go to the verifiers: it says which, the account's with them, and not the one that stays at home.
                Assert.Contains("comments.csv", told, StringComparison.Ordinal);
                Assert.Contains("statistics.csv", told, StringComparison.Ordinal);
                Assert.DoesNotContain("messages.csv", told, StringComparison.Ordinal);
                Assert.Contains("sealed to the 2 verifiers that were drawn", told, StringComparison.Ordinal);
                Assert.Equal((1, 1), ((int)contributed["redacted"]!, (int)contributed["left"]!));
                var id = (string)contributed["contribution"]!;
                for (int i = 0; ; i++)
                {
                    foreach (int process in Processes.Tree(demo.Id))
                        foreach (var file in new[] { "cmdline", "environ" })
                            Assert.Null(scan.Find(Encoding.UTF8.GetBytes(Processes.Read(process, file))));
                    var mine = Assert.Single((await TroveCli.JsonAsync(data, "contributions", "--owner", (string)key["address"]!)).AsArray())!;
                    Assert.Equal(id, (string)mine["contribution"]!);
                    if ((string)mine["state"]! == "attested")
                        break;
                    Assert.True((string)mine["state"]! == "verifying" && i < 300, mine.ToJsonString());
                    await Task.Delay(200);
                }
                // The node, anvil, PostgreSQL, two verifiers and three guardians: the scan above had something to look at.
                var commands = Processes.Tree(demo.Id).Select(p => Processes.Read(p, "cmdline")).ToList();
                Assert.Equal(2, commands.Count(c => c.Contains(" verifier --key ", StringComparison.Ordinal)));
                Assert.Equal(3, commands.Count(c => c.Contains(" guardian --key ", StringComparison.Ordinal)));
                Assert.Contains(commands, c => c.Contains("anvil", StringComparison.Ordinal));
                Assert.Contains(commands, c => c.Contains("postgres", StringComparison.Ordinal));
                await demo.StopAsync();
            }
            Assert.Empty(Processes.Naming(data));

            // It looked at the real thing: blobs, chain, database and logs are there, and a planted copy is found.
            foreach (var part in new[] { "blobs", "chain", "postgres", "operators" })
                Assert.Contains(Directory.EnumerateFiles(Path.Combine(data, "demo"), "*", SearchOption.AllDirectories), f => f.Contains($"/{part}", StringComparison.Ordinal));
            Assert.Empty(scan.Folder(data));
            Assert.Empty(scan.Since(start, f => f.Contains("/trove-test", StringComparison.Ordinal), // other tests'; ours was looked at, and home is the members'
                Path.GetTempPath(), "/var/tmp", "/dev/shm", "/run", "/var/crash", "/var/lib/systemd/coredump", TroveCli.Repository));
            File.WriteAllText(Path.Combine(data, "demo", "planted"), canaries[4]);
            Assert.Single(scan.Folder(Path.Combine(data, "demo")));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
            Directory.Delete(home, recursive: true);
        }
    }

    private static JsonNode Event(IEnumerable<JsonNode> events, string name, string member) =>
        Assert.Single(events, e => (string)e["event"]! == name && (string?)e["member"] == member);

    private static Int128 Units(JsonNode? text) => Int128.Parse((string)text!, CultureInfo.InvariantCulture);
}
