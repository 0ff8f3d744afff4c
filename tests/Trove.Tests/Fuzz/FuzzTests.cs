using System.Globalization;

namespace Trove.Tests.Fuzz;

/// <summary>
/// Every parser under the fuzzer, a little each time with fixed seeds. <c>TROVE_FUZZ=600</c> gives each target so many seconds with a
/// seed of its own instead, and prints how fast it runs; <c>TROVE_FUZZ=600:csv,json-reader</c> those two alone.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int Executions = 1000, PlantedExecutions = 40_000, Walks = 10;

    private static readonly string[]? Asked = Environment.GetEnvironmentVariable("TROVE_FUZZ")?.Split(':', 2);
    private static readonly TimeSpan? Time = Asked is [var seconds, ..] ? TimeSpan.FromSeconds(int.Parse(seconds, CultureInfo.InvariantCulture)) : null;

    public static TheoryData<string> Names => Asked is [_, var names] ? [.. names.Split(',')] : [.. Targets.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Nothing_but_refusals_and_little_memory(string name)
    {
        var target = Targets.All[name];
        int seed = Time is null ? 1 : Environment.TickCount;
        var result = new Fuzzer(target, seed, Console.Error.WriteLine).Run(Time is null ? Math.Max(40, Executions / target.Cost) : long.MaxValue, Time);
        var line = string.Create(CultureInfo.InvariantCulture,
            $"fuzz {name}: seed {seed}, {result.Executions} executions, {result.PerSecond:0} a second, {100.0 * result.Accepted / Math.Max(1, result.Executions):0} % not refused, corpus {result.Corpus}");
        output.WriteLine(line);
        if (Time is not null)
            Console.Error.WriteLine(line);
        Assert.True(result.Failure is null, $"{line}\n{result.Failure}");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_planted_bug_is_found(string name)
    {
        var target = Targets.All[name];
        Assert.All(target.Seeds, seed => Assert.False(Observe(target, seed) is { } seen && target.Bug(seen), "a seed shows the planted bug already"));
        // Seeds that hold fresh keys differ from run to run: what one walk misses, one of the next finds.
        FuzzResult result;
        int walk = 0;
        do
            result = new Fuzzer(target, 7 + walk, Console.Error.WriteLine).Run(Math.Max(1000, PlantedExecutions / target.Cost), planted: true);
        while (result.Failure is null && ++walk < Walks);
        output.WriteLine($"fuzz {name}: the planted bug after {result.Executions} executions, by {result.Failure?.Input.Length} bytes");
        Assert.True(result.Failure?.What is PlantedBugException, $"{name}: {result.Executions} executions, corpus {result.Corpus}, {result.Accepted} not refused: {result.Failure}");
    }

    private static object? Observe(FuzzTarget target, byte[] input)
    {
        try
        {
            return target.Run(input);
        }
        catch (Exception e) when (target.Refuses(e))
        {
            return e;
        }
    }
}
