using Trove.Models;

namespace Trove.Bench.Engine;

/// <summary>A model and the batch it is trained with.</summary>
/// <param name="Name">As in <see cref="ModelConfig.Named"/>.</param>
/// <param name="Rows">Documents of a batch.</param>
/// <param name="Length">Tokens of each.</param>
/// <param name="Goal">How many times as fast as PyTorch.</param>
/// <param name="PeakGoal">Share of what products of matrices reach at best.</param>
internal sealed record TrainingSize(string Name, int Rows, int Length, double Goal, double PeakGoal)
{
    public static IReadOnlyList<TrainingSize> All { get; } = [new("0.8M", 8, 128, 5, 0.65), new("5M", 8, 256, 3.5, 0.7), new("30M", 4, 256, 2.5, 0.75)];

    public ModelConfig Config => ModelConfig.Named(Name);

    public int Tokens => Rows * Length;

    /// <summary>What a step must compute: six a token and weight of a product (the embedding's look-up is none, the tied output layer is), and attention's products with the keys each token sees.</summary>
    public double StepFlops
    {
        get
        {
            var c = Config;
            double layer = (2.0 * c.Heads + 2.0 * c.KeyValueHeads) * c.HeadWidth * c.Width + 3.0 * c.FeedForward * c.Width;
            double attention = 6.0 * c.Layers * c.Heads * c.HeadWidth * (Length + 1);
            return Tokens * (6 * (c.Layers * layer + (double)c.Vocabulary * c.Width) + attention);
        }
    }

    /// <summary>The same tokens for either side, and for each the next of its document to predict.</summary>
    public (int[] Tokens, int[] Targets, int[] Starts) Batch()
    {
        uint state = 1;
        var tokens = new int[Tokens];
        for (int i = 0; i < tokens.Length; i++)
        {
            state = unchecked(state * 1664525 + 1013904223);
            tokens[i] = (int)(state >> 8) % Config.Vocabulary;
        }
        return (tokens, [.. tokens.Select((_, i) => i % Length == Length - 1 ? Transformer.Ignore : tokens[i + 1])], [.. Enumerable.Range(0, Rows).Select(row => row * Length)]);
    }
}
