using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Tests.Models;

public unsafe class ParametersTests
{
    [Theory]
    [InlineData("0.8M", 824_448)]
    [InlineData("5M", 4_328_640)]
    [InlineData("30M", 23_994_240)]
    [InlineData("125M", 109_529_856)]
    public void Named_sizes_have_their_weights(string name, long count)
    {
        using var parameters = new Parameters(ModelConfig.Named(name));
        Assert.Equal(count, parameters.Count);
    }

    [Fact]
    public void One_dial_sets_a_model()
    {
        var config = ModelConfig.OfDepth(12, 32768, 2048);
        Assert.Equal((768, 12, 12, 12, 64, 2048), (config.Width, config.Layers, config.Heads, config.KeyValueHeads, config.HeadWidth, config.FeedForward));
        Assert.Throws<ArgumentException>(() => ModelConfig.OfDepth(0, 100, 100));
    }

    [Fact]
    public void Tensors_lie_in_order_aligned_and_fused()
    {
        using var parameters = new Parameters(TinyModel.Config with { TiedEmbeddings = false, Width = 32 });
        long end = 0;
        foreach (var tensor in parameters.Tensors)
        {
            bool follows = tensor.Name.Contains("k_proj") || tensor.Name.Contains("v_proj") || tensor.Name.Contains("up_proj");
            Assert.Equal(follows ? end : (end + 15) / 16 * 16, tensor.Offset);
            end = tensor.Offset + tensor.Length;
        }
        Assert.Equal(end, parameters.Length);
        Assert.Equal(0, (nint)parameters.Pointer % 64);
        Assert.Equal([32], parameters["model.norm.weight"].Shape);
        Assert.Equal([50, 32], parameters["lm_head.weight"].Shape);
        Assert.Throws<KeyNotFoundException>(() => parameters["model.layers.9.mlp.up_proj.weight"]);
    }

    [Fact]
    public void Initial_values_are_those_of_the_specification()
    {
        var config = ModelConfig.Named("0.8M");
        using var pool = new WorkPool(2);
        using var parameters = new Parameters(config);
        parameters.Initialize(pool, 42);
        foreach (var (name, deviation) in new[] { ("model.embed_tokens.weight", 0.02), ("model.layers.3.self_attn.k_proj.weight", Math.Sqrt(1 / 384.0)), ("model.layers.0.mlp.down_proj.weight", Math.Sqrt(1 / (3 * 344.0)) / Math.Sqrt(8)) })
        {
            var tensor = parameters[name];
            var values = parameters.Values(tensor).ToArray();
            var random = new CounterRandom(42, (ulong)tensor.Index);
            foreach (int i in new[] { 0, 1, 4095, 4096, values.Length - 1 })
                Assert.Equal(deviation * random.Normal((ulong)i), values[i], deviation * 1e-6);
            Assert.InRange(Math.Sqrt(values.Average(v => (double)v * v)), 0.98 * deviation, 1.02 * deviation);
        }
        Assert.All(parameters.Values(parameters["model.norm.weight"]).ToArray(), v => Assert.Equal(1f, v));
    }

    public static TheoryData<ModelConfig, string> Unbuildable => new()
    {
        { TinyModel.Config with { Vocabulary = 1 }, "vocabulary 1" },
        { TinyModel.Config with { Vocabulary = int.MaxValue }, "vocabulary 2147483647" },
        { TinyModel.Config with { Width = 0 }, "width 0" },
        { TinyModel.Config with { Layers = 1_000_000 }, "layers 1000000" },
        { TinyModel.Config with { Heads = 3 }, "must divide" },
        { TinyModel.Config with { KeyValueHeads = 5 }, "key/value heads 5" },
        { TinyModel.Config with { HeadWidth = 24 }, "multiples of 16" },
        { TinyModel.Config with { Width = 40 }, "multiples of 16" },
        { TinyModel.Config with { HeadWidth = 512 }, "head width 512" },
        { TinyModel.Config with { FeedForward = -1 }, "feed-forward width -1" },
        { TinyModel.Config with { Context = 0 }, "context 0" },
        { TinyModel.Config with { RopeTheta = double.NaN }, "rope theta" },
        { TinyModel.Config with { RmsEpsilon = float.PositiveInfinity }, "RMS epsilon" },
    };

    [Theory]
    [MemberData(nameof(Unbuildable))]
    public void A_configuration_that_cannot_be_built_is_refused(ModelConfig config, string says) =>
        Assert.Contains(says, Assert.Throws<ArgumentException>(() => new Parameters(config)).Message);
}
