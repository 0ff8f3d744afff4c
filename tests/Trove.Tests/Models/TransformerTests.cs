using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Kernels;
using Trove.Models.Optimizers;
using Trove.Tests.Models.Kernels;

namespace Trove.Tests.Models;

public unsafe class TransformerTests
{
    [Theory]
    [InlineData(true, true, 2)]
    [InlineData(false, false, 4)]
    [InlineData(true, false, 1)]
    public void Loss_and_gradients_are_those_of_the_equations(bool tied, bool biases, int pairs)
    {
        var config = new ModelConfig(23, 32, 2, 4, pairs, 16, 40, 64) { TiedEmbeddings = tied, AttentionBiases = biases, RopeTheta = 500 };
        using var pool = new WorkPool(2);
        using var parameters = TinyModel.Parameters(config, pool);
        using var gradients = new Gradients(parameters);
        using var transformer = new Transformer(parameters, pool, 40);
        var (tokens, targets, starts) = TinyModel.Batch(23, [11, 1, 6]);
        double[] arena = Array.ConvertAll(new ReadOnlySpan<float>(parameters.Pointer, (int)parameters.Length).ToArray(), x => (double)x);

        double expected = ReferenceLlama.Loss(parameters, arena, tokens, targets, starts);
        Assert.Equal(expected, transformer.Evaluate(tokens, targets, starts).Mean, 2e-6);
        var loss = transformer.Step(tokens, targets, starts, gradients);
        Assert.Equal(expected, loss.Mean, 2e-6);
        Assert.Equal(targets.Count(t => t >= 0), loss.Tokens);
        foreach (var tensor in parameters.Tensors)
        {
            int step = Math.Max(1, (int)tensor.Length / 12) | 1;
            var slopes = Enumerable.Range(0, ((int)tensor.Length + step - 1) / step).Select(n =>
            {
                long i = tensor.Offset + n * step;
                double kept = arena[i];
                arena[i] = kept + 1e-5;
                double above = ReferenceLlama.Loss(parameters, arena, tokens, targets, starts);
                arena[i] = kept - 1e-5;
                double below = ReferenceLlama.Loss(parameters, arena, tokens, targets, starts);
                arena[i] = kept;
                return (n * step, (above - below) / 2e-5);
            }).ToArray();
            Differences.AssertClose(slopes, gradients.Values(tensor), 5e-5);
        }
    }

    [Fact]
    public void Batches_of_one_step_add_up()
    {
        using var pool = new WorkPool(2);
        using var parameters = TinyModel.Parameters(TinyModel.Config, pool);
        using Gradients whole = new(parameters), parts = new(parameters);
        using var transformer = new Transformer(parameters, pool, 90);
        var (tokens, targets, starts) = TinyModel.Batch(50, [40, 50]);
        var loss = transformer.Step(tokens, targets, starts, whole);
        var first = transformer.Step(tokens.AsSpan(0, 40), targets.AsSpan(0, 40), [0], parts, loss.Tokens);
        var second = transformer.Step(tokens.AsSpan(40), targets.AsSpan(40), [0], parts, loss.Tokens);
        Assert.Equal(loss.Sum, first.Sum + second.Sum, 1e-9);
        double largest = 0, difference = 0;
        for (long i = 0; i < whole.Length; i++)
            (largest, difference) = (Math.Max(largest, Math.Abs(whole.Pointer[i])), Math.Max(difference, Math.Abs(whole.Pointer[i] - parts.Pointer[i])));
        Assert.InRange(difference, 0, 1e-6 * largest);
    }

    [Fact]
    public void Large_gradients_come_as_activations_go_and_are_the_same()
    {
        var config = new ModelConfig(32768, 256, 3, 4, 4, 64, 1536, 300);
        using var pool = new WorkPool(2);
        using var parameters = TinyModel.Parameters(config, pool);
        using Gradients large = new(parameters), kept = new(parameters);
        Assert.True(large.AreLarge);
        using Transformer transformer = new(parameters, pool, 300), lavish = new(parameters, pool, 300, training: true, lean: false);
        Assert.Equal(lavish.ActivationBytes - 2 * 300 * 256 * 4, transformer.ActivationBytes); // of three layers' attention one is held
        for (ulong step = 1; step <= 3; step++)
        {
            var (tokens, targets, starts) = TinyModel.Batch(config.Vocabulary, [300], step);
            kept.Clear(pool);
            lavish.Step(tokens, targets, starts, new Passing(kept)); // which is not known to be large
            large.Clear(pool);
            transformer.Step(tokens, targets, starts, large);
            Assert.True(new ReadOnlySpan<byte>(kept.Pointer, checked((int)kept.Length * 4)).SequenceEqual(new ReadOnlySpan<byte>(large.Pointer, checked((int)large.Length * 4))), $"step {step}");
        }
        using var activations = new Activations(config, 300, training: true);
        new Span<float>(activations[0].Input, checked((int)(activations.Bytes / 4))).Fill(1);
        long before = Held();
        activations.Release(1);
        long layer = 300L * 2 * 1536 * 4;
        Assert.InRange(before - Held(), 2 * layer - (4 << 20), 2 * layer);
        Assert.All(new Span<float>(activations[0].Input, checked((int)(activations[1].GateUp - activations[0].Input))).ToArray(), x => Assert.Equal(1, x));
        Assert.Equal(1, activations.Final[0]);

        long Held() => Compute.NativeBufferTests.Resident((byte*)activations[0].Input, activations.Bytes);
    }

    private sealed class Passing(IGradientSink to) : IGradientSink
    {
        public void Linear(WorkPool pool, in Linear layer, int rows, float* x, float* dy) => to.Linear(pool, layer, rows, x, dy);

        public void Gain(WorkPool pool, long offset, int rows, int width, float* partials) => to.Gain(pool, offset, rows, width, partials);

        public void Embedding(WorkPool pool, long offset, int vocabulary, int rows, int width, int* tokens, float* dy) => to.Embedding(pool, offset, vocabulary, rows, width, tokens, dy);
    }

    // Adam-aware attribution rests on it: a score Σ h·dW needs no dW, only what dW is made of.
    [Fact]
    public void A_sink_may_score_gradients_without_holding_them()
    {
        using var pool = new WorkPool(2);
        using var parameters = TinyModel.Parameters(TinyModel.Config, pool);
        using Gradients gradients = new(parameters), direction = new(parameters);
        using var transformer = new Transformer(parameters, pool, 70);
        var random = new CounterRandom(8, 8);
        for (long i = 0; i < direction.Length; i++)
            direction.Pointer[i] = (float)random.Normal((ulong)i);
        var (tokens, targets, starts) = TinyModel.Batch(50, [70]);
        transformer.Step(tokens, targets, starts, gradients);
        var scorer = new Scorer(direction);
        transformer.Step(tokens, targets, starts, scorer);
        double expected = 0, scale = 0;
        foreach (var tensor in parameters.Tensors)
            for (int i = 0; i < tensor.Length; i++)
            {
                double product = (double)gradients.Values(tensor)[i] * direction.Values(tensor)[i];
                (expected, scale) = (expected + product, scale + product * product);
            }
        Assert.Equal(expected, scorer.Score, 1e-4 * Math.Sqrt(scale));
    }

    [Fact]
    public void Frozen_weights_need_no_sink()
    {
        using var pool = new WorkPool(1);
        using var parameters = TinyModel.Parameters(TinyModel.Config, pool);
        using var transformer = new Transformer(parameters, pool, 20);
        var (tokens, targets, starts) = TinyModel.Batch(50, [20]);
        Assert.Equal(transformer.Evaluate(tokens, targets, starts), transformer.Step(tokens, targets, starts, null));
    }

    [Fact]
    public void Gradients_of_another_model_are_refused()
    {
        using var pool = new WorkPool(1);
        using Parameters parameters = TinyModel.Parameters(TinyModel.Config, pool), smaller = TinyModel.Parameters(TinyModel.Config with { Layers = 1, Vocabulary = 20 }, pool);
        using var gradients = new Gradients(smaller);
        using var transformer = new Transformer(parameters, pool, 20);
        using var adam = new AdamW(parameters, new AdamWOptions());
        var (tokens, targets, starts) = TinyModel.Batch(50, [20]);
        Assert.Contains("none of a model", Assert.Throws<ArgumentException>(() => transformer.Step(tokens, targets, starts, gradients)).Message);
        Assert.Contains("none of a model", Assert.Throws<ArgumentException>(() => adam.Step(pool, gradients, 1, 1)).Message);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    public void Bits_do_not_depend_on_threads(int threads) =>
        Assert.Equal(TinyModel.TrainingBits(TinyModel.Config, [70, 1, 100], 1), TinyModel.TrainingBits(TinyModel.Config, [70, 1, 100], threads));

    // On a machine with few cores one thread may do most of the work: here tiles come in other orders, and threads take turns.
    [Theory]
    [InlineData(1, 77)]
    [InlineData(2, 2)]
    [InlineData(8, 5)]
    public void Bits_do_not_depend_on_the_order_of_tiles(int threads, uint disorder) =>
        Assert.Equal(TinyModel.TrainingBits(TinyModel.Config, [150, 30], 1), TinyModel.TrainingBits(TinyModel.Config, [150, 30], threads, disorder: disorder));

    [Fact]
    public void A_steady_step_allocates_nothing()
    {
        using var pool = new WorkPool(2);
        using var parameters = TinyModel.Parameters(TinyModel.Config, pool);
        using var gradients = new Gradients(parameters);
        using var transformer = new Transformer(parameters, pool, 100);
        using IOptimizer adam = new AdamW(parameters, new AdamWOptions()), muon = new Muon(parameters, new MuonOptions(0.02, 0.95, 0, new AdamWOptions()));
        var (tokens, targets, starts) = TinyModel.Batch(50, [60, 40]);
        long before = 0;
        for (int step = 0; step < 40; step++)
        {
            if (step == 35)
                before = GC.GetAllocatedBytesForCurrentThread();
            gradients.Clear(pool);
            var loss = transformer.Step(tokens, targets, starts, gradients);
            adam.Step(pool, gradients, loss.Mean, Schedule.Cosine(step, 5, 50));
            muon.Step(pool, gradients, loss.Mean, 1);
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Memory_for_evaluation_is_that_of_one_layer()
    {
        var config = TinyModel.Config with { Layers = 8 };
        using var pool = new WorkPool(1);
        using var parameters = TinyModel.Parameters(config, pool);
        using Transformer training = new(parameters, pool, 100), evaluation = new(parameters, pool, 100, training: false);
        Assert.InRange(evaluation.ActivationBytes, 0, training.ActivationBytes / 3);
        var (tokens, targets, starts) = TinyModel.Batch(50, [60, 40]);
        Assert.Equal(training.Evaluate(tokens, targets, starts), evaluation.Evaluate(tokens, targets, starts));
        Assert.Throws<InvalidOperationException>(() => evaluation.Step(tokens, targets, starts, null));
    }

    [Theory]
    [InlineData(new[] { 50, 1 }, new[] { 1, 1 }, new[] { 0 }, "outside the vocabulary")]
    [InlineData(new[] { -1, 1 }, new[] { 1, 1 }, new[] { 0 }, "outside the vocabulary")]
    [InlineData(new[] { 1, 1 }, new[] { 1, -2 }, new[] { 0 }, "outside the vocabulary")]
    [InlineData(new[] { 1, 1 }, new[] { 1 }, new[] { 0 }, "each token needs one")]
    [InlineData(new[] { 1, 1 }, new[] { 1, 1 }, new[] { 1 }, "must start at token 0")]
    [InlineData(new[] { 1, 1 }, new[] { 1, 1 }, new int[] { }, "must start at token 0")]
    [InlineData(new[] { 1, 1 }, new[] { 1, 1 }, new[] { 0, 2 }, "must ascend")]
    [InlineData(new[] { 1, 1 }, new[] { 1, 1 }, new[] { 0, 0 }, "must ascend")]
    [InlineData(new[] { 1, 1 }, new[] { 1, 1 }, new[] { 0, int.MaxValue }, "must ascend")]
    [InlineData(new[] { 1, 1, 1, 1, 1 }, new[] { 1, 1, 1, 1, 1 }, new[] { 0 }, "from 1 to 4")]
    [InlineData(new[] { 1, 1, 1, 1 }, new[] { 1, 1, 1, 1 }, new[] { 0 }, "the model's context 3")]
    [InlineData(new int[] { }, new int[] { }, new[] { 0 }, "from 1 to 4")]
    public void A_batch_that_is_none_is_refused(int[] tokens, int[] targets, int[] starts, string says)
    {
        using var pool = new WorkPool(1);
        using var parameters = TinyModel.Parameters(TinyModel.Config with { Context = 3 }, pool);
        using var transformer = new Transformer(parameters, pool, 4);
        Assert.Contains(says, Assert.Throws<ArgumentException>(() => transformer.Evaluate(tokens, targets, starts)).Message);
    }

    private sealed class Scorer(Gradients direction) : IGradientSink
    {
        public double Score { get; private set; }

        // Σ_t dy_t · (H x_t): one product of the forward's size.
        public void Linear(WorkPool pool, in Linear layer, int rows, float* x, float* dy)
        {
            using var product = new NativeBuffer<float>((long)rows * layer.Outputs);
            layer.Forward(pool, direction.Pointer, rows, x, product.Pointer);
            for (long i = 0; i < product.Length; i++)
                Score += (double)product.Pointer[i] * dy[i];
        }

        public void Gain(WorkPool pool, long offset, int rows, int width, float* partials)
        {
            for (int i = 0; i < rows * width; i++)
                Score += (double)partials[i] * direction.Pointer[offset + i % width];
        }

        public void Embedding(WorkPool pool, long offset, int vocabulary, int rows, int width, int* tokens, float* dy)
        {
            for (int i = 0; i < rows * width; i++)
                Score += (double)dy[i] * direction.Pointer[offset + (long)tokens[i / width] * width + i % width];
        }
    }
}
