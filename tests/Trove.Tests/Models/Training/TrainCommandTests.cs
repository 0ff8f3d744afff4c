using System.Text.Json;
using Trove.Tests.Cli;

namespace Trove.Tests.Models.Training;

/// <summary>The command as a process: what it reads beside text, and the page it writes.</summary>
public sealed class TrainCommandTests : IDisposable
{
    private static readonly string[] Small = ["--steps", "2", "--context", "16", "--batch", "32", "--threads", "1"];

    private readonly string _folder = TroveCommand.NewFolder();

    public TrainCommandTests() => File.WriteAllText(Path.Combine(_folder, "verse.txt"), string.Concat(Enumerable.Repeat("The heron </pre><script>waits</script> & waits.\n", 8)));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_report_has_nothing_of_strangers_as_markup()
    {
        const string name = "<img src=x onerror=alert(1)>";
        var (code, output, error) = await TroveCommand.RunAsync(_folder, ["train", "verse.txt", "--out", name, .. Small]);
        Assert.True(code == 0, output + error);
        var page = await File.ReadAllTextAsync(Path.Combine(_folder, name, "report.html"));
        Assert.Contains("&lt;img src=x onerror=alert(1)&gt;", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.DoesNotContain("ModelConfig", page, StringComparison.Ordinal); // it is for people
        Assert.DoesNotContain("http", page.Replace("http-equiv", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(2, page.Split("<pre>").Length - 1);
        foreach (var part in new[] { "<polyline class=\"loss\"", "prefers-color-scheme: dark", "model.safetensors", "training data" })
            Assert.Contains(part, page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Records_are_learnt_from_as_Parquet()
    {
        string fixture = Path.Combine(Vectors.Repository, "tests", "Trove.Tests", "Exports", "Fixtures", "chatgpt-parts");
        var (made, _, why) = await TroveCommand.RunAsync(_folder, ["records", fixture, "--to", "parquet", "--out", "records.parquet"]);
        Assert.True(made == 0, why);
        var (_, lines, _) = await TroveCommand.RunAsync(_folder, ["records", fixture]);
        int texts = lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement).Count(r => r.GetProperty("text").GetString()!.Length + r.GetProperty("title").GetString()!.Length > 0);
        var (code, output, error) = await TroveCommand.RunAsync(_folder, ["train", "records.parquet", "--out", "model", "--config", "depth 1", .. Small, "--json"]);
        Assert.True(code == 0, error);
        Assert.Equal(texts, JsonDocument.Parse(output.Split('\n')[0]).RootElement.GetProperty("documents").GetInt32());
        using var config = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, "model", "tokenizer_config.json")));
        Assert.Equal(("<|endoftext|>", 16), (config.RootElement.GetProperty("eos_token").GetString(), config.RootElement.GetProperty("model_max_length").GetInt32()));

        await File.WriteAllTextAsync(Path.Combine(_folder, "broken.parquet"), "PAR1 this is none PAR1");
        var (refused, _, message) = await TroveCommand.RunAsync(_folder, ["train", "broken.parquet", "--out", "other", .. Small]);
        Assert.Equal(1, refused);
        Assert.Contains("broken.parquet cannot be read as records", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_checkpoint_gives_way_to_the_one_before_it()
    {
        string[] command = ["train", "verse.txt", "--out", "model", .. Small, "--checkpoint-every", "0"];
        Assert.Equal(0, (await TroveCommand.RunAsync(_folder, command)).Code);
        var whole = await File.ReadAllBytesAsync(Path.Combine(_folder, "model", "model.safetensors"));
        string last = Path.Combine(_folder, "model", "checkpoint-0000000002.trove");
        var bytes = await File.ReadAllBytesAsync(last);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(last, bytes);
        File.Delete(Path.Combine(_folder, "model", "model.safetensors"));
        var (code, output, error) = await TroveCommand.RunAsync(_folder, [.. command, "--resume"]);
        Assert.True(code == 0, error);
        Assert.Contains("its checksum is another; the one before it is tried", error, StringComparison.Ordinal);
        Assert.Contains("going on after step 1", output, StringComparison.Ordinal);
        Assert.Equal(whole, await File.ReadAllBytesAsync(Path.Combine(_folder, "model", "model.safetensors")));
    }
}
