using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Exchange;

namespace Trove.Bench.Engine;

/// <summary>
/// Writing text against llama.cpp: models of random weights, 30M and 125M, from the same GGUF file on both sides. Each pair is ours, then the peer's, each in its own process; two threads.
/// </summary>
public static class GenerationBench
{
    /// <summary>The argument that makes the program a worker of this bench; five more follow.</summary>
    public const string WorkerArgument = "bench-generation-worker";

    private const int Threads = 2, Prompt = 512, Streams = 16;

    private static readonly (string What, string Size, GgufType Type, int Streams, int Prompt, int Tokens, bool Reading, double Goal)[] Measures =
    [
        ("decode, one stream", "30M", GgufType.F32, 1, 16, 64, false, 1.0), ("decode, one stream", "30M", GgufType.Q8_0, 1, 16, 64, false, 1.3),
        ("decode, one stream", "125M", GgufType.F32, 1, 16, 24, false, 1.0), ("decode, one stream", "125M", GgufType.Q8_0, 1, 16, 24, false, 1.1),
        ("prompt of 512", "30M", GgufType.F32, 1, Prompt, 0, true, 2.0), ("prompt of 512", "30M", GgufType.Q8_0, 1, Prompt, 0, true, 1.0),
        ("decode, 16 streams", "30M", GgufType.F32, Streams, 4, 24, false, 2.0), ("decode, 16 streams", "30M", GgufType.Q8_0, Streams, 4, 24, false, 1.2),
    ];

    /// <summary>True if the program was started as a worker, which then has run until its input ended. For the first lines of a Main.</summary>
    public static bool RanAsWorker(string[] arguments)
    {
        if (arguments is not [WorkerArgument, var side, var path, var threads, var context, var streams])
            return false;
        GenerationWorker.Serve(side, path, Number(threads), Number(context), Number(streams));
        return true;
    }

    /// <summary>Runs all measures.</summary>
    /// <param name="pairs">Measured pairs, after one that only warms up.</param>
    public static IEnumerable<BenchLine> Run(int pairs = 5)
    {
        var folder = Directory.CreateTempSubdirectory("trove-generation-bench-").FullName;
        try
        {
            foreach (var size in Measures.GroupBy(m => m.Size))
            {
                using (var pool = new WorkPool(Threads))
                using (var parameters = new Parameters(ModelConfig.Named(size.Key)))
                {
                    parameters.Initialize(pool, 1);
                    foreach (var type in size.Select(m => m.Type).Distinct())
                        GgufModel.Save(File(folder, size.Key, type), parameters, null, Write, type);
                }
                foreach (var (what, name, type, streams, prompt, tokens, reading, goal) in size)
                    yield return Measure($"{what}, {name} {type}", File(folder, name, type), type == GgufType.Q8_0, streams, prompt, tokens, reading, goal, pairs);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static BenchLine Measure(string what, string path, bool quantize, int streams, int prompt, int tokens, bool reading, double goal, int pairs)
    {
        int context = prompt + tokens + 8;
        using var ours = new Worker(quantize ? "ours-int8" : "ours", path, context, streams);
        using var peer = GenerationPeer.Folder is null ? null : new Worker("peer", path, context, streams);
        List<double> mine = [], theirs = [];
        for (int i = 0; i <= pairs; i++)
        {
            double rate = ours.Speed(streams, prompt, tokens, reading), other = peer?.Speed(streams, prompt, tokens, reading) ?? 0;
            if (i == 0)
                continue; // warm-up
            mine.Add(rate);
            theirs.Add(other);
        }
        if (peer is null)
            return new BenchLine("generate", what, Median(mine), "tokens/s", null, "llama.cpp: not installed", null, goal, null);
        double ratio = Median(mine.Zip(theirs, (a, b) => a / b));
        return new BenchLine("generate", what, Median(mine), "tokens/s", Median(theirs), peer.Name, ratio, goal, ratio >= goal);
    }

    private static string File(string folder, string size, GgufType type) => Path.Combine(folder, $"{size}-{type}.gguf");

    private static void Write(string path, Action<Stream> write)
    {
        using var file = new BufferedStream(System.IO.File.Create(path), 1 << 20);
        write(file);
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>This program once more, as one side.</summary>
    private sealed class Worker : IDisposable
    {
        private readonly Process _process;

        public Worker(string side, string path, int context, int streams)
        {
            string program = Environment.ProcessPath!;
            string[] arguments = [WorkerArgument, side, path, $"{Threads}", $"{context}", $"{streams}"];
            if (Path.GetFileNameWithoutExtension(program) == "dotnet")
                arguments = [Environment.GetCommandLineArgs()[0], .. arguments];
            _process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true }) ?? throw new Win32Exception($"{program} did not start");
            Name = Answer(side);
        }

        /// <summary>What it says it is.</summary>
        public string Name { get; }

        public double Speed(int streams, int prompt, int tokens, bool reading)
        {
            _process.StandardInput.WriteLine($"speed {streams} {prompt} {tokens}");
            return double.Parse(Answer("speed").Split(' ')[reading ? 0 : 1], CultureInfo.InvariantCulture);
        }

        public void Dispose()
        {
            _process.StandardInput.Close();
            if (!_process.WaitForExit(10_000))
                _process.Kill();
            _process.Dispose();
        }

        private string Answer(string request) => _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"the worker ended over \"{request}\"");
    }
}
