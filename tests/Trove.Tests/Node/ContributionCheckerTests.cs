using System.Security.Cryptography;
using System.Text;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Protocol;
using Trove.Node.Verification;
using Trove.Tests.Exports;
using Outcome = Trove.Core.Rewards.CheckOutcome;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Node;

/// <summary>Contributions as honest and dishonest members would make them, checked in memory.</summary>
public class ContributionCheckerTests
{
    private static readonly Address Asset = Address.Parse("0x" + new string('5', 40));
    private static readonly X25519Identity Recipient = X25519Identity.Generate();
    private static readonly byte[] TagKey = RandomNumberGenerator.GetBytes(32);
    private static readonly AssetPolicy Policy = PolicyTests.Policy with { MinimumWords = 5, Kinds = ["comment", "message", "note", "post"] };

    [Fact]
    public async Task Honest()
    {
        using var made = await Made.OfAsync();
        var found = await made.CheckAsync();
        Assert.Equal((ulong)made.OwnWords, found.Words);
        Assert.InRange(found.Words, 20ul, 1000ul);
        Assert.Equal(Nullifier("reddit", "fen_walker"), found.Nullifier);
        var own = made.Records.Where(r => r.Own && Words.Count(r.Title + "\n" + r.Text) > 0).ToList();
        var tags = new TagList.Builder();
        using var by = new RecordTags(TagKey);
        foreach (var record in own)
            tags.Add(by, record.Title + "\n" + record.Text, record.Title + "\n" + record.Text, Policy.Quality);
        Assert.Equal(tags.Build().Hash(), found.Tags.Hash());
        Assert.Contains(found.Evidence.Checks, c => c is { Name: "reddit.comment-headers", Outcome: Outcome.Passed });
        Assert.Contains(found.Evidence.Checks, c => c is { Name: "reddit.checkfile", Outcome: Outcome.Absent });
    }

    [Theory]
    [InlineData(Outcome.Passed)]
    [InlineData(Outcome.Absent)]
    public async Task What_the_mails_prove_stands_with_the_results(Outcome outcome)
    {
        using var made = await Made.OfAsync();
        made.Mails = made.Mails with { Outcome = outcome };
        Assert.Equal(made.Mails, Assert.Single((await made.CheckAsync()).Evidence.Checks, c => c.Name == MailEvidence.CheckName));
    }

    [Fact]
    public async Task What_public_pages_prove_stands_with_the_results()
    {
        using var made = await Made.OfAsync();
        await made.CheckAsync();
        Assert.Null(made.LookedUp); // nobody asked for them
        made.Pages = new PublicPages(Profile: true, Permalinks: false, []);
        made.PageChecks = [new(EvidenceKinds.Profile, Outcome.Passed, "seen")];
        Assert.Contains(made.PageChecks[0], (await made.CheckAsync()).Evidence.Checks);
        Assert.Empty(made.LookedUp!);
        made.PageChecks = [new(EvidenceKinds.Permalink, Outcome.Failed, "seen")];
        await RefusedAsync("evidence-contradicts", made, asked: 2);
    }

    // Eight of the own posts and comments as the evidence has them, the same for the same seed and parts, whatever else is in the export.
    [Fact]
    public async Task Records_to_be_looked_up_are_drawn_by_the_guardians_seed()
    {
        var zip = RedditOf(40);
        using var made = await Made.OfAsync(zip);
        made.Pages = new PublicPages(Profile: false, Permalinks: true, []);
        var draws = new List<string>();
        for (byte seed = 0; seed < 20; seed++)
        {
            made.Seed = new Hash32([seed, .. new byte[31]]);
            await made.CheckAsync();
            Assert.Equal(8, made.LookedUp!.Select(r => r.Id).Distinct().Count());
            Assert.All(made.LookedUp!, r => Assert.True(r.Own && r.Kind == RecordKind.Comment && r.Text.Length > 0));
            draws.Add(string.Join(' ', made.LookedUp!.Select(r => r.Id)));
            await made.CheckAsync();
            Assert.Equal(draws[^1], string.Join(' ', made.LookedUp!.Select(r => r.Id)));
        }
        Assert.Equal(20, draws.Distinct().Count());
        Assert.InRange(string.Join(' ', draws).Split(' ').Distinct().Count(), 36, 40); // any of them, but for the one without words
        Assert.DoesNotContain("c40", string.Join(' ', draws).Split(' '));

        // What is blacked out could be any text, and stands for none.
        using var hidden = await Made.OfAsync(zip, records => records.Select(r => r.Id is "c0" or "c1" ? r : r with { Text = "[redacted:text:00000000]" }));
        hidden.Pages = made.Pages;
        await hidden.CheckAsync();
        Assert.Equal(["c0", "c1"], hidden.LookedUp!.Select(r => r.Id).Order());
    }

    [Fact]
    public async Task MailThatWasTamperedWith()
    {
        using var made = await Made.OfAsync();
        made.Mails = made.Mails with { Outcome = Outcome.Failed };
        await RefusedAsync("evidence-contradicts", made);
        Assert.Empty(made.Downloaded);
    }

    [Fact]
    public void A_tag_list_that_no_node_takes_is_refused()
    {
        const int full = (VerificationService.MaxTagBytes - 37) / 22;
        ContributionChecker.RequireSize(Of(full));
        Assert.Equal("too-large", Assert.Throws<RefusedException>(() => ContributionChecker.RequireSize(Of(full + 1))).Code);

        static TagList Of(int records)
        {
            var list = new TagList.Builder();
            for (int i = 0; i < records; i++)
                list.Add((UInt128)i, 1, []);
            return list.Build();
        }
    }

    // The same records under other keys: what verifiers attest does not hang on the encryption.
    [Fact]
    public async Task The_same_records_give_the_same_facts()
    {
        using Made first = await Made.OfAsync(), second = await Made.OfAsync();
        var (a, b) = (await first.CheckAsync(), await second.CheckAsync());
        Assert.NotEqual(first.Parts[0].EphemeralShare, second.Parts[0].EphemeralShare);
        Assert.Equal((a.Nullifier, a.Words, a.Evidence.Hash(), a.Tags.Hash()), (b.Nullifier, b.Words, b.Evidence.Hash(), b.Tags.Hash()));
    }

    [Fact]
    public async Task Left_out_records_are_nobodys_business()
    {
        using var made = await Made.OfAsync(change: r => r.Where(x => x.Kind != RecordKind.Message));
        Assert.Equal((ulong)made.OwnWords, (await made.CheckAsync()).Words);
    }

    [Fact]
    public async Task Redacted_record_counts_less_and_keeps_its_tag()
    {
        var redaction = new Redaction(RedactionClasses.None, ExportFixture.Key, ["Four photos", "third plank"]);
        using Made whole = await Made.OfAsync(), redacted = await Made.OfAsync(change: r => r.Select(redaction.Apply));
        Assert.Contains(redacted.Records, r => r.Text.Contains("[redacted:", StringComparison.Ordinal));
        var (a, b) = (await whole.CheckAsync(), await redacted.CheckAsync());
        Assert.Equal(a.Tags.Entries.Select(e => e.Tag), b.Tags.Entries.Select(e => e.Tag));
        Assert.Equal(a.Words - 4, b.Words);
        Assert.True(b.Tags.Entries.Sum(e => e.Score) < a.Tags.Entries.Sum(e => e.Score));
    }

    [Fact]
    public async Task RecordThatIsNotInTheEvidence() =>
        await RefusedAsync("not-in-evidence", r => r.Append(r.First(x => x.Kind == RecordKind.Comment) with { Id = "invented", Text = "Twenty words that nobody ever wrote" }));

    [Fact]
    public async Task RecordWithAnotherText() =>
        await RefusedAsync("not-in-evidence", r => r.Select(x => x.Own && x.Text.Length > 0 ? x with { Text = x.Text + " and more" } : x));

    [Fact]
    public async Task RecordOfAnotherPersonClaimedAsOwn() =>
        await RefusedAsync("not-in-evidence", r => r.Select(x => x.Author.Equals("otter_bob", StringComparison.OrdinalIgnoreCase) ? x with { Own = true } : x));

    [Fact]
    public async Task RecordOfAnotherPlatform() => await RefusedAsync("not-in-evidence", r => r.Select(x => x with { Platform = "chatgpt" }));

    [Fact]
    public async Task RecordUsedTwice() =>
        await RefusedAsync("not-in-evidence", r => r.Concat(r.Where(x => x.Own && x.Text.Length > 0).Take(1)));

    // One original cannot stand for itself and for its redaction.
    [Fact]
    public async Task RecordUsedOnceRedactedAndOnceNot()
    {
        var redaction = new Redaction(RedactionClasses.None, ExportFixture.Key, ["Four photos"]);
        await RefusedAsync("not-in-evidence", r => r.Concat(r.Where(x => redaction.Apply(x) != x).Select(redaction.Apply)));
    }

    // In order one pass finds the originals, also where a hostile export has millions that only their texts tell apart.
    [Fact]
    public async Task RecordsInAnotherOrderThanTheEvidence() => await RefusedAsync("not-in-evidence", r => r.Reverse());

    [Fact]
    public async Task Records_that_share_id_and_time_are_told_apart_by_their_texts()
    {
        var files = ExportFixture.Files("reddit");
        string head = "id,permalink,date,ip,subreddit,gildings,link,parent", row = "same,/r/a/comments/b/c/same/,2021-04-17 19:02:11 UTC,,a,0,,";
        files["comment_headers.csv"] = ExportFixture.AsReddit($"{head}\n{row}\n{row}\n{row}\n");
        files["comments.csv"] = ExportFixture.AsReddit($"{head},body,media\n{row},first of three words,\n{row},second of three words,\n{row},third of three words,\n");
        using Made all = await Made.OfAsync(ExportFixture.Zip(files)),
            some = await Made.OfAsync(ExportFixture.Zip(files), r => r.Where(x => !x.Text.StartsWith("second", StringComparison.Ordinal)));
        Assert.Equal(3, all.Records.Count(r => r.Id == "same"));
        Assert.Equal((await all.CheckAsync()).Words - 4, (await some.CheckAsync()).Words);
        var (marked, third) = (new Redaction(RedactionClasses.None, ExportFixture.Key, ["first", "second", "third"]), all.Records.Single(r => r.Text.StartsWith("third", StringComparison.Ordinal)));
        using var redacted = await Made.OfAsync(ExportFixture.Zip(files), r => r.Select(marked.Apply));
        Assert.Equal((await all.CheckAsync()).Tags.Entries.Select(e => e.Tag), (await redacted.CheckAsync()).Tags.Entries.Select(e => e.Tag));
        await RefusedAsync("not-in-evidence", r => r.Append(marked.Apply(third)), ExportFixture.Zip(files)); // a fourth of three
    }

    [Fact]
    public async Task Parts_are_downloaded_one_after_the_other()
    {
        using var made = await Made.OfAsync();
        Assert.InRange(made.Parts.Count, 2, 100);
        made.Ciphertexts[0] = made.Ciphertexts[0][..^1];
        await RefusedAsync("other-bytes", made);
        Assert.Equal(made.Parts[0], made.Downloaded[^1]); // what comes after a bad one is never asked for
    }

    [Fact]
    public async Task EvidenceWithMoreBytesOrRecordsThanAVerifierReads()
    {
        var files = ExportFixture.Files("reddit");
        var headers = Encoding.UTF8.GetString(files["comment_headers.csv"]).TrimEnd();
        files["comment_headers.csv"] = Encoding.UTF8.GetBytes(headers + new string('p', 200_000) + "\n"); // only the checks read it
        using var made = await Made.OfAsync(ExportFixture.Zip(files));
        long bytes = files.Values.Sum(f => (long)f.Length);
        var enough = new ExportLimits { Ratio = 1032, TotalBytes = bytes };
        await made.CheckAsync(limits: enough);
        foreach (var limits in new[] { enough with { TotalBytes = bytes - 100_000 }, enough with { TotalBytes = 1000 }, enough with { Records = made.Records.Count - 1 } })
            Assert.Equal("evidence-unreadable", (await Assert.ThrowsAsync<RefusedException>(() => made.CheckAsync(limits: limits))).Code);
    }

    [Fact]
    public void SizesBeyondWhatAVerifierHoldsInMemory()
    {
        const long MiB = 1 << 20;
        ContributionChecker.RequireSizes([512 * MiB], 512 * MiB);
        ContributionChecker.RequireSizes([.. Enumerable.Repeat(MiB, 512)], 1);
        foreach (var (parts, evidence) in new (long[], long)[] { ([], 1), ([0], 1), ([1], 0), ([-1, 1], 1), ([512 * MiB + 1], 1), ([512 * MiB, 1], 1), ([1], 512 * MiB + 1),
            ([long.MaxValue, long.MaxValue], 1), ([.. Enumerable.Repeat(MiB, 511), MiB + 1], 1), ([.. Enumerable.Repeat(1L, 513)], 1) })
            Assert.Equal("too-large", Assert.Throws<RefusedException>(() => ContributionChecker.RequireSizes(parts, evidence)).Code);
    }

    [Fact]
    public void Page_of_the_rules_names_their_version() =>
        Assert.Contains($"`{ContributionChecker.CodeVersion.ToHex()}`", File.ReadAllText(Path.Combine(Vectors.Repository, "specs", "evidence.md")), StringComparison.Ordinal);

    [Fact]
    public async Task KindThatTheAssetDoesNotTake()
    {
        using var made = await Made.OfAsync();
        await RefusedAsync("not-in-evidence", made, Policy with { Kinds = ["comment", "post"] });
    }

    [Fact]
    public async Task PartForAnotherRecipient()
    {
        using var stranger = X25519Identity.Generate();
        using var made = await Made.OfAsync(recipient: stranger.Recipient);
        await RefusedAsync("part-unreadable", made);
    }

    [Fact]
    public async Task OpeningThatIsNotThePartsSecret()
    {
        using var made = await Made.OfAsync();
        made.Secrets = [.. made.Secrets.Select(_ => SecretBytes.Random(32))];
        await RefusedAsync("part-unreadable", made);
    }

    [Fact]
    public async Task NoOpening()
    {
        using var made = await Made.OfAsync();
        made.Secrets = [];
        await RefusedAsync("no-opening", made);
    }

    [Fact]
    public async Task HeaderCopyWithARowLess()
    {
        var files = ExportFixture.Files("reddit");
        var rows = Encoding.UTF8.GetString(files["comment_headers.csv"]).Split('\n');
        files["comment_headers.csv"] = Encoding.UTF8.GetBytes(string.Join('\n', rows[..2]) + "\n");
        using var made = await Made.OfAsync(ExportFixture.Zip(files));
        await RefusedAsync("evidence-contradicts", made);
    }

    [Fact]
    public async Task TooFewWords()
    {
        using var made = await Made.OfAsync();
        await RefusedAsync("too-few-words", made, Policy with { MinimumWords = (uint)made.OwnWords + 1 });
        await made.CheckAsync(Policy with { MinimumWords = (uint)made.OwnWords });
    }

    [Fact]
    public async Task ChangedCiphertext()
    {
        using var made = await Made.OfAsync();
        made.Ciphertexts[0][^1] ^= 1;
        await RefusedAsync("other-bytes", made);
        // Announced as it is, but its payload was not what the stanza's key sealed.
        made.Parts[0] = made.Parts[0] with { Sha256 = new Hash32(SHA256.HashData(made.Ciphertexts[0])) };
        await RefusedAsync("part-unreadable", made);
    }

    [Fact]
    public async Task CiphertextCutShort()
    {
        using var made = await Made.OfAsync();
        made.Ciphertexts[0] = made.Ciphertexts[0][..^1];
        await RefusedAsync("other-bytes", made);
    }

    [Fact]
    public async Task AnnouncedUnderAnotherShare()
    {
        using var made = await Made.OfAsync();
        made.Parts[0] = made.Parts[0] with { EphemeralShare = Recipient.Recipient.PublicKey };
        await RefusedAsync("other-header", made);
    }

    [Fact]
    public async Task PartAnnouncedUnderAnotherYear()
    {
        using var made = await Made.OfAsync();
        made.Parts[0] = made.Parts[0] with { Year = made.Parts[0].Year + 1 };
        await RefusedAsync("part-unreadable", made);
    }

    [Fact]
    public async Task EvidenceThatIsNoExport()
    {
        using var made = await Made.OfAsync();
        made.Zip = Encoding.ASCII.GetBytes("no ZIP");
        await RefusedAsync("evidence-unreadable", made);
    }

    [Fact]
    public async Task EvidenceWithoutAnAccount()
    {
        string[] kept = ["comments.csv", "comment_headers.csv", "post_headers.csv", "posts.csv"];
        using var made = await Made.OfAsync(ExportFixture.Zip(ExportFixture.Files("reddit").Where(f => kept.Contains(f.Key))), me: "fen_walker");
        made.Me = "";
        await RefusedAsync("no-account", made);
        made.Me = "fen_walker";
        Assert.Equal(Nullifier("reddit", "Fen_Walker"), (await made.CheckAsync()).Nullifier);
    }

    // What guardians evaluate has a bound, and a file says what it likes.
    [Fact]
    public async Task AccountLongerThanAnyPlatformHas()
    {
        string[] kept = ["comments.csv", "comment_headers.csv", "post_headers.csv", "posts.csv"];
        using var made = await Made.OfAsync(ExportFixture.Zip(ExportFixture.Files("reddit").Where(f => kept.Contains(f.Key))), me: new string('a', 1_000));
        Assert.Equal(Nullifier("reddit", made.Me), (await made.CheckAsync()).Nullifier);
        made.Me += "a";
        var refusal = await Assert.ThrowsAsync<RefusedException>(() => made.CheckAsync());
        Assert.Equal("no-account", refusal.Code);
    }

    [Fact]
    public async Task Refusals_hold_nothing_of_the_export()
    {
        using var made = await Made.OfAsync(change: r => r.Select(x => x.Text.Length > 0 ? x with { Text = "SECRETTEXT" } : x));
        var error = await Assert.ThrowsAsync<RefusedException>(() => made.CheckAsync());
        Assert.DoesNotContain("SECRETTEXT", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("plank", error.ToString(), StringComparison.Ordinal);
    }

    private static async Task RefusedAsync(string code, Func<IEnumerable<Record>, IEnumerable<Record>> change, byte[]? zip = null)
    {
        using var made = await Made.OfAsync(zip, change);
        await RefusedAsync(code, made);
    }

    // Twenty times what may be live, were the evidence's records kept: 40,000 of them, the last in a part of its own, which is
    // asked for when all others have been compared.
    [Collection(nameof(MeasuresMemory))]
    public sealed class Memory
    {
        [Fact]
        public async Task A_verifier_holds_neither_the_evidence_nor_the_parts_as_records()
        {
            const int rows = 40_000;
            var random = new Random(5);
            var csv = new StringBuilder("id,permalink,date,ip,subreddit,gildings,link,parent,body,media\n");
            var noise = new byte[40];
            for (int i = 0; i <= rows; i++)
            {
                random.NextBytes(noise);
                csv.Append($"{i},https://www.reddit.com/r/a/comments/p/t/{i}/,{(i < rows ? 2019 : 2020)}-05-02 03:04:05 UTC,,a,0,l,,{Convert.ToHexString(noise)} {new string('w', 900)},\n");
            }
            var files = ExportFixture.Files("reddit").Where(f => f.Key == "statistics.csv").ToDictionary();
            files["comments.csv"] = Encoding.UTF8.GetBytes(csv.ToString());
            csv = null;
            using var made = await Made.OfAsync(ExportFixture.Zip(files));
            files = null;
            made.Records.Clear();
            long before = GC.GetTotalMemory(forceFullCollection: true), last = 0;
            made.Downloading = _ => last = GC.GetTotalMemory(forceFullCollection: true) - before;
            await made.CheckAsync();
            Assert.Equal([2019, 2020], made.Downloaded.Select(p => p.Year));
            Assert.True(last < 5 * made.Zip.Length + (8 << 20), $"{last} bytes are live while evidence of {made.Zip.Length} is compared");
        }
    }

    // One comment a row; the last one has no words.
    private static byte[] RedditOf(int comments)
    {
        var csv = new StringBuilder("id,permalink,date,ip,subreddit,gildings,link,parent,body,media\n");
        for (int i = 0; i <= comments; i++)
            csv.Append($"c{i},https://www.reddit.com/r/a/comments/p/t/c{i}/,{2019 + i % 3}-05-02 03:04:05 UTC,,a,0,l,,{(i < comments ? $"Comment number {i} is about eels and herons" : "?!")},\n");
        var files = ExportFixture.Files("reddit").Where(f => f.Key == "statistics.csv").ToDictionary();
        files["comments.csv"] = Encoding.UTF8.GetBytes(csv.ToString());
        return ExportFixture.Zip(files);
    }

    private static async Task RefusedAsync(string code, Made made, AssetPolicy? policy = null, int asked = 0)
    {
        var refusal = await Assert.ThrowsAsync<RefusedException>(() => made.CheckAsync(policy));
        Assert.Equal((code, true), (refusal.Code, refusal.Message.Length > 0));
        Assert.Equal(asked, made.Asked); // guardians are asked for what is worth it
    }

    // In place of the guardians: who knows no key finds the same for the same.
    private static Hash32 Nullifier(string platform, string account) => new(SHA256.HashData(Nullifiers.Input(Asset, platform, account)));

    /// <summary>A contribution, every piece of which a test may replace by another.</summary>
    private sealed class Made : IDisposable
    {
        public required byte[] Zip { get; set; }
        public string Me { get; set; } = "";
        public EvidenceCheck Mails { get; set; } = new(MailEvidence.CheckName, Outcome.Absent, "no mail");
        public PublicPages Pages { get; set; } = PublicPages.None;
        public IReadOnlyList<EvidenceCheck> PageChecks { get; set; } = [];
        public Hash32 Seed { get; set; }
        public IReadOnlyList<Record>? LookedUp { get; private set; }
        public List<Record> Records { get; } = [];
        public List<PartDescriptor> Parts { get; } = [];
        public List<byte[]> Ciphertexts { get; } = [];
        public List<SecretBytes> Secrets { get; set; } = [];
        public int Asked { get; private set; }

        public List<PartDescriptor> Downloaded { get; } = [];
        public Action<PartDescriptor> Downloading { get; set; } = _ => { };
        public long OwnWords { get; private set; }

        public static async Task<Made> OfAsync(byte[]? zip = null, Func<IEnumerable<Record>, IEnumerable<Record>>? change = null, X25519Recipient? recipient = null, string me = "")
        {
            var made = new Made { Zip = zip ?? ExportFixture.ZipFixture("reddit"), Me = me };
            using var export = ExportFixture.Open(made.Zip, new ExportOptions { Me = me });
            made.Records.AddRange((change ?? (r => r))([.. export.Records().Where(r => Policy.Kinds.Contains(r.Kind.Name()))]));
            var plain = new Dictionary<PartKey, MemoryStream>();
            using var writer = new PartWriter(key => plain[key] = new MemoryStream());
            foreach (var record in made.Records)
                writer.Add(record);
            foreach (var summary in writer.Complete())
            {
                using var target = new MemoryStream();
                var part = await SealedPart.CreateAsync(new MemoryStream(plain[summary.Key].ToArray()), target, recipient ?? Recipient.Recipient);
                made.Secrets.Add(part.EphemeralSecret);
                made.Ciphertexts.Add(target.ToArray());
                made.Parts.Add(new PartDescriptor(summary.Key.Kind.Name(), summary.Key.Year, part.EphemeralShare, part.HeaderHash, part.CiphertextHash, part.CiphertextSize));
                made.OwnWords += summary.OwnWords;
            }
            return made;
        }

        public async Task<ContributionChecker.Findings> CheckAsync(AssetPolicy? policy = null, ExportLimits? limits = null)
        {
            using var file = new MemoryStream();
            EvidenceFile.WriteHead(file, Me, [], Pages, [.. Parts.Zip(Secrets).Select(p => (p.First.HeaderHash, p.Second))]);
            file.Write(Zip);
            using var evidence = EvidenceFile.Read(file.ToArray());
            using var tagKey = new SecretBytes(TagKey);
            return await (limits is null
                ? ContributionChecker.CheckAsync(policy ?? Policy, Recipient.Recipient, tagKey, AskAsync, MailsAsync, Seed, PagesAsync, Parts, Download, evidence, CancellationToken.None)
                : ContributionChecker.CheckAsync(policy ?? Policy, Recipient.Recipient, tagKey, AskAsync, MailsAsync, Seed, PagesAsync, Parts, Download, evidence, limits, CancellationToken.None));

            Task<Hash32> AskAsync(string platform, string account, CancellationToken _)
            {
                Asked++;
                return Task.FromResult(Nullifier(platform, account));
            }

            Task<EvidenceCheck> MailsAsync(string platform, string account, CancellationToken _)
            {
                Assert.Equal(("reddit", false), (platform, account.Length == 0));
                return Task.FromResult(Mails);
            }

            Task<IReadOnlyList<EvidenceCheck>> PagesAsync(string platform, string account, IReadOnlyList<Record> drawn, CancellationToken _)
            {
                Assert.Equal(("reddit", false), (platform, account.Length == 0));
                LookedUp = drawn;
                return Task.FromResult(PageChecks);
            }

            Task<byte[]> Download(PartDescriptor part, CancellationToken _)
            {
                Downloaded.Add(part);
                Downloading(part);
                return Task.FromResult(Ciphertexts[Parts.IndexOf(part)]);
            }
        }

        public void Dispose() => Secrets.ForEach(s => s.Dispose());
    }
}
