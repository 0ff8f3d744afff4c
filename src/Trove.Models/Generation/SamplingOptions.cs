namespace Trove.Models.Generation;

/// <summary>How tokens are drawn. The defaults draw from the model's own distribution.</summary>
/// <param name="Temperature">Logits are divided by it; 0 takes the likeliest token.</param>
/// <param name="TopK">Keep the likeliest; 0 keeps all (Fan et al., arXiv 1805.04833).</param>
/// <param name="TopP">Keep the fewest likeliest whose probabilities reach it; 1 keeps all (Holtzman et al., arXiv 1904.09751).</param>
/// <param name="MinP">Keep those at least this share as likely as the likeliest (Nguyen et al., arXiv 2407.01082).</param>
/// <param name="RepetitionPenalty">Logits of tokens seen before are divided by it if positive, else multiplied (Keskar et al., arXiv 1909.05858).</param>
/// <param name="Seed">The same seed draws the same tokens.</param>
/// <param name="LogProbabilities">Compute the model's own for each token drawn: a pass over the vocabulary in double.</param>
public sealed record SamplingOptions(double Temperature = 1, int TopK = 0, double TopP = 1, double MinP = 0, double RepetitionPenalty = 1, ulong Seed = 0, bool LogProbabilities = true)
{
    /// <summary>These options, if they mean something.</summary>
    /// <exception cref="ArgumentException">Says which one and what it may be.</exception>
    public SamplingOptions Checked()
    {
        Require(Temperature is >= 0 and <= 100, $"a temperature of {Temperature}: from 0 to 100");
        Require(TopK >= 0, $"a top-k of {TopK}: 0 or more");
        Require(TopP is > 0 and <= 1, $"a top-p of {TopP}: above 0, at most 1");
        Require(MinP is >= 0 and <= 1, $"a min-p of {MinP}: from 0 to 1");
        Require(RepetitionPenalty is >= 0.1 and <= 10, $"a repetition penalty of {RepetitionPenalty}: from 0.1 to 10");
        return this;

        static void Require(bool holds, string what)
        {
            if (!holds)
                throw new ArgumentException($"Sampling with {what}");
        }
    }
}
