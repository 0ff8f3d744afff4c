using System.Text.Json.Nodes;
using Trove.Tests.Crypto;
using Trove.Tests.Node;

namespace Trove.Tests.Cli;

public sealed class MailCommandTests
{
    [Fact]
    public async Task A_mail_tells_who_signed_it_and_to_whom_it_went()
    {
        await using var dns = new DnsServer { Answer = (question, _) => [DnsServer.Reply(question, 0, DnsServer.Txt(question.AsSpan(12).StartsWith("\u0008brisbane"u8) ? DkimTests.Ed25519Record : DkimTests.RsaRecord))] };
        var folder = TroveCommand.NewFolder();
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "ready.eml"), DkimTests.Example, TestContext.Current.CancellationToken);
            var (code, output, error) = await TroveCommand.RunAsync(folder, ["mail", "ready.eml", "--resolver", dns.Address.ToString()]);
            Assert.Equal((0, ""), (code, error));
            Assert.Equal("""
                pass       signed by football.example.com
                           ed25519-sha256 by brisbane._domainkey.football.example.com over from, to, subject, date, message-id
                pass       signed by football.example.com
                           rsa-sha256 by test._domainkey.football.example.com over from, to, subject, date, message-id
                it was sent to Suzie Q <suzie@shopping.example.net>

                """, output);
            var json = JsonNode.Parse((await TroveCommand.RunAsync(folder, ["mail", "ready.eml", "--json", "--resolver", dns.Address.ToString()])).Output)!;
            Assert.Equal(DkimTests.RsaRecord, (string?)json["signatures"]![1]!["keyRecord"]);

            await File.WriteAllTextAsync(Path.Combine(folder, "ready.eml"), DkimTests.Example.Replace("hungry", "angry", StringComparison.Ordinal), TestContext.Current.CancellationToken);
            (code, output, _) = await TroveCommand.RunAsync(folder, ["mail", "ready.eml", "--resolver", dns.Address.ToString()]);
            Assert.Equal(1, code);
            Assert.StartsWith("fail       the body was changed", output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Before a key is opened or a node is asked.
    [Theory]
    [InlineData("there is no file", "--mail", "none.eml")]
    [InlineData("long.eml is longer than 1 MiB", "--mail", "long.eml")]
    [InlineData("5 mails were named, and 4 are taken", "--mail", "a", "--mail", "a", "--mail", "a", "--mail", "a", "--mail", "a")]
    public async Task Mails_that_cannot_go_along_with_a_contribution(string problem, params string[] mails)
    {
        var folder = TroveCommand.NewFolder();
        try
        {
            await File.WriteAllBytesAsync(Path.Combine(folder, "long.eml"), new byte[(1 << 20) + 1], TestContext.Current.CancellationToken);
            var (code, _, error) = await TroveCommand.RunAsync(folder, ["contribute", "reddit.zip", "--node", "http://127.0.0.1:1", .. mails]);
            Assert.Equal(1, code);
            Assert.StartsWith("trove: " + problem, error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
