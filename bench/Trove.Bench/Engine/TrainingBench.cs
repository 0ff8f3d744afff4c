using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Optimizers;

namespace Trove.Bench.Engine;

/// <summary>
/// Full training steps against eager PyTorch with OpenBLAS, from the same weights on the same batch, each in its own process: their
/// losses must agree. By the clock with all threads, and by processor time with one thread each, which other load disturbs little.
/// </summary>
public static class TrainingBench
{
    /// <summary>The argument that makes the program a worker of this bench; two more follow: the model, and how many threads.</summary>
    public const string WorkerArgument = "bench-training-worker";

    private const string Bench = "training";
    private static readonly string[] Cubes = ["NT 512 512 512", "NT 1024 1024 1024"]; // what a product reaches at best
    private const double NarrowGoal = 0.75, MemoryGoal = 2.5, LeastOfProcessors = 0.9;

    /// <summary>True if the program was started as a worker, which then has run until its input ended. For the first line of a Main.</summary>
    public static bool RanAsWorker(string[] arguments)
    {
        if (arguments is not [WorkerArgument, var size, var threads])
            return false;
        TrainingWorker.Serve(size, int.Parse(threads, CultureInfo.InvariantCulture));
        return true;
    }

    /// <summary>Runs every size; each pair is ours, ours with 256-bit vectors, then the peer's.</summary>
    /// <param name="pairs">Measured pairs, after one that only warms up.</param>
    /// <param name="seconds">Of steps in each measurement, the fastest of which counts.</param>
    /// <param name="threads">Threads of either side; default: as many as cores.</param>
    /// <param name="only">One size's name; default: all.</param>
    public static IEnumerable<BenchLine> Run(int pairs = 3, double seconds = 4, int? threads = null, string? only = null)
    {
        int count = threads ?? Environment.ProcessorCount;
        foreach (var size in TrainingSize.All.Where(s => only is null || s.Name == only))
        {
            var folder = Directory.CreateTempSubdirectory("trove-training-bench-").FullName;
            try
            {
                Write(size, folder);
                foreach (var line in Compare(size, folder, count, pairs, seconds, byClock: true))
                    yield return line;
                foreach (var line in Compare(size, folder, 1, pairs, seconds, byClock: false))
                    yield return line;
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static IEnumerable<BenchLine> Compare(TrainingSize size, string folder, int threads, int pairs, double seconds, bool byClock)
    {
        string[] arguments = [WorkerArgument, size.Name, $"{threads}"];
        (string, string) narrowVectors = ("DOTNET_EnableAVX512", "0");
        double registers = Best("peak", [""]), peak = Best("ours", Cubes), narrowPeak = Best("ours", Cubes, narrowVectors);

        using var ours = TrainingProcess.Self(arguments);
        using var narrow = TrainingProcess.Self(arguments, narrowVectors);
        if (narrow.Name != "256")
            throw new InvalidOperationException($"{Bench}: the worker has {narrow.Name}-bit vectors, though they were switched off");
        using var peer = Script() is { } script ? TrainingProcess.Python([script, folder, $"{threads}"], ("OMP_NUM_THREADS", $"{threads}"), ("OPENBLAS_NUM_THREADS", $"{threads}")) : null;
        string peerName = peer is null ? "PyTorch: not installed" : $"{peer.Name}, eager";
        var asked = seconds.ToString(CultureInfo.InvariantCulture);
        List<TrainingAnswer> mine = [], narrows = [], theirs = [];
        for (int i = 0; i <= pairs; i++)
        {
            var answers = (ours.Ask<TrainingAnswer>(asked), narrow.Ask<TrainingAnswer>(asked), peer?.Ask<TrainingAnswer>(asked));
            if (i == 0)
            {
                if (answers.Item3 is { } other)
                    Agree(size, answers.Item1.Losses, other.Losses);
                continue; // warm-up
            }
            mine.Add(answers.Item1);
            narrows.Add(answers.Item2);
            if (answers.Item3 is { } answer)
                theirs.Add(answer);
        }

        double Rate(TrainingAnswer a) => size.Tokens / (byClock ? a.Seconds : a.Processor);
        double rate = Median(mine.Select(Rate)), share = rate / size.Tokens * size.StepFlops / peak, narrowShare = Median(narrows.Select(Rate)) / size.Tokens * size.StepFlops / narrowPeak;
        // Our threads spin while they wait: what they did not get of the processors, others had, and a clock says nothing about us.
        double got = Median(mine.Select(a => a.Processor / (a.Seconds * threads)));
        bool disturbed = byClock && got < LeastOfProcessors;
        string what = $"{size.Name}, {size.Rows}×{size.Length} tokens, {(byClock ? $"{threads} threads" : "1 thread by processor time")}{(disturbed ? $", DISTURBED: {got:P0} of the processors" : "")}";
        yield return Judged(Line(what, "tok/s", mine, theirs, Rate, peerName, size.Goal));
        yield return Judged(new BenchLine(Bench, $"{what}: share of GEMM peak, 6N + attention", share * 100, "%", 100, string.Create(CultureInfo.InvariantCulture, $"products of 512 and 1,024 cubed, {peak / 1e9:0.0} GFLOP/s"), share, size.PeakGoal, share >= size.PeakGoal));
        yield return new BenchLine(Bench, $"{what}: share of FMA peak", share * peak / registers * 100, "%", 100, string.Create(CultureInfo.InvariantCulture, $"registers only, {registers / 1e9:0.0} GFLOP/s"), share * peak / registers, null, null);
        yield return Judged(Line(string.Create(CultureInfo.InvariantCulture, $"{what}: 256-bit vectors, {narrowShare:P0} of their peak"), "tok/s", narrows, mine, Rate, $"{ours.Name}-bit vectors", NarrowGoal));
        if (!byClock)
            yield break;
        yield return Line($"{what}: peak memory", "MB", mine, theirs, a => a.Megabytes, peerName, MemoryGoal, inverse: true);
        var profile = ours.Ask<Dictionary<string, double>>(TrainingWorker.Profile);
        double sum = profile.Values.Sum();
        foreach (var (stage, milliseconds) in profile.OrderByDescending(p => p.Value))
            yield return new BenchLine(Bench, string.Create(CultureInfo.InvariantCulture, $"{what}: {stage}, {milliseconds / sum:P1} of a step"), milliseconds, "ms", null, "profile", null, null, null);

        double Best(string side, string[] questions, params (string Name, string Value)[] environment)
        {
            using var worker = TrainingProcess.Self([GemmBench.WorkerArgument, side, $"{threads}"], environment);
            return Enumerable.Range(0, 5).SelectMany(_ => questions).Max(worker.Ask<double>) * 1e9;
        }

        BenchLine Judged(BenchLine line) => disturbed ? line with { Met = null } : line;
    }

    private static BenchLine Line(string what, string unit, List<TrainingAnswer> ours, List<TrainingAnswer> theirs, Func<TrainingAnswer, double> measure, string peerName, double goal, bool inverse = false)
    {
        double mine = Median(ours.Select(measure));
        if (theirs.Count == 0)
            return new BenchLine(Bench, what, mine, unit, null, peerName, null, goal, null);
        double ratio = Median(ours.Zip(theirs, (a, b) => inverse ? measure(b) / measure(a) : measure(a) / measure(b)));
        return new BenchLine(Bench, what, mine, unit, Median(theirs.Select(measure)), peerName, ratio, goal, ratio >= goal);
    }

    // A peer that trains something else is none.
    private static void Agree(TrainingSize size, double[] ours, double[] theirs)
    {
        foreach (var (mine, other) in ours.Zip(theirs).Take(4))
            if (!(Math.Abs(mine - other) < 1e-3))
                throw new InvalidOperationException($"{Bench} {size.Name}: our losses begin with {string.Join(", ", ours.Take(4))}, the peer's with {string.Join(", ", theirs.Take(4))}");
    }

    // What the peer's script reads: the weights tensor after tensor, the batch, and what it is to do.
    private static void Write(TrainingSize size, string folder)
    {
        var (c, options) = (size.Config, new AdamWOptions());
        var task = new
        {
            rows = size.Rows, length = size.Length,
            config = new { vocabulary = c.Vocabulary, width = c.Width, layers = c.Layers, heads = c.Heads, key_value_heads = c.KeyValueHeads, head_width = c.HeadWidth, feed_forward = c.FeedForward, rope_theta = c.RopeTheta, rms_epsilon = c.RmsEpsilon },
            rate = options.Rate, beta1 = options.Beta1, beta2 = options.Beta2, epsilon = options.Epsilon, weight_decay = options.WeightDecay, clip = options.Clip,
        };
        File.WriteAllText(Path.Combine(folder, "task.json"), JsonSerializer.Serialize(task));
        var (tokens, targets, _) = size.Batch();
        File.WriteAllBytes(Path.Combine(folder, "batch.bin"), [.. MemoryMarshal.AsBytes<int>(tokens), .. MemoryMarshal.AsBytes<int>(targets)]);
        using var pool = new WorkPool(1);
        using var parameters = new Parameters(c);
        parameters.Initialize(pool, TrainingWorker.Seed);
        using var weights = File.Create(Path.Combine(folder, "weights.bin"));
        foreach (var tensor in parameters.Tensors)
            weights.Write(MemoryMarshal.AsBytes(parameters.Values(tensor)));
    }

    private static string? Script()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Trove.slnx")))
            folder = folder.Parent;
        return folder is null ? null : Path.Combine(folder.FullName, "bench", "Trove.Bench", "Engine", "peers", "torch", "train.py");
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
