using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Generation;

namespace Trove.Tests.Models.Generation;

public sealed class GeneratorTests : IDisposable
{
    private static readonly SamplingOptions Greedy = new(Temperature: 0);

    private readonly WorkPool _pool = new(2);
    private readonly Parameters _parameters;
    private readonly Decoder _decoder;

    public GeneratorTests()
    {
        _parameters = TinyModel.Parameters(TinyModel.Config, _pool);
        _decoder = new Decoder(_parameters, _pool, 20);
    }

    public void Dispose()
    {
        _decoder.Dispose();
        _parameters.Dispose();
        _pool.Dispose();
    }

    [Fact]
    public void A_sequence_is_the_same_alone_and_among_others_that_come_and_go()
    {
        int[] prompt = TinyModel.Batch(50, [33]).Tokens;
        var options = new SamplingOptions(Temperature: 0.9, TopK: 30, TopP: 0.95, MinP: 0.01, RepetitionPenalty: 1.1, Seed: 7);
        var alone = new Generator(_decoder);
        using var expected = alone.Add(prompt, 40, options);
        alone.Run();

        var generator = new Generator(_decoder);
        using Sequence early = generator.Add([1, 2, 3], 5, Greedy), actual = generator.Add(prompt, 40, options);
        for (int step = 0; step < 10; step++)
            generator.Step();
        using var late = generator.Add(prompt.AsSpan(0, 28), 20, options with { Seed = 8 });
        generator.Run();
        Assert.Equal(expected.Tokens, actual.Tokens);
        Assert.Equal(expected.LogProbabilities, actual.LogProbabilities);
        Assert.Equal((73, 40, FinishReason.Length), (actual.Tokens.Count, actual.LogProbabilities.Count, actual.Finished));
        Assert.Equal((8, FinishReason.Length), (early.Tokens.Count, early.Finished));
        Assert.Equal(48, late.Tokens.Count);
        Assert.False(generator.Step());
    }

    [Fact]
    public void A_prompt_of_several_sequences_is_read_once_and_writes_what_each_would_alone()
    {
        int[] prompt = TinyModel.Batch(50, [73]).Tokens; // more than a block of the cache; the decoder takes 20 at once
        SamplingOptions[] options = [.. Enumerable.Range(0, 4).Select(i => new SamplingOptions(Temperature: 3, Seed: (ulong)i))];
        int[][] alone = [.. options.Select(o =>
        {
            var one = new Generator(_decoder);
            using var sequence = one.Add(prompt, 30, o);
            one.Run();
            return sequence.Tokens.ToArray();
        })];
        Assert.Equal(4, alone.Select(t => string.Join(' ', t)).Distinct().Count());

        var generator = new Generator(_decoder);
        using var other = generator.Add([5], 60, Greedy);
        var together = generator.Add(prompt, 30, options);
        for (int step = 0; step < 4; step++) // 19 tokens beside the other's one
            generator.Step();
        Assert.All(together, s => Assert.Equal(74, s.Tokens.Count));
        generator.Run();
        Assert.Equal(alone, together.Select(s => s.Tokens.ToArray()));
        Array.ForEach(together, s => s.Dispose());
    }

    [Fact]
    public void A_prompt_whose_reader_is_stopped_is_read_by_the_next()
    {
        int[] prompt = TinyModel.Batch(50, [33]).Tokens;
        var generator = new Generator(_decoder);
        var sequences = generator.Add(prompt, 3, [Greedy, Greedy, Greedy]);
        generator.Step();
        sequences[0].Stop();
        generator.Run();
        Assert.Equal([33, 36, 36], sequences.Select(s => s.Tokens.Count));
        Assert.Equal(sequences[1].Tokens, sequences[2].Tokens);
        Array.ForEach(sequences, s => s.Dispose());
    }

    [Fact]
    public void Log_probabilities_are_the_models_own()
    {
        var generator = new Generator(_decoder);
        using var sequence = generator.Add([4, 5], 12, new SamplingOptions(Temperature: 3, RepetitionPenalty: 2));
        generator.Run();
        using var transformer = new Transformer(_parameters, _pool, 20);
        int[] tokens = [.. sequence.Tokens.SkipLast(1)], targets = [.. sequence.Tokens.Skip(1)];
        targets[0] = Transformer.Ignore;
        Assert.Equal(-transformer.Evaluate(tokens, targets, [0]).Sum, sequence.LogProbabilities.Sum(), 1e-4);
    }

    [Fact]
    public void A_stop_sequence_ends_where_it_is_complete()
    {
        var generator = new Generator(_decoder);
        using var free = generator.Add([9], 30, Greedy);
        generator.Run();
        int[] stop = [.. free.Tokens.Skip(5).Take(3)];
        using var stopped = generator.Add([9], 30, Greedy, [49, 49, 49], stop);
        generator.Run();
        Assert.Equal(FinishReason.Stop, stopped.Finished);
        Assert.Equal(stop, stopped.Tokens.TakeLast(3));
        Assert.InRange(stopped.Tokens.Count, 4, 8);
    }

    [Fact]
    public void A_sequence_ends_at_the_context()
    {
        using var short_ = TinyModel.Parameters(TinyModel.Config with { Context = 12 }, _pool);
        using var decoder = new Decoder(short_, _pool, 8);
        var generator = new Generator(decoder);
        using var sequence = generator.Add([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 100, Greedy);
        generator.Run();
        Assert.Equal((13, FinishReason.Length), (sequence.Tokens.Count, sequence.Finished));
    }

    [Fact]
    public void What_cannot_be_written_is_refused()
    {
        var generator = new Generator(_decoder);
        Refused("prompt of 0", () => generator.Add([], 1, Greedy));
        Refused("prompt of 257", () => generator.Add(new int[257], 1, Greedy));
        Refused("is 50, outside", () => generator.Add([1, 50], 1, Greedy));
        Refused("stop sequence without tokens", () => generator.Add([1], 1, Greedy, new int[][] { [] }));
        Refused("temperature of NaN", () => generator.Add([1], 1, new SamplingOptions(Temperature: double.NaN)));
        Refused("top-p of 0", () => generator.Add([1], 1, new SamplingOptions(TopP: 0)));
        for (int i = 0; i < 20; i++)
            generator.Add([1], 1, Greedy).Dispose();
        Refused("20 sequences run already", () => generator.Add([1], 1, Greedy));

        static void Refused(string says, Action action) => Assert.Contains(says, Assert.ThrowsAny<ArgumentException>(action).Message);
    }
}
