using Trove.Models.Generation;

namespace Trove.Tests.Models.Generation;

public class SamplerTests
{
    private static readonly double[] Probabilities = [0.05, 0.4, 0.15, 0.3, 0.1];
    private static readonly float[] Logits = [.. Probabilities.Select(p => (float)Math.Log(p) + 3)];

    public static TheoryData<SamplingOptions, double[]> Distributions => new()
    {
        { new SamplingOptions(), Probabilities },
        { new SamplingOptions(Temperature: 0.5), [0.0025, 0.16, 0.0225, 0.09, 0.01] },
        { new SamplingOptions(TopK: 2), [0, 0.4, 0, 0.3, 0] },
        { new SamplingOptions(TopK: 99), Probabilities },
        { new SamplingOptions(TopP: 0.75), [0, 0.4, 0.15, 0.3, 0] },
        { new SamplingOptions(TopP: 0.01), [0, 1, 0, 0, 0] },
        { new SamplingOptions(MinP: 0.3), [0, 0.4, 0.15, 0.3, 0] },
        { new SamplingOptions(TopK: 3, TopP: 0.6), [0, 0.4, 0, 0.3, 0] },
        { new SamplingOptions(Temperature: 0), [0, 1, 0, 0, 0] },
    };

    [Theory]
    [MemberData(nameof(Distributions))]
    public void Tokens_come_as_often_as_they_should(SamplingOptions options, double[] shares)
    {
        const int Draws = 20_000;
        var sampler = new Sampler(5);
        var counts = new int[5];
        for (ulong seed = 0; seed < Draws; seed++)
        {
            var (token, logProbability) = sampler.Draw(Logits, [0, 0, 0], options with { Seed = seed });
            counts[token]++;
            Assert.Equal(Math.Log(Probabilities[token]), logProbability, 1e-6);
        }
        for (int i = 0; i < 5; i++)
        {
            double share = shares[i] / shares.Sum();
            Assert.InRange(counts[i], (share - 0.012) * Draws, (share + 0.012) * Draws);
            Assert.True(share > 0 || counts[i] == 0);
        }
    }

    [Fact]
    public void Repetition_makes_positive_logits_smaller_and_negative_ones_more_negative()
    {
        var sampler = new Sampler(3);
        var options = new SamplingOptions(Temperature: 0, RepetitionPenalty: 2);
        Assert.Equal(1, sampler.Draw([3, 2, -5], [0, 0], options).Token);
        Assert.Equal(0, sampler.Draw([3, 2, -5], [2], options).Token);
        Assert.Equal(2, sampler.Draw([-3, -4, -5], [0, 1], options).Token);
    }

    [Fact]
    public void Equal_logits_go_by_id() => Assert.All(Enumerable.Range(0, 200), seed =>
        Assert.InRange(new Sampler(100).Draw(new float[100], [], new SamplingOptions(TopK: 10, Seed: (ulong)seed)).Token, 0, 9));

    [Fact]
    public void The_same_seed_draws_the_same_and_positions_differ()
    {
        var sampler = new Sampler(100);
        var options = new SamplingOptions(Seed: 3);
        int[] Draw() => [.. Enumerable.Range(0, 50).Select(n => sampler.Draw(new float[100], new int[n], options).Token)];
        Assert.Equal(Draw(), Draw());
        Assert.InRange(Draw().Distinct().Count(), 25, 50);
    }
}
