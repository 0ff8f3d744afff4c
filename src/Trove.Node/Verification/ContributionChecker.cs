using System.Security.Cryptography;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Protocol;
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
/// queues. The same contribution gives the same facts on every machine.
/// </summary>
public static class ContributionChecker
{
    /// <summary>Names the rules below; verifiers with other rules find other facts. Raised with every change of meaning.</summary>
    public static readonly Hash32 CodeVersion = new CanonicalWriter("trove/checker").UInt32(1).Sha256();

    /// <summary>What a contribution was found to be.</summary>
    public sealed record Findings(Hash32 Nullifier, ulong Words, EvidenceResults Evidence, TagList Tags);

    /// <summary>
    /// Checks a contribution whose parts' ciphertext is <paramref name="ciphertexts"/>, in the order of
    /// <paramref name="parts"/>.
    /// </summary>
    /// <exception cref="RefusedException">It is not what it claims to be, or not worth checking.</exception>
    public static async Task<Findings> CheckAsync(Address asset, AssetPolicy policy, X25519Recipient recipient, SecretBytes tagKey,
        IReadOnlyList<PartDescriptor> parts, IReadOnlyList<byte[]> ciphertexts, EvidenceFile evidence, CancellationToken ct)
    {
        using var export = OpenExport(evidence);
        var originals = ReadEvidence(export, policy);
        if (export.Account.Length == 0)
            throw new RefusedException("no-account", "the evidence does not say whose account it is: contribute with the account's file, or name it with --me");
        var checks = export.Checks().Select(c => new EvidenceCheck(c.Name, (CheckOutcome)Enum.Parse(typeof(CheckOutcome), c.Outcome.ToString()), Shorten(c.Detail))).ToList();
        if (checks.FirstOrDefault(c => c.Outcome == CheckOutcome.Failed) is { } failed)
            throw new RefusedException("evidence-contradicts", $"the check '{failed.Name}' of the evidence failed: {failed.Detail}. Contribute the export as the platform sent it");

        var entries = new List<TagList.Entry>();
        ulong words = 0;
        for (int i = 0; i < parts.Count; i++)
        {
            await foreach (var record in ReadPartAsync(parts[i], ciphertexts[i], recipient, evidence, ct))
            {
                if (record.Platform != export.Platform || TakeOriginal(originals, record) is not { } original)
                    throw new RefusedException("not-in-evidence", $"a record of part {parts[i].Kind} {parts[i].Year} is neither in the evidence nor its redaction");
                if (!record.Own)
                    continue;
                // Redaction takes words away from the reward, but a copy with a word blacked out is still a copy.
                string own = Redaction.WithoutMarks(record.Title) + "\n" + Redaction.WithoutMarks(record.Text);
                words += (ulong)Words.Count(own);
                if (RecordScore.Of(own) is var score and > 0)
                    entries.Add(new TagList.Entry(RecordScore.Tag(tagKey.Span, original.Title + "\n" + original.Text), score));
            }
        }
        if (words < policy.MinimumWords)
            throw new RefusedException("too-few-words", $"it has {words} words of its owner's own; this asset takes contributions from {policy.MinimumWords} on");
        return new Findings(RecordScore.Nullifier(tagKey.Span, asset, export.Platform, export.Account), words, new EvidenceResults(checks), TagList.Of(entries));
    }

    private static Export OpenExport(EvidenceFile evidence)
    {
        try
        {
            return Export.Open("evidence.zip", evidence.Export, new ExportOptions { Me = evidence.Me });
        }
        catch (ExportException e)
        {
            throw new RefusedException("evidence-unreadable", $"the evidence cannot be read as an export: {Shorten(e.Message)}");
        }
    }

    // Records under what redaction never changes; each original stands for one record of the parts, so nothing counts twice.
    private static Dictionary<(string, RecordKind, long?), List<Record>> ReadEvidence(Export export, AssetPolicy policy)
    {
        var originals = new Dictionary<(string, RecordKind, long?), List<Record>>();
        try
        {
            foreach (var record in export.Records())
                if (policy.Kinds.Contains(record.Kind.Name()))
                {
                    var key = KeyOf(record);
                    if (!originals.TryGetValue(key, out var list))
                        originals[key] = list = [];
                    list.Add(record);
                }
        }
        catch (ExportException e)
        {
            throw new RefusedException("evidence-unreadable", $"the evidence cannot be read as an export: {Shorten(e.Message)}");
        }
        return originals;
    }

    private static Record? TakeOriginal(Dictionary<(string, RecordKind, long?), List<Record>> originals, Record record)
    {
        if (!originals.TryGetValue(KeyOf(record), out var candidates))
            return null;
        int at = candidates.FindIndex(original => original == record);
        if (at < 0)
            at = candidates.FindIndex(original => Redaction.IsRedactionOf(original, record));
        if (at < 0)
            return null;
        var found = candidates[at];
        candidates.RemoveAt(at);
        return found;
    }

    private static (string, RecordKind, long?) KeyOf(Record record) => (record.Id, record.Kind, record.Time);

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
