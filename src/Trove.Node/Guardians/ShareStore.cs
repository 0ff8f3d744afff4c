using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Node.Guardians;

/// <summary>A ceremony in which this guardian has sent something, and of which its own chain has not shown yet what it came to.</summary>
/// <param name="Registry">Of the asset.</param>
/// <param name="Epoch">Of the new committee; 1 at creation.</param>
/// <param name="Id">Of the ceremony.</param>
/// <param name="Transcript">What the own CONFIRM says, which may have gone out; zero before.</param>
internal sealed record KeptCeremony(Address Registry, uint Epoch, Hash32 Id, Hash32 Transcript)
{
    /// <summary>May this guardian's confirmation be with others, who can bring the committee into force?</summary>
    public bool Confirmed => !Transcript.IsZero;
}

/// <summary>
/// A guardian's secrets in its folder, each an age file to its own recipient: <c>share-REGISTRY-EPOCH.age</c>, its shares of one
/// committee, and <c>ceremony-REGISTRY-EPOCH-ID.age</c>, its state in a ceremony behind the 32 bytes of the transcript it confirmed.
/// <c>ceremonies-ended</c> names the ceremonies whose states were destroyed, so that nobody gets a second, different message of one
/// round. Knows nothing of what the chain says. Not safe for several threads at once, but for reading shares.
/// </summary>
internal sealed partial class ShareStore
{
    /// <summary>Ids of ended ceremonies that are remembered; of more, the older half is forgotten.</summary>
    internal const int MaxEnded = 1 << 16;

    private readonly string _folder;
    private readonly X25519Identity _owner;
    private readonly List<KeptCeremony> _kept = []; // the oldest first
    private readonly List<Hash32> _ended = [];
    private readonly HashSet<Hash32> _isEnded = [];
    private readonly List<string> _damaged = [];

    private ShareStore(string folder, X25519Identity owner) => (_folder, _owner) = (folder, owner);

    /// <summary>Ceremonies with a state here, the one that was first sealed longest ago first.</summary>
    public IReadOnlyList<KeptCeremony> Kept => _kept;

    private string EndedFile => Path.Combine(_folder, "ceremonies-ended");

    /// <summary>Opens a guardian's folder, and makes it if there is none.</summary>
    /// <exception cref="IOException">The folder cannot be read or written.</exception>
    public static async Task<ShareStore> OpenAsync(string folder, X25519Identity owner)
    {
        var store = new ShareStore(Path.GetFullPath(folder), owner);
        Directory.CreateDirectory(store._folder);
        foreach (var unfinished in Directory.EnumerateFiles(store._folder, "*.age.new"))
            SealedFile.Destroy(unfinished);
        store.ReadEnded();
        foreach (var file in new DirectoryInfo(store._folder).EnumerateFiles("ceremony-*.age").OrderBy(f => f.LastWriteTimeUtc))
        {
            if (StateName().Match(file.Name) is not { Success: true } name)
                continue;
            var id = Hash32.Parse(name.Groups[3].Value);
            if (store._isEnded.Contains(id)) // killed between the two steps of its end
            {
                SealedFile.Destroy(file.FullName);
                continue;
            }
            try
            {
                using var state = await SealedFile.ReadAsync(file.FullName, owner, MaxState);
                if (state is not { Length: >= Hash32.Size })
                    throw new InvalidDataException($"{file.FullName} holds no state of a ceremony; bring it back from a backup");
                store._kept.Add(new KeptCeremony(Address.Parse(name.Groups[1].Value), Number(name), id, new Hash32(state.Span[..Hash32.Size])));
            }
            catch (InvalidDataException e)
            {
                store._damaged.Add(e.Message);
                store._isEnded.Add(id);
            }
        }
        return store;
    }

    /// <summary>States that cannot be read. Their ceremonies count as ended: another state would send other messages.</summary>
    public IReadOnlyList<string> Damaged => _damaged;

    /// <summary>Registries and committee epochs of which there are shares.</summary>
    public IReadOnlyList<(Address Registry, uint Epoch)> Shares => [.. Directory.EnumerateFiles(_folder, "share-*.age").Select(f => ShareName().Match(Path.GetFileName(f)))
        .Where(m => m.Success).Select(m => (Address.Parse(m.Groups[1].Value), Number(m)))];

    /// <summary>The shares of one committee; the caller disposes them. Null when there are none.</summary>
    /// <exception cref="InvalidDataException">They are damaged, or sealed to another.</exception>
    public async Task<EpochShares?> SharesAsync(Address registry, uint epoch)
    {
        using var bytes = await SealedFile.ReadAsync(ShareFile(registry, epoch), _owner, EpochShares.Size);
        if (bytes is null)
            return null;
        EpochShares? shares = null;
        try
        {
            shares = EpochShares.Parse(bytes.Span);
            return shares.Epoch == epoch ? shares : throw new InvalidDataException($"{ShareFile(registry, epoch)} holds the shares of committee {shares.Epoch}; bring the right file back from a backup");
        }
        catch (Exception e) when (e is ThresholdException or InvalidDataException)
        {
            shares?.Dispose();
            throw e as InvalidDataException ?? new InvalidDataException($"{ShareFile(registry, epoch)}: {e.Message}; bring it back from a backup");
        }
    }

    /// <summary>Seals the shares of one committee.</summary>
    public async Task PutSharesAsync(Address registry, EpochShares shares)
    {
        using var bytes = shares.Encode();
        await SealedFile.WriteAsync(ShareFile(registry, shares.Epoch), bytes, _owner.Recipient);
    }

    /// <summary>Destroys the shares of one committee.</summary>
    public void DestroyShares(Address registry, uint epoch) => SealedFile.Destroy(ShareFile(registry, epoch));

    /// <summary>Seals the state of a ceremony in place of the one before.</summary>
    public async Task PutStateAsync(KeptCeremony ceremony, CeremonyParticipant participant)
    {
        using var state = participant.Encode();
        var bytes = GC.AllocateArray<byte>(Hash32.Size + state.Length, pinned: true);
        ceremony.Transcript.CopyTo(bytes);
        state.Span.CopyTo(bytes.AsSpan(Hash32.Size));
        using var both = new SecretBytes(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        await SealedFile.WriteAsync(StateFile(ceremony), both, _owner.Recipient);
        int at = _kept.FindIndex(k => k.Id == ceremony.Id);
        if (at < 0)
            _kept.Add(ceremony);
        else
            _kept[at] = ceremony;
    }

    /// <summary>Goes on with a ceremony from its sealed state; the caller disposes it.</summary>
    /// <exception cref="InvalidDataException">The state is damaged.</exception>
    public async Task<CeremonyParticipant> OpenStateAsync(KeptCeremony ceremony)
    {
        using var state = await SealedFile.ReadAsync(StateFile(ceremony), _owner, MaxState)
            ?? throw new InvalidDataException($"{StateFile(ceremony)} is gone; bring it back from a backup, or its share is lost");
        try
        {
            return CeremonyParticipant.Parse(state.Span[Hash32.Size..]);
        }
        catch (Exception e) when (e is Core.Ceremonies.CeremonyException or ThresholdException)
        {
            throw new InvalidDataException($"{StateFile(ceremony)}: {e.Message}");
        }
    }

    /// <summary>Destroys the state of a ceremony, in which nothing is sent ever again.</summary>
    public void End(KeptCeremony ceremony)
    {
        // First: with neither state nor name, the next message would be another one for a round that had one.
        Remember(ceremony.Id);
        SealedFile.Destroy(StateFile(ceremony));
        _kept.RemoveAll(k => k.Id == ceremony.Id);
    }

    /// <summary>Was the state of this ceremony destroyed?</summary>
    public bool Ended(Hash32 ceremony) => _isEnded.Contains(ceremony);

    private const int MaxState = Hash32.Size + CeremonyParticipant.MaxSize;

    private string ShareFile(Address registry, uint epoch) => Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"share-{registry}-{epoch}.age"));

    private string StateFile(KeptCeremony c) => Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"ceremony-{c.Registry}-{c.Epoch}-{c.Id}.age"));

    private static uint Number(Match name) => uint.Parse(name.Groups[2].Value, CultureInfo.InvariantCulture);

    private void ReadEnded()
    {
        if (!File.Exists(EndedFile))
            return;
        var bytes = File.ReadAllBytes(EndedFile);
        for (int at = 0; at + Hash32.Size <= bytes.Length; at += Hash32.Size) // a power failure in the middle of the last one: its state is there
            Add(new Hash32(bytes.AsSpan(at, Hash32.Size)));
    }

    private void Remember(Hash32 ceremony)
    {
        if (!Add(ceremony))
            return;
        if (_ended.Count > MaxEnded)
        {
            _isEnded.ExceptWith(_ended.Take(MaxEnded / 2));
            _ended.RemoveRange(0, MaxEnded / 2);
            DurableFile.Write(EndedFile, stream => _ended.ForEach(id => stream.Write(id.ToArray())));
            return;
        }
        bool first = !File.Exists(EndedFile);
        using (var file = new FileStream(EndedFile, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read))
        {
            file.Seek((_ended.Count - 1L) * Hash32.Size, SeekOrigin.Begin);
            file.Write(ceremony.ToArray());
            DurableFile.Sync(file);
        }
        if (first)
            DurableFile.SyncFolder(_folder);
    }

    private bool Add(Hash32 ceremony)
    {
        if (!_isEnded.Add(ceremony))
            return false;
        _ended.Add(ceremony);
        return true;
    }

    [GeneratedRegex("^share-(0x[0-9a-fA-F]{40})-([1-9][0-9]{0,9})\\.age$", RegexOptions.CultureInvariant)]
    private static partial Regex ShareName();

    [GeneratedRegex("^ceremony-(0x[0-9a-fA-F]{40})-([1-9][0-9]{0,9})-(0x[0-9a-f]{64})\\.age$", RegexOptions.CultureInvariant)]
    private static partial Regex StateName();
}
