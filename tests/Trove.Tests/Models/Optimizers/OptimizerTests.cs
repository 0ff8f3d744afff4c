using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Kernels;
using Trove.Models.Optimizers;
using Trove.Models.Training;

namespace Trove.Tests.Models.Optimizers;

public sealed unsafe class OptimizerTests : IDisposable
{
    private readonly WorkPool _pool = new(2);
    private readonly Parameters _parameters;
    private readonly Gradients _gradients;

    public OptimizerTests()
    {
        _parameters = TinyModel.Parameters(TinyModel.Config, _pool);
        _gradients = new Gradients(_parameters);
        Draw(1);
    }

    public void Dispose()
    {
        _gradients.Dispose();
        _parameters.Dispose();
        _pool.Dispose();
    }

    [Fact]
    public void AdamW_is_its_equations()
    {
        var options = new AdamWOptions(Rate: 0.01, Beta1: 0.8, Beta2: 0.9, Epsilon: 1e-6, WeightDecay: 0.2, Clip: 5);
        using var adam = new AdamW(_parameters, options);
        foreach (string name in new[] { "model.layers.1.mlp.up_proj.weight", "model.norm.weight", "model.layers.0.self_attn.k_proj.bias", "model.embed_tokens.weight" })
        {
            var tensor = _parameters[name];
            double weight = _parameters.Values(tensor)[7], mean = adam.Moments(tensor, squares: false)[7], square = adam.Moments(tensor, squares: true)[7];
            double decay = tensor.Role is TensorRole.Norm or TensorRole.Bias ? 0 : 0.2;
            for (int n = 0; n < 3; n++)
            {
                Draw((ulong)n + 2);
                long step = adam.Steps + 1;
                double rate = 0.01 * 0.5, norm = Norm(), g = _gradients.Values(tensor)[7] * Math.Min(1, 5 / norm);
                var outcome = adam.Step(_pool, _gradients, 1, 0.5);
                Assert.True(outcome.Applied);
                Assert.Equal(norm, outcome.Norm, 1e-9 * norm);
                (mean, square) = (0.8 * mean + 0.2 * g, 0.9 * square + 0.1 * g * g);
                weight -= rate * decay * weight;
                weight -= rate * (mean / (1 - Math.Pow(0.8, step))) / (Math.Sqrt(square / (1 - Math.Pow(0.9, step))) + 1e-6);
                Assert.Equal(weight, _parameters.Values(tensor)[7], 1e-6);
                Assert.Equal(mean, adam.Moments(tensor, squares: false)[7], 1e-6);
                Assert.Equal(square, adam.Moments(tensor, squares: true)[7], 1e-6);
            }
        }
    }

    // Of an adapter of rank 1 the matrices of a feed-forward layer of 40 have 40 numbers: two vectors and a half.
    [Fact]
    public void Tensors_of_no_whole_number_of_vectors_do_not_touch_each_other()
    {
        using var model = TinyModel.Parameters(new ModelConfig(23, 32, 1, 2, 1, 16, 40, 16), _pool);
        using var adapter = new LoraAdapter(model, _pool, 1, 3);
        var tensors = adapter.Parameters.Tensors;
        Assert.Contains(tensors, t => t.Length % 16 != 0);
        using var adam = new AdamW(adapter.Parameters, new AdamWOptions(Clip: double.MaxValue));
        float[][] means = [.. tensors.Select(t => new float[t.Length])], squares = [.. tensors.Select(t => new float[t.Length])];
        for (ulong step = 0; step < 3; step++)
        {
            foreach (var tensor in tensors)
                for (int i = 0; i < tensor.Length; i++)
                    adapter.Gradients.Values(tensor)[i] = (float)new CounterRandom(step, (ulong)tensor.Index).Normal((ulong)i);
            Assert.True(adam.Step(_pool, adapter.Gradients, 1, 1).Applied);
            foreach (var (tensor, mean, square) in tensors.Zip(means, squares))
            {
                var g = adapter.Gradients.Values(tensor);
                for (int i = 0; i < g.Length; i++)
                    (mean[i], square[i]) = (MathF.FusedMultiplyAdd(g[i], 1 - 0.9f, mean[i] * 0.9f), MathF.FusedMultiplyAdd(g[i] * g[i], 1 - 0.95f, square[i] * 0.95f));
                Assert.Equal(mean, adam.Moments(tensor, squares: false).ToArray());
                Assert.Equal(square, adam.Moments(tensor, squares: true).ToArray());
            }
        }
        var arena = new Span<float>(adapter.Parameters.Pointer, (int)adapter.Parameters.Length);
        foreach (var tensor in tensors)
            arena.Slice((int)tensor.Offset, (int)tensor.Length).Clear();
        Assert.False(arena.ContainsAnyExcept(0f)); // what lies between them
    }

    [Theory]
    [InlineData(true, double.NaN, 0f)]
    [InlineData(true, double.PositiveInfinity, 0f)]
    [InlineData(true, 1, float.NaN)]
    [InlineData(true, 1, float.NegativeInfinity)]
    [InlineData(false, double.NaN, 0f)]
    [InlineData(false, 1, float.PositiveInfinity)]
    public void A_step_that_is_not_finite_touches_nothing(bool adam, double loss, float poison)
    {
        using IOptimizer optimizer = adam ? new AdamW(_parameters, new AdamWOptions()) : new Muon(_parameters, new MuonOptions(0.02, 0.95, 0.1, new AdamWOptions()));
        using var twin = TinyModel.Parameters(TinyModel.Config, _pool);
        using IOptimizer untouched = adam ? new AdamW(twin, new AdamWOptions()) : new Muon(twin, new MuonOptions(0.02, 0.95, 0.1, new AdamWOptions()));
        _gradients.Pointer[_gradients.Length - 3] += poison;
        Assert.False(optimizer.Step(_pool, _gradients, loss, 1).Applied);
        Draw(5);
        Assert.True(optimizer.Step(_pool, _gradients, 1, 1).Applied);
        Assert.True(untouched.Step(_pool, _gradients, 1, 1).Applied);
        Assert.True(new ReadOnlySpan<float>(twin.Pointer, (int)twin.Length).SequenceEqual(new ReadOnlySpan<float>(_parameters.Pointer, (int)_parameters.Length)));
    }

    [Fact]
    public void Moments_never_become_subnormal()
    {
        using var adam = new AdamW(_parameters, new AdamWOptions(Clip: double.MaxValue));
        var tensor = _parameters["model.norm.weight"];
        _gradients.Values(tensor).Fill(1e-18f); // squares of 5e-38, on their way below the smallest normal number
        adam.Step(_pool, _gradients, 1, 1);
        Assert.NotEqual(0, adam.Moments(tensor, squares: true)[0]);
        _gradients.Clear(_pool);
        for (int step = 0; step < 100; step++)
        {
            adam.Step(_pool, _gradients, 1, 1);
            Assert.False(float.IsSubnormal(adam.Moments(tensor, squares: true)[0]));
        }
        Assert.Equal(0, adam.Moments(tensor, squares: true)[0]);
    }

    [Fact]
    public void Norm_survives_gradients_whose_squares_no_float_holds()
    {
        using var norm = new GradientNorm(_gradients.Length);
        _gradients.Clear(_pool);
        _gradients.Pointer[5] = 3e30f;
        _gradients.Pointer[_gradients.Length - 1] = 4e30f;
        Assert.Equal(5e30, norm.Compute(_pool, _gradients), 1e24);
    }

    [Theory]
    [InlineData(24, 40)]
    [InlineData(40, 24)]
    [InlineData(32, 32)]
    public void Muon_brings_singular_values_near_one(int rows, int columns)
    {
        using var parameters = new Parameters(new ModelConfig(8, 48, 1, 3, 3, 16, 64, 8));
        using var muon = new Muon(parameters, new MuonOptions(0.02, 0.95, 0, new AdamWOptions()));
        var random = new CounterRandom(4, 4);
        var x = muon.Scratch(rows * columns);
        for (int i = 0; i < x.Length; i++)
            x[i] = (float)(10 * random.Normal((ulong)i));
        var expected = Quintic(Array.ConvertAll(x.ToArray(), v => (double)v), rows, columns);
        muon.Orthogonalize(_pool, rows, columns);
        int small = Math.Min(rows, columns);
        for (int i = 0; i < x.Length; i++)
            Assert.Equal(expected[i], x[i], 2e-4);
        Assert.InRange(expected.Sum(v => v * v) / small, 0.5, 1.3); // mean square of the singular values
    }

    [Fact]
    public void Muon_moves_matrices_by_orthogonal_steps_and_leaves_the_rest_to_AdamW()
    {
        using var twin = TinyModel.Parameters(TinyModel.Config, _pool);
        var others = new AdamWOptions(Rate: 0.003);
        using var muon = new Muon(_parameters, new MuonOptions(0.1, 0.9, 0, others));
        using var adam = new AdamW(twin, others);
        var before = _parameters.Tensors.ToDictionary(t => t.Name, t => _parameters.Values(t).ToArray());
        muon.Step(_pool, _gradients, 1, 1);
        adam.Step(_pool, _gradients, 1, 1);
        foreach (var tensor in _parameters.Tensors)
        {
            var now = _parameters.Values(tensor).ToArray();
            if (tensor.Role is TensorRole.ResidualReading or TensorRole.ResidualWriting)
            {
                double squares = now.Zip(before[tensor.Name], (a, b) => Math.Pow(a - b, 2)).Sum(), scale = 0.01 * Math.Max(1, (double)tensor.Rows / tensor.Columns);
                Assert.InRange(squares / scale / Math.Min(tensor.Rows, tensor.Columns), 0.4, 1.4);
            }
            else
                Assert.Equal(twin.Values(tensor).ToArray(), now);
        }
    }

    [Fact]
    public void A_saved_state_goes_on_to_the_same_bits()
    {
        using var twin = TinyModel.Parameters(TinyModel.Config, _pool);
        var options = new MuonOptions(0.02, 0.95, 0.1, new AdamWOptions());
        using Muon first = new(_parameters, options), second = new(twin, options);
        for (int step = 0; step < 3; step++)
            first.Step(_pool, _gradients, 1, 1);
        new ReadOnlySpan<float>(_parameters.Pointer, (int)_parameters.Length).CopyTo(new Span<float>(twin.Pointer, (int)twin.Length));
        second.Others.Steps = first.Others.Steps;
        foreach (var (tensor, other) in _parameters.Tensors.Zip(twin.Tensors))
            if (tensor.Role is TensorRole.ResidualReading or TensorRole.ResidualWriting)
                first.Momentum(tensor).CopyTo(second.Momentum(other));
            else
                foreach (bool squares in new[] { false, true })
                    first.Others.Moments(tensor, squares).CopyTo(second.Others.Moments(other, squares));
        first.Step(_pool, _gradients, 1, 1);
        second.Step(_pool, _gradients, 1, 1);
        Assert.True(new ReadOnlySpan<float>(_parameters.Pointer, (int)_parameters.Length).SequenceEqual(new ReadOnlySpan<float>(twin.Pointer, (int)twin.Length)));
        Assert.Throws<ArgumentException>(() => { first.Momentum(_parameters["model.norm.weight"]); });
    }

    [Fact]
    public void Schedules()
    {
        Assert.Equal([0.25, 0.5, 0.75, 1, 1], Enumerable.Range(0, 5).Select(s => Schedule.WarmUp(s, 4)));
        Assert.Equal([0.5, 1, 1, 0.55, 0.1, 0.1], new long[] { 0, 1, 2, 12, 22, 1000 }.Select(s => Schedule.Cosine(s, 2, 22)), (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal([0.5, 1, 1, 1, 0.5, 0, 0], new long[] { 0, 1, 2, 80, 90, 100, 101 }.Select(s => Schedule.WarmUpStableDecay(s, 2, 100, 20)), (a, b) => Math.Abs(a - b) < 1e-12);
    }

    private void Draw(ulong seed)
    {
        _gradients.Clear(_pool);
        var random = new CounterRandom(seed, 6);
        foreach (var tensor in _parameters.Tensors)
            for (int i = 0; i < tensor.Length; i++)
                _gradients.Values(tensor)[i] = (float)random.Normal((ulong)(tensor.Offset + i));
    }

    private double Norm()
    {
        double sum = 0;
        for (long i = 0; i < _gradients.Length; i++)
            sum += (double)_gradients.Pointer[i] * _gradients.Pointer[i];
        return Math.Sqrt(sum);
    }

    // Five steps of X ← aX + (bG + cG²)X, G = XXᵀ, in double.
    private static double[] Quintic(double[] x, int rows, int columns)
    {
        double norm = Math.Sqrt(x.Sum(v => v * v));
        x = [.. x.Select(v => v / norm)];
        for (int n = 0; n < 5; n++)
        {
            var gram = Product(x, Transpose(x, rows, columns), rows, columns, rows);
            var square = Product(gram, gram, rows, rows, rows);
            var polynomial = gram.Zip(square, (g, s) => -4.7750 * g + 2.0315 * s).ToArray();
            x = [.. x.Zip(Product(polynomial, x, rows, rows, columns), (v, p) => 3.4445 * v + p)];
        }
        return x;
    }

    private static double[] Transpose(double[] a, int rows, int columns) => [.. Enumerable.Range(0, a.Length).Select(i => a[i % rows * columns + i / rows])];

    private static double[] Product(double[] a, double[] b, int m, int k, int n) =>
        [.. Enumerable.Range(0, m * n).Select(e => Enumerable.Range(0, k).Sum(p => a[e / n * k + p] * b[p * n + e % n]))];
}
