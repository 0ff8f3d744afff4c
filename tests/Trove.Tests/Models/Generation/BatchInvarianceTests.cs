using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Generation;
using Trove.Models.Kernels;

namespace Trove.Tests.Models.Generation;

/// <summary>A sequence's logits are the same to the bit whatever is computed beside it and however it is cut.</summary>
public sealed unsafe class BatchInvarianceTests : IDisposable
{
    private static readonly int[] Text = TinyModel.Batch(50, [150]).Tokens;

    private readonly WorkPool _pool = new(2);
    private readonly Parameters _parameters;

    public BatchInvarianceTests() => _parameters = TinyModel.Parameters(TinyModel.Config, _pool);

    public void Dispose()
    {
        _parameters.Dispose();
        _pool.Dispose();
    }

    [Fact]
    public void Token_by_token_is_the_whole_prompt_at_once()
    {
        var alone = Decode([1], 0);
        AssertSame(alone, Decode([7], 0), 22);
        AssertSame(alone, Decode([63, 2, 64], 0), 4);
        using var decoder = new Decoder(_parameters, _pool, 150);
        using var cache = new KeyValueCache(TinyModel.Config, 150);
        var logits = new float[50];
        decoder.Run([cache], [150], Text, logits);
        Assert.True(alone[^1].AsSpan().SequenceEqual(logits));
    }

    [Fact]
    public void Among_sixteen_others_is_alone() => AssertSame(Decode([1], 0), Decode([1], 16), Text.Length);

    [Fact]
    public void A_truncated_cache_forgets_all_that_came_after()
    {
        using var decoder = new Decoder(_parameters, _pool, 100);
        using KeyValueCache fresh = new(TinyModel.Config, 120), used = new(TinyModel.Config, 120);
        float[] expected = new float[50], actual = new float[50];
        decoder.Run([used], [100], Text.AsSpan(50, 100), actual);
        used.Truncate(0);
        decoder.Run([used], [70], Text.AsSpan(0, 70), actual);
        decoder.Run([fresh], [70], Text.AsSpan(0, 70), expected);
        Assert.Equal(expected, actual);
    }

    // Training reads the same sequence by other code: the losses are equal to the bit, too.
    [Fact]
    public void Decoding_gives_the_losses_of_training()
    {
        using var transformer = new Transformer(_parameters, _pool, 150);
        var targets = Text.Skip(1).Append(Transformer.Ignore).ToArray();
        var expected = transformer.Evaluate(Text, targets, [0]);
        double sum = 0;
        var decoded = Decode([1], 3);
        float loss;
        for (int i = 0; i + 1 < Text.Length; i++)
            fixed (float* row = decoded[i])
            {
                int target = targets[i];
                CrossEntropy.Run(_pool, 1, 50, row, &target, 0, &loss);
                sum += loss;
            }
        Assert.Equal(expected.Sum, sum);
    }

    [Fact]
    public void An_embedding_does_not_depend_on_how_the_text_was_cut()
    {
        float[] whole = Embed(150), cut = Embed(11);
        Assert.Equal(whole, cut);
        Assert.Contains(whole, v => v != 0);

        float[] Embed(int maxTokens)
        {
            using var decoder = new Decoder(_parameters, _pool, maxTokens);
            using var cache = new KeyValueCache(TinyModel.Config, 150);
            var embedding = new float[TinyModel.Config.Width];
            decoder.Embed(cache, Text, embedding);
            return embedding;
        }
    }

    [Fact]
    public void What_cannot_be_decoded_is_refused_and_changes_no_cache()
    {
        using var decoder = new Decoder(_parameters, _pool, 10);
        using KeyValueCache cache = new(TinyModel.Config, 8), other = new(TinyModel.Config with { HeadWidth = 32 }, 8);
        var logits = new float[50];
        decoder.Run([cache], [2], [1, 2], logits);
        Refused("room for 6", () => decoder.Run([cache], [7], [1, 2, 3, 4, 5, 6, 7], logits));
        Refused("at least 1", () => decoder.Run([cache], [0], [], logits));
        Refused("must agree", () => decoder.Run([cache], [2], [1], logits));
        Refused("outside the vocabulary", () => decoder.Run([cache], [1], [50], logits));
        Refused("another shape", () => decoder.Run([other], [1], [1], logits));
        using var longer = new KeyValueCache(TinyModel.Config with { Context = 1000 }, 900);
        Refused("another shape", () => decoder.Run([longer], [1], [1], logits));
        Refused("there twice", () => decoder.Run([cache, cache], [1, 1], [1, 1], new float[100]));
        Assert.Throws<ArgumentOutOfRangeException>(() => decoder.Run([cache], [1], [1], new float[49]));
        Assert.Equal(2, cache.Length);
        Refused("the model's context", () => new KeyValueCache(TinyModel.Config, 257).Dispose());

        static void Refused(string says, Action action) => Assert.Contains(says, Assert.Throws<ArgumentException>(action).Message);
    }

    // Logits after each piece of the text, the pieces' lengths repeated, among other sequences of various lengths.
    private float[][] Decode(int[] pieces, int others)
    {
        using var decoder = new Decoder(_parameters, _pool, 2000);
        using var cache = new KeyValueCache(TinyModel.Config, 150);
        KeyValueCache[] beside = [.. Enumerable.Range(0, others).Select(_ => new KeyValueCache(TinyModel.Config, 256))];
        var results = new float[Text.Length][];
        for (int from = 0, turn = 0; from < Text.Length; turn++)
        {
            int count = Math.Min(pieces[turn % pieces.Length], Text.Length - from);
            int[] counts = [.. beside.Select((_, i) => turn == 0 ? 1 + 6 * i : 1), count];
            int[] tokens = [.. counts.Take(others).SelectMany((c, i) => Enumerable.Range(0, c).Select(t => (t + i + turn) % 50)), .. Text.AsSpan(from, count)];
            var logits = new float[50 * (others + 1)];
            decoder.Run([.. beside, cache], counts, tokens, logits);
            results[from + count - 1] = logits[(50 * others)..];
            from += count;
        }
        foreach (var other in beside)
            other.Dispose();
        return results;
    }

    private static void AssertSame(float[]?[] expected, float[]?[] actual, int answers)
    {
        Assert.Equal(answers, actual.Count(a => a is not null));
        for (int i = 0; i < actual.Length; i++)
            if (actual[i] is { } logits)
                Assert.True(logits.AsSpan().SequenceEqual(expected[i]), $"the logits after token {i} differ");
    }
}
