using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models.Training;

/// <summary>This machine does not compute the bits that specs/vectors/engine.json has: what it trains, nobody could verify.</summary>
public sealed class SelfTestException(string what, string expected, string actual)
    : Exception($"this machine computes other bits than it must: {what} is {actual}, not {expected}; its processor, its runtime or this build differs from those the vectors hold for");

/// <summary>
/// Computes the vectors of specs/vectors/engine.json again before anything is trained: initial weights, the order of rows, and a few steps of tiny models
/// with both optimisers, through every kernel of training.
/// </summary>
public static class SelfTest
{
    private static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    /// <summary>Compares everything.</summary>
    /// <exception cref="SelfTestException">Says what differs.</exception>
    public static void Run(WorkPool pool)
    {
        var vectors = Vectors();
        foreach (var v in vectors.Initial)
        {
            var random = new CounterRandom(v.Seed, v.Tensor);
            Require($"random bits {v.Element} of tensor {v.Tensor}", v.Bits, $"{random.Bits(v.Element):x16}");
            Require($"initial weight {v.Element} of tensor {v.Tensor}", v.Weight, $"{BitConverter.SingleToUInt32Bits((float)(0.02 * random.Normal(v.Element))):x8}");
        }
        foreach (var v in vectors.Order)
        {
            var order = new RowOrder(v.Seed, v.Epoch, v.Tokens, v.RowTokens);
            Require($"the first rows of epoch {v.Epoch}", string.Join(' ', v.Starts), string.Join(' ', v.Starts.Select((_, i) => order.At(i).Start)));
        }
        foreach (var v in vectors.Training)
        {
            var actual = Train(pool, v.Seed, v.Optimizer);
            Require($"the losses of {v.Optimizer}", string.Join(' ', v.Losses), string.Join(' ', actual.Losses));
            Require($"the norms of {v.Optimizer}", string.Join(' ', v.Norms), string.Join(' ', actual.Norms));
            Require($"the weights of {v.Optimizer}", v.Weights, actual.Weights);
        }
    }

    /// <summary>The bits of three steps of a tiny model: losses and norms as doubles, the weights' SHA-256.</summary>
    internal static TrainingVector Train(WorkPool pool, ulong seed, OptimizerKind kind)
    {
        var options = new TrainingOptions(3, 24, 4, 48, seed) { Optimizer = kind, Rate = 1e-2, WarmUp = 1 };
        using var parameters = new Parameters(Model);
        parameters.Initialize(pool, seed);
        using var gradients = new Gradients(parameters);
        using var transformer = new Transformer(parameters, pool, options.BatchTokens);
        using var optimizer = options.Create(parameters);
        List<string> losses = [], norms = [];
        for (int step = 0; step < options.Steps; step++)
        {
            var (tokens, targets) = Batch(seed, step, options.Rows * options.RowTokens);
            gradients.Clear(pool);
            double sum = 0;
            for (int from = 0; from < tokens.Length; from += options.BatchTokens)
                sum += transformer.Step(tokens.AsSpan(from, options.BatchTokens), targets.AsSpan(from, options.BatchTokens), Starts, gradients, tokens.Length).Sum;
            var outcome = optimizer.Step(pool, gradients, sum / tokens.Length, options.RateAt(step));
            losses.Add(Bits(sum / tokens.Length));
            norms.Add(Bits(outcome.Norm));
        }
        return new TrainingVector(seed, kind, losses, norms, Convert.ToHexStringLower(Hash(parameters)));
    }

    /// <summary>The model of <see cref="Train"/>: grouped queries, two layers, a feed-forward layer of no whole number of vectors.</summary>
    internal static ModelConfig Model => new(64, 32, 2, 2, 1, 16, 40, 32);

    /// <summary>A batch of <see cref="Train"/> has two documents of a row of its own, and one that begins within the second.</summary>
    internal static int[] Starts => [0, 24, 30];

    /// <summary>Tokens of <see cref="Train"/>: of a step, the bits of stream 2^34 + step modulo the vocabulary; targets are the bits after them.</summary>
    internal static (int[] Tokens, int[] Targets) Batch(ulong seed, int step, int length)
    {
        var random = new CounterRandom(seed, (1UL << 34) + (ulong)step);
        int[] ids = [.. Enumerable.Range(0, length + 1).Select(i => (int)(random.Bits((ulong)i) % (ulong)Model.Vocabulary))];
        return (ids[..^1], ids[1..]);
    }

    private static EngineVectors Vectors()
    {
        using var file = typeof(SelfTest).Assembly.GetManifestResourceStream("engine.json")!;
        return JsonSerializer.Deserialize<EngineVectors>(file, Web)!;
    }

    private static void Require(string what, string expected, string actual)
    {
        if (expected != actual)
            throw new SelfTestException(what, expected, actual);
    }

    private static string Bits(double value) => $"{BitConverter.DoubleToUInt64Bits(value):x16}";

    private static unsafe byte[] Hash(Parameters parameters) => SHA256.HashData(new ReadOnlySpan<byte>(parameters.Pointer, checked((int)parameters.Length * sizeof(float))));

    internal sealed record TrainingVector(ulong Seed, OptimizerKind Optimizer, IReadOnlyList<string> Losses, IReadOnlyList<string> Norms, string Weights);

    private sealed record InitialVector(ulong Seed, ulong Tensor, ulong Element, string Bits, string Weight);

    private sealed record OrderVector(ulong Seed, long Epoch, long Tokens, int RowTokens, IReadOnlyList<long> Starts);

    private sealed record EngineVectors(IReadOnlyList<InitialVector> Initial, IReadOnlyList<OrderVector> Order, IReadOnlyList<TrainingVector> Training);
}
