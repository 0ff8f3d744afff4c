using System.Diagnostics;
using System.Text.Json;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Training;

namespace Trove.Bench.Engine;

/// <summary>What PyTorch learns from the same text in the same order, against the engine: the losses of a run and of its validation.</summary>
/// <param name="Losses">Of each step.</param>
/// <param name="Validation">At the end.</param>
/// <param name="TokensPerSecond">Of the median step.</param>
public sealed record TrainingCurve(IReadOnlyList<double> Losses, double Validation, double TokensPerSecond);

/// <summary>A training run beside its twin in PyTorch, which makes initial weights, order of data and schedule itself from the seed (tests/interop/torch/train.py).</summary>
public static class TrainingParityBench
{
    private const string Python = "/usr/bin/python3";
    private const int Steps = 1000, RowTokens = 256, Rows = 8, BatchTokens = 2048;
    private const double Goal = 1.0, Equal = 1.01; // of the validations' losses, theirs ÷ ours

    /// <summary>The size 0.8M on a text of bytes, its last tenth for validation.</summary>
    /// <param name="text">The file, such as tinyshakespeare.</param>
    /// <param name="threads">Of either side.</param>
    public static IEnumerable<BenchLine> Run(string text, int? threads = null, int steps = Steps)
    {
        var bytes = File.ReadAllBytes(text);
        int cut = (int)(bytes.Length * 9L / 10);
        using TokenFile data = Tokens(bytes.AsSpan(0, cut)), validation = Tokens(bytes.AsSpan(cut));
        var config = ModelConfig.Named("0.8M") with { Context = RowTokens };
        var options = new TrainingOptions(steps, RowTokens, Rows, BatchTokens, 42) { Rate = 3e-3, WarmUp = Math.Max(1, steps / 20) };
        int count = threads ?? Environment.ProcessorCount;
        var ours = Ours(config, options, data, validation, count);
        var theirs = Theirs(config, options, data, validation, count);
        var muon = Ours(config, options with { Optimizer = OptimizerKind.Muon }, data, validation, count);
        string what = $"0.8M, {steps} steps of {Rows}×{RowTokens}, {count} threads";
        yield return Line($"validation loss of {what}, Muon, as trove train has it", muon.Validation, theirs?.Validation, "nats", theirs?.Validation / muon.Validation, Goal);
        yield return Line($"validation loss of {what}", ours.Validation, theirs?.Validation, "nats", theirs?.Validation / ours.Validation, 1 / Equal);
        yield return Line($"loss of the last tenth of steps, {what}", Last(ours), theirs is null ? null : Last(theirs), "nats", theirs is null ? null : Last(theirs) / Last(ours), 1 / Equal);
        yield return Line($"tokens of {what}", ours.TokensPerSecond, theirs?.TokensPerSecond, "tok/s", ours.TokensPerSecond / theirs?.TokensPerSecond, Goal);

        static double Last(TrainingCurve curve) => curve.Losses.TakeLast(Math.Max(1, curve.Losses.Count / 10)).Average();
        static BenchLine Line(string what, double ours, double? peer, string unit, double? ratio, double goal) =>
            new("training", what, ours, unit, peer, peer is null ? "PyTorch: not installed" : "PyTorch", ratio, goal, ratio is null ? null : ratio >= goal);
    }

    /// <summary>The engine's run.</summary>
    public static TrainingCurve Ours(ModelConfig config, TrainingOptions options, TokenFile data, TokenFile validation, int threads)
    {
        using var pool = new WorkPool(threads);
        using var parameters = new Parameters(config);
        parameters.Initialize(pool, options.Seed);
        using var trainer = new Trainer(parameters, pool, data, validation, options);
        List<double> losses = [], seconds = [];
        while (!trainer.Done)
        {
            long start = Stopwatch.GetTimestamp();
            var step = trainer.Next();
            if (step.Point is not { } point || double.IsNaN(point.Validation)) // a validation is no part of a step
                seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            losses.Add(step.Loss);
        }
        return new TrainingCurve(losses, trainer.Curve[^1].Validation, TokensPerSecond(options, seconds));
    }

    /// <summary>PyTorch's run from the same seed; null where it is not installed.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static TrainingCurve? Theirs(ModelConfig config, TrainingOptions options, TokenFile data, TokenFile validation, int threads)
    {
        if (!File.Exists(Python) || Start("-c", "import torch").Code != 0)
            return null;
        var folder = Directory.CreateTempSubdirectory("trove-parity-");
        try
        {
            var task = new
            {
                config = new { vocabulary = config.Vocabulary, width = config.Width, layers = config.Layers, heads = config.Heads, key_value_heads = config.KeyValueHeads, head_width = config.HeadWidth, rope_theta = config.RopeTheta, rms_epsilon = config.RmsEpsilon },
                tensors = Parameters.Layout(config).Select(t => new { name = t.Name, shape = t.Shape, role = t.Role.ToString(), index = t.Index }),
                seed = options.Seed, steps = options.Steps, row_tokens = options.RowTokens, rows = options.Rows, rate = options.Rate, weight_decay = options.WeightDecay, warm_up = options.WarmUp,
                validation_tokens = options.ValidationTokens, threads,
            };
            File.WriteAllText(Path.Combine(folder.FullName, "task.json"), JsonSerializer.Serialize(task));
            data.CopyTo(Path.Combine(folder.FullName, "training.bin"));
            validation.CopyTo(Path.Combine(folder.FullName, "validation.bin"));
            var (code, output, error) = Start(Path.Combine(Repository(), "tests", "interop", "torch", "train.py"), folder.FullName);
            if (code != 0)
                throw new InvalidOperationException($"PyTorch's run failed: {error}");
            var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement).ToList();
            var steps = lines.Where(l => l.TryGetProperty("loss", out _)).ToList();
            return new TrainingCurve([.. steps.Select(l => l.GetProperty("loss").GetDouble())], lines[^1].GetProperty("validation").GetDouble(), TokensPerSecond(options, [.. steps.Select(l => l.GetProperty("seconds").GetDouble())]));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static double TokensPerSecond(TrainingOptions options, List<double> seconds) => (double)options.Rows * options.RowTokens / seconds.Order().ElementAtOrDefault(seconds.Count / 2);

    private static TokenFile Tokens(ReadOnlySpan<byte> bytes)
    {
        var file = new TokenFile(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()));
        var ids = new int[bytes.Length];
        for (int i = 0; i < ids.Length; i++)
            ids[i] = bytes[i];
        file.Append(ids, begins: true, firstLearnt: false);
        return file;
    }

    private static (int Code, string Output, string Error) Start(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }

    private static string Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Trove.slnx")))
                return folder.FullName;
        throw new InvalidOperationException("this bench runs inside the repository");
    }
}
