using System.Security.Cryptography;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Kernels;
using Trove.Models.Optimizers;

namespace Trove.Tests.Models;

/// <summary>Small models and batches for tests, of random weights that are far from their initial values.</summary>
internal static unsafe class TinyModel
{
    public static readonly ModelConfig Config = new(50, 48, 2, 4, 2, 16, 72, 256) { AttentionBiases = true };

    public static Parameters Parameters(ModelConfig config, WorkPool pool, ulong seed = 1)
    {
        var parameters = new Parameters(config);
        parameters.Initialize(pool, seed);
        foreach (var tensor in parameters.Tensors.Where(t => t.Role is TensorRole.Norm or TensorRole.Bias or TensorRole.Embedding))
        {
            var random = new CounterRandom(seed, 1000 + (ulong)tensor.Index);
            var values = parameters.Values(tensor);
            for (int i = 0; i < values.Length; i++)
                values[i] = (tensor.Role == TensorRole.Norm ? 1 : 0) + (float)(0.2 * random.Normal((ulong)i));
        }
        return parameters;
    }

    /// <summary>Random tokens in documents of these lengths; each predicts the next of its document, and every ninth is left out.</summary>
    public static (int[] Tokens, int[] Targets, int[] Starts) Batch(int vocabulary, int[] lengths, ulong seed = 1)
    {
        var random = new CounterRandom(seed, 2000);
        int[] tokens = [.. Enumerable.Range(0, lengths.Sum()).Select(i => (int)(random.Bits((ulong)i) % (ulong)vocabulary))];
        int[] starts = [.. lengths.Select((_, i) => lengths.Take(i).Sum())];
        int[] targets = [.. tokens.Select((_, i) => i % 9 == 8 || i + 1 == tokens.Length || starts.Contains(i + 1) ? Transformer.Ignore : tokens[i + 1])];
        return (tokens, targets, starts);
    }

    /// <summary>A hash of everything a short training run with both optimisers computes.</summary>
    public static string TrainingBits(ModelConfig config, int[] lengths, int threads, int steps = 3, uint disorder = 0)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var pool = new WorkPool(threads) { Disorder = disorder };
        foreach (bool muon in new[] { false, true })
        {
            using var parameters = Parameters(config, pool);
            using var gradients = new Gradients(parameters);
            using var transformer = new Transformer(parameters, pool, lengths.Sum());
            using IOptimizer optimizer = muon ? new Muon(parameters, new MuonOptions(0.02, 0.95, 0.01, new AdamWOptions())) : new AdamW(parameters, new AdamWOptions(Rate: 1e-2));
            for (int step = 0; step < steps; step++)
            {
                var (tokens, targets, starts) = Batch(config.Vocabulary, lengths, (ulong)step + 1);
                gradients.Clear(pool);
                Gather(pool, threads);
                var loss = transformer.Step(tokens, targets, starts, gradients);
                var outcome = optimizer.Step(pool, gradients, loss.Mean, Schedule.Cosine(step, 2, steps));
                hash.AppendData(BitConverter.GetBytes(loss.Sum));
                hash.AppendData(BitConverter.GetBytes(outcome.Norm));
                hash.AppendData(new ReadOnlySpan<byte>(gradients.Pointer, checked((int)gradients.Length * 4)));
                hash.AppendData(new ReadOnlySpan<byte>(parameters.Pointer, checked((int)parameters.Length * 4)));
            }
        }
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    // Wakes all threads at once, so that they do take part in what follows: each tile waits for all others.
    private static void Gather(WorkPool pool, int threads)
    {
        int arrived = 0;
        var job = new GatherJob { Threads = threads, Arrived = &arrived };
        pool.Run(ref job, threads);
    }

    private struct GatherJob : ITileJob
    {
        public int Threads;
        public int* Arrived;

        public readonly void Run(int tile)
        {
            Interlocked.Increment(ref *Arrived);
            while (Volatile.Read(ref *Arrived) < Threads)
                Thread.Yield();
        }
    }
}
