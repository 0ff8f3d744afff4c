using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Exchange;
using Trove.Models.Generation;

namespace Trove.Tests.Models.Generation;

public sealed class DecoderWeightsTests : IDisposable
{
    // A width and a feed-forward layer that divide into blocks of 32, and one of several panels with a rest.
    private static readonly ModelConfig Config = new(75, 64, 2, 4, 2, 16, 96, 256);
    private static readonly int[] Text = TinyModel.Batch(75, [150]).Tokens;

    private readonly WorkPool _pool = new(2);

    public void Dispose() => _pool.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_texts_losses_do_not_depend_on_how_it_is_cut_or_on_threads(bool quantize)
    {
        using var parameters = TinyModel.Parameters(Config, _pool);
        using var one = new WorkPool(1);
        var whole = Losses(_pool, 150);
        foreach (int most in new[] { 1, 2, 7, 13, 31, 64 })
            Assert.Equal(whole, Losses(_pool, most));
        Assert.Equal(whole, Losses(one, 40));

        float[] Losses(WorkPool pool, int most)
        {
            using var decoder = new Decoder(parameters, pool, most, quantize);
            using var cache = new KeyValueCache(Config, 150);
            var losses = new float[149];
            decoder.Score(cache, Text, losses);
            return losses;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Losses_are_those_of_training_and_in_8_bits_close_to_them(bool tied)
    {
        using var parameters = TinyModel.Parameters(Config with { TiedEmbeddings = tied, AttentionBiases = tied }, _pool);
        using var transformer = new Transformer(parameters, _pool, 150);
        var expected = transformer.Evaluate(Text, [.. Text.Skip(1), Transformer.Ignore], [0]);
        Assert.Equal(expected.Sum, Sum(false));
        double rounded = Sum(true);
        Assert.NotEqual(expected.Sum, rounded);
        Assert.InRange(rounded, expected.Sum * 0.99, expected.Sum * 1.01);

        double Sum(bool quantize)
        {
            using var decoder = new Decoder(parameters, _pool, 64, quantize);
            using var cache = new KeyValueCache(parameters.Config, 149);
            var losses = new float[149];
            decoder.Score(cache, Text, losses);
            return losses.Sum(l => (double)l);
        }
    }

    [Fact]
    public void In_8_bits_weights_take_little_more_than_a_quarter()
    {
        using var parameters = TinyModel.Parameters(Config, _pool);
        using DecoderWeights full = new(parameters, _pool), rounded = new(parameters, _pool, quantize: true);
        Assert.InRange((double)rounded.Bytes / full.Bytes, 0.25, 0.30);
    }

    // The int8 model of a q8_0 file is that of the weights it was made from.
    [Fact]
    public void Weights_of_a_file_in_8_bits_are_not_rounded_again()
    {
        var path = Path.Combine(Path.GetTempPath(), $"trove-{Guid.NewGuid():N}.gguf");
        try
        {
            using var parameters = TinyModel.Parameters(Config, _pool);
            GgufModel.Save(path, parameters, null, (p, write) =>
            {
                using var to = File.Create(p);
                write(to);
            }, GgufType.Q8_0);
            using var file = GgufModel.Open(path).File;
            using DecoderWeights stored = new(file, _pool, quantize: true), made = new(parameters, _pool, quantize: true);
            Assert.Equal(Logits(made), Logits(stored));
        }
        finally
        {
            File.Delete(path);
        }

        float[] Logits(DecoderWeights weights)
        {
            using var decoder = new Decoder(weights, _pool, 20);
            using var cache = new KeyValueCache(Config, 20);
            var logits = new float[Config.Vocabulary];
            decoder.Run([cache], [20], Text.AsSpan(0, 20), logits);
            return logits;
        }
    }

    [Fact]
    public void A_sequence_stopped_by_its_owner_is_left_out_of_the_next_step()
    {
        using var parameters = TinyModel.Parameters(Config, _pool);
        using var decoder = new Decoder(parameters, _pool, 20);
        var generator = new Generator(decoder);
        var options = new SamplingOptions(Temperature: 0, LogProbabilities: false);
        using Sequence first = generator.Add([1, 2], 10, options), second = generator.Add([3], 10, options);
        generator.Step();
        first.Stop();
        generator.Run();
        Assert.Equal((3, FinishReason.Stop, 11, FinishReason.Length), (first.Tokens.Count, first.Finished, second.Tokens.Count, second.Finished));
        Assert.Empty(second.LogProbabilities);
    }
}
