using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Kernels;
using Trove.Models.Optimizers;

namespace Trove.Tests.Models;

/// <summary>
/// Against PyTorch with its own gradients and optimiser, from the same weights and batches: tests/interop/torch/llama.py.
/// Needs Debian's python3-torch; skipped, and said so, where it is absent.
/// </summary>
public sealed class TorchTests : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("trove-torch-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Losses_and_every_gradient_agree()
    {
        var config = new ModelConfig(97, 64, 3, 4, 2, 16, 120, 128) { AttentionBiases = true, TiedEmbeddings = false };
        using var pool = new WorkPool(2);
        using var parameters = TinyModel.Parameters(config, pool);
        var batch = TinyModel.Batch(97, [70, 3, 90]);
        var steps = await TorchAsync(parameters, [batch], new AdamWOptions(), steps: 1, useDouble: true, gradients: true);
        using var gradients = new Gradients(parameters);
        using var transformer = new Transformer(parameters, pool, batch.Tokens.Length);
        var loss = transformer.Step(batch.Tokens, batch.Targets, batch.Starts, gradients);
        Assert.Equal(steps[0].Loss, loss.Mean, 1e-6);
        var bytes = await File.ReadAllBytesAsync(Path.Combine(_folder.FullName, "gradients.bin"));
        int offset = 0;
        foreach (var tensor in parameters.Tensors)
        {
            var expected = MemoryMarshal.Cast<byte, float>(bytes.AsSpan(offset, checked((int)tensor.Length * 4))).ToArray();
            offset += expected.Length * 4;
            var actual = gradients.Values(tensor).ToArray();
            double largest = expected.Max(MathF.Abs), worst = expected.Zip(actual, (e, a) => Math.Abs((double)e - a)).Max();
            // The gradient of a key's bias is zero but for rounding: adding to all keys changes no softmax.
            Assert.True(worst <= (tensor.Name.EndsWith("k_proj.bias", StringComparison.Ordinal) ? 1e-7 : 1e-5 * largest), $"{tensor.Name}: gradients differ by {worst:R}, the largest is {largest:R}");
        }
        Assert.Equal(bytes.Length, offset);
    }

    [Fact]
    public async Task Two_hundred_steps_follow_the_same_curve()
    {
        var config = new ModelConfig(64, 64, 2, 2, 2, 32, 176, 64);
        var options = new AdamWOptions(Rate: 3e-3);
        using var pool = new WorkPool(2);
        using var parameters = new Parameters(config);
        parameters.Initialize(pool, 3);
        (int[] Tokens, int[] Targets, int[] Starts)[] batches = [.. Enumerable.Range(0, 50).Select(i => Sums(64, 8, 32, (ulong)i + 1))];
        var expected = await TorchAsync(parameters, batches, options, steps: 200, useDouble: false, gradients: false);
        using var gradients = new Gradients(parameters);
        using var transformer = new Transformer(parameters, pool, 256);
        using var optimizer = new AdamW(parameters, options);
        var losses = new List<double>();
        for (int step = 0; step < 200; step++)
        {
            var (tokens, targets, starts) = batches[step % batches.Length];
            gradients.Clear(pool);
            var loss = transformer.Step(tokens, targets, starts, gradients);
            optimizer.Step(pool, gradients, loss.Mean, 1);
            losses.Add(loss.Mean);
        }
        Assert.True(losses[^1] < 0.7 * losses[0], $"nothing was learnt: {losses[0]:F3} to {losses[^1]:F3}");
        for (int step = 0; step < 200; step++)
            Assert.True(Math.Abs(losses[step] / expected[step].Loss - 1) <= 0.005, $"step {step}: {losses[step]:F5}, PyTorch {expected[step].Loss:F5}");
    }

    // Something to learn: each token is mostly the sum of the two before it.
    private static (int[], int[], int[]) Sums(int vocabulary, int rows, int length, ulong seed)
    {
        var random = new CounterRandom(seed, 5);
        var tokens = new int[rows * length];
        for (int i = 0; i < tokens.Length; i++)
            tokens[i] = i % length < 2 || random.Uniform((ulong)i) < 0.1 ? (int)(random.Bits((ulong)(i + tokens.Length)) % 8) : (tokens[i - 1] + tokens[i - 2]) % 8 + 8 * (i % 8);
        return (tokens, [.. tokens.Select((_, i) => i % length == length - 1 ? Transformer.Ignore : tokens[i + 1])], [.. Enumerable.Range(0, rows).Select(r => r * length)]);
    }

    private async Task<List<TorchStep>> TorchAsync(Parameters parameters, (int[] Tokens, int[] Targets, int[] Starts)[] batches, AdamWOptions options, int steps, bool useDouble, bool gradients)
    {
        if (!File.Exists(Python) || await RunAsync("-c", "import torch") is (not 0, _, _))
            Assert.Skip("PyTorch is not installed: apt-get install python3-torch");
        var c = parameters.Config;
        var first = batches[0];
        int length = first.Starts.Length > 1 ? first.Starts[1] : first.Tokens.Length;
        bool rows = first.Starts.Select((s, i) => s == i * length).All(same => same) && first.Tokens.Length == length * first.Starts.Length;
        var task = new
        {
            config = new { vocabulary = c.Vocabulary, width = c.Width, layers = c.Layers, heads = c.Heads, key_value_heads = c.KeyValueHeads, head_width = c.HeadWidth, rope_theta = c.RopeTheta, rms_epsilon = c.RmsEpsilon },
            tensors = parameters.Tensors.Select(t => new { name = t.Name, shape = t.Shape }),
            @double = useDouble, gradients, steps, threads = 1, batch = first.Tokens.Length, length, starts = rows ? null : first.Starts,
            rate = options.Rate, betas = new[] { options.Beta1, options.Beta2 }, epsilon = options.Epsilon, weight_decay = options.WeightDecay, clip = options.Clip,
        };
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "task.json"), JsonSerializer.Serialize(task));
        await using (var weights = File.Create(Path.Combine(_folder.FullName, "weights.bin")))
            foreach (var tensor in parameters.Tensors)
                weights.Write(MemoryMarshal.AsBytes(parameters.Values(tensor)));
        await using (var ids = File.Create(Path.Combine(_folder.FullName, "batches.bin")))
            foreach (var (tokens, targets, _) in batches)
            {
                ids.Write(MemoryMarshal.AsBytes<int>(tokens));
                ids.Write(MemoryMarshal.AsBytes<int>(targets));
            }
        var (code, output, error) = await RunAsync(Path.Combine(Vectors.Repository, "tests", "interop", "torch", "llama.py"), _folder.FullName);
        Assert.True(code == 0, error);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<TorchStep>(line, JsonSerializerOptions.Web)!)];
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OPENBLAS_NUM_THREADS"] = "1";
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    private sealed record TorchStep(double Loss, double Norm, double Seconds, double Megabytes);
}
