using System.Text.Json.Nodes;
using Trove.Core;

namespace Trove.Tests.Cli;

public class KeyCommandTests
{
    [Fact]
    public async Task Key_is_made_once_shown_and_never_readable_by_others()
    {
        var folder = TroveCommand.NewFolder();
        try
        {
            File.WriteAllText(Path.Combine(folder, "pass.txt"), "correct horse\n");
            File.WriteAllText(Path.Combine(folder, "wrong.txt"), "battery staple\n");
            var made = await TroveCommand.RunAsync(folder, "key", "new", "-o", "me.key", "--passphrase-file", "pass.txt");
            Assert.Equal((0, ""), (made.Code, made.Error));
            Assert.Matches("^address    0x[0-9A-Fa-f]{40}\nrecipient  age1[a-z0-9]{58}\n$", made.Output);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(folder, "me.key")));

            var shown = await TroveCommand.RunAsync(folder, "key", "show", "me.key", "--passphrase-file", "pass.txt");
            Assert.Equal(made, shown);
            var json = JsonNode.Parse((await TroveCommand.RunAsync(folder, "key", "show", "me.key", "--passphrase-file", "pass.txt", "--json")).Output)!;
            Assert.True(Address.TryParse((string)json["address"]!, out _));
            Assert.Contains((string)json["recipient"]!, made.Output, StringComparison.Ordinal);

            var bytes = File.ReadAllBytes(Path.Combine(folder, "me.key"));
            var again = await TroveCommand.RunAsync(folder, "key", "new", "-o", "me.key", "--passphrase-file", "pass.txt");
            Assert.Equal((1, ""), (again.Code, again.Output));
            Assert.Contains("never overwritten, choose another name", again.Error, StringComparison.Ordinal);
            Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(folder, "me.key")));

            var wrong = await TroveCommand.RunAsync(folder, "key", "show", "me.key", "--passphrase-file", "wrong.txt");
            Assert.Equal((1, ""), (wrong.Code, wrong.Output));
            Assert.DoesNotContain("battery", wrong.Error, StringComparison.Ordinal);
            Assert.DoesNotContain(" at Trove.", wrong.Error, StringComparison.Ordinal); // a refusal, no stack trace
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // With --json an error is a document as well, so that a program need not read prose.
    [Theory]
    [InlineData("records nowhere.zip")]
    [InlineData("asset list")]
    [InlineData("balance --node ftp://elsewhere --owner nobody")]
    public async Task Errors_are_json_too(string command)
    {
        var folder = TroveCommand.NewFolder();
        try
        {
            var (code, output, error) = await TroveCommand.RunAsync(folder, [.. command.Split(' '), "--json"]);
            Assert.Equal(1, code);
            var document = JsonNode.Parse(output)!.AsObject();
            Assert.StartsWith($"trove: {document["error"]}", error, StringComparison.Ordinal);
            Assert.True(document.ContainsKey("nextStep"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
