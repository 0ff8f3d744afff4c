using System.Diagnostics;
using System.Text;

namespace Trove.Tests.Fuzz;

/// <summary>What a run came to.</summary>
/// <param name="Executions">Inputs run.</param>
/// <param name="Corpus">Inputs that showed something new.</param>
/// <param name="Accepted">Inputs that were not refused by an exception.</param>
/// <param name="PerSecond">Executions a second.</param>
/// <param name="Failure">The first failure, minimised; null when there was none.</param>
internal sealed record FuzzResult(long Executions, int Corpus, long Accepted, double PerSecond, FuzzFailure? Failure);

/// <summary>An input that a target may not answer so.</summary>
/// <param name="Input">The smallest found.</param>
/// <param name="What">What happened.</param>
internal sealed record FuzzFailure(byte[] Input, Exception What)
{
    public override string ToString() => $"{What.GetType().Name} by {Input.Length} bytes, base64 {Convert.ToBase64String(Input)}\n{Encoding.Latin1.GetString(Input)}\n{What}";
}

/// <summary>
/// Runs a target on changed inputs; the same seed gives the same inputs. What shows something new (<see cref="Shape"/>) is changed
/// further. Each input is bounded in what it allocates; one that takes long is reported by a watchdog, which ends nothing.
/// </summary>
internal sealed class Fuzzer(FuzzTarget target, int seed, Action<string>? report = null)
{
    private const int MaxCorpus = 2048;
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(20);

    private readonly Random _random = new(seed);
    private readonly List<byte[]> _taken = [.. target.Seeds], _refused = [];
    private readonly HashSet<int> _seen = [];
    private long _accepted;
    private volatile byte[]? _running;

    /// <summary>Runs until a number of executions, a time, or the first failure.</summary>
    /// <param name="planted">With the target's planted bug in place.</param>
    public FuzzResult Run(long executions, TimeSpan? time = null, bool planted = false)
    {
        long start = Stopwatch.GetTimestamp(), count = 0;
        var mutator = new Mutator(target, _random);
        byte[]? last = null;
        using var watchdog = new Timer(_ =>
        {
            var now = _running;
            if (now is not null && ReferenceEquals(now, last))
                report?.Invoke($"{target.Name}: one input runs for more than {Slow.TotalSeconds} s: {Convert.ToBase64String(now)}");
            last = now;
        }, null, Slow, Slow);
        for (int warm = 0; warm < 2; warm++) // caches fill once; that is no input's fault
            foreach (var input in target.Seeds)
                if (Try(input, planted, bounded: false) is { } bad)
                    return Result(bad);
        while (count < executions && (time is null || Stopwatch.GetElapsedTime(start) < time))
        {
            count++;
            var from = _refused.Count > 0 && _random.Next(5) == 0 ? _refused : _taken; // mostly from what was taken: refusals are many and alike
            var input = mutator.Mutate(from[_random.Next(_random.Next(3) == 0 ? Math.Max(0, from.Count - 32) : 0, from.Count)], _taken);
            if (Try(input, planted, bounded: true) is { } bad)
                return Result(bad with { Input = Minimise(input, bad.What, planted) });
        }
        return Result(null);

        FuzzResult Result(FuzzFailure? failure) => new(count, _taken.Count + _refused.Count, _accepted, count / Math.Max(1e-9, Stopwatch.GetElapsedTime(start).TotalSeconds), failure);
    }

    private FuzzFailure? Try(byte[] input, bool planted, bool bounded)
    {
        _running = input;
        long before = GC.GetAllocatedBytesForCurrentThread();
        object? observation;
        try
        {
            observation = target.Run(input);
            _accepted++;
        }
        catch (Exception e) when (target.Refuses(e))
        {
            observation = e;
        }
        catch (Exception e)
        {
            return new FuzzFailure(input, e);
        }
        finally
        {
            _running = null;
        }
        long used = GC.GetAllocatedBytesForCurrentThread() - before, most = target.Memory + target.MemoryPerByte * input.Length;
        if (bounded && used > most)
            return new FuzzFailure(input, new FuzzCheckException($"{input.Length} bytes of input allocated {used} bytes, more than {most}"));
        if (planted && observation is not null && target.Bug(observation))
            return new FuzzFailure(input, new PlantedBugException());
        if (_seen.Add(Shape.Of(observation)))
        {
            var corpus = observation is null or Exception ? _refused : _taken;
            if (corpus.Count < MaxCorpus)
                corpus.Add(input);
            else
                corpus[_random.Next(target.Seeds.Count, MaxCorpus)] = input;
        }
        (observation as IDisposable)?.Dispose();
        return null;
    }

    // Takes away pieces, large ones first, as long as the same kind of failure stays.
    private byte[] Minimise(byte[] input, Exception what, bool planted)
    {
        int tries = 4000;
        for (int size = Math.Max(1, input.Length / 2); size > 0; size /= 2)
            for (int at = 0; at < input.Length && tries > 0;)
            {
                byte[] less = [.. input.AsSpan(0, at), .. input.AsSpan(Math.Min(input.Length, at + size))];
                tries--;
                if (Try(less, planted, bounded: true) is { } bad && bad.What.GetType() == what.GetType())
                    input = less;
                else
                    at += size;
            }
        return input;
    }
}
