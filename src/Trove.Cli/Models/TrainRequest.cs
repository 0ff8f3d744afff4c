using Trove.Models.Training;

namespace Trove.Cli.Models;

/// <summary>What was asked for.</summary>
/// <param name="Files">To learn from.</param>
/// <param name="Out">The run's folder.</param>
internal sealed record TrainRequest(string[] Files, string Out)
{
    public string? Config { get; init; }

    public string? From { get; init; }

    public int? Rank { get; init; }

    public bool Merge { get; init; }

    public string? TokenizerFile { get; init; }

    public long? Steps { get; init; }

    public long? Tokens { get; init; }

    public int? Context { get; init; }

    public int? Batch { get; init; }

    public double? Rate { get; init; }

    public ulong Seed { get; init; }

    public int Threads { get; init; }

    public int CheckpointSeconds { get; init; }

    public OptimizerKind? Optimizer { get; init; }

    public ScheduleKind Schedule { get; init; }

    public bool Resume { get; init; }

    public bool Json { get; init; }

    /// <summary>The command line as it was given.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>The command line that does the same, or goes on with it.</summary>
    public string Again(bool resume) => string.Join(' ', Command.Where(a => a != "--resume").Concat(resume ? ["--resume"] : []).Select(Quote));

    private static string Quote(string word) =>
        word.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or '=' or ',' or ':' or '+') && word.Length > 0 ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
