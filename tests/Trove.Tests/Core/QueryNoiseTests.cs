using System.Text.Json.Nodes;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Tests.Crypto;

namespace Trove.Tests.Core;

/// <summary>Chance in answers to queries, against a second implementation and against the distribution it has to have.</summary>
public class QueryNoiseTests
{
    private static readonly JsonNode Known = Checkout.Vectors("query-noise.json");

    [Fact]
    public void Uniform_integers_are_those_of_the_vectors()
    {
        foreach (var v in Known["integers"]!.AsArray())
        {
            var bits = new RandomBits(Bytes(v!, "key"), Bytes(v!, "context"));
            Assert.Equal(Texts(v!), Texts(v!).Select(_ => bits.Below(UInt128.Parse((string)v!["bound"]!)).ToString()));
        }
    }

    [Fact]
    public void Noise_is_that_of_the_vectors()
    {
        foreach (var v in Known["noise"]!.AsArray())
        {
            using var seed = new QuerySeed(Bytes(v!, "key"), new byte[32]);
            var bits = seed.Noise((int)v!["part"]!, Bytes(v, "cell"));
            Assert.Equal(Texts(v), Texts(v).Select(_ => Distribution(v).Sample(bits).ToString()));
        }
    }

    [Fact]
    public void Thresholds_are_those_of_the_vectors() => Assert.All(Known["thresholds"]!.AsArray(), v =>
        Assert.Equal((string)v!["tau"]!, Distribution(v).Tail(1, ulong.Parse((string)v["oneIn"]!)).ToString()));

    [Fact]
    public void Cells_are_chosen_as_in_the_vectors()
    {
        var query = Query.Parse("SELECT year, community, count(*) CLIP 1 FROM records GROUP BY year, community CELLS 4");
        foreach (var v in Known["choices"]!.AsArray())
        {
            using var seed = new QuerySeed(new byte[32], Bytes(v!, "key"));
            var totals = new QueryTotals(query, seed);
            totals.Add((int)v!["member"]!, [.. v["cells"]!.AsArray().Select(c => new MemberCell(Cell(c!), [1]))]);
            Assert.Equal(v["first"]!.AsArray().Select(c => Convert.ToHexString(Cell(c!).Encode())).Order(), totals.Cells.Keys.Select(c => Convert.ToHexString(c.Encode())).Order());
        }
        static QueryCell Cell(JsonNode c) => new([new ResultValue((long)c["year"]!), new ResultValue((string)c["label"]!)]);
    }

    // The chance that a right sampler fails is 10^-6, once: the key is fixed. The same samples do not fit a scale a twentieth off, so the test can tell.
    [Theory]
    [InlineData(2, 1)]
    [InlineData(7, 3)]
    [InlineData(1, 2)]
    public void Samples_have_the_distribution(int numerator, int denominator)
    {
        const int samples = 150_000;
        var bits = new RandomBits(new byte[32], [(byte)numerator, (byte)denominator]);
        var laplace = new DiscreteLaplace((UInt128)numerator, (UInt128)denominator);
        var counts = new Dictionary<long, int>();
        for (int i = 0; i < samples; i++)
        {
            long x = (long)laplace.Sample(bits);
            counts[x] = counts.GetValueOrDefault(x) + 1;
        }
        double scale = (double)numerator / denominator;
        Assert.True(Excess(scale) < 0, $"chi-square is {Excess(scale):F1} over what one sampler in a million has");
        Assert.True(Excess(scale * 1.05) > 0 && Excess(scale / 1.05) > 0, "the test does not see a wrong scale");

        double Excess(double b)
        {
            double q = Math.Exp(-1 / b), chi = 0, rest = samples;
            int cells = 0, seen = 0;
            for (long x = 0; samples * (1 - q) / (1 + q) * Math.Pow(q, x) >= 20; x++)
            {
                foreach (long value in x == 0 ? [0L] : new[] { x, -x })
                {
                    double expected = samples * (1 - q) / (1 + q) * Math.Pow(q, x);
                    int found = counts.GetValueOrDefault(value);
                    chi += (found - expected) * (found - expected) / expected;
                    (cells, seen, rest) = (cells + 1, seen + found, rest - expected);
                }
            }
            chi += (samples - seen - rest) * (samples - seen - rest) / rest;
            // Wilson and Hilferty 1931; 4.7534 is the normal quantile of 1 − 10^-6.
            double r = 2.0 / (9 * cells);
            return chi - cells * Math.Pow(1 - r + 4.7534 * Math.Sqrt(r), 3);
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(200)]
    [InlineData(257)]
    public void Uniform_integers_have_no_bias(int bound)
    {
        const int each = 2000;
        var bits = new RandomBits(new byte[32], [1, (byte)(bound & 255)]);
        var counts = new int[bound];
        for (int i = 0; i < each * bound; i++)
            counts[(int)bits.Below((UInt128)bound)]++;
        double chi = counts.Sum(c => (double)(c - each) * (c - each) / each), r = 2.0 / (9 * (bound - 1));
        Assert.True(chi < (bound - 1) * Math.Pow(1 - r + 4.7534 * Math.Sqrt(r), 3), $"chi-square {chi:F1} of {bound} values");
    }

    [Fact]
    public void Noise_has_no_side()
    {
        var bits = new RandomBits(new byte[32], [9]);
        var laplace = new DiscreteLaplace(40, 1);
        var samples = Enumerable.Range(0, 40_000).Select(_ => (double)laplace.Sample(bits)).ToList();
        // Standard error of the mean: 40·√2 / 200 = 0.28; of the share of positive ones 0.0025.
        Assert.InRange(samples.Average(), -1.4, 1.4);
        Assert.InRange(samples.Count(s => s > 0) / (double)samples.Count(s => s != 0), 0.4875, 0.5125);
    }

    [Fact]
    public void Threshold_is_the_least_that_noise_reaches_so_rarely()
    {
        foreach (var (numerator, denominator) in ((int, int)[])[(1, 1), (5, 1), (1000, 7), (3, 2)])
        {
            double q = Math.Exp(-(double)denominator / numerator);
            var tau = (double)new DiscreteLaplace((UInt128)numerator, (UInt128)denominator).Tail(1, 1_000_000);
            Assert.True(Math.Pow(q, tau) / (1 + q) <= 1e-6 * (1 + 1e-9) && Math.Pow(q, tau - 1) / (1 + q) > 1e-6 * (1 - 1e-9), $"τ {tau} of {numerator}/{denominator}");
        }
    }

    [Fact]
    public void Other_parts_cells_and_keys_draw_other_noise_and_the_same_the_same()
    {
        using QuerySeed seed = new(new byte[32], new byte[32]), other = new([1, .. new byte[31]], new byte[32]), cells = new(new byte[32], [1, .. new byte[31]]);
        UInt128[] draws = [Draw(seed, 0, []), Draw(seed, 1, []), Draw(seed, 0, [0]), Draw(other, 0, [])];
        Assert.Equal(draws.Length, draws.Distinct().Count());
        Assert.Equal(draws[0], Draw(cells, 0, []));
        Assert.NotEqual(seed.Rank(1, [2]), seed.Rank(2, [2]));
        Assert.NotEqual(seed.Rank(1, [2]), cells.Rank(1, [2]));
        Assert.Equal(seed.Rank(1, [2]), other.Rank(1, [2]));

        static UInt128 Draw(QuerySeed from, int part, byte[] cell) => from.Noise(part, cell).Below(UInt128.MaxValue);
    }

    [Fact]
    public void A_seed_that_was_zeroed_draws_nothing()
    {
        var seed = QuerySeed.Random();
        seed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => seed.Noise(0, []));
        Assert.Throws<ObjectDisposedException>(() => seed.Rank(0, []));
    }

    private static byte[] Bytes(JsonNode v, string name) => Hex.Decode((string)v[name]!);

    private static IEnumerable<string> Texts(JsonNode v) => v["values"]!.AsArray().Select(x => (string)x!);

    private static DiscreteLaplace Distribution(JsonNode v) => new(UInt128.Parse((string)v["numerator"]!), UInt128.Parse((string)v["denominator"]!));
}
