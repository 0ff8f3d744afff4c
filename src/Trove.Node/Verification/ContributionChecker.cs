using System.Security.Cryptography;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Protocol;
using Trove.Node.Verification.Pages;
using CheckOutcome = Trove.Core.Rewards.CheckOutcome;

namespace Trove.Node.Verification;

/// <summary>A contribution is refused: the code is for programs, the reason for its owner. Holds nothing of the export.</summary>
public sealed class RefusedException(string code, string reason) : Exception(reason)
{
    /// <summary>Such as <c>not-in-evidence</c>.</summary>
    public string Code => code;
}

/// <summary>
/// Checks one contribution, in memory: opens the parts through the very stanza that guardians will use, parses the
/// evidence with the members' own parser, and holds each record of the parts against it. Knows nothing of networks or
/// queues: who has the nullifier of an account, the keys of mails and public pages asked for is its caller. The same contribution gives the same facts on every machine.
/// </summary>
public static class ContributionChecker
{
    /// <summary>Names the rules below; verifiers with other rules find other facts. Raised with every change of meaning.</summary>
    public static readonly Hash32 CodeVersion = new CanonicalWriter("trove/checker").UInt32(9).Sha256();

    /// <summary>What a contribution was found to be.</summary>
    public sealed record Findings(Hash32 Nullifier, ulong Words, EvidenceResults Evidence, TagList Tags);

    /// <summary>Largest ciphertext of the parts of one contribution together, in bytes. It is in memory until the evidence was read past each.</summary>
    public const long MaxParts = 512L << 20;

    /// <summary>Largest sealed evidence, in bytes. It is in memory as long as its contribution is checked.</summary>
    public const long MaxEvidence = 512L << 20;

    private const int MaxAccount = 1_000;

    // Read as a stream, several times: far less than a member's own machine may read from its own disk.
    private static readonly ExportLimits Limits = new() { EntryBytes = 2L << 30, TotalBytes = 2L << 30, Records = 5_000_000 };

    /// <summary>Is a contribution of these sizes small enough to be downloaded at all?</summary>
    /// <exception cref="RefusedException">It is not.</exception>
    public static void RequireSizes(IReadOnlyCollection<long> parts, long evidence)
    {
        long sum = 0;
        if (parts.Count is 0 or > PartDescriptor.MaxPerContribution || parts.Any(size => size is < 1 or > MaxParts || (sum += size) > MaxParts) || evidence is < 1 or > MaxEvidence)
            throw new RefusedException("too-large", $"verifiers take parts up to {MaxParts >> 20} MiB together and evidence up to {MaxEvidence >> 20} MiB: contribute fewer kinds or years at once");
    }

    /// <summary>
    /// Checks a contribution. The ciphertext of each of its <paramref name="parts"/> comes from <paramref name="download"/>, when
    /// the evidence has come to a record that could be in it.
    /// </summary>
    /// <param name="policy">The asset's.</param>
    /// <param name="recipient">The asset's.</param>
    /// <param name="tagKey">Keys the tags of its records.</param>
    /// <param name="nullifier">Of platform and account; asked for last, and only for what is not refused.</param>
    /// <param name="mails">Checks the evidence's mails, given platform and account.</param>
    /// <param name="seed">The guardians', by which its verifiers were drawn; draws records to look up.</param>
    /// <param name="pages">Looks at the public pages that the evidence names, given platform, account and the records drawn.</param>
    /// <param name="parts">As announced.</param>
    /// <param name="download">Brings a part.</param>
    /// <param name="evidence">Opened.</param>
    /// <param name="ct">Ends the check.</param>
    /// <exception cref="RefusedException">It is not what it claims to be, or not worth checking.</exception>
    public static Task<Findings> CheckAsync(AssetPolicy policy, X25519Recipient recipient, SecretBytes tagKey, Func<string, string, CancellationToken, Task<Hash32>> nullifier,
        Func<string, string, CancellationToken, Task<EvidenceCheck>> mails, Hash32 seed, Func<string, string, IReadOnlyList<Record>, CancellationToken, Task<IReadOnlyList<EvidenceCheck>>> pages,
        IReadOnlyList<PartDescriptor> parts, Func<PartDescriptor, CancellationToken, Task<byte[]>> download, EvidenceFile evidence, CancellationToken ct) =>
        CheckAsync(policy, recipient, tagKey, nullifier, mails, seed, pages, parts, download, evidence, Limits, ct);

    /// <summary>The same under other limits of the evidence, so that tests can pass them with small files.</summary>
    internal static async Task<Findings> CheckAsync(AssetPolicy policy, X25519Recipient recipient, SecretBytes tagKey, Func<string, string, CancellationToken, Task<Hash32>> nullifier,
        Func<string, string, CancellationToken, Task<EvidenceCheck>> mails, Hash32 seed, Func<string, string, IReadOnlyList<Record>, CancellationToken, Task<IReadOnlyList<EvidenceCheck>>> pages,
        IReadOnlyList<PartDescriptor> parts, Func<PartDescriptor, CancellationToken, Task<byte[]>> download, EvidenceFile evidence, ExportLimits limits, CancellationToken ct)
    {
        using var export = Reading(() => Export.Open("evidence.zip", evidence.Export, new ExportOptions { Me = evidence.Me, Limits = limits }));
        if (export.Account.Length == 0)
            throw new RefusedException("no-account", "the evidence does not say whose account it is: contribute with the account's file, or name it with --me");
        if (export.Account.Length > MaxAccount)
            throw new RefusedException("no-account", $"the evidence names an account of more than {MaxAccount} characters, which no platform has: contribute the export as the platform sent it");
        var checks = Reading(export.Checks).Select(c => new EvidenceCheck(c.Name, (CheckOutcome)Enum.Parse(typeof(CheckOutcome), c.Outcome.ToString()), Shorten(c.Detail))).ToList();
        checks.Add(await mails(export.Platform, export.Account, ct));
        RequireNoneFailed(checks);

        var draw = evidence.Pages.Permalinks ? new RecordDraw(seed) : null;
        var (words, tags) = await CompareAsync(export, policy, recipient, tagKey, draw, parts, download, evidence, ct);
        if (words < policy.MinimumWords)
            throw new RefusedException("too-few-words", $"it has {words} words of its owner's own; this asset takes contributions from {policy.MinimumWords} on");
        RequireSize(tags);
        if (evidence.Pages.Any)
            checks.AddRange(await pages(export.Platform, export.Account, draw?.Records ?? [], ct));
        RequireNoneFailed(checks);
        return new Findings(await nullifier(export.Platform, export.Account, ct), words, new EvidenceResults(checks), tags);
    }

    /// <summary>The node takes no longer list: sent again and again it would keep its verifiers from all other work.</summary>
    internal static void RequireSize(TagList tags)
    {
        if (tags.Size > VerificationService.MaxTagBytes)
            throw new RefusedException("too-large", $"its {tags.Entries.Count} records make a tag list of more than {VerificationService.MaxTagBytes >> 20} MiB: contribute fewer kinds or years at once");
    }

    private static void RequireNoneFailed(List<EvidenceCheck> checks)
    {
        if (checks.Find(c => c.Outcome == CheckOutcome.Failed) is { } failed)
            throw new RefusedException("evidence-contradicts", $"the check '{failed.Name}' of the evidence failed: {failed.Detail}. Contribute the export, and its mails, as the platform sent them");
    }

    private static T Reading<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (ExportException e)
        {
            throw new RefusedException("evidence-unreadable", $"the evidence cannot be read as an export: {Shorten(e.Message)}");
        }
    }

    // One pass over the evidence and one over each part, side by side: neither is ever in memory as records. A part is asked for
    // when the first record comes that could be in it. In the order of the export, each original for one record: nothing counts
    // twice, and taking the first that fits leaves the most for the rest (Redaction.IsRedactionOf).
    private static async Task<(ulong Words, TagList Tags)> CompareAsync(Export export, AssetPolicy policy, X25519Recipient recipient, SecretBytes tagKey,
        RecordDraw? draw, IReadOnlyList<PartDescriptor> parts, Func<PartDescriptor, CancellationToken, Task<byte[]>> download, EvidenceFile evidence, CancellationToken ct)
    {
        var tags = new TagList.Builder();
        using var by = new RecordTags(tagKey.Span);
        ulong words = 0;
        var reading = parts.Select(part => new PartInReading(part, async () => ReadPartAsync(part, await download(part, ct), recipient, evidence, ct))).ToList();
        try
        {
            var byKey = reading.Where(r => policy.Kinds.Contains(r.Part.Kind)).DistinctBy(r => (r.Part.Kind, r.Part.Year)).ToDictionary(r => (r.Part.Kind, r.Part.Year));
            using var originals = export.Records().GetEnumerator();
            while (Reading(originals.MoveNext))
            {
                ct.ThrowIfCancellationRequested();
                var original = originals.Current;
                if (!byKey.TryGetValue((original.Kind.Name(), original.Year), out var part) || await part.PendingAsync() is not { } record || !Redaction.IsRedactionOf(original, record))
                    continue;
                ulong index = part.Read;
                part.Taken();
                if (!record.Own)
                    continue;
                string own = QuotedText.Without(Redaction.WithoutMarks(record.Title) + "\n" + Redaction.WithoutMarks(record.Text));
                ulong count = (ulong)Words.Count(own);
                words += count;
                if (count > 0)
                    draw?.Add(part.Part, index, original);
                tags.Add(by, QuotedText.Without(original.Title + "\n" + original.Text), own, policy.Quality);
            }
            foreach (var part in reading)
                if (await part.PendingAsync() is not null)
                    throw new RefusedException("not-in-evidence", $"a record of part {part.Part.Kind} {part.Part.Year} is neither in the evidence nor its redaction, or comes before one that the evidence has earlier");
            return (words, tags.Build());
        }
        finally
        {
            foreach (var part in reading)
                await part.DisposeAsync();
        }
    }

    /// <summary>A part and the record of it that waits for its original.</summary>
    private sealed class PartInReading(PartDescriptor part, Func<Task<IAsyncEnumerable<Record>>> open) : IAsyncDisposable
    {
        private IAsyncEnumerator<Record>? _records;
        private bool _pending, _ended;

        public PartDescriptor Part => part;

        /// <summary>How many records have their originals.</summary>
        public ulong Read { get; private set; }

        /// <summary>The first record that has no original yet; null when all have.</summary>
        public async ValueTask<Record?> PendingAsync()
        {
            if (!_pending && !_ended)
            {
                _records ??= (await open()).GetAsyncEnumerator();
                _pending = await _records.MoveNextAsync();
                if (_ended = !_pending)
                    await DisposeAsync(); // its ciphertext is done with
            }
            return _pending ? _records!.Current : null;
        }

        /// <summary>The pending record has its original.</summary>
        public void Taken()
        {
            _pending = false;
            Read++;
        }

        public async ValueTask DisposeAsync()
        {
            if (_records is { } records)
            {
                _records = null;
                await records.DisposeAsync();
            }
        }
    }

    private static async IAsyncEnumerable<Record> ReadPartAsync(PartDescriptor part, byte[] ciphertext, X25519Recipient recipient, EvidenceFile evidence,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        string name = $"part {part.Kind} {part.Year}";
        if (ciphertext.Length != part.Size || new Hash32(SHA256.HashData(ciphertext)) != part.Sha256)
            throw new RefusedException("other-bytes", $"{name} in the vault is not the one announced");
        var secret = evidence.Opening(part.HeaderHash) ?? throw new RefusedException("no-opening", $"the evidence does not open {name}");
        if (!RecordKinds.TryParse(part.Kind, out var kind))
            throw new RefusedException("unknown-kind", $"{name} is of no known kind");
        using var stream = new MemoryStream(ciphertext, writable: false);
        using var opening = await OpenPartAsync(name, part, stream, secret, recipient, ct);
        using var records = PartReader.Read(new PartKey(kind, part.Year), opening.Plaintext).GetEnumerator();
        while (true)
        {
            Record record;
            try
            {
                if (!records.MoveNext())
                    yield break;
                record = records.Current;
            }
            catch (Exception e) when (e is ExportException or AgeException)
            {
                throw new RefusedException("part-unreadable", $"{name} cannot be read: {Shorten(e.Message)}");
            }
            yield return record;
        }
    }

    private static async Task<PartOpening> OpenPartAsync(string name, PartDescriptor part, Stream stream, SecretBytes secret, X25519Recipient recipient, CancellationToken ct)
    {
        try
        {
            var opening = await PartOpening.OpenAsync(stream, recipient, secret, ct);
            if (opening.EphemeralShare == part.EphemeralShare && opening.HeaderHash == part.HeaderHash)
                return opening;
            opening.Dispose();
        }
        catch (AgeException e)
        {
            throw new RefusedException("part-unreadable", $"{name} cannot be opened through its stanza: {Shorten(e.Message)}");
        }
        throw new RefusedException("other-header", $"{name} has another stanza or header than was announced");
    }

    private static string Shorten(string text) => text.Length <= 200 ? text : text[..199] + "…";
}
