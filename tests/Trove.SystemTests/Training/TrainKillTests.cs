using System.Text.Json.Nodes;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Training;

/// <summary>The real program, killed while it trains: what it ends with is what it would have ended with.</summary>
public sealed class TrainKillTests : IDisposable
{
    private const int Kills = 4, Steps = 120;

    private readonly string _folder = Directory.CreateTempSubdirectory("trove-train-").FullName;

    public TrainKillTests()
    {
        var text = string.Join('\n', Enumerable.Range(0, 400).Select(i => $"{i} herons stand and {i * i % 97} herons wait for the {(i % 3 == 0 ? "tide" : "moon")}."));
        File.WriteAllText(Path.Combine(_folder, "text.txt"), text);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_run_killed_again_and_again_ends_in_the_same_bytes()
    {
        var (code, _, error) = await TroveCli.RunAsync(_folder, Command("whole", threads: 2));
        Assert.True(code == 0, error);
        int resumed = 0;
        for (int kill = 0; kill <= Kills; kill++)
        {
            await using var run = TroveCli.Start(_folder, [.. Command("killed", threads: 1 + kill % 2), "--resume", "--json"]);
            if (kill == Kills)
            {
                var (last, output) = await run.EndAsync();
                Assert.True(last == 0, run.Error);
                resumed = (int)JsonNode.Parse(output.Split('\n')[0])!["resumed"]!;
                break;
            }
            // The first while it starts; the others in the middle of a step or of writing its checkpoint.
            while (kill > 0 && !run.HasExited && LastStep("killed") < kill * Steps / (Kills + 1))
                await Task.Delay(10);
            await Task.Delay(Random.Shared.Next(kill == 0 ? 800 : 150));
            Assert.False(run.HasExited, $"it ended before kill {kill}: {run.Error}");
            run.Signal("KILL");
        }
        Assert.InRange(resumed, 1, Steps - 1);
        foreach (var file in new[] { "model.safetensors", "config.json", "tokenizer.json" })
            Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(_folder, "whole", file)), await File.ReadAllBytesAsync(Path.Combine(_folder, "killed", file)));
        Assert.InRange(Directory.EnumerateFiles(Path.Combine(_folder, "killed"), "checkpoint-*.trove").Count(), 1, 2);
    }

    [Fact]
    public async Task A_run_asked_to_stop_says_how_to_go_on()
    {
        await using var run = TroveCli.Start(_folder, [.. Command("stopped", threads: 1), "--json"]);
        while (!run.HasExited && !Directory.EnumerateFiles(_folder, "checkpoint-*.trove", SearchOption.AllDirectories).Any())
            await Task.Delay(50);
        run.Signal("INT");
        var (code, _) = await run.EndAsync();
        Assert.Equal(1, code);
        Assert.Contains("go on with:", run.Error, StringComparison.Ordinal);
        Assert.Contains("--resume", run.Error, StringComparison.Ordinal);
        var (again, _, error) = await TroveCli.RunAsync(_folder, Command("stopped", threads: 1));
        Assert.Equal(1, again);
        Assert.Contains("has a run already", error, StringComparison.Ordinal);
        var (other, _, otherError) = await TroveCli.RunAsync(_folder, [.. Command("stopped", threads: 1), "--resume", "--seed", "1"]);
        Assert.Equal(1, other);
        Assert.Contains("is of another run", otherError, StringComparison.Ordinal);
    }

    private long LastStep(string output) => Directory.Exists(Path.Combine(_folder, output))
        ? Directory.EnumerateFiles(Path.Combine(_folder, output), "checkpoint-*.trove").Select(f => long.Parse(Path.GetFileNameWithoutExtension(f)["checkpoint-".Length..])).DefaultIfEmpty().Max()
        : 0;

    private static string[] Command(string output, int threads) =>
        ["train", "text.txt", "--out", output, "--steps", $"{Steps}", "--context", "32", "--batch", "128", "--checkpoint-every", "0", "--threads", $"{threads}"];
}
