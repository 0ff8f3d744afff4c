using Trove.Core;

namespace Trove.Node.Guardians;

/// <summary>What a guardian's folder says of it; no key is needed to look.</summary>
/// <param name="Guardian">By its log.</param>
/// <param name="Shares">Names of what is sealed: registry or asset, and committee epoch.</param>
/// <param name="Ceremonies">Ceremonies with a state.</param>
/// <param name="Chain">The log's newest chain, its entries and head.</param>
/// <param name="Releases">Within the last day.</param>
/// <param name="Parts">Of these releases.</param>
/// <param name="Evaluations">Questions of verifiers answered within the last day.</param>
/// <param name="Refusals">By code, within the last day.</param>
/// <param name="Alarms">Of the last day, newest first.</param>
public sealed record GuardianStatus(Address Guardian, IReadOnlyList<string> Shares, IReadOnlyList<string> Ceremonies, uint Chain, ulong Count, Hash32 Head, GuardianLogEntry? LastRelease,
    int Releases, long Parts, int Evaluations, IReadOnlyDictionary<string, int> Refusals, IReadOnlyList<GuardianLogEntry> Alarms)
{
    private const long Day = 86_400_000;
    private const int MaxAlarms = 100;

    /// <summary>Entries that are looked through for the last release.</summary>
    public const int MaxEntries = 1_000_000;

    /// <summary>Reads a guardian's folder.</summary>
    /// <param name="folder">The guardian's own.</param>
    /// <param name="now">Milliseconds since 1970.</param>
    /// <exception cref="IOException">It has no log, or one that does not fit.</exception>
    public static GuardianStatus Read(string folder, long now)
    {
        var files = GuardianLog.Files(folder);
        if (files.Count == 0)
            throw new IOException($"{folder} has no log of a guardian; give the guardian's own folder, guardian-0x… below its --data");
        var (chain, path) = files[^1];
        var (guardian, count, head) = GuardianLogReader.End(path, chain);
        GuardianLogEntry? last = null;
        int seen = 0, releases = 0, evaluations = 0;
        long parts = 0;
        var refusals = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var alarms = new List<GuardianLogEntry>();
        foreach (var entry in GuardianLogReader.Newest(files))
        {
            bool recent = Math.Abs(now - entry.At) < Day;
            if ((!recent && last is not null) || ++seen > MaxEntries)
                break;
            if (entry.Outcome == GuardianLogEntry.Released)
                last ??= entry;
            if (!recent)
                continue;
            if (entry.Outcome == GuardianLogEntry.Released)
                (releases, parts) = (releases + 1, parts + (entry.Parts ?? 0));
            else if (entry.Outcome == GuardianLogEntry.Evaluated)
                evaluations++;
            else if (entry is { Outcome: GuardianLogEntry.Refused, Code: { } code })
                refusals[code] = refusals.GetValueOrDefault(code) + 1;
            else if (entry.Outcome == GuardianLogEntry.Alarm && alarms.Count < MaxAlarms)
                alarms.Add(entry);
        }
        return new GuardianStatus(guardian, Names(folder, "share-"), Names(folder, "ceremony-"), chain, count, head, last, releases, parts, evaluations, refusals, alarms);
    }

    private static IReadOnlyList<string> Names(string folder, string prefix) =>
        [.. Directory.EnumerateFiles(folder, prefix + "*.age").Select(f => Path.GetFileNameWithoutExtension(f)[prefix.Length..]).Order(StringComparer.Ordinal)];
}
