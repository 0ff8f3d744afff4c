using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Protocol;
using Trove.Node.Verification;
using Trove.Node.Verification.Pages;

namespace Trove.Cli.Contributing;

/// <summary>What a member keeps out of a contribution, or hides in it.</summary>
/// <param name="Exclude">What stays at home.</param>
/// <param name="Redaction">What is blacked out.</param>
/// <param name="Me">The member's name, where the export does not say it.</param>
internal sealed record Choices(Selection Exclude, Redaction Redaction, string Me);

/// <summary>What was contributed.</summary>
internal sealed record Contributed(Hash32 Contribution, ExportReport Report, IReadOnlyList<PartSummary> Parts, long Left, long Redacted, IReadOnlyList<Address> Verifiers);

/// <summary>
/// The member's side of a contribution. Plaintext exists in memory only: parts and evidence are encrypted while they
/// are written, and what lies on the disk until it is uploaded is ciphertext.
/// </summary>
/// <param name="home">The member's folder: receipts for good, and what is on its way.</param>
/// <param name="tell">Told in words, before anything is uploaded, what the evidence shows and to whom.</param>
internal sealed class Contributor(TroveClient node, NodeInfo info, AssetInfo asset, SigningKey key, string home, Action<string, long, long?> progress, Action<string> tell)
{
    private const int MostNames = 20;

    /// <summary>Makes, announces, seals, signs and uploads a contribution.</summary>
    /// <param name="files">The export.</param>
    /// <param name="mails">In which the platform announces it; see <see cref="ReadMails"/>.</param>
    /// <param name="pages">Public pages that the verifiers are to look at.</param>
    /// <param name="choices">What stays at home.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="CommandException">The export has nothing the asset takes, a mail or a page would not count, or evidence is missing that the asset asks for.</exception>
    public async Task<Contributed> ContributeAsync(IReadOnlyList<string> files, IReadOnlyList<(string Name, byte[] Bytes)> mails, PublicPages pages, Choices choices, CancellationToken ct)
    {
        var policy = asset.Policy ?? throw new CommandException($"the rules of asset {asset.Symbol} are not published on this node", "ask its founder");
        using var export = Export.Open(files, new ExportOptions { Me = choices.Me });
        if (export.Account.Length == 0)
            throw new CommandException("the export does not say whose account it is", "name it with --me");
        foreach (var (name, mail) in mails)
            if (MailEvidence.Problem(export.Platform, export.Account, mail, DateTimeOffset.UtcNow) is { } problem)
                throw new CommandException($"{Shared.Safe(name)} proves nothing about this {export.Platform} export: {problem}", "give the mail that announced it, with all of its header, as your mail program received it; or leave it out");
        if (PageEvidence.Problem(export.Platform, export.Account, pages) is { } wrong)
            throw new CommandException($"public pages prove nothing about this {export.Platform} export: {wrong}", "leave --profile, --post and --permalinks out, or give the address of a post as the platform's own page has it");
        RequireEvidence(policy.Evidence, mails.Count > 0, pages);
        var recipient = X25519Recipient.Parse(asset.Recipient);
        var salt = Shared.Nonce();
        var id = ContributionId.Of(info.ChainId, asset.Ledger, key.Address, salt);
        var folder = Path.Combine(home, "outgoing", id.ToHex());
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            using var made = await MakePartsAsync(export, policy.Kinds, choices, recipient, folder, ct);
            if (made.Parts.Count == 0)
                throw new CommandException($"nothing to contribute: of {export.Report.Records:N0} records in this {export.Platform} export of {Shared.Safe(export.Account)} none is of a kind that {asset.Symbol} takes",
                    $"it takes {string.Join(", ", policy.Kinds)}; see what is in yours with 'trove inspect'");
            long ownWords = made.Parts.Sum(p => p.Summary.OwnWords);
            if (ownWords < policy.MinimumWords)
                throw new CommandException($"nothing to contribute: this {export.Platform} export of {Shared.Safe(export.Account)} has {ownWords:N0} words of your own, and {asset.Symbol} takes contributions from {policy.MinimumWords:N0} on",
                    "see what is in it with 'trove inspect'");
            RequireSizes(made, 1);
            new Receipt(asset.Asset, id, key.Address, salt).Keep(home);
            var announced = await AnnounceAsync(id, salt, made, ct);
            tell(DescribeEvidence(export, made.Sources, mails, pages, Math.Min((int)asset.Threshold, announced.Verifiers.Count), announced.Verifiers.Count));
            var (evidence, evidenceSize) = await SealEvidenceAsync(export, mails, pages, choices, made, announced, folder, ct);
            RequireSizes(made, evidenceSize);
            await SignManifestAsync(id, announced, made, evidence, evidenceSize, ct);
            await UploadAsync(id, folder, announced.UploadToken, ct);
            return new Contributed(id, export.Report, [.. made.Parts.Select(p => p.Summary)], made.Left, made.Redacted, [.. announced.Verifiers.Select(v => v.Address)]);
        }
        finally
        {
            // Uploaded or given up: an upload that broke off resumes from the record beside it.
            if (!File.Exists(Path.Combine(folder, ResumeFile)))
                Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Reads the mails that go along.</summary>
    /// <exception cref="CommandException">There is no such file, or it is too long, or there are too many.</exception>
    public static IReadOnlyList<(string Name, byte[] Bytes)> ReadMails(IReadOnlyList<FileInfo> files) => files.Count <= EvidenceFile.MaxMails
        ? [.. files.Select(file => (file.Name, Shared.ReadMail(file, EvidenceFile.MaxMail)))]
        : throw new CommandException($"{files.Count} mails were named, and {EvidenceFile.MaxMails} are taken", "one that the platform signed is enough");

    /// <summary>The public pages that were named.</summary>
    /// <exception cref="CommandException">There are too many, or an address is too long.</exception>
    public static PublicPages ReadPages(bool profile, bool permalinks, IReadOnlyList<string> posts) => posts.Count > EvidenceFile.MaxPosts
        ? throw new CommandException($"{posts.Count} posts were named, and {EvidenceFile.MaxPosts} are taken", "one that has the code is enough")
        : posts.Any(post => Encoding.UTF8.GetByteCount(post) > EvidenceFile.MaxAddress) ? throw new CommandException("the address of a post is too long", "give the post's permalink")
        : new PublicPages(profile, permalinks, posts);

    /// <summary>Continues an upload that broke off after the evidence was sealed.</summary>
    public static async Task ResumeAsync(TroveClient node, Hash32 id, string home, Action<string, long, long?> progress, CancellationToken ct)
    {
        var folder = Path.Combine(home, "outgoing", id.ToHex());
        var file = Path.Combine(folder, ResumeFile);
        if (!File.Exists(file))
            throw new CommandException($"there is no broken-off upload of contribution {id} on this machine", "contribute again; what was announced and not uploaded expires by itself");
        var token = JsonSerializer.Deserialize<ResumeRecord>(await File.ReadAllTextAsync(file, ct), TroveJson.Options)!.UploadToken;
        await UploadFilesAsync(node, id, folder, token, progress, ct);
        await node.CompleteAsync(id, ct);
        Directory.Delete(folder, recursive: true);
    }

    private const string ResumeFile = "upload.json";

    private sealed record ResumeRecord(string UploadToken);

    private sealed record MadePart(PartSummary Summary, SealedPart Sealed)
    {
        public PartDescriptor Descriptor => new(Summary.Key.Kind.Name(), Summary.Key.Year, Sealed.EphemeralShare, Sealed.HeaderHash, Sealed.CiphertextHash, Sealed.CiphertextSize);
    }

    private sealed record MadeParts(IReadOnlyList<MadePart> Parts, IReadOnlySet<string> Sources, long Left, long Redacted) : IDisposable
    {
        public void Dispose()
        {
            foreach (var part in Parts)
                part.Sealed.Dispose();
        }
    }

    private async Task<MadeParts> MakePartsAsync(Export export, IReadOnlyList<string> kinds, Choices choices, X25519Recipient recipient, string folder, CancellationToken ct)
    {
        var sealing = new Dictionary<PartKey, (string File, Task<SealedPart> Task)>();
        var sources = new HashSet<string>(StringComparer.Ordinal);
        long left = 0, redacted = 0, count = 0;
        var writer = new PartWriter(partKey =>
        {
            // Gzip writes into the pipe, age reads from it: nothing in between touches the disk.
            var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 1 << 20, resumeWriterThreshold: 1 << 19, useSynchronizationContext: false));
            var file = Path.Combine(folder, partKey.ToString());
            sealing[partKey] = (file, Task.Run(async () =>
            {
                await using var target = new FileStream(file, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0);
                await using var plain = pipe.Reader.AsStream();
                return await SealedPart.CreateAsync(plain, target, recipient, cancel: ct);
            }, ct));
            return pipe.Writer.AsStream();
        });
        IReadOnlyList<PartSummary> summaries;
        using (writer)
        {
            foreach (var record in export.Records())
            {
                ct.ThrowIfCancellationRequested();
                progress("reading records", ++count, null);
                if (!choices.Exclude.Keeps(record) || !kinds.Contains(record.Kind.Name()))
                {
                    left++;
                    continue;
                }
                var kept = choices.Redaction.Apply(record);
                if (kept != record)
                    redacted++;
                sources.Add(record.Source);
                writer.Add(kept);
            }
            summaries = writer.Complete();
        }
        var parts = new List<MadePart>();
        foreach (var summary in summaries)
        {
            var part = await sealing[summary.Key].Task;
            parts.Add(new MadePart(summary, part));
            File.Move(sealing[summary.Key].File, Path.Combine(folder, part.CiphertextHash.ToHex()));
        }
        return new MadeParts(parts, sources, left, redacted);
    }

    private async Task<AnnounceResponse> AnnounceAsync(Hash32 id, Hash32 salt, MadeParts made, CancellationToken ct)
    {
        var parts = made.Parts.Select(p => (p.Descriptor, p.Sealed)).Select(p => new AnnouncedPart(p.Descriptor.Kind, p.Descriptor.Year, p.Descriptor.EphemeralShare,
            p.Descriptor.HeaderHash, p.Descriptor.Sha256, p.Descriptor.Size, Hex.Encode(ProofOfKnowledge.Create(p.Sealed.EphemeralSecret,
                PartDescriptor.ProofContext(info.ChainId, asset.Ledger, asset.Asset, id, key.Address, p.Descriptor.HeaderHash))))).ToList();
        var (nonce, deadline) = (Shared.Nonce(), Shared.Deadline());
        var digest = Messages.Announce(Messages.Domain(info.ChainId, asset.Ledger), asset.Asset, id, key.Address, Root(id, made), parts.Sum(p => p.Size), nonce, deadline);
        progress("announcing", 0, null);
        return await node.AnnounceAsync(asset.Asset, new AnnounceRequest(key.Address, salt, parts, nonce, deadline, Hex.Encode(key.Sign(digest))), ct);
    }

    // What verifiers would refuse is said before it is uploaded.
    private static void RequireSizes(MadeParts made, long evidence)
    {
        try
        {
            ContributionChecker.RequireSizes([.. made.Parts.Select(p => p.Sealed.CiphertextSize)], evidence);
        }
        catch (RefusedException e)
        {
            throw new CommandException(e.Message, "keep kinds at home with --exclude, or leave large files out of the export");
        }
    }

    /// <summary>What a member must know before the evidence leaves the machine: neither exclusion nor redaction reaches into it.</summary>
    private static string DescribeEvidence(Export export, IReadOnlySet<string> sources, IReadOnlyList<(string Name, byte[] Bytes)> mails, PublicPages pages, int called, int drawn)
    {
        var files = export.Files.Where(file => export.IsEvidence(file, sources.Contains)).ToList();
        string names = string.Join(", ", files.Take(MostNames).Select(Shared.Safe)) + (files.Count > MostNames ? $" and {files.Count - MostNames:N0} more" : "");
        string whole = mails.Count == 0 ? "" : $"\n  and these mails whole, with your address and all that they say: {string.Join(", ", mails.Select(m => Shared.Safe(m.Name)))}";
        string looked = !pages.Any ? "" : $"\n{export.Platform} sees from their requests whose {string.Join(" and ", Looked(pages))} they look at";
        return $"""
            the evidence holds these files of the export whole, as the platform wrote them, also the account's own file, and in them what you keep at home or black out:
              {names}{whole}
            it is sealed to the {called} verifiers that were drawn{(drawn == called ? "" : drawn == called + 1 ? " and 1 in reserve" : $" and {drawn - called} in reserve")}, who alone can read it, and destroyed when they have answered{looked}
            """;
    }

    private static IEnumerable<string> Looked(PublicPages pages)
    {
        if (pages.Profile)
            yield return "profile";
        if (pages.Posts.Count > 0)
            yield return "posts with the code";
        if (pages.Permalinks)
            yield return "records drawn by lot";
    }

    // Without it the verifiers would work for nothing, and the contribution earn nothing.
    private static void RequireEvidence(EvidencePolicy policy, bool mail, PublicPages pages)
    {
        var given = new Dictionary<string, (bool Given, string How)>(StringComparer.Ordinal)
        {
            [EvidenceKinds.Mail] = (mail, "--mail FILE"), [EvidenceKinds.Profile] = (pages.Profile, "--profile"),
            [EvidenceKinds.Post] = (pages.Posts.Count > 0, "--post URL"), [EvidenceKinds.Permalink] = (pages.Permalinks, "--permalinks"),
        };
        foreach (var rule in policy.Rules.Where(rule => rule.Required))
            if (given.TryGetValue(rule.Kind, out var kind) && !kind.Given)
                throw new CommandException($"without evidence of the kind '{rule.Kind}' this asset pays nothing", $"add {kind.How}; 'trove contribute --help' says what it is");
    }

    private static Hash32 Root(Hash32 id, MadeParts made) => PartDescriptor.Tree(id, made.Parts.Select(p => p.Descriptor)).Root;

    private async Task<(Hash32 Hash, long Size)> SealEvidenceAsync(Export export, IReadOnlyList<(string Name, byte[] Bytes)> mails, PublicPages pages, Choices choices, MadeParts made, AnnounceResponse announced, string folder, CancellationToken ct)
    {
        progress("sealing the evidence", 0, null);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 1 << 20, resumeWriterThreshold: 1 << 19, useSynchronizationContext: false));
        var writing = Task.Run(() =>
        {
            Exception? failure = null;
            try
            {
                using var plain = pipe.Writer.AsStream(leaveOpen: true);
                EvidenceFile.WriteHead(plain, choices.Me, [.. mails.Select(m => (ReadOnlyMemory<byte>)m.Bytes)], pages, [.. made.Parts.Select(p => (p.Sealed.HeaderHash, p.Sealed.EphemeralSecret))]);
                export.WriteEvidence(plain, made.Sources.Contains);
            }
            catch (Exception e)
            {
                failure = e;
            }
            pipe.Writer.Complete(failure); // a failure reaches the reader, so that no half evidence gets sealed
        }, ct);
        var file = Path.Combine(folder, "evidence");
        await using (var target = new FileStream(file, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0))
        await using (var plain = pipe.Reader.AsStream())
            await AgeFile.EncryptAsync(plain, target, [.. announced.Verifiers.Select(v => X25519Recipient.Parse(v.Recipient))], cancel: ct);
        await writing;
        await using var sealedFile = File.OpenRead(file);
        var hash = new Hash32(await SHA256.HashDataAsync(sealedFile, ct));
        File.Move(file, Path.Combine(folder, hash.ToHex()));
        return (hash, sealedFile.Length);
    }

    private async Task SignManifestAsync(Hash32 id, AnnounceResponse announced, MadeParts made, Hash32 evidence, long evidenceSize, CancellationToken ct)
    {
        var (nonce, deadline) = (Shared.Nonce(), Shared.Deadline());
        var digest = Messages.Manifest(Messages.Domain(info.ChainId, asset.Ledger), asset.Asset, id, key.Address, Root(id, made), evidence, evidenceSize,
            announced.AnnouncedBlock, asset.PolicyHash, nonce, deadline);
        await node.SetManifestAsync(id, new ManifestRequest(evidence, evidenceSize, announced.AnnouncedBlock, asset.PolicyHash, nonce, deadline, Hex.Encode(key.Sign(digest))), ct);
    }

    private async Task UploadAsync(Hash32 id, string folder, string token, CancellationToken ct)
    {
        var resume = Path.Combine(folder, ResumeFile);
        await File.WriteAllTextAsync(resume, JsonSerializer.Serialize(new ResumeRecord(token), TroveJson.Options), ct);
        await UploadFilesAsync(node, id, folder, token, progress, ct);
        await node.CompleteAsync(id, ct);
        File.Delete(resume);
    }

    private static async Task UploadFilesAsync(TroveClient node, Hash32 id, string folder, string token, Action<string, long, long?> progress, CancellationToken ct)
    {
        var list = await node.BlobsAsync(id, ct);
        long total = list.Blobs.Sum(b => b.Size), done = list.Blobs.Sum(b => b.Received);
        var piece = new byte[list.PieceBytes];
        foreach (var blob in list.Blobs)
        {
            await using var file = File.OpenRead(Path.Combine(folder, blob.Sha256.ToHex()));
            long at = blob.Received;
            for (int failures = 0; at < blob.Size;)
            {
                progress("uploading", done, total);
                file.Position = at;
                int length = await file.ReadAtLeastAsync(piece, piece.Length, throwOnEndOfStream: false, ct);
                try
                {
                    long received = await node.PutPieceAsync(id, blob.Sha256, at, piece.AsMemory(0, length), token, ct);
                    done += received - at;
                    at = received;
                    failures = 0;
                }
                catch (TroveApiException e) when (e.Received is { } right)
                {
                    at = right; // the node has more or less than we thought
                }
                catch (TroveApiException e) when (e.Status is 0 or 408 or 503 && failures < 6)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(250 << failures++), ct);
                }
            }
        }
    }
}
