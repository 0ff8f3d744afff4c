using System.Globalization;
using Trove.Chain.Durability;
using Trove.Core;

namespace Trove.Node.Guardians;

/// <summary>
/// Which questions a guardian has answered today (UTC), in one file a day of 72 bytes each: asset, verifier, question. A question
/// is written and synced before it is answered, counts once however often it is asked, and more than the limits are not answered: with
/// the answers, whoever asks tests guesses. The file of the day before stays, for a clock that is set back. Not safe for several threads.
/// </summary>
internal sealed class EvaluationCounter(string folder, TimeProvider clock)
{
    /// <summary>Most questions of one verifier about one asset in a day: one for each contribution it checks.</summary>
    internal const int MostOfVerifier = 2_000;

    /// <summary>Most questions of all in a day: what anybody can found assets for.</summary>
    internal const int MostInAll = 200_000;

    private const int EntrySize = 2 * Address.Size + Hash32.Size;
    private const string Prefix = "evaluations-";

    private readonly Dictionary<(Address Asset, Address Verifier), int> _counts = [];
    private readonly HashSet<Hash32> _questions = [];
    private string? _file;

    /// <summary>Counts a question; true also for one that was counted before. False when there were enough today.</summary>
    /// <param name="asset">What it is about.</param>
    /// <param name="verifier">Who asks.</param>
    /// <param name="question">Its name.</param>
    /// <param name="record">Called before a question counts: after a crash in between it is written down twice, never not at all.</param>
    /// <exception cref="IOException">It cannot be written down, and so must not be answered.</exception>
    public bool TryCount(Address asset, Address verifier, Hash32 question, Action? record = null)
    {
        OpenToday();
        if (_questions.Contains(question))
            return true;
        if (_questions.Count >= MostInAll || _counts.GetValueOrDefault((asset, verifier)) >= MostOfVerifier)
            return false;
        record?.Invoke();
        bool first = !File.Exists(_file);
        using (var file = new FileStream(_file!, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read))
        {
            file.Seek((long)_questions.Count * EntrySize, SeekOrigin.Begin); // over what a power failure left of the last one
            file.Write([.. asset.ToArray(), .. verifier.ToArray(), .. question.ToArray()]);
            DurableFile.Sync(file);
        }
        if (first)
            DurableFile.SyncFolder(folder);
        Add(asset, verifier, question);
        return true;
    }

    private void OpenToday()
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        var path = PathOf(today);
        if (path == _file)
            return;
        _counts.Clear();
        _questions.Clear();
        if (File.Exists(path))
        {
            var bytes = File.ReadAllBytes(path);
            for (int at = 0; at + EntrySize <= bytes.Length; at += EntrySize)
            {
                var entry = bytes.AsSpan(at, EntrySize);
                Add(new Address(entry[..Address.Size]), new Address(entry.Slice(Address.Size, Address.Size)), new Hash32(entry[^Hash32.Size..]));
            }
        }
        foreach (var old in Directory.EnumerateFiles(folder, Prefix + "*").Where(f => string.CompareOrdinal(f, PathOf(today.AddDays(-1))) < 0))
            File.Delete(old);
        _file = path;
    }

    private void Add(Address asset, Address verifier, Hash32 question)
    {
        if (_questions.Add(question))
            _counts[(asset, verifier)] = _counts.GetValueOrDefault((asset, verifier)) + 1;
    }

    private string PathOf(DateOnly day) => Path.Combine(folder, Prefix + day.ToString("yyyyMMdd", CultureInfo.InvariantCulture));
}
