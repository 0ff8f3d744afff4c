using System.Buffers.Binary;
using System.Globalization;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Node.Evaluations;

namespace Trove.Node.Guardians;

/// <summary>How much a guardian evaluates in a day (specs/custody.md, "Who finds room"). Tests have smaller ones.</summary>
internal sealed record EvaluationLimits
{
    /// <summary>Announcements to one asset that count as its owners', each having as many of them as it has of the votes.</summary>
    public int OfOwners { get; init; } = 10_000;

    /// <summary>Announcements of everybody else to one asset.</summary>
    public int OfStrangers { get; init; } = 10_000;

    /// <summary>Of all assets together, whoever founded them. The log has a line for each.</summary>
    public int InAll { get; init; } = 200_000;

    /// <summary>Of these, those that are for whoever comes first. The rest is kept for the assets that were there before today, the same for each.</summary>
    public int Shared => InAll / 2;
}

/// <summary>
/// What a guardian has evaluated today (UTC), in one file a day of 104 bytes each. An entry is written and synced before it is answered,
/// counts once however often it is asked, and more than the limits are not answered: with the answers of what is blinded, whoever asks tests
/// guesses; with draws, whoever announces tries again. What an owner has room for, neither strangers nor other owners nor other assets use up.
/// The file of the day before stays, for a clock that is set back. Not safe for several threads.
/// </summary>
internal sealed class EvaluationCounter(string folder, TimeProvider clock, EvaluationLimits? limits = null)
{
    /// <summary>Most questions of one verifier about one asset in a day: one for each contribution it checks.</summary>
    internal const int MostOfVerifier = 2_000;

    /// <summary>Most of these for one contribution: a verifier that crashes forgets what it blinded, and asks anew.</summary>
    internal const int MostOfContribution = 8;

    /// <summary>Most of these for the key of record tags, which a verifier asks for when it starts.</summary>
    internal const int MostOfTagKey = 50;

    private const string Prefix = "evaluations-";

    private readonly EvaluationLimits _limits = limits ?? new EvaluationLimits();
    private readonly EvaluatedAssets _assets = new(folder);
    private readonly Dictionary<(Part Part, Address Asset, Address Who, Hash32 Contribution), int> _counts = [];
    private readonly HashSet<Hash32> _names = [];
    private string? _file;
    private DateOnly _today;
    private int _kept; // of each asset that was there before today

    // What there are limits of. Kept: of what counts after the shared half was used up.
    private enum Part
    {
        Strangers, Owners, Owner, KeptOfOwners, KeptOfOwner, Verifier, Contribution, KeptOfVerifiers,
    }

    /// <summary>Counts an evaluation; true also for one that was counted before. False when there were enough today.</summary>
    /// <param name="entry">What it is.</param>
    /// <param name="votes">Of who announced.</param>
    /// <param name="record">Called before it counts: after a crash in between it is written down twice, never not at all.</param>
    /// <exception cref="IOException">It cannot be written down, and so must not be answered.</exception>
    public bool TryCount(EvaluationEntry entry, VoteShare votes = default, Action? record = null)
    {
        OpenToday();
        if (_names.Contains(entry.Name))
            return true;
        if (Room(entry, votes) is not { } counted)
            return false;
        record?.Invoke();
        _assets.Add(entry.Asset, _today);
        bool first = !File.Exists(_file);
        using (var file = new FileStream(_file!, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read))
        {
            file.Seek((long)_names.Count * EvaluationEntry.Size, SeekOrigin.Begin); // over what a power failure left of the last one
            file.Write(counted.ToBytes());
            DurableFile.Sync(file);
        }
        if (first)
            DurableFile.SyncFolder(folder);
        Add(counted);
        return true;
    }

    // As what it counts; null when there is no room.
    private EvaluationEntry? Room(EvaluationEntry e, VoteShare votes)
    {
        bool shared = _names.Count < _limits.Shared;
        int kept = _assets.WasThereBefore(e.Asset, _today) ? _kept : 0;
        if (e.Verifier != default)
            return Count(Part.Verifier, e.Asset, e.Verifier) < MostOfVerifier
                && Count(Part.Contribution, e.Asset, e.Verifier, e.Contribution) < (e.Contribution.IsZero ? MostOfTagKey : MostOfContribution)
                && (shared || Count(Part.KeptOfVerifiers, e.Asset) < kept / 2) ? e : null;
        // A contract that anybody wrote may say that everybody has all votes: then the sums hold.
        if (Count(Part.Owner, e.Asset, e.Owner) < votes.Of(_limits.OfOwners) && Count(Part.Owners, e.Asset) < _limits.OfOwners
            && (shared || (Count(Part.KeptOfOwner, e.Asset, e.Owner) < votes.Of(kept / 2) && Count(Part.KeptOfOwners, e.Asset) < kept / 2)))
            return e;
        return shared && Count(Part.Strangers, e.Asset) < _limits.OfStrangers ? e with { Owner = default } : null;
    }

    private void OpenToday()
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var path = PathOf(today);
        if (path == _file)
            return;
        _counts.Clear();
        _names.Clear();
        _assets.Open();
        // Also of a program that counted them and did not write down which assets there were.
        if (_assets.Count == 0)
            foreach (var entry in Read(PathOf(today.AddDays(-1))))
                _assets.Add(entry.Asset, today.AddDays(-1));
        foreach (var entry in Read(path))
        {
            _assets.Add(entry.Asset, today);
            Add(entry);
        }
        _kept = (_limits.InAll - _limits.Shared) / Math.Max(1, _assets.CountBefore(today));
        foreach (var old in Directory.EnumerateFiles(folder, Prefix + "*").Where(f => string.CompareOrdinal(f, PathOf(today.AddDays(-1))) < 0))
            File.Delete(old);
        (_file, _today) = (path, today);
    }

    private static IEnumerable<EvaluationEntry> Read(string path)
    {
        var bytes = File.Exists(path) ? File.ReadAllBytes(path) : [];
        for (int at = 0; at + EvaluationEntry.Size <= bytes.Length; at += EvaluationEntry.Size)
            yield return EvaluationEntry.Read(bytes.AsSpan(at, EvaluationEntry.Size));
    }

    // The order on disk says again which were the shared half.
    private void Add(EvaluationEntry e)
    {
        bool shared = _names.Count < _limits.Shared;
        if (!_names.Add(e.Name))
            return;
        if (e.Verifier != default)
        {
            Raise(Part.Verifier, e.Asset, e.Verifier);
            Raise(Part.Contribution, e.Asset, e.Verifier, e.Contribution);
            if (!shared)
                Raise(Part.KeptOfVerifiers, e.Asset);
        }
        else if (e.Owner != default)
        {
            Raise(Part.Owners, e.Asset);
            Raise(Part.Owner, e.Asset, e.Owner);
            if (!shared)
            {
                Raise(Part.KeptOfOwners, e.Asset);
                Raise(Part.KeptOfOwner, e.Asset, e.Owner);
            }
        }
        else
        {
            Raise(Part.Strangers, e.Asset);
        }
    }

    private int Count(Part part, Address asset, Address who = default, Hash32 contribution = default) => _counts.GetValueOrDefault((part, asset, who, contribution));

    private void Raise(Part part, Address asset, Address who = default, Hash32 contribution = default) => _counts[(part, asset, who, contribution)] = Count(part, asset, who, contribution) + 1;

    private string PathOf(DateOnly day) => Path.Combine(folder, Prefix + day.ToString("yyyyMMdd", CultureInfo.InvariantCulture));
}

/// <summary>
/// Since which day (UTC) a guardian has evaluated about each asset, in a file that only grows: an address and the day's number since 0001-01-01 in four
/// bytes, big-endian. Not safe for several threads.
/// </summary>
internal sealed class EvaluatedAssets(string folder)
{
    /// <summary>The file's name.</summary>
    public const string FileName = "evaluated-assets";

    private const int Size = Address.Size + 4;

    private readonly Dictionary<Address, int> _since = [];
    private readonly string _path = Path.Combine(folder, FileName);

    /// <summary>How many there are.</summary>
    public int Count => _since.Count;

    /// <summary>How many there were before a day.</summary>
    public int CountBefore(DateOnly day) => _since.Values.Count(since => since < day.DayNumber);

    /// <summary>Was it there before a day?</summary>
    public bool WasThereBefore(Address asset, DateOnly day) => _since.TryGetValue(asset, out int since) && since < day.DayNumber;

    /// <summary>Reads the file anew.</summary>
    public void Open()
    {
        _since.Clear();
        var bytes = File.Exists(_path) ? File.ReadAllBytes(_path) : [];
        for (int at = 0; at + Size <= bytes.Length; at += Size)
            _since.TryAdd(new Address(bytes.AsSpan(at, Address.Size)), BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(at + Address.Size, 4)));
    }

    /// <summary>Writes an asset down, and syncs it, unless it was.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Add(Address asset, DateOnly today)
    {
        if (_since.ContainsKey(asset))
            return;
        var entry = new byte[Size];
        asset.ToArray().CopyTo(entry, 0);
        BinaryPrimitives.WriteInt32BigEndian(entry.AsSpan(Address.Size), today.DayNumber);
        bool first = !File.Exists(_path);
        using (var file = new FileStream(_path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read))
        {
            file.Seek((long)_since.Count * Size, SeekOrigin.Begin); // over what a power failure left of the last one
            file.Write(entry);
            DurableFile.Sync(file);
        }
        if (first)
            DurableFile.SyncFolder(folder);
        _since.Add(asset, today.DayNumber);
    }
}
