using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics;
using System.Text.Json;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Optimizers;

namespace Trove.Bench.Engine;

/// <summary>What either side answers after running steps for a while.</summary>
/// <param name="Seconds">Of the fastest step: interruptions by others only ever make it slower.</param>
/// <param name="Processor">Processor time of the cheapest step, of all threads.</param>
/// <param name="Losses">Of each step run.</param>
/// <param name="Megabytes">Most memory the process ever held (VmHWM), in 10^6 bytes.</param>
internal sealed record TrainingAnswer(double Seconds, double Processor, double[] Losses, double Megabytes);

/// <summary>Our side of the training bench, in a process of its own: full steps of forward, backward, clipping and AdamW.</summary>
internal static class TrainingWorker
{
    public const ulong Seed = 1;

    /// <summary>The line that asks for a profile instead; the answer is milliseconds by stage.</summary>
    public const string Profile = "profile";

    /// <summary>Steps of the profile: each stage's time is that of the step where it was shortest.</summary>
    private const int ProfileSteps = 10;

    private const string Optimizer = "Optimizer", Clear = "Clear";

    /// <summary>Serves until the input ends: says how wide its vectors are, then answers each line of seconds.</summary>
    public static void Serve(string size, int threads)
    {
        var shape = TrainingSize.All.Single(s => s.Name == size);
        using var pool = new WorkPool(threads);
        using var parameters = new Parameters(shape.Config);
        parameters.Initialize(pool, Seed);
        using var gradients = new Gradients(parameters);
        using var transformer = new Transformer(parameters, pool, shape.Tokens);
        using var adam = new AdamW(parameters, new AdamWOptions());
        var (tokens, targets, starts) = shape.Batch();

        Console.WriteLine(Vector512.IsHardwareAccelerated ? "512" : "256");
        while (Console.ReadLine() is { } line)
            Console.WriteLine(line == Profile ? JsonSerializer.Serialize(Stages()) : JsonSerializer.Serialize(Steps(double.Parse(line, CultureInfo.InvariantCulture))));

        TrainingAnswer Steps(double seconds)
        {
            double wall = double.MaxValue, processor = double.MaxValue;
            var losses = new List<double>();
            var all = Stopwatch.StartNew();
            do
            {
                var busy = Environment.CpuUsage.TotalTime;
                long start = Stopwatch.GetTimestamp();
                gradients.Clear(pool);
                var loss = transformer.Step(tokens, targets, starts, gradients);
                adam.Step(pool, gradients, loss.Mean, rate: 1);
                wall = Math.Min(wall, Stopwatch.GetElapsedTime(start).TotalSeconds);
                processor = Math.Min(processor, (Environment.CpuUsage.TotalTime - busy).TotalSeconds);
                losses.Add(loss.Mean);
            }
            while (all.Elapsed.TotalSeconds < seconds);
            return new TrainingAnswer(wall, processor, [.. losses], PeakMegabytes());
        }

        Dictionary<string, double> Stages()
        {
            var least = new Dictionary<string, double>();
            transformer.Profile.Enabled = true;
            for (int step = 0; step < ProfileSteps; step++)
            {
                transformer.Profile.Reset();
                long start = Stopwatch.GetTimestamp();
                gradients.Clear(pool);
                Keep(Clear, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                var loss = transformer.Step(tokens, targets, starts, gradients);
                start = Stopwatch.GetTimestamp();
                adam.Step(pool, gradients, loss.Mean, rate: 1);
                Keep(Optimizer, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                foreach (var stage in Enum.GetValues<Stage>())
                    Keep(stage.ToString(), transformer.Profile.Milliseconds(stage));
            }
            transformer.Profile.Enabled = false;
            return least;

            void Keep(string stage, double milliseconds) => least[stage] = Math.Min(least.GetValueOrDefault(stage, double.MaxValue), milliseconds);
        }
    }

    private static double PeakMegabytes()
    {
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) * 1024 / 1e6;
    }
}
