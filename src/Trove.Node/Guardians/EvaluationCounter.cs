using System.Globalization;
using Trove.Chain.Durability;
using Trove.Core;

namespace Trove.Node.Guardians;

/// <summary>Something that a guardian evaluates: an announcement, whose verifiers it draws, or a verifier's question.</summary>
/// <param name="Asset">What it is about.</param>
/// <param name="Verifier">Who asks; zero: an announcement.</param>
/// <param name="Contribution">What it is for; zero: the key of record tags.</param>
/// <param name="Name">Digest of what was signed.</param>
internal readonly record struct EvaluationEntry(Address Asset, Address Verifier, Hash32 Contribution, Hash32 Name)
{
    public const int Size = 2 * Trove.Core.Address.Size + 2 * Hash32.Size;

    public byte[] ToBytes() => [.. Asset.ToArray(), .. Verifier.ToArray(), .. Contribution.ToArray(), .. Name.ToArray()];

    public static EvaluationEntry Read(ReadOnlySpan<byte> b) => new(new Address(b[..20]), new Address(b[20..40]), new Hash32(b[40..72]), new Hash32(b[72..104]));
}

/// <summary>
/// What a guardian has evaluated today (UTC), in one file a day of 104 bytes each. An entry is written and synced before it is answered,
/// counts once however often it is asked, and more than the limits are not answered: with the answers of what is blinded, whoever asks tests
/// guesses; with draws, whoever announces tries again. The file of the day before stays, for a clock that is set back. Not safe for several threads.
/// </summary>
internal sealed class EvaluationCounter(string folder, TimeProvider clock)
{
    /// <summary>Most questions of one verifier about one asset in a day: one for each contribution it checks.</summary>
    internal const int MostOfVerifier = 2_000;

    /// <summary>Most of these for one contribution: a verifier that crashes forgets what it blinded, and asks anew.</summary>
    internal const int MostOfContribution = 8;

    /// <summary>Most of these for the key of record tags, which a verifier asks for when it starts.</summary>
    internal const int MostOfTagKey = 50;

    /// <summary>Most announcements to one asset in a day.</summary>
    internal const int MostDraws = 20_000;

    /// <summary>Most of all in a day: what anybody can found assets for.</summary>
    internal const int MostInAll = 200_000;

    private const string Prefix = "evaluations-";

    private readonly Dictionary<(Address Asset, Address Verifier), int> _verifiers = [];
    private readonly Dictionary<(Address Asset, Address Verifier, Hash32 Contribution), int> _contributions = [];
    private readonly HashSet<Hash32> _names = [];
    private string? _file;

    /// <summary>Counts an evaluation; true also for one that was counted before. False when there were enough today.</summary>
    /// <param name="entry">What it is.</param>
    /// <param name="record">Called before it counts: after a crash in between it is written down twice, never not at all.</param>
    /// <exception cref="IOException">It cannot be written down, and so must not be answered.</exception>
    public bool TryCount(EvaluationEntry entry, Action? record = null)
    {
        OpenToday();
        if (_names.Contains(entry.Name))
            return true;
        if (_names.Count >= MostInAll || !MayCount(entry))
            return false;
        record?.Invoke();
        bool first = !File.Exists(_file);
        using (var file = new FileStream(_file!, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read))
        {
            file.Seek((long)_names.Count * EvaluationEntry.Size, SeekOrigin.Begin); // over what a power failure left of the last one
            file.Write(entry.ToBytes());
            DurableFile.Sync(file);
        }
        if (first)
            DurableFile.SyncFolder(folder);
        Add(entry);
        return true;
    }

    private bool MayCount(EvaluationEntry e) => e.Verifier == default
        ? _verifiers.GetValueOrDefault((e.Asset, default)) < MostDraws
        : _verifiers.GetValueOrDefault((e.Asset, e.Verifier)) < MostOfVerifier
            && _contributions.GetValueOrDefault((e.Asset, e.Verifier, e.Contribution)) < (e.Contribution.IsZero ? MostOfTagKey : MostOfContribution);

    private void OpenToday()
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var path = PathOf(today);
        if (path == _file)
            return;
        _verifiers.Clear();
        _contributions.Clear();
        _names.Clear();
        if (File.Exists(path))
        {
            var bytes = File.ReadAllBytes(path);
            for (int at = 0; at + EvaluationEntry.Size <= bytes.Length; at += EvaluationEntry.Size)
                Add(EvaluationEntry.Read(bytes.AsSpan(at, EvaluationEntry.Size)));
        }
        foreach (var old in Directory.EnumerateFiles(folder, Prefix + "*").Where(f => string.CompareOrdinal(f, PathOf(today.AddDays(-1))) < 0))
            File.Delete(old);
        _file = path;
    }

    private void Add(EvaluationEntry e)
    {
        if (!_names.Add(e.Name))
            return;
        _verifiers[(e.Asset, e.Verifier)] = _verifiers.GetValueOrDefault((e.Asset, e.Verifier)) + 1;
        if (e.Verifier != default)
            _contributions[(e.Asset, e.Verifier, e.Contribution)] = _contributions.GetValueOrDefault((e.Asset, e.Verifier, e.Contribution)) + 1;
    }

    private string PathOf(DateOnly day) => Path.Combine(folder, Prefix + day.ToString("yyyyMMdd", CultureInfo.InvariantCulture));
}
