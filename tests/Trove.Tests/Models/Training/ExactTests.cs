using System.Diagnostics;
using Trove.Models.Compute;
using Trove.Models.Training;

namespace Trove.Tests.Models.Training;

/// <summary>
/// The second implementation of specs/engine.md (tests/interop/torch/exact.py) gives the same bits for a seed that no vector has: losses, norms and weights of
/// three steps. Needs Debian's python3-torch; skipped, and said so, where it is absent.
/// </summary>
public sealed class ExactTests
{
    private const string Python = "/usr/bin/python3";
    private const ulong Seed = 20261122;

    [Theory]
    [InlineData(OptimizerKind.AdamW)]
    [InlineData(OptimizerKind.Muon)]
    public async Task Three_steps_have_the_same_bits_in_both_implementations(OptimizerKind kind)
    {
        if (!File.Exists(Python) || await RunAsync("-c", "import torch") is (not 0, _, _))
            Assert.Skip("PyTorch is not installed: apt-get install python3-torch");
        using var pool = new WorkPool(2);
        var ours = SelfTest.Train(pool, Seed, kind);
        var (code, output, error) = await RunAsync(Path.Combine(Vectors.Repository, "tests", "interop", "torch", "exact.py"), $"{Seed}", kind == OptimizerKind.Muon ? "muon" : "adamw");
        Assert.True(code == 0, error);
        Assert.Equal([string.Join(' ', ours.Losses), string.Join(' ', ours.Norms), ours.Weights], output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
