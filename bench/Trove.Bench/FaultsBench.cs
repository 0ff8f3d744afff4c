using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Trove.Bench;

/// <summary>
/// What './test' does a small part of: every fault point with every process killed, every two of them, and the power failing; and
/// every fuzz target for minutes. It runs the tests of this checkout, as they are built.
/// </summary>
public static partial class FaultsBench
{
    private const int Sets = 22; // FaultDriver.Sets: as many seeds meet every point with every set

    // A story waits more than it works.
    private static readonly int AtOnce = 2 * Environment.ProcessorCount;

    /// <summary>Runs all of it; about two hours on two cores.</summary>
    /// <param name="progress">Told each story and target as it ends.</param>
    /// <param name="ct">Ends it.</param>
    public static async Task<IReadOnlyList<BenchLine>> RunAsync(Action<string> progress, CancellationToken ct)
    {
        var stories = new ConcurrentDictionary<int, (int Points, int Restarts)>();
        int left = 0;
        await Parallel.ForAsync(0, Sets, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (seed, cancel) =>
        {
            var (_, failed) = await TestAsync("Trove.SystemTests", "*KillMatrixTests", ("TROVE_FAULTS_SEEDS", $"{seed}-{seed}"), line =>
            {
                if (Story().Match(line) is { Success: true } m && stories.TryAdd(Number(m, 1), (Number(m, 2), Number(m, 3))))
                    progress(m.Value);
                else if (line.Contains("failed ", StringComparison.Ordinal) || line.Contains("Exception", StringComparison.Ordinal))
                    progress($"seed {seed}: {line.Trim()}");
            }, cancel);
            Interlocked.Add(ref left, failed);
        });
        var (passed, failed) = await TestAsync("Trove.Tests", "*Fuzz*", ("TROVE_FUZZ", "20"), line => progress(line.TrimEnd()), ct);
        return
        [
            Line("kill matrix, stories completed", Sets - left, "", Sets),
            Line("kill matrix, points killed at", stories.Values.Sum(s => s.Points), "", null),
            Line("kill matrix, processes started again", stories.Values.Sum(s => s.Restarts), "", null),
            Line("fuzz targets and planted bugs, passed", passed, "", passed + failed),
        ];
    }

    private static BenchLine Line(string what, double ours, string unit, double? goal) => new("faults", what, ours, unit, null, "no peer", null, goal, goal is null ? null : ours >= goal);

    private static int Number(Match m, int group) => int.Parse(m.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    private static async Task<(int Passed, int Failed)> TestAsync(string suite, string @class, (string Name, string Value) variable, Action<string> line, CancellationToken ct)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Trove.slnx")))
            folder = folder.Parent;
        var program = Path.Combine(folder?.FullName ?? "", "tests", suite, "bin", "Release", "net10.0", suite + ".dll");
        if (!File.Exists(program))
            throw new FileNotFoundException($"{suite} is not built; run ./test once in a checkout of the repository", program);
        var start = new ProcessStartInfo("dotnet", ["exec", program, "--filter-class", @class, "--no-progress", "--output", "Detailed", "--show-live-output", "on"])
        {
            RedirectStandardOutput = true, Environment = { [variable.Name] = variable.Value },
        };
        using var tests = Process.Start(start)!;
        await using var end = ct.Register(() => tests.Kill(entireProcessTree: true));
        int passed = 0, failed = 0;
        while (await tests.StandardOutput.ReadLineAsync(ct) is { } text)
        {
            line(text);
            if (Count().Match(text) is { Success: true } m)
                (passed, failed) = m.Groups[1].Value == "failed" ? (passed, Number(m, 2)) : (Number(m, 2), failed);
        }
        await tests.WaitForExitAsync(ct);
        return (passed, failed);
    }

    [GeneratedRegex(@"seed (\d+): killed at (\d+) points, (\d+) restarts.*")]
    private static partial Regex Story();

    [GeneratedRegex(@"^ *(failed|succeeded): (\d+)$")]
    private static partial Regex Count();
}
