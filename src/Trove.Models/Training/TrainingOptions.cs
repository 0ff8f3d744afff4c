using System.Globalization;
using Trove.Models.Optimizers;

namespace Trove.Models.Training;

/// <summary>How weights are moved.</summary>
public enum OptimizerKind
{
    /// <summary><see cref="Optimizers.AdamW"/> for everything.</summary>
    AdamW,

    /// <summary><see cref="Optimizers.Muon"/> for the layers' matrices.</summary>
    Muon,
}

/// <summary>How the learning rate changes.</summary>
public enum ScheduleKind
{
    /// <summary>Warm-up, then half a cosine down to a tenth.</summary>
    Cosine,

    /// <summary>Warm-up, stable, and over the last fifth linear to zero.</summary>
    WarmUpStableDecay,
}

/// <summary>All that a run's result depends on beside model, data and tokenizer.</summary>
/// <param name="Steps">Optimiser steps of the whole run.</param>
/// <param name="RowTokens">Tokens of a row.</param>
/// <param name="Rows">Rows of a step.</param>
/// <param name="BatchTokens">Tokens that go through the model at once: a step takes as many whole rows at a time as fit, at least one. Gradients are summed batch after batch, so bits depend on it.</param>
/// <param name="Seed">Of the order of rows, and of initial weights.</param>
public sealed record TrainingOptions(long Steps, int RowTokens, int Rows, int BatchTokens, ulong Seed)
{
    /// <summary>Points of the curve, and validations among them; they bound what a checkpoint has of it.</summary>
    private const int Points = 200, PointsForValidation = 10;

    /// <summary>What moves the weights.</summary>
    public OptimizerKind Optimizer { get; init; }

    /// <summary>How the learning rate changes.</summary>
    public ScheduleKind Schedule { get; init; }

    /// <summary>Learning rate of <see cref="Optimizers.AdamW"/> at the peak.</summary>
    public double Rate { get; init; } = 1e-3;

    /// <summary>Learning rate of the matrices under <see cref="Optimizers.Muon"/>.</summary>
    public double MuonRate { get; init; } = 0.02;

    /// <summary>Decoupled weight decay.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Steps over which the rate grows to its peak.</summary>
    public long WarmUp { get; init; }

    /// <summary>The validation at the end reads at most so many tokens.</summary>
    public long ValidationTokens { get; init; } = 1 << 17;

    /// <summary>Steps from one point of the curve to the next.</summary>
    public long ReportEvery => (Steps + Points - 1) / Points;

    /// <summary>Steps from one validation to the next.</summary>
    public long ValidateEvery => ReportEvery * PointsForValidation;

    /// <summary>Rows of each validation before the end: 3/20 of those learnt from since the last one, so a twentieth of the time, as a row learnt from costs three rows that are only read.</summary>
    public long CheckRows => Math.Max(1, 3 * ValidateEvery * Rows / 20);

    /// <summary>These options, if a run can have them.</summary>
    /// <exception cref="ArgumentException">Says which one cannot be, and what it may be.</exception>
    public TrainingOptions Checked()
    {
        Require(Steps is >= 1 and <= 1L << 40, $"{Steps} steps: from 1 to 2^40");
        Require(RowTokens is >= 2 and <= 1 << 17, $"rows of {RowTokens} tokens: from 2 to {1 << 17}");
        Require(Rows is >= 1 && (long)Rows * RowTokens <= 1 << 26, $"{Rows} rows a step: at least 1, at most {1 << 26} tokens a step");
        Require(BatchTokens is >= 1 and <= 1 << 24, $"batches of {BatchTokens} tokens: from 1 to {1 << 24}");
        Require(Rate is > 0 and <= 1 && MuonRate is > 0 and <= 1, $"a learning rate of {Rate} or {MuonRate}: above 0, at most 1");
        Require(WeightDecay is >= 0 and <= 1, $"a weight decay of {WeightDecay}: from 0 to 1");
        Require(WarmUp >= 0 && WarmUp <= Steps, $"a warm-up of {WarmUp} steps: from 0 to all {Steps}");
        return this;

        static void Require(bool holds, string what)
        {
            if (!holds)
                throw new ArgumentException($"Training with {what}");
        }
    }

    /// <summary>The learning rate's share of its peak at a step from 0.</summary>
    public double RateAt(long step) => Schedule == ScheduleKind.Cosine
        ? Optimizers.Schedule.Cosine(step, WarmUp, Steps)
        : Optimizers.Schedule.WarmUpStableDecay(step, WarmUp, Steps, Math.Max(1, Steps / 5));

    /// <summary>Each by its name, to be compared when a run goes on.</summary>
    public IEnumerable<KeyValuePair<string, string>> Facts()
    {
        yield return new("number of steps", Steps.ToString(CultureInfo.InvariantCulture));
        yield return new("tokens of a row", RowTokens.ToString(CultureInfo.InvariantCulture));
        yield return new("rows of a step", Rows.ToString(CultureInfo.InvariantCulture));
        yield return new("tokens of a batch", BatchTokens.ToString(CultureInfo.InvariantCulture));
        yield return new("seed", Seed.ToString(CultureInfo.InvariantCulture));
        yield return new("optimizer", Optimizer.ToString());
        yield return new("schedule", Schedule.ToString());
        yield return new("learning rate", string.Create(CultureInfo.InvariantCulture, $"{Rate:R} {MuonRate:R}"));
        yield return new("weight decay", WeightDecay.ToString("R", CultureInfo.InvariantCulture));
        yield return new("warm-up", WarmUp.ToString(CultureInfo.InvariantCulture));
        yield return new("validation tokens", ValidationTokens.ToString(CultureInfo.InvariantCulture));
        yield return new("rows of a check", CheckRows.ToString(CultureInfo.InvariantCulture));
    }

    internal IOptimizer Create(Parameters parameters) =>
        Optimizer == OptimizerKind.Muon ? new Muon(parameters, new MuonOptions(MuonRate, 0.95, WeightDecay, Adam)) : new AdamW(parameters, Adam);

    private AdamWOptions Adam => new(Rate: Rate, WeightDecay: WeightDecay);
}
