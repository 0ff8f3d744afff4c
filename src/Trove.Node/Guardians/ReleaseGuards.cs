using Trove.Core;

namespace Trove.Node.Guardians;

/// <summary>How much may be released within an hour and within a day, the repetitions of an answer counted each.</summary>
public sealed record ReleaseLimit(int ReleasesPerHour, int ReleasesPerDay, long PartsPerHour, long PartsPerDay);

/// <summary>A guardian's limits. Generous: each bounds what a stolen runner or a chain that is lied about takes before somebody looks.</summary>
public sealed record GuardianLimits
{
    /// <summary>Of one grant. A use is answered once, or a few times when its runner restarts or wants proofs.</summary>
    public ReleaseLimit Grant { get; init; } = new(60, 600, 1_000_000, 5_000_000);

    /// <summary>Of one asset.</summary>
    public ReleaseLimit Asset { get; init; } = new(600, 5_000, 5_000_000, 20_000_000);

    /// <summary>Refusals in an hour, of everything: a node that makes uses up must not fill the disk.</summary>
    public int RefusalsPerHour { get; init; } = 3_600;
}

/// <summary>
/// Counts what a guardian released, says what is too much, and what is unusual for an asset (specs/custody.md). Made anew from the
/// log at each start. Pure: time comes in. What lies further away than a window, before or behind, is not in it, so that a clock that
/// jumped once does not close the guardian for good.
/// </summary>
public sealed class ReleaseGuards(GuardianLimits limits)
{
    /// <summary>How many releases of an asset it takes until something can be unusual.</summary>
    public const int MinHistory = 8;

    /// <summary>How many of an asset's releases the median is of.</summary>
    public const int History = 32;

    /// <summary>How many times the median is unusual.</summary>
    public const int Factor = 4;

    /// <summary>Entries of the log that are read at a start, beyond those of the last day.</summary>
    public const int Replayed = 10_000;

    /// <summary>Ceremonies that are joined in an hour: strangers can have them begun at will.</summary>
    public const int MaxJoins = 600;

    private const int MaxReleases = 100_000; // in a day, of everything: what counting costs
    private const int MaxAssets = 10_000;
    private const long Hour = 3_600_000;
    private const long Day = 24 * Hour;

    private readonly List<(long At, Address Asset, Hash32 Request, int Parts)> _releases = [];
    private readonly Dictionary<Address, Queue<long>> _volumes = [];
    private readonly Dictionary<string, long> _alarms = new(StringComparer.Ordinal);
    private readonly Queue<long> _refusals = [];
    private readonly Queue<long> _joins = []; // of another thread than all above

    /// <summary>Counts what a log has, newest entry first.</summary>
    public void Replay(IEnumerable<GuardianLogEntry> newest, long now)
    {
        var entries = new List<GuardianLogEntry>();
        foreach (var entry in newest)
        {
            if ((entries.Count >= Replayed && Math.Abs(now - entry.At) >= Day) || entries.Count == 10 * MaxReleases)
                break;
            entries.Add(entry);
        }
        for (int i = entries.Count - 1; i >= 0; i--)
            Count(entries[i]);
    }

    /// <summary>Counts an entry of the log.</summary>
    public void Count(GuardianLogEntry entry)
    {
        if (entry is { Outcome: GuardianLogEntry.Released, Asset: { } asset, Request: { } request, Parts: { } parts })
        {
            if (!_volumes.TryGetValue(asset, out var volumes))
            {
                if (_volumes.Count == MaxAssets)
                    _volumes.Remove(_volumes.Keys.First());
                _volumes[asset] = volumes = new Queue<long>(History);
            }
            if (volumes.Count == History)
                volumes.Dequeue();
            volumes.Enqueue(Volume(asset, parts, entry.At));
            Forget(entry.At);
            _releases.Add((entry.At, asset, request, parts));
        }
        else if (entry.Outcome == GuardianLogEntry.Refused)
        {
            if (_refusals.Count == limits.RefusalsPerHour)
                _refusals.Dequeue();
            _refusals.Enqueue(entry.At);
        }
        else if (entry.Outcome == GuardianLogEntry.Joined)
        {
            if (_joins.Count == MaxJoins)
                _joins.Dequeue();
            _joins.Enqueue(entry.At);
        }
        else if (entry is { Outcome: GuardianLogEntry.Alarm, Code: { } code })
        {
            if (_alarms.Count == MaxAssets)
                _alarms.Remove(_alarms.Keys.First());
            _alarms[AlarmKey(code, entry.Asset)] = entry.At;
        }
    }

    /// <summary>Why a release would be too much; null when it is not.</summary>
    public string? TooMuch(Address asset, Hash32 request, int parts, long now)
    {
        // Looking forgets nothing: a clock that was ahead for a moment must not make room.
        if (_releases.Count(r => IsOfDay(r.At, now)) >= MaxReleases)
            return $"this guardian has released {MaxReleases} times within a day";
        return Above(limits.Grant, "grant", _releases.Where(r => r.Request == request && r.Asset == asset), parts, now)
            ?? Above(limits.Asset, "asset", _releases.Where(r => r.Asset == asset), parts, now);
    }

    /// <summary>
    /// Why the parts that an asset releases within an hour would be unusual with these; null when they are not. So they are when they
    /// are more than four times the median of what the hours up to each of its last releases had.
    /// </summary>
    public string? Unusual(Address asset, int parts, long now)
    {
        if (!_volumes.TryGetValue(asset, out var volumes) || volumes.Count < MinHistory)
            return null;
        long median = volumes.Order().ElementAt(volumes.Count / 2);
        long volume = Volume(asset, parts, now);
        return volume > Factor * median ? $"{volume} parts within an hour; the median at its last {volumes.Count} releases is {median}" : null;
    }

    /// <summary>May a refusal be written, or are there as many within this hour as there may be?</summary>
    public bool MayRefuse(long now) => _refusals.Count < limits.RefusalsPerHour || Math.Abs(now - _refusals.Peek()) >= Hour;

    /// <summary>May another ceremony be joined, or were there as many within this hour as there may be?</summary>
    public bool MayJoin(long now) => _joins.Count < MaxJoins || Math.Abs(now - _joins.Peek()) >= Hour;

    /// <summary>Is an alarm due, or was there one of the kind, for the asset, within this hour?</summary>
    public bool MayAlarm(string code, Address? asset, long now) => !_alarms.TryGetValue(AlarmKey(code, asset), out long at) || Math.Abs(now - at) >= Hour;

    private static string AlarmKey(string code, Address? asset) => $"{code} {asset}";

    private static string? Above(ReleaseLimit limit, string what, IEnumerable<(long At, Address Asset, Hash32 Request, int Parts)> releases, int parts, long now)
    {
        var (count, sum, countOfHour, sumOfHour) = (1, (long)parts, 1, (long)parts);
        foreach (var release in releases.Where(r => IsOfDay(r.At, now)))
        {
            count++;
            sum += release.Parts;
            if (Math.Abs(now - release.At) >= Hour)
                continue;
            countOfHour++;
            sumOfHour += release.Parts;
        }
        return countOfHour > limit.ReleasesPerHour ? $"more than {limit.ReleasesPerHour} releases of the {what} within an hour"
            : count > limit.ReleasesPerDay ? $"more than {limit.ReleasesPerDay} releases of the {what} within a day"
            : sumOfHour > limit.PartsPerHour ? $"more than {limit.PartsPerHour} parts of the {what} within an hour"
            : sum > limit.PartsPerDay ? $"more than {limit.PartsPerDay} parts of the {what} within a day"
            : null;
    }

    private long Volume(Address asset, int parts, long now) => parts + _releases.Where(r => r.Asset == asset && Math.Abs(now - r.At) < Hour).Sum(r => (long)r.Parts);

    private void Forget(long now) => _releases.RemoveAll(r => !IsOfDay(r.At, now));

    private static bool IsOfDay(long at, long now) => Math.Abs(now - at) < Day;
}
