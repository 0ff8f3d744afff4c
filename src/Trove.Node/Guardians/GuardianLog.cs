using System.Globalization;
using System.Text.RegularExpressions;
using Trove.Chain.Durability;
using Trove.Core;

namespace Trove.Node.Guardians;

/// <summary>
/// A guardian's log: append-only files in its folder in which every line names the hash of the line before (specs/custody.md), so
/// that whoever knows a head knows all before it. <c>releases.jsonl</c> is the first chain; a chain that begins because entries are
/// lost is <c>releases-2.jsonl</c>, and so on. In memory is the head only. Safe for several threads, not for several processes.
/// </summary>
public sealed partial class GuardianLog
{
    private readonly string _folder;
    private readonly Address _guardian;
    private readonly TimeProvider _clock;
    private readonly Lock _gate = new();
    private long _length;
    private bool _broken;

    private GuardianLog(string folder, Address guardian, TimeProvider clock) => (_folder, _guardian, _clock) = (folder, guardian, clock);

    /// <summary>Number of the chain that is written.</summary>
    public uint Chain { get; private set; }

    /// <summary>Entries of that chain.</summary>
    public ulong Count { get; private set; }

    /// <summary>SHA-256 of its last line.</summary>
    public Hash32 Head { get; private set; }

    /// <summary>Its file.</summary>
    public string Path => FileOf(_folder, Chain);

    /// <summary>
    /// Opens the newest chain, or begins the first. What a power failure left of a last line, which nothing was done upon, is cut off.
    /// </summary>
    /// <exception cref="IOException">The end of the log does not fit, or it is another guardian's: nothing may be released then.</exception>
    public static GuardianLog Open(string folder, Address guardian, TimeProvider clock)
    {
        Directory.CreateDirectory(folder);
        var log = new GuardianLog(folder, guardian, clock);
        var files = Files(folder);
        if (files.Count == 0)
        {
            log.Begin(1, null);
            return log;
        }
        (log.Chain, var path) = files[^1];
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);
        log._length = CutTornEnd(file, path);
        (var owner, log.Count, log.Head) = GuardianLogReader.End(file, log._length, path, log.Chain);
        if (owner != guardian)
            throw GuardianLogReader.DoesNotFit(path, $"it is the log of guardian {owner}, not of {guardian}");
        return log;
    }

    /// <summary>The files of the log in a folder, the first chain first.</summary>
    public static IReadOnlyList<(uint Chain, string Path)> Files(string folder) => Directory.Exists(folder)
        ? [.. Directory.EnumerateFiles(folder, "releases*.jsonl").Select(f => (Chain: ChainOf(System.IO.Path.GetFileName(f)), Path: f)).Where(f => f.Chain > 0).OrderBy(f => f.Chain)]
        : [];

    /// <summary>The file of the newest chain in a folder, or of the first that will be.</summary>
    public static string NewestFile(string folder) => Files(folder) is [.., var newest] ? newest.Path : FileOf(folder, 1);

    /// <summary>The chain that a file of this name has; 0 when it is none of a log.</summary>
    internal static uint ChainOf(string name) => FileName().Match(name) is not { Success: true } match ? 0
        : match.Groups[1].Success ? uint.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : 1;

    /// <summary>Writes an entry, on disk when this returns; number, hash and time are filled in.</summary>
    /// <exception cref="IOException">It cannot be written: then what it is about must not be done.</exception>
    public GuardianLogEntry Append(GuardianLogEntry draft)
    {
        lock (_gate)
        {
            if (_broken)
                throw new IOException($"{Path} could not be written before; start the guardian again, which cuts the torn line off");
            var entry = draft with { N = Count + 1, Prev = Head, At = _clock.GetUtcNow().ToUnixTimeMilliseconds() };
            var line = entry.Encode();
            using var file = new FileStream(Path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read, 0);
            if (file.Length != _length)
                throw new IOException($"{Path} was changed by somebody else; let one process alone write it, look at it with 'trove guardian log --verify', and start the guardian again");
            _broken = true;
            file.Seek(_length, SeekOrigin.Begin);
            file.Write([.. line, (byte)'\n']);
            DurableFile.Sync(file);
            _broken = false;
            _length += line.Length + 1;
            (Count, Head) = (entry.N, GuardianLogEntry.HashOf(line));
            return entry;
        }
    }

    /// <summary>Chain, count and head of one moment.</summary>
    public (uint Chain, ulong Count, Hash32 Head) Now()
    {
        lock (_gate)
            return (Chain, Count, Head);
    }

    /// <summary>Begins another chain, because entries whose head was published are not here.</summary>
    public void BeginAfter(LostHead lost)
    {
        lock (_gate)
            Begin(Math.Max(Chain, lost.Chain) + 1, lost);
    }

    /// <summary>The entries of all chains, newest first, each checked against the one after it.</summary>
    /// <exception cref="IOException">One does not fit.</exception>
    public IEnumerable<GuardianLogEntry> Newest() => GuardianLogReader.Newest(Files(_folder));

    /// <summary>The hash of the newest chain's entry with this number; null when it has none.</summary>
    public Hash32? HashAt(ulong number)
    {
        if (number > Count)
            return null;
        if (number == Count)
            return Head;
        using var file = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        foreach (var entry in GuardianLogReader.EntriesBackwards(file, _length, Path, Head))
            if (entry.N == number + 1)
                return entry.Prev;
        return null;
    }

    private void Begin(uint chain, LostHead? lost)
    {
        var line = new GuardianLogEntry(1, GuardianLogEntry.Genesis(_guardian, chain), _clock.GetUtcNow().ToUnixTimeMilliseconds(), GuardianLogEntry.Begun, _guardian, chain, Lost: lost).Encode();
        DurableFile.Write(FileOf(_folder, chain), stream => stream.Write([.. line, (byte)'\n']));
        (Chain, Count, Head, _length) = (chain, 1, GuardianLogEntry.HashOf(line), line.Length + 1);
    }

    // A line is one write and one sync: what has no end, or holes where blocks did not reach the disk, was acknowledged to nobody.
    private static long CutTornEnd(FileStream file, string path)
    {
        var tail = new byte[(int)Math.Min(file.Length, 2 * (GuardianLogEntry.MaxLine + 1))];
        file.Seek(-tail.Length, SeekOrigin.End);
        file.ReadExactly(tail);
        int keep = tail.AsSpan().LastIndexOf((byte)'\n') + 1;
        if (keep == tail.Length && keep > 0 && tail.AsSpan(0, keep - 1).LastIndexOf((byte)'\n') + 1 is var start && tail.AsSpan(start, keep - start).Contains((byte)0))
            keep = start;
        if (tail.Length - keep > GuardianLogEntry.MaxLine + 1)
            throw GuardianLogReader.DoesNotFit(path, "its last line has no end and is longer than an entry");
        if (keep < tail.Length)
        {
            file.SetLength(file.Length - (tail.Length - keep));
            DurableFile.Sync(file);
        }
        return file.Length;
    }

    private static string FileOf(string folder, uint chain) =>
        System.IO.Path.Combine(folder, chain == 1 ? "releases.jsonl" : string.Create(CultureInfo.InvariantCulture, $"releases-{chain}.jsonl"));

    [GeneratedRegex("^releases(?:-([2-9]|[1-9][0-9]{1,8}))?\\.jsonl\\z", RegexOptions.CultureInvariant)]
    private static partial Regex FileName();
}
