using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Exchange;

namespace Trove.Bench.Engine;

/// <summary>
/// Writing text against llama.cpp: models of random weights, 30M and 125M, from the same GGUF file on both sides. First whether both write the same and find it equally likely,
/// then how fast. Each pair is ours, then the peer's, each in its own process; two threads.
/// </summary>
public static class GenerationBench
{
    /// <summary>The argument that makes the program a worker of this bench; five more follow.</summary>
    public const string WorkerArgument = "bench-generation-worker";

    private const string Bench = "generate", NoPeer = "llama.cpp: not installed";
    private const int Threads = 2, Prompt = 512, Streams = 16;
    private const int Texts = 4, TextPrompt = 32, TextTokens = 100;
    private const float Gain = 8; // of the final norm: tokens of random weights are all nearly as likely, and such logits would agree whatever is wrong
    private const double FloatsApart = 1e-4, BytesApart = 5e-3; // relative, of perplexities

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
            foreach (var line in Agreement(folder))
                yield return line;
            foreach (var size in Measures.GroupBy(m => m.Size))
            {
                Save(folder, size.Key, size.Key, 1, size.Select(m => m.Type).Distinct());
                foreach (var (what, name, type, streams, prompt, tokens, reading, goal) in size)
                    yield return Measure($"{what}, {name} {type}", File(folder, name, type), type == GgufType.Q8_0, streams, prompt, tokens, reading, goal, pairs);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IEnumerable<BenchLine> Agreement(string folder)
    {
        const string Size = "30M", Peaked = Size + "-peaked";
        Save(folder, Size, Peaked, Gain, [GgufType.F32, GgufType.Q8_0]);
        var texts = new List<int[]>();
        using (var ours = new Worker("ours", File(folder, Peaked, GgufType.F32), TextPrompt + TextTokens, 1))
        using (var peer = GenerationPeer.Folder is null ? null : new Worker("peer", File(folder, Peaked, GgufType.F32), TextPrompt + TextTokens, 1))
        {
            int equal = 0;
            for (int text = 0; text < Texts; text++)
            {
                int[] prompt = [.. Enumerable.Range(0, TextPrompt).Select(i => (int)((i + 1) * (text + 1) * 7919L % ModelConfig.Named(Size).Vocabulary))];
                var mine = ours.Greedy(TextTokens, prompt);
                equal += peer is null ? 0 : mine.Zip(peer.Greedy(TextTokens, prompt)).TakeWhile(pair => pair.First == pair.Second).Count();
                texts.Add([.. prompt, .. mine]);
            }
            const int All = Texts * TextTokens;
            yield return new BenchLine(Bench, $"greedy, {Texts} × {TextTokens} tokens until one differs, {Size} F32", equal, "tokens", peer is null ? null : All, peer?.Name ?? NoPeer, peer is null ? null : (double)equal / All, 1, peer is null ? null : equal == All);
            yield return Apart(GgufType.F32, ours, peer, FloatsApart);
        }
        using (var ours = new Worker("ours-int8", File(folder, Peaked, GgufType.Q8_0), TextPrompt + TextTokens, 1))
        using (var peer = GenerationPeer.Folder is null ? null : new Worker("peer", File(folder, Peaked, GgufType.Q8_0), TextPrompt + TextTokens, 1))
            yield return Apart(GgufType.Q8_0, ours, peer, BytesApart);

        BenchLine Apart(GgufType type, Worker ours, Worker? peer, double allowed)
        {
            double mine = Math.Exp(texts.Average(ours.Score));
            if (peer is null)
                return new BenchLine(Bench, $"perplexity, {Size} {type}", mine, "", null, NoPeer, null, 1, null);
            double theirs = Math.Exp(texts.Average(peer.Score)), apart = Math.Abs(mine / theirs - 1);
            return new BenchLine(Bench, string.Create(CultureInfo.InvariantCulture, $"perplexity {mine:0.###} from {peer.Name}'s, {Size} {type}"), apart * 1e6, "ppm", allowed * 1e6, "allowed", allowed / Math.Max(apart, 1e-9), 1, apart <= allowed);
        }
    }

    private static void Save(string folder, string size, string name, float gain, IEnumerable<GgufType> types)
    {
        using var pool = new WorkPool(Threads);
        using var parameters = new Parameters(ModelConfig.Named(size));
        parameters.Initialize(pool, 1);
        parameters.Values(parameters["model.norm.weight"]).Fill(gain);
        foreach (var type in types)
            GgufModel.Save(File(folder, name, type), parameters, null, Write, type);
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
            return new BenchLine(Bench, what, Median(mine), "tokens/s", null, NoPeer, null, goal, null);
        double ratio = Median(mine.Zip(theirs, (a, b) => a / b));
        return new BenchLine(Bench, what, Median(mine), "tokens/s", Median(theirs), peer.Name, ratio, goal, ratio >= goal);
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

        /// <summary>The likeliest tokens after a prompt.</summary>
        public int[] Greedy(int count, int[] prompt)
        {
            _process.StandardInput.WriteLine($"greedy {count} {string.Join(' ', prompt)}");
            return [.. Answer("greedy").Split(' ').Where((_, i) => i % 2 == 0).Select(Number)]; // each with its lead over the second
        }

        /// <summary>The mean loss of a text.</summary>
        public double Score(int[] tokens)
        {
            _process.StandardInput.WriteLine($"score {string.Join(' ', tokens)}");
            return double.Parse(Answer("score"), CultureInfo.InvariantCulture);
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
