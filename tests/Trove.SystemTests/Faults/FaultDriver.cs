using System.Globalization;
using Trove.Chain.Durability;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Faults;

/// <summary>
/// Kills at fault points: each armed point stops the first process that reaches it, its victims are killed -9, and who was not
/// among them goes on.
/// </summary>
internal sealed class FaultDriver : IAsyncDisposable
{
    private readonly House _house;
    private readonly Dictionary<string, Victim[]> _plan;
    private readonly Random _chance;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _driving;

    private FaultDriver(House house, Dictionary<string, Victim[]> plan, int seed)
    {
        (_house, _plan, _chance) = (house, plan, new Random(seed));
        foreach (var point in plan.Keys)
            File.WriteAllText(Path.Combine(house.Faults, point), "");
        _driving = DriveAsync();
    }

    /// <summary>Every victim alone, every two of them, and the whole machine.</summary>
    public static IReadOnlyList<Victim[]> Sets { get; } =
    [
        [Victim.Machine],
        .. new[] { Victim.Node, Victim.Chain, Victim.Database, Victim.Verifier, Victim.Guardian, Victim.Runner } is var one ? one.Select(v => new[] { v }) : [],
        .. one.SelectMany((a, i) => one.Skip(i + 1).Select(b => new[] { a, b })),
    ];

    /// <summary>Where something was killed so far.</summary>
    public List<string> Reached { get; } = [];

    /// <summary>Arms every <paramref name="every"/>-th point, each with the victims that the seed says; as many seeds as there are sets make the whole matrix.</summary>
    public static FaultDriver Arm(House house, int seed, int every) => new(house, FaultPoint.Names
        .Select((name, i) => (name, i)).Where(p => p.i % every == seed % every).ToDictionary(p => p.name, p => Sets[(p.i + seed) % Sets.Count]), seed);

    /// <summary>Armed points that nobody has come to.</summary>
    public IReadOnlyList<string> Left => [.. _plan.Keys.Except(Reached)];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _driving;
    }

    private async Task DriveAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            foreach (var claim in Directory.EnumerateFiles(_house.Faults).ToList())
                if (_plan.Keys.FirstOrDefault(p => Path.GetFileName(claim).StartsWith(p + ".", StringComparison.Ordinal)) is { } point
                    && int.TryParse(Path.GetExtension(claim)[1..], NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
                {
                    while (State(pid) is not ('T' or 'Z' or ' '))
                        await Task.Delay(1);
                    _house.Note($"{point} in {pid}: killing {string.Join(" and ", _plan[point])}");
                    await _house.KillAsync(_plan[point], pid, _chance);
                    House.Continue(pid);
                    File.Delete(claim);
                    Reached.Add(point);
                }
            await Task.WhenAny(Task.Delay(10, _stop.Token));
        }
    }

    private static char State(int pid) => Processes.Read(pid, "stat") is var stat && stat.LastIndexOf(')') is > 0 and var end && end + 2 < stat.Length ? stat[end + 2] : ' ';
}
