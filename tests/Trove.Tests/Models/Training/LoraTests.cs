using System.Text.Json;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Exchange;
using Trove.Models.Training;
using Trove.Tests.Models.Kernels;

namespace Trove.Tests.Models.Training;

public sealed unsafe class LoraTests
{
    private const int Rank = 16;

    private static readonly ModelConfig Config = new(23, 32, 2, 4, 2, 16, 40, 64) { AttentionBiases = true };

    [Theory]
    [InlineData(Rank)]
    [InlineData(3)] // with a feed-forward layer of 40: 120 numbers, no whole number of vectors
    public void Gradients_of_A_and_B_are_those_of_the_loss(int rank)
    {
        using var pool = new WorkPool(2);
        using var parameters = TinyModel.Parameters(Config, pool);
        double[] frozen = Array.ConvertAll(new ReadOnlySpan<float>(parameters.Pointer, (int)parameters.Length).ToArray(), x => (double)x);
        using var adapter = new LoraAdapter(parameters, pool, rank, 3);
        // B of zeros would leave A without gradients.
        foreach (var b in adapter.Parameters.Tensors.Where(t => t.Name.EndsWith("lora_B.weight", StringComparison.Ordinal)))
            for (int i = 0; i < b.Length; i++)
                adapter.Parameters.Values(b)[i] = 0.02f * ((i * 7 + b.Index) % 11 - 5);
        adapter.Merge(pool);
        var (tokens, targets, starts) = TinyModel.Batch(23, [11, 1, 6]);
        using var transformer = new Transformer(parameters, pool, tokens.Length);
        transformer.Step(tokens, targets, starts, adapter);

        foreach (var tensor in adapter.Parameters.Tensors)
        {
            double[] values = Array.ConvertAll(adapter.Parameters.Values(tensor).ToArray(), x => (double)x);
            Differences.AssertClose(Differences.Of(values, v => Loss(tensor, v), Math.Max(1, values.Length / 9) | 1), adapter.Gradients.Values(tensor), 1e-4);
        }

        double Loss(Tensor changed, double[] values)
        {
            var arena = (double[])frozen.Clone();
            for (int i = 0; i < adapter.Parameters.Tensors.Count; i += 2)
            {
                Tensor a = adapter.Parameters.Tensors[i], b = adapter.Parameters.Tensors[i + 1];
                double[] av = a == changed ? values : Array.ConvertAll(adapter.Parameters.Values(a).ToArray(), x => (double)x), bv = b == changed ? values : Array.ConvertAll(adapter.Parameters.Values(b).ToArray(), x => (double)x);
                var matrix = parameters[a.Name["base_model.model.".Length..].Replace(".lora_A", "", StringComparison.Ordinal)];
                for (int row = 0; row < matrix.Rows; row++)
                    for (int column = 0; column < matrix.Columns; column++)
                        for (int r = 0; r < rank; r++)
                            arena[matrix.Offset + (long)row * matrix.Columns + column] += 2 * bv[row * rank + r] * av[r * matrix.Columns + column];
            }
            return ReferenceLlama.Loss(parameters, arena, tokens, targets, starts);
        }
    }

    [Fact]
    public void A_new_adapter_leaves_the_model_as_it_is()
    {
        using var run = new TrainingFixture();
        using var adapted = new TrainingFixture(rank: Rank);
        Assert.Equal(run.Bits, adapted.Bits);
    }

    [Fact]
    public void Training_moves_the_matrices_and_nothing_else()
    {
        using TrainingFixture before = new(), run = new(options: TrainingFixture.Options with { Steps = 40 }, rank: Rank);
        double first = run.Trainer.Next().Loss;
        run.RunTo(40);
        Assert.True(run.Trainer.Curve[^1].Loss < 0.95 * first, $"{first} to {run.Trainer.Curve[^1].Loss}");
        foreach (var tensor in run.Parameters.Tensors)
            Assert.Equal(tensor.Role is not (TensorRole.ResidualReading or TensorRole.ResidualWriting), run.Parameters.Values(tensor).SequenceEqual(before.Parameters.Values(tensor)));
    }

    [Fact]
    public void Files_are_those_of_PEFT()
    {
        var folder = Directory.CreateTempSubdirectory("trove-lora-");
        try
        {
            using var run = new TrainingFixture(rank: Rank);
            run.RunTo(3).Adapter!.Save(folder.FullName, "base", (path, write) =>
            {
                using var file = File.Create(path);
                write(file);
            });
            using var weights = Safetensors.Open(Path.Combine(folder.FullName, "adapter_model.safetensors"));
            Assert.Equal(2 * 7 * 2, weights.Tensors.Count);
            Assert.Equal([Rank, 48L], weights.Tensors["base_model.model.model.layers.1.mlp.down_proj.lora_A.weight"].Shape);
            var b = weights.Tensors["base_model.model.model.layers.0.self_attn.k_proj.lora_B.weight"];
            Assert.Equal([16L, Rank], b.Shape);
            var values = new float[b.Length];
            weights.Read(b, values);
            Assert.Equal(run.Adapter!.Parameters.Values(run.Adapter.Parameters[b.Name]).ToArray(), values);
            using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder.FullName, "adapter_config.json")));
            Assert.Equal((Rank, 2 * Rank, "LORA"), (config.RootElement.GetProperty("r").GetInt32(), config.RootElement.GetProperty("lora_alpha").GetInt32(), config.RootElement.GetProperty("peft_type").GetString()));
            Assert.Equal(["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], config.RootElement.GetProperty("target_modules").EnumerateArray().Select(m => m.GetString()));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_rank_out_of_bounds_is_refused()
    {
        using var pool = new WorkPool(1);
        using var parameters = new Parameters(Config);
        Assert.Throws<ArgumentException>(() => new LoraAdapter(parameters, pool, LoraAdapter.MaxRank + 1, 1));
        Assert.Throws<ArgumentException>(() => new LoraAdapter(parameters, pool, 0, 1));
    }
}
