using System.Diagnostics;
using System.Text.Json;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Exchange;
using Trove.Models.Generation;
using Trove.Tests.Cli;

namespace Trove.Tests.Models.Exchange;

/// <summary>
/// Folders as Hugging Face has them, written and computed by tests/interop/torch/huggingface.py, through the commands: import, generate, train on, adapt and merge.
/// Needs Debian's python3-torch; skipped, and said so, where it is absent.
/// </summary>
public sealed class HuggingFaceTests : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private readonly string _folder = TroveCommand.NewFolder();
    private readonly WorkPool _pool = new(2);

    public void Dispose()
    {
        _pool.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("llama", "BF16", 1)]
    [InlineData("llama", "F32", 3)]
    [InlineData("qwen2", "F16", 2)]
    public async Task A_model_of_others_is_imported_run_and_trained(string family, string type, int files)
    {
        if (!File.Exists(Python) || await PythonAsync("-c", "import torch") is (not 0, _))
            Assert.Skip("PyTorch is not installed: apt-get install python3-torch");
        var (made, why) = await PythonAsync(Path.Combine(Vectors.Repository, "tests", "interop", "torch", "huggingface.py"), At("theirs"), family, type, $"{files}");
        Assert.True(made == 0, why);
        var expected = JsonSerializer.Deserialize<Expected>(await File.ReadAllTextAsync(At("theirs/expected.json")), JsonSerializerOptions.Web)!;

        await TroveAsync("model", "import", "theirs", "--out", "imported");
        AssertLogits(expected, "imported");
        foreach (var model in new[] { "theirs", "imported" })
        {
            using var written = JsonDocument.Parse(await TroveAsync("generate", model, expected.Text, "--max", $"{expected.Written.Length}", "--temperature", "0", "--json"));
            Assert.Equal(expected.Ids.Length, written.RootElement.GetProperty("promptTokens").GetInt32());
            var tokens = written.RootElement.GetProperty("texts")[0].GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32()).ToArray();
            Assert.Equal(expected.Written.TakeWhile(t => t != 256), tokens.TakeWhile(t => t != 256));
        }

        await File.WriteAllTextAsync(At("text.txt"), string.Concat(Enumerable.Repeat("the tide waits for no one; ", 40)));
        string[] run = ["train", "text.txt", "--from", "theirs", "--steps", "8", "--batch", "128", "--context", "64", "--rate", "0.002", "--threads", "1"];
        await TroveAsync([.. run, "--out", "tuned"]);
        await TroveAsync([.. run, "--out", "adapted", "--lora", "3", "--merge"]);
        double before = Loss("theirs", expected.Ids), tuned = Loss("tuned", expected.Ids), adapted = Loss("adapted", expected.Ids);
        Assert.True(tuned < before - 0.3 && adapted < before - 0.05 && adapted != tuned, $"{before} before, {tuned} trained, {adapted} adapted");
    }

    private void AssertLogits(Expected expected, string folder)
    {
        using var source = ModelFolder.Open(At(folder));
        using var weights = new DecoderWeights(source, _pool);
        using var decoder = new Decoder(weights, _pool, 64);
        using var cache = new KeyValueCache(source.Config, 64);
        var logits = new float[source.Config.Vocabulary];
        for (int i = 0; i < expected.Ids.Length; i++)
        {
            decoder.Run([cache], [1], [expected.Ids[i]], logits);
            for (int token = 0; token < logits.Length; token++)
                Assert.True(Math.Abs(logits[token] - expected.Logits[i][token]) < 2e-5, $"after token {i}, of {token}: {logits[token]:R}, expected {expected.Logits[i][token]:R}");
        }
    }

    private double Loss(string folder, int[] ids)
    {
        using var parameters = ModelFolder.Load(At(folder));
        using var transformer = new Transformer(parameters, _pool, ids.Length, training: false);
        return transformer.Evaluate(ids.AsSpan()[..^1], ids.AsSpan()[1..], [0]).Mean;
    }

    private string At(string path) => Path.Combine(_folder, path);

    private async Task<string> TroveAsync(params string[] arguments)
    {
        var (code, output, error) = await TroveCommand.RunAsync(_folder, arguments);
        Assert.True(code == 0, $"{string.Join(' ', arguments)}: {error}");
        return output;
    }

    private static async Task<(int Code, string Error)> PythonAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Python, arguments) { RedirectStandardError = true };
        start.Environment["OPENBLAS_NUM_THREADS"] = "1";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await error);
    }

    private sealed record Expected(string Text, int[] Ids, double[][] Logits, int[] Written);
}
