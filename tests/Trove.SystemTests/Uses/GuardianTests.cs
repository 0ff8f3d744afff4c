using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.SystemTests.Api;
using Trove.SystemTests.Operations;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Uses;

/// <summary>What guardians release, what stays shut, and that a node's word counts for nothing.</summary>
public sealed class GuardianTests(UseFixture f) : IClassFixture<UseFixture>
{
    [Fact]
    public async Task Released_are_the_parts_in_scope_and_every_other_part_of_the_same_members_stays_shut()
    {
        var grant = await f.NextGrantAsync();
        using var oneTimeKey = X25519Identity.Generate();
        var work = await f.OpenAsync(grant.Request, oneTimeKey);
        await f.Guardian(1, f.NewFolder()).AnswerAsync(work, default);
        await f.Guardian(3, f.NewFolder()).AnswerAsync(work, default);
        var releases = await f.ReleasesAsync(work, oneTimeKey);
        Assert.Equal(2, releases.Count);
        var key = ThresholdKey.Create(2, f.Asset.Custody.Commitments, X25519Recipient.Parse(f.Asset.Recipient));

        var all = f.Members.SelectMany(m => m.Parts(f.Info, f.Asset).Zip(m.Ciphertexts)).ToList();
        var inScope = all.Where(p => grant.Terms.Covers(p.First.Descriptor())).ToList();
        var outside = all.Except(inScope).ToList();
        Assert.True(inScope.Count >= 6 && outside.Any(p => p.First.Kind == "message") && outside.Any(p => p.First.Kind == "comment" && p.First.Year < 2023));

        // In scope: two answers open each part, in the order of the inputs; one alone does not.
        Assert.All(releases, r => Assert.Equal(inScope.Count, r.Count));
        Assert.Equal(ThresholdFailure.TooFew, Assert.Throws<ThresholdException>(() => key.Combine([releases[0].Partials!])).Failure);
        using var combined = key.Combine([.. releases.Select(r => r.Partials!)]);
        var secrets = Enumerable.Range(0, combined.Count).Select(k => new SecretBytes(combined[k])).ToList();
        var contribution = f.Members.SelectMany(m => m.Parts(f.Info, f.Asset).Select(p => (p.EphemeralShare, Id: m.Id(f.Info, f.Asset)))).ToDictionary(p => p.EphemeralShare, p => p.Id);
        foreach (var ((part, ciphertext), secret) in inScope.OrderBy(p => contribution[p.First.EphemeralShare]).ThenBy(p => p.First.Kind, StringComparer.Ordinal).ThenBy(p => p.First.Year).Zip(secrets))
        {
            using var opening = await PartOpening.OpenWithSharedSecretAsync(new MemoryStream(ciphertext), key.Recipient, secret);
            await opening.Plaintext.CopyToAsync(Stream.Null);
        }

        // Outside: nothing that was released opens it.
        foreach (var (part, ciphertext) in outside)
        {
            foreach (var secret in secrets)
                Assert.Equal(AgeFailure.NoMatch, (await Assert.ThrowsAsync<AgeException>(() => PartOpening.OpenWithSharedSecretAsync(new MemoryStream(ciphertext), key.Recipient, secret))).Failure);
        }

        // The same check sees an open door: the guardians' shares themselves do open what is outside.
        var (message, sealedMessage) = outside.First(p => p.First.Kind == "message");
        var owner = f.Members.First(m => m.Parts(f.Info, f.Asset).Any(p => p.EphemeralShare == message.EphemeralShare));
        var context = PartDescriptor.ProofContext(f.Info.ChainId, f.Asset.Ledger, f.Asset.Asset, owner.Id(f.Info, f.Asset), owner.Key.Address, message.HeaderHash);
        GuardianShare first = f.EpochShares[0].Custody, second = f.EpochShares[1].Custody;
        using var forced = key.Combine([first.Decrypt(Hex.Decode(message.Proof), message.EphemeralShare, context), second.Decrypt(Hex.Decode(message.Proof), message.EphemeralShare, context)]);
        using var opened = await PartOpening.OpenWithSharedSecretAsync(new MemoryStream(sealedMessage), key.Recipient, forced);
        await opened.Plaintext.CopyToAsync(Stream.Null);
    }

    [Fact]
    public async Task A_guardian_with_a_lying_node_and_an_honest_chain_refuses()
    {
        var grant = await f.NextGrantAsync();
        using var oneTimeKey = X25519Identity.Generate();
        await using var liar = await LyingNode.StartAsync(f.Client.Node);
        using var client = new TroveClient(liar.Address);
        var folder = f.NewFolder();
        var guardian = f.Guardian(2, folder, client);

        // It is told of uses that nobody opened: one of a grant, one of a request that never was.
        await guardian.AnswerAsync(new UseWork(f.Asset.Asset, grant.Request, 1, 1, 1, false, false, false), default);
        await guardian.AnswerAsync(new UseWork(f.Asset.Asset, Member.Fresh(), 1, 1, 1, false, false, false), default);
        Assert.Equal(["not-open", "not-open"], Codes(folder));
        Assert.Empty(liar.Answers);

        // The use is open now, and the node says it covers more than was granted, or other things.
        var work = await f.OpenAsync(grant.Request, oneTimeKey);
        foreach (var lie in new Action<JsonObject>[]
        {
            doc => doc["terms"]!["fromYear"] = 0,
            doc => doc["terms"]!["kinds"] = new JsonArray("comment", "message"),
            doc => doc["terms"]!["lastEpoch"] = 2,
            doc => First(doc)["owner"] = f.Buyer.SigningKey.Address.ToString(),
            doc => First(doc)["amount"] = "1",
            doc => First(doc)["epoch"] = 2,
            doc => First(doc)["contribution"] = Member.Fresh().ToString(),
            doc => ((JsonArray)First(doc)["parts"]!).RemoveAt(0),
            doc => Part(doc)["kind"] = "message",
            doc => Part(doc)["ephemeralShare"] = Message(doc)["ephemeralShare"]!.DeepClone(),
            doc => Part(doc)["proof"] = Message(doc)["proof"]!.DeepClone(),
            doc => ((JsonArray)doc["contributions"]!).Add(First(doc).DeepClone()),
        })
        {
            liar.Inputs = lie;
            await guardian.AnswerAsync(work, default);
            var answer = liar.Answers[^1];
            Assert.True(answer["sealed"] is null && (string?)answer["code"] == "wrong-inputs", answer.ToJsonString());
        }

        // And a stale or future version of the key is no key of this use.
        liar.Inputs = null;
        int before = liar.Answers.Count;
        await guardian.AnswerAsync(work with { KeyVersion = 2 }, default);
        Assert.Equal(before, liar.Answers.Count);
        Assert.Equal("not-open", Codes(folder)[^1]);

        // Nor is a committee that is not in force, whose shares this guardian might have had.
        foreach (uint epoch in new[] { 0u, 2u })
            await guardian.AnswerAsync(work with { CommitteeEpoch = epoch }, default);
        Assert.Equal(before, liar.Answers.Count);
        Assert.Equal("other-committee", Codes(folder)[^1]); // written the first time

        // With the truth the same guardian releases.
        await guardian.AnswerAsync(work, default);
        Assert.NotNull(liar.Answers[^1]["sealed"]);
        Assert.Equal("released", (string?)JsonNode.Parse(File.ReadLines(Path.Combine(folder, "releases.jsonl")).Last())!["outcome"]);

        // As much as it may, counted from the log after a restart. What is more is written once, and answered to nobody.
        var limited = new GuardianProcess(client, f.Chain, f.Guardians[1], new GuardianOptions(folder, 0, []) { Limits = new() { Grant = new ReleaseLimit(1, 1, 1000, 1000) } }, NullLogger<GuardianProcess>.Instance, TimeProvider.System);
        (before, int lines) = (liar.Answers.Count, File.ReadLines(Path.Combine(folder, "releases.jsonl")).Count());
        await limited.AnswerAsync(work, default);
        await limited.AnswerAsync(work, default);
        Assert.Equal((before, lines + 1), (liar.Answers.Count, File.ReadLines(Path.Combine(folder, "releases.jsonl")).Count()));
        Assert.Equal("too-much", Codes(folder)[^1]);
        Assert.Null(GuardianLogReader.Check(Path.Combine(folder, "releases.jsonl"), 1, null, default).Wrong);
    }

    [Fact]
    public async Task A_use_counts_only_at_confirmation_depth()
    {
        var grant = await f.NextGrantAsync();
        using var oneTimeKey = X25519Identity.Generate();
        var folder = f.NewFolder();
        var guardian = f.Guardian(1, folder, confirmations: 3);
        var work = await f.OpenAsync(grant.Request, oneTimeKey);
        await guardian.AnswerAsync(work, default);
        Assert.Equal(["not-confirmed"], Codes(folder));
        for (int i = 0; i < 3; i++)
            await f.Client.FaucetAsync(Dollars(), default); // any transaction makes a block
        await guardian.AnswerAsync(work, default);
        Assert.Single(await f.ReleasesAsync(work, oneTimeKey));
    }

    [Fact]
    public async Task A_revoked_use_is_refused_although_it_was_opened_and_the_money_goes_back()
    {
        var grant = await f.NextGrantAsync();
        var proposal = await f.ProposeRevocationAsync(grant.Request);
        await f.VoteAsync(proposal.Proposal, 1);
        await UseFixture.WaitAsync(async () => (await f.Client.ProposalAsync(f.Asset.Asset, proposal.Proposal, default)).State == "succeeded");
        using var oneTimeKey = X25519Identity.Generate();
        var work = await f.OpenAsync(grant.Request, oneTimeKey);
        await f.ExecuteAsync(proposal.Proposal);
        var folder = f.NewFolder();
        await f.Guardian(1, folder).AnswerAsync(work, default);
        Assert.Equal(["not-open"], Codes(folder));
        Assert.Empty(await f.ReleasesAsync(work, oneTimeKey));
        var ended = await f.Client.RequestAsync(f.Asset.Asset, grant.Request, default);
        Assert.Equal(("refunded", grant.Terms.Price), (ended.State, ended.Refunded));
    }

    [Fact]
    public async Task Only_a_registered_runner_opens_a_use_and_once_for_each_that_was_granted()
    {
        var grant = await f.NextGrantAsync();
        using var oneTimeKey = X25519Identity.Generate();
        var publicKey = oneTimeKey.Recipient.PublicKey;
        using var stranger = SigningKey.Generate();
        await RefusedAsync("reverted", () => f.Client.OpenUseAsync(f.Asset.Asset, grant.Request, new OpenUseRequest(stranger.Address, 1, publicKey, 1,
            Hex.Encode(stranger.Sign(ContractDigests.OpenUse(f.Info.ChainId, f.Asset.Grants, grant.Request, 1, publicKey, 1, stranger.Address)))), default));
        await f.OpenAsync(grant.Request, oneTimeKey);
        await RefusedAsync("reverted", () => f.OpenAsync(grant.Request, oneTimeKey)); // the same again
        await RefusedAsync("reverted", () => f.OpenAsync(grant.Request, oneTimeKey, keyVersion: 3));
        using var next = X25519Identity.Generate();
        var replaced = await f.OpenAsync(grant.Request, next, keyVersion: 2); // a restarted runner
        await f.Guardian(2, f.NewFolder()).AnswerAsync(replaced, default);
        Assert.Single(await f.ReleasesAsync(replaced, next));
    }

    [Fact]
    public async Task A_key_that_nothing_can_be_sealed_to_is_refused_and_the_guardian_goes_on()
    {
        var grant = await f.NextGrantAsync();
        var one = new byte[32];
        one[0] = 1; // a point of low order
        var (key, address) = (new Hash32(one), f.Runner.SigningKey.Address);
        await RefusedAsync("bad-key", () => f.Client.OpenUseAsync(f.Asset.Asset, grant.Request, new OpenUseRequest(address, 1, key, 1,
            Hex.Encode(f.Runner.SigningKey.Sign(ContractDigests.OpenUse(f.Info.ChainId, f.Asset.Grants, grant.Request, 1, key, 1, address)))), default));

        // Another node would have sent it to the chain: this guardian reads that key there.
        using var oneTimeKey = X25519Identity.Generate();
        await f.OpenAsync(grant.Request, oneTimeKey);
        using var chain = new EthClient(new Uri(f.Client.Node, f.Info.Rpc), null, new Rewriting(oneTimeKey.Recipient.PublicKey.ToHex(), key.ToHex()));
        await f.Guardian(1, f.NewFolder(), chain: chain).AnswerAsync(new UseWork(f.Asset.Asset, grant.Request, 1, 1, 1, false, false, false), default);
        Assert.Equal("bad-key", Assert.Single(await f.Client.AnswersAsync(f.Asset.Asset, grant.Request, 1, 1, default)).Code);
    }

    [Fact]
    public async Task A_share_that_is_not_this_guardians_or_not_of_this_asset_is_not_used()
    {
        var grant = await f.NextGrantAsync();
        using var oneTimeKey = X25519Identity.Generate();
        var work = await f.OpenAsync(grant.Request, oneTimeKey);
        var folder = f.NewFolder();
        var guardian = f.Guardian(1, folder);
        await Committees.GiveAsync(folder, f.Guardians[0], f.Asset, f.EpochShares[1]);
        await Assert.ThrowsAsync<InvalidDataException>(() => guardian.AnswerAsync(work, default));

        // Sealed to another, it is not even opened.
        await Committees.GiveAsync(folder, f.Guardians[1], f.Asset, f.EpochShares[0]);
        await Assert.ThrowsAsync<InvalidDataException>(() => guardian.AnswerAsync(work, default));
        Assert.Empty(await f.Client.AnswersAsync(f.Asset.Asset, grant.Request, 1, 1, default));
    }

    [Fact]
    public async Task A_guardian_asked_to_stop_while_it_answers_ends_well_and_its_log_has_whole_lines()
    {
        var grant = await f.NextGrantAsync();
        using var oneTimeKey = X25519Identity.Generate();
        var work = await f.OpenAsync(grant.Request, oneTimeKey);
        var data = f.NewFolder();
        var folder = Path.Combine(data, $"guardian-{f.Guardians[2].SigningKey.Address}");
        await Committees.GiveAsync(folder, f.Guardians[2], f.Asset, f.EpochShares[2]);
        var (pass, file, log) = (Path.Combine(data, "pass.txt"), Path.Combine(data, "guardian.key"), Path.Combine(folder, "releases.jsonl"));
        await File.WriteAllTextAsync(pass, "a passphrase of this test\n");
        using (var secret = PassphraseSource.FromFile(pass))
            f.Guardians[2].Save(file, secret, workFactor: 10);
        const string Torn = "{\"at\":1,\"outco"; // a power failure long ago
        GuardianLog.Open(folder, f.Guardians[2].SigningKey.Address, TimeProvider.System);
        await File.AppendAllTextAsync(log, Torn);
        await using (var between = await HoldingNode.StartAsync(f.Client.Node, $"{grant.Request}/uses/1/answers"))
        {
            await using var guardian = TroveCli.Start(data, "guardian", "--key", file, "--passphrase-file", pass, "--data", data,
                "--node", between.Address.ToString(), "--rpc", f.Rpc.ToString(), "--confirmations", "0");
            Assert.True(between.Held == await Task.WhenAny(between.Held, guardian.EndAsync()), guardian.Error);
            guardian.Signal("TERM");
            Assert.Equal(0, (await guardian.EndAsync()).Code);
            Assert.DoesNotContain("xception", guardian.Error, StringComparison.Ordinal);
        }
        Assert.Empty(await f.ReleasesAsync(work, oneTimeKey));

        // What was recorded and not sent is recorded once more and sent.
        await f.Guardian(3, folder).AnswerAsync(work, default);
        Assert.Single(await f.ReleasesAsync(work, oneTimeKey));
        var lines = (await File.ReadAllTextAsync(log)).Split('\n');
        Assert.Equal("", lines[^1]);
        Assert.Null(GuardianLogReader.Check(log, 1, null, default).Wrong);
        var mine = lines[1..^1].Select(l => JsonNode.Parse(l)!).Where(l => (string?)l["request"] == grant.Request.ToString()).ToList();
        Assert.Equal(["released", "released"], mine.Select(l => (string)l["outcome"]!));
    }

    [Fact]
    public async Task Log_whose_published_head_is_not_in_it_is_found_and_two_heads_for_one_number_are_shown()
    {
        var (data, key) = (f.NewFolder(), f.Guardians[0].SigningKey);
        var folder = Path.Combine(data, "one");
        await f.Guardian(1, folder).PublishHeadAsync(default);
        string[] verify = ["guardian", "log", "--verify", "--folder", folder, "--node", f.Client.Node.ToString()];
        var (code, output, error) = await TroveCli.RunAsync(data, verify);
        Assert.True(code == 0 && output.Contains("all 1 published heads are in it", StringComparison.Ordinal), output + error);
        var (published, ours) = (Assert.Single(await f.Client.LogHeadsAsync(key.Address, default)), GuardianLogReader.End(Path.Combine(folder, "releases.jsonl"), 1));
        Assert.Equal((1u, ours.Count, ours.Head, false), (published.Chain, published.Count, published.Head, published.Contradicts));

        // Another log in its place: of the same guardian, each line of it fits.
        Directory.Delete(folder, recursive: true);
        var other = GuardianLog.Open(folder, key.Address, TimeProvider.System);
        (code, output, _) = await TroveCli.RunAsync(data, verify);
        Assert.True(code == 1 && output.Contains("1 are not in it", StringComparison.Ordinal), output);
        await RefusedAsync("log-contradicts", () => PublishAsync(other.Head));
        await RefusedAsync("log-contradicts", () => PublishAsync(Member.Fresh())); // two are proof enough
        var shown = await f.Client.LogHeadsAsync(key.Address, default);
        Assert.Equal([other.Head, published.Head], shown.Select(h => h.Head));
        Assert.All(shown, h => Assert.True(h.Contradicts && h.IsSignedBy(key.Address, f.Info.ChainId)));
        Assert.Equal(1, (await TroveCli.RunAsync(data, "guardian", "status", "--folder", folder, "--node", f.Client.Node.ToString())).Code);

        // Its process does not go on in place of what it published.
        await f.Guardian(1, folder).PublishHeadAsync(default);
        Assert.Equal(published.Head, GuardianLogReader.Newest(GuardianLog.Files(folder)).First().Lost!.Head);

        Task PublishAsync(Hash32 head)
        {
            long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            return f.Client.PublishLogHeadAsync(key.Address, new LogHeadRequest(1, published.Count, head, now, Hex.Encode(key.Sign(Messages.LogHead(f.Info.ChainId, key.Address, 1, published.Count, head, now)))), default);
        }
    }

    /// <summary>A chain that says one thing where it should say another.</summary>
    private sealed class Rewriting(string what, string by) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            var text = await response.Content.ReadAsStringAsync(cancellationToken);
            response.Content = new StringContent(text.Replace(what, by, StringComparison.Ordinal));
            return response;
        }
    }

    private static JsonNode First(JsonObject doc) => ((JsonArray)doc["contributions"]!)[0]!;

    private static JsonNode Part(JsonObject doc) => ((JsonArray)First(doc)["parts"]!).First(p => (string?)p!["kind"] == "comment" && (int)p["year"]! >= 2023)!;

    private static JsonNode Message(JsonObject doc) => ((JsonArray)doc["contributions"]!).SelectMany(c => (JsonArray)c!["parts"]!).First(p => (string?)p!["kind"] == "message")!;

    private FaucetRequest Dollars()
    {
        var (key, nonce, until, amount) = (f.Buyer.SigningKey, Member.Fresh(), Member.Soon(), new Money(1));
        return new FaucetRequest(key.Address, amount, nonce, until, Hex.Encode(key.Sign(Messages.TestDollars(Messages.Domain(f.Info.ChainId, f.Info.Factory), key.Address, amount, nonce, until))));
    }

    private static List<string?> Codes(string folder) => [.. GuardianLogReader.Newest(GuardianLog.Files(folder)).Select(e => e.Code).Where(c => c is not null).Reverse()];

    private static async Task RefusedAsync(string code, Func<Task> call) => Assert.Equal(code, (await Assert.ThrowsAsync<TroveApiException>(call)).Code);
}
