using FsCheck;
using FsCheck.Fluent;
using Trove.Models.Generation;
using Trove.Models.Kernels;

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

    // Logits in steps, so that many are equal, and some far below all others.
    [Fact]
    public void What_is_sorted_in_part_is_drawn_as_if_all_were() => Prop.ForAll(Gen.Choose(1, 3000).ToArbitrary(), Gen.Choose(0, 1 << 20).ToArbitrary(), (size, seed) =>
    {
        var random = new CounterRandom((ulong)seed, 5);
        double spread = 0.1 + 8 * random.Uniform(0), step = random.Uniform(1) < 0.5 ? 0.25 : 1e-4;
        float[] logits = [.. Enumerable.Range(0, size).Select(i => (float)(Math.Round(spread * random.Normal((ulong)i + 100) / step) * step) * (i % 50 == 7 ? 40 : 1))];
        var options = new SamplingOptions(Temperature: 0.2 + 2 * random.Uniform(2), TopK: random.Uniform(3) < 0.5 ? 0 : (int)(random.Uniform(4) * 1.2 * size) + 1,
            TopP: random.Uniform(5) < 0.3 ? 1 : Math.Max(1e-6, random.Uniform(6)), MinP: random.Uniform(7) < 0.5 ? 0 : random.Uniform(8), RepetitionPenalty: 1.2, Seed: (ulong)seed, LogProbabilities: false);
        int[] seen = [.. Enumerable.Range(0, 5).Select(i => (int)(random.Bits((ulong)i + 50) % (ulong)size))];
        var sampler = new Sampler(size);
        for (ulong draw = 0; draw < 4; draw++)
            if (sampler.Draw(logits, seen, options with { Seed = draw }).Token != Sorted(logits, seen, options with { Seed = draw }))
                return false;
        return true;
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(400));

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Logits_that_are_not_finite_draw_some_token(float poison)
    {
        foreach (var options in new SamplingOptions[] { new(), new(TopK: 2), new(TopP: 0.5), new(MinP: 0.5), new(TopK: 3, TopP: 0.9, MinP: 0.1) })
            foreach (float[] logits in new float[][] { [poison, poison, poison, poison], [1, poison, 2, 0], [poison, 1, 1, 1] })
                Assert.InRange(new Sampler(4).Draw(logits, [], options with { LogProbabilities = false }).Token, 0, 3);
    }

    // All of the vocabulary sorted, then cut.
    private static int Sorted(float[] logits, int[] seen, SamplingOptions options)
    {
        var keys = Array.ConvertAll(logits, l => -l);
        foreach (int token in seen)
            keys[token] = -logits[token] < 0 ? (float)(-logits[token] / options.RepetitionPenalty) : (float)(-logits[token] * options.RepetitionPenalty);
        IEnumerable<int> kept = Enumerable.Range(0, keys.Length).OrderBy(i => keys[i]).ThenBy(i => i);
        if (options.TopK > 0)
            kept = kept.Take(options.TopK);
        int[] tokens = [.. kept];
        double[] weights = [.. tokens.Select(t => Math.Exp((keys[tokens[0]] - (double)keys[t]) / options.Temperature))];
        int count = tokens.Length;
        if (options.TopP < 1)
        {
            double sum = weights.Sum(), reached = 0;
            for (count = 0; count < tokens.Length && reached < options.TopP * sum; count++)
                reached += weights[count];
        }
        if (options.MinP > 0)
            count = weights.Take(count).TakeWhile(w => w >= options.MinP * weights[0]).Count();
        count = Math.Max(1, count);
        double left = new CounterRandom(options.Seed, 0).Uniform((ulong)seen.Length) * weights.Take(count).Sum();
        for (int i = 0; i < count - 1; i++)
            if ((left -= weights[i]) < 0)
                return tokens[i];
        return tokens[count - 1];
    }

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
