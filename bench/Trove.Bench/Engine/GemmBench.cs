using System.ComponentModel;
using System.Diagnostics;

namespace Trove.Bench.Engine;

/// <summary>Products of matrices against OpenBLAS, each in its own process; with 512-bit vectors where there are any, and with 256-bit ones.</summary>
public static class GemmBench
{
    /// <summary>The argument that makes the program a worker of this bench; two more follow: which, and how many threads.</summary>
    public const string WorkerArgument = "bench-gemm-worker";

    private const double Goal = 1.0, Goal256 = 0.9;

    /// <summary>Runs every shape and kind; each pair is ours, then the peer's.</summary>
    /// <param name="pairs">Measured pairs of each shape.</param>
    /// <param name="threads">Threads of either side; default: as many as cores.</param>
    public static IEnumerable<BenchLine> Run(int pairs = 3, int? threads = null)
    {
        int count = threads ?? Environment.ProcessorCount;
        foreach (var line in Compare("gemm", Goal, count, pairs, [], []))
            yield return line;
        foreach (var line in Compare("gemm 256-bit", Goal256, count, pairs, [("DOTNET_EnableAVX512", "0")], [("OPENBLAS_CORETYPE", "Haswell")]))
            yield return line;
    }

    /// <summary>True if the program was started as a worker, which then has run until its input ended. For the first line of a Main.</summary>
    public static bool RanAsWorker(string[] arguments)
    {
        if (arguments is not [WorkerArgument, var side, var threads])
            return false;
        GemmWorker.Serve(side, int.Parse(threads));
        return true;
    }

    private static IEnumerable<BenchLine> Compare(string bench, double goal, int threads, int pairs, (string, string)[] ourEnvironment, (string, string)[] peerEnvironment)
    {
        using var peak = new Worker("peak", threads, ourEnvironment);
        double most = Enumerable.Range(0, 5).Max(_ => peak.Rate(""));
        yield return new BenchLine(bench, $"FMA peak, {threads} threads, {peak.Name}-bit vectors, registers only", most, "GFLOP/s", null, "no peer", null, null, null);

        using var ours = new Worker("ours", threads, ourEnvironment);
        if (ourEnvironment.Length > 0 && ours.Name != "256")
            throw new InvalidOperationException($"{bench}: the worker has {ours.Name}-bit vectors, though they were switched off");
        using var peer = new Worker("peer", threads, [("OPENBLAS_NUM_THREADS", $"{threads}"), .. peerEnvironment]);
        var ratios = new List<double>();
        var shares = new List<double>();
        foreach (var (name, kind, m, n, k) in GemmShapes.All())
        {
            List<double> mine = [], theirs = [];
            for (int i = 0; i < pairs; i++)
            {
                mine.Add(ours.Rate($"{kind} {m} {n} {k}"));
                if (peer.Name.Length > 0)
                    theirs.Add(peer.Rate($"{kind} {m} {n} {k}"));
            }
            double rate = Median(mine);
            shares.Add(rate / most);
            string what = $"{name} {kind} {m}×{n}×{k}, {rate / most:P0} of peak";
            if (theirs.Count == 0)
            {
                yield return new BenchLine(bench, what, rate, "GFLOP/s", null, "OpenBLAS: not installed", null, goal, null);
                continue;
            }
            double ratio = Median(mine.Zip(theirs, (a, b) => a / b));
            ratios.Add(ratio);
            yield return new BenchLine(bench, what, rate, "GFLOP/s", Median(theirs), peer.Name, ratio, 0.9, ratio >= 0.9);
        }
        double mean = shares.Average();
        if (ratios.Count == 0)
            yield return new BenchLine(bench, "all shapes: mean share of peak", mean * 100, "%", null, "OpenBLAS: not installed", null, goal, null);
        else
        {
            double geometric = Math.Exp(ratios.Average(Math.Log));
            yield return new BenchLine(bench, "all shapes: mean share of peak; ratio: geometric mean", mean * 100, "%", null, peer.Name, geometric, goal, geometric >= goal);
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>This program once more, as one side.</summary>
    private sealed class Worker : IDisposable
    {
        private readonly Process _process;

        public Worker(string side, int threads, (string Name, string Value)[] environment)
        {
            string program = Environment.ProcessPath!;
            string[] arguments = [WorkerArgument, side, $"{threads}"];
            if (Path.GetFileNameWithoutExtension(program) == "dotnet")
                arguments = [Environment.GetCommandLineArgs()[0], .. arguments];
            var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (var (name, value) in environment)
                start.Environment[name] = value;
            _process = Process.Start(start) ?? throw new Win32Exception($"{program} did not start");
            _process.ErrorDataReceived += (_, _) => { };
            _process.BeginErrorReadLine();
            Name = _process.StandardOutput.ReadLine() ?? (side == "peer" ? "" : throw new InvalidOperationException($"the {side} worker ended at once"));
        }

        /// <summary>What it says it is; empty if there is no OpenBLAS.</summary>
        public string Name { get; }

        public double Rate(string request)
        {
            _process.StandardInput.WriteLine(request);
            return double.Parse(_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"the worker ended over \"{request}\""));
        }

        public void Dispose()
        {
            _process.StandardInput.Close();
            if (!_process.WaitForExit(10_000))
                _process.Kill();
            _process.Dispose();
        }
    }
}
