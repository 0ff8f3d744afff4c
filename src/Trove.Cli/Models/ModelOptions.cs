using System.Globalization;
using Trove.Models;
using Trove.Models.Exchange;
using Trove.Models.Training;

namespace Trove.Cli.Models;

/// <summary>Sizes of models and what follows from them when nothing else is said.</summary>
internal static class ModelOptions
{
    /// <summary>The size when nothing is said.</summary>
    public const string Default = "0.8M";

    /// <summary>Tokens of a row when nothing is said.</summary>
    public const int Context = 256;

    /// <summary>Tokens that go through the model at once.</summary>
    public const int BatchTokens = 2048;

    private const int TokensOfParameter = 20; // Hoffmann et al., arXiv 2203.15556
    private const double RateTimesWidth = 0.384; // the rate that fits shrinks with the width: Yang et al., arXiv 2203.03466

    /// <summary>A model's shape by a name of <see cref="ModelConfig.Named"/>, <c>depth N</c>, or a file.</summary>
    /// <exception cref="CommandException">There is no such.</exception>
    public static ModelConfig Read(string text)
    {
        try
        {
            if (text.StartsWith("depth", StringComparison.Ordinal) && int.TryParse(text["depth".Length..].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int depth))
                return ModelConfig.OfDepth(depth, depth < 6 ? 4096 : depth < 10 ? 16384 : 32000, 2048);
            return File.Exists(text) ? ModelFolder.ReadConfig(text) : ModelConfig.Named(text);
        }
        catch (Exception e) when (e is ArgumentException or OverflowException or ModelFileException)
        {
            throw new CommandException($"--config {Shared.Safe(text)}: {e.Message}", "give 0.8M, 5M, 30M, 125M, \"depth N\", or a config.json");
        }
    }

    /// <summary>Tokens that a model of this size learns from.</summary>
    public static long Tokens(long parameters) => checked(parameters * TokensOfParameter);

    /// <summary>Tokens of a step: larger models take larger ones.</summary>
    public static int StepTokens(long parameters) => parameters switch { < 2_000_000 => 4096, < 10_000_000 => 8192, < 60_000_000 => 16384, _ => 65536 };

    /// <summary>Learning rate of AdamW: for a new model or an adapter by its width, for one that has learnt a tenth of it.</summary>
    public static double Rate(ModelConfig config, bool tuned) => Math.Round(RateTimesWidth / config.Width * (tuned ? 0.1 : 1), 7);

    /// <summary>Steps over which the rate grows.</summary>
    public static long WarmUp(long steps) => Math.Min(steps, Math.Clamp(steps / 20, 1, 1000));

    /// <summary>Puts sizes and what was said together.</summary>
    public static TrainingOptions Options(ModelConfig config, long parameters, int rowTokens, long? steps, long? tokens, int? batch, ulong seed)
    {
        int rows = Math.Max(1, (batch ?? StepTokens(parameters)) / rowTokens);
        long all = steps ?? Math.Max(1, (tokens ?? Tokens(parameters)) / ((long)rows * rowTokens));
        return new TrainingOptions(all, rowTokens, rows, BatchTokens, seed) { Rate = Rate(config, tuned: false), WarmUp = WarmUp(all) };
    }
}
