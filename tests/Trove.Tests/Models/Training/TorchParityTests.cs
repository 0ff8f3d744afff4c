using Trove.Bench.Engine;
using Trove.Models;
using Trove.Models.Training;

namespace Trove.Tests.Models.Training;

/// <summary>PyTorch makes initial weights, order of data, schedule and gradients itself, from the seed and specs/engine.md. Needs Debian's python3-torch; skipped, and said so, where it is absent.</summary>
public sealed class TorchParityTests
{
    [Fact]
    public void A_run_follows_the_same_curve_from_the_seed_alone()
    {
        var config = new ModelConfig(40, 32, 2, 2, 1, 16, 48, 24);
        var options = new TrainingOptions(60, 24, 4, 48, 11) { Rate = 1e-2, WarmUp = 6 };
        using TokenFile data = TrainingFixture.Documents(21, [60, 7, 50, 1, 33]), validation = TrainingFixture.Documents(22, [50, 30]);
        if (TrainingParityBench.Theirs(config, options, data, validation, 1) is not { } theirs)
        {
            Assert.Skip("PyTorch is not installed: apt-get install python3-torch");
            return;
        }
        var ours = TrainingParityBench.Ours(config, options, data, validation, 1);
        Assert.Equal(60, theirs.Losses.Count);
        Assert.Equal(theirs.Losses[0], ours.Losses[0], 1e-5);
        for (int step = 0; step < 60; step++)
            Assert.True(Math.Abs(ours.Losses[step] - theirs.Losses[step]) <= 0.01, $"step {step}: {ours.Losses[step]:F5}, PyTorch {theirs.Losses[step]:F5}");
        Assert.True(ours.Losses[^1] < 0.8 * ours.Losses[0], "nothing was learnt");
        Assert.Equal(theirs.Validation, ours.Validation, 0.02);
    }
}
