using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Evaluations;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.Node.Verification;
using Trove.Tests.Ceremonies;

namespace Trove.Tests.Guardians;

/// <summary>Verifiers ask, guardians evaluate, and nobody between them or among them can make an output another one, or ask without end.</summary>
public sealed class GuardianEvaluationsTests : IDisposable
{
    private const ulong ChainId = 31337;
    private static readonly Address Asset = new([.. Enumerable.Repeat((byte)0xA5, 20)]), Ledger = new([.. Enumerable.Repeat((byte)0x1E, 20)]);
    private static readonly Hash32 Contribution = Keccak256.Hash([7]);
    private static readonly Hash32 PartsRoot = Keccak256.Hash([9]);
    private static readonly SigningKey Verifier = Guild.Key(10), Owner = Guild.Key(13);
    private static readonly byte[] Input = Nullifiers.Input(Asset, "reddit", "maya_tides");

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"trove-evaluations-{Guid.NewGuid():N}");
    private readonly Outcome _made = Guild.Deal(Guild.Committee(4, 2, 0, 1, 2));
    private readonly X25519Identity _owner = X25519Identity.Generate();
    private readonly Clock _clock = new();
    private int _mustAgree = 2; // of two verifiers
    private Address[] _others = [];
    private VoteShare _votes; // of the owner
    private readonly List<(int Guardian, EvaluationEntry Entry, Hash32 Element, uint Epoch)> _recorded = []; // as it would be in their logs

    [Fact]
    public async Task Any_two_of_three_give_the_output_of_the_undivided_key()
    {
        var guardians = await GuardiansAsync(_made);
        var outputs = new List<string>();
        foreach (int[] some in new int[][] { [0, 1], [2, 0], [1, 2], [0, 1, 2] })
        {
            using var question = Ask();
            List<OprfAnswer> answers = [];
            foreach (int g in some)
                answers.Add(await guardians[g].AnswerAsync(question.Question, default));
            using var output = question.Finish(_made.Committee, _made.OprfKey, answers);
            outputs.Add(Nullifiers.FromOutput(output![0]).ToHex());
        }
        Assert.Single(outputs.Distinct());
        using var another = Ask(Nullifiers.Input(Asset, "reddit", "maya_tide"));
        using var other = another.Finish(_made.Committee, _made.OprfKey, [await guardians[0].AnswerAsync(another.Question, default), await guardians[1].AnswerAsync(another.Question, default)]);
        Assert.NotEqual(outputs[0], Nullifiers.FromOutput(other![0]).ToHex());
    }

    // Whoever passes answers on can drop, change, mix and repeat them: fewer than t are left, or the output is the right one.
    [Fact]
    public async Task Answers_that_are_passed_over()
    {
        var guardians = await GuardiansAsync(_made);
        using var question = Ask();
        using var second = Ask();
        OprfAnswer one = await guardians[0].AnswerAsync(question.Question, default), two = await guardians[1].AnswerAsync(question.Question, default), of = await guardians[1].AnswerAsync(second.Question, default);
        var bytes = Convert.FromBase64String(two.Evaluation);
        OprfAnswer Signed(int guardian, uint epoch, byte[] evaluation) => new(Guild.Key(guardian).Address, epoch, Convert.ToBase64String(evaluation), Hex.Encode(Guild.Key(guardian).Sign(
            Messages.Evaluated(Messages.Domain(ChainId, Ledger), NameOf(question.Question), epoch, new Hash32(System.Security.Cryptography.SHA256.HashData(evaluation))))));
        byte[] With(int at, byte value)
        {
            byte[] changed = [.. bytes];
            changed[at] = value;
            return changed;
        }
        OprfAnswer[] bad =
        [
            one, of, of with { Signature = two.Signature }, two with { Signature = one.Signature }, two with { Guardian = one.Guardian }, two with { CommitteeEpoch = 3 }, two with { Evaluation = "" }, two with { Evaluation = "*" },
            two with { Evaluation = two.Evaluation + "AAAA" }, two with { Signature = "0x" }, Signed(1, 3, bytes), Signed(5, 4, bytes), // of another committee, of a stranger
            Signed(1, 4, With(0, 1)), Signed(1, 4, With(0, 0)), Signed(1, 4, With(0, 17)), Signed(1, 4, With(40, (byte)(bytes[40] ^ 1))), Signed(1, 4, bytes[..^1]), // a guardian that lies
        ];
        Assert.All(bad, answer => Assert.Null(question.Finish(_made.Committee, _made.OprfKey, [one, answer])));
        using var output = question.Finish(_made.Committee, _made.OprfKey, [bad[^2], one, await guardians[2].AnswerAsync(question.Question, default)]);
        Assert.NotNull(output);
        Assert.Null(question.Finish(_made.Committee, _made.OprfKey, [.. Enumerable.Repeat(bad[1], 40), one, two]));
        using var again = question.Finish(_made.Committee, _made.OprfKey, [one, two]);
        Assert.True(output[0].SequenceEqual(again![0]));
    }

    [Fact]
    public async Task Questions_that_are_refused()
    {
        var guardian = (await GuardiansAsync(_made))[0];
        using var question = Ask();
        var q = question.Question;
        using BlindedQuestion stranger = Ask(key: Guild.Key(11)), late = Ask(deadline: _clock.Seconds - 1), far = Ask(deadline: _clock.Seconds + 86_401);
        await RefusedAsync("wrong-signature", q with { Contribution = default });
        await RefusedAsync("not-drawn", q with { Drawn = null });
        await RefusedAsync("wrong-signature", q with { Verifier = Guild.Key(12).Address });
        await RefusedAsync("wrong-signature", q with { Blinded = stranger.Question.Blinded });
        await RefusedAsync("wrong-signature", q with { Deadline = q.Deadline + 1 });
        await RefusedAsync("wrong-signature", q with { Signature = "0x00" });
        await RefusedAsync("not-a-verifier", stranger.Question);
        await RefusedAsync("expired", late.Question);
        await RefusedAsync("expired", far.Question);
        await RefusedAsync("bad-element", Sign(q with { Blinded = default }));
        await RefusedAsync("bad-element", Sign(q with { Blinded = new Hash32([.. Enumerable.Repeat((byte)255, 32)]) }));
        // None of them counted.
        Assert.Empty(Directory.EnumerateFiles(FolderOf(0), "evaluations-*"));
        Assert.Empty(_recorded);
        Assert.NotNull(await guardian.AnswerAsync(q, default));
        Assert.Equal((0, new EvaluationEntry(Asset, Verifier.Address, Contribution, question.Name), q.Blinded, 4u), Assert.Single(_recorded));

        async Task RefusedAsync(string code, OprfQuestion bad) =>
            Assert.Equal(code, (await Assert.ThrowsAsync<EvaluationRefusedException>(() => guardian.AnswerAsync(bad, default))).Code);
    }

    // Whoever of the guardians answers; and what was announced decides, to the byte.
    [Fact]
    public async Task Any_two_of_three_draw_the_same_verifiers()
    {
        var guardians = await GuardiansAsync(_made);
        var question = Announce();
        using var draw = new VerifierDraw(Asset, Contribution, Owner.Address, PartsRoot);
        var seeds = new List<Hash32?>();
        foreach (int[] some in new int[][] { [0, 1], [2, 0], [1, 2], [2, 1, 0] })
        {
            List<OprfAnswer> answers = [];
            foreach (int g in some)
                answers.Add(await guardians[g].AnswerAsync(question, default));
            var proof = draw.Prove(4, _made.OprfKey, answers);
            seeds.Add(draw.Seed(4, _made.OprfKey, proof!));
            Assert.Null(draw.Prove(4, _made.OprfKey, answers.Take(1)));
            Assert.Null(draw.Prove(5, _made.OprfKey, answers));
            Assert.Null(draw.Prove(4, _made.OprfKey, [answers[0], answers[0]]));
        }
        Assert.NotNull(Assert.Single(seeds.Distinct()));
        using var other = new VerifierDraw(Asset, Contribution, Owner.Address, Contribution);
        Assert.NotEqual(seeds[0], other.Seed(4, _made.OprfKey, other.Prove(4, _made.OprfKey, [await guardians[0].AnswerAsync(Announce(Contribution), default), await guardians[1].AnswerAsync(Announce(Contribution), default)])!));
        Assert.Equal((0, new EvaluationEntry(Asset, default, Contribution, NameOf(question), Owner.Address), new Hash32(draw.Element.Span), 4u), _recorded[0]);
    }

    [Fact]
    public async Task Announcements_and_proofs_that_are_refused()
    {
        var guardian = (await GuardiansAsync(_made))[0];
        foreach (var bad in new[] { Announce() with { Contribution = default }, Announce() with { Owner = Verifier.Address }, Announce() with { PartsRoot = default }, Announce() with { Size = 1 }, Announce() with { Signature = "0x00" } })
            Assert.Equal("wrong-signature", (await Assert.ThrowsAsync<EvaluationRefusedException>(() => guardian.AnswerAsync(bad, default))).Code);
        Assert.Empty(_recorded);

        using var draw = new VerifierDraw(Asset, Contribution, Owner.Address, PartsRoot);
        var good = Drawn().Proof;
        var bytes = Convert.FromBase64String(good.Evaluations);
        Assert.NotNull(draw.Seed(4, _made.OprfKey, good));
        DrawProof Of(params byte[] changed) => new(4, Convert.ToBase64String(changed));
        foreach (var bad in new[] { good with { CommitteeEpoch = 5 }, good with { Evaluations = "" }, good with { Evaluations = "*" }, good with { Evaluations = good.Evaluations + "AAAA" }, Of(bytes[..97]), Of([.. bytes[..97], .. bytes[..97]]),
            Of([0, .. bytes[1..]]), Of([17, .. bytes[1..]]), Of([3, .. bytes[1..]]), Of([.. bytes[..40], (byte)(bytes[40] ^ 1), .. bytes[41..]]), Drawn(PartsRoot).Proof })
            Assert.Null(draw.Seed(4, _made.OprfKey, bad));
    }

    // Else it would find out beforehand whom an announcement draws, or ask about accounts of its own choice.
    [Fact]
    public async Task Verifiers_ask_only_for_what_they_were_drawn_for()
    {
        var guardian = (await GuardiansAsync(_made))[0];
        using var question = Ask();
        var q = question.Question;
        foreach (var bad in new[] { null, Drawn(PartsRoot), Drawn() with { Owner = Verifier.Address }, Drawn() with { PartsRoot = default }, Drawn() with { Proof = new DrawProof(4, null!) } })
            Assert.Equal("not-drawn", (await Assert.ThrowsAsync<EvaluationRefusedException>(() => guardian.AnswerAsync(q with { Drawn = bad }, default))).Code);
        (_mustAgree, _others) = (1, [Guild.Key(14).Address, Guild.Key(15).Address, Guild.Key(16).Address]); // of five, one and the two in reserve are drawn
        using var draw = new VerifierDraw(Asset, Contribution, Owner.Address, PartsRoot);
        Address[] all = [Verifier.Address, Guild.Key(12).Address, .. _others];
        var drawn = VerifierAssignment.Draw(draw.Seed(4, _made.OprfKey, Drawn().Proof)!.Value, Contribution, all, 3);
        guardian = (await GuardiansAsync(_made))[0];
        foreach (int asker in new[] { 10, 12, 14, 15, 16 })
        {
            using var asked = Ask(key: Guild.Key(asker));
            if (drawn.Contains(Guild.Key(asker).Address))
                Assert.NotNull(await guardian.AnswerAsync(asked.Question, default));
            else
                Assert.Equal("not-drawn", (await Assert.ThrowsAsync<EvaluationRefusedException>(() => guardian.AnswerAsync(asked.Question, default))).Code);
        }
    }

    [Fact]
    public void A_contribution_a_key_and_an_asset_have_limits_of_their_own()
    {
        Directory.CreateDirectory(_folder);
        var counter = new EvaluationCounter(_folder, _clock);
        int named = 0;
        EvaluationEntry Entry(Address verifier, Hash32 contribution) => new(Asset, verifier, contribution, Keccak256.Hash(BitConverter.GetBytes(named++)));
        Assert.Equal(EvaluationCounter.MostOfContribution, Enumerable.Range(0, 20).Count(_ => counter.TryCount(Entry(Verifier.Address, Contribution))));
        Assert.True(counter.TryCount(Entry(Guild.Key(12).Address, Contribution)));
        Assert.True(counter.TryCount(Entry(Verifier.Address, PartsRoot)));
        Assert.Equal(EvaluationCounter.MostOfTagKey, Enumerable.Range(0, 60).Count(_ => counter.TryCount(Entry(Verifier.Address, default))));
        // Announcements, as they stand on disk but for the last.
        File.WriteAllBytes(Path.Combine(_folder, $"evaluations-{_clock.GetUtcNow():yyyyMMdd}"), [.. Enumerable.Range(0, new EvaluationLimits().OfStrangers - 1).SelectMany(_ => Entry(default, Contribution).ToBytes())]);
        counter = new EvaluationCounter(_folder, _clock);
        Assert.Equal(1, Enumerable.Range(0, 3).Count(_ => counter.TryCount(Entry(default, Contribution))));
        Assert.True(counter.TryCount(Entry(Verifier.Address, PartsRoot)));
        Assert.True(counter.TryCount(Entry(default, Contribution) with { Asset = Ledger }));
    }

    // The same after a restart: it is on disk whose it was.
    [Fact]
    public async Task Announcements_of_whoever_has_votes_count_as_theirs()
    {
        var guardian = (await GuardiansAsync(_made))[0];
        var file = Path.Combine(FolderOf(0), $"evaluations-{_clock.GetUtcNow():yyyyMMdd}");
        File.WriteAllBytes(file, [.. Enumerable.Range(0, new EvaluationLimits().OfStrangers).SelectMany(i => new EvaluationEntry(Asset, default, Contribution, Keccak256.Hash(BitConverter.GetBytes(i))).ToBytes())]);
        Assert.Equal("too-many", (await Assert.ThrowsAsync<EvaluationRefusedException>(() => guardian.AnswerAsync(Announce(), default))).Code);
        _votes = new VoteShare(2, 10_000);
        foreach (byte parts in new byte[] { 1, 2 })
            Assert.NotNull(await (await GuardiansAsync(_made))[0].AnswerAsync(Announce(Keccak256.Hash([parts])), default));
        Assert.Equal("too-many", (await Assert.ThrowsAsync<EvaluationRefusedException>(async () => await (await GuardiansAsync(_made))[0].AnswerAsync(Announce(Keccak256.Hash([3])), default))).Code);
        Assert.Equal([default, Owner.Address, Owner.Address], File.ReadAllBytes(file).Chunk(EvaluationEntry.Size).TakeLast(3).Select(b => EvaluationEntry.Read(b).Owner));
    }

    // A guardian that left, one that came without its share, and one whose file holds another's.
    [Fact]
    public async Task Shares_of_another_committee_answer_nothing()
    {
        var next = Guild.Deal(Guild.Committee(5, 2, 1, 2, 3));
        var left = (await GuardiansAsync(_made, inForce: next))[0];
        Assert.Equal("not-in-committee", (await Assert.ThrowsAsync<EvaluationRefusedException>(() => left.AnswerAsync(Announce(), default))).Code);
        var without = (await GuardiansAsync(_made, inForce: next))[1];
        Assert.Equal("no-share", (await Assert.ThrowsAsync<EvaluationRefusedException>(() => without.AnswerAsync(Announce(), default))).Code);
        var damaged = (await GuardiansAsync(Guild.Deal(Guild.Committee(5, 2, 1, 2, 3)), inForce: next))[1];
        await Assert.ThrowsAsync<InvalidDataException>(() => damaged.AnswerAsync(Announce(), default));
    }

    [Fact]
    public async Task Asked_again_it_answers_the_same_and_counts_once()
    {
        var guardian = (await GuardiansAsync(_made))[0];
        using var question = Ask();
        var first = await guardian.AnswerAsync(question.Question, default);
        var again = await (await GuardiansAsync(_made))[0].AnswerAsync(question.Question, default); // started again
        Assert.Equal(Convert.FromBase64String(first.Evaluation)[..33], Convert.FromBase64String(again.Evaluation)[..33]);
        Assert.Single(_recorded);
        Assert.Equal(104, new FileInfo(Assert.Single(Directory.EnumerateFiles(FolderOf(0), "evaluations-*"))).Length);
    }

    [Fact]
    public void Counts_outlive_restarts_torn_entries_and_end_with_the_day()
    {
        Directory.CreateDirectory(_folder);
        var counter = new EvaluationCounter(_folder, _clock);
        // All but the last one of the day, as they stand on disk.
        var file = Path.Combine(_folder, $"evaluations-{_clock.GetUtcNow():yyyyMMdd}");
        File.WriteAllBytes(file, [.. Enumerable.Range(1, EvaluationCounter.MostOfVerifier - 1).SelectMany(i => Question(i).ToBytes()), 1, 2, 3]);
        Assert.True(counter.TryCount(Question(1)));
        // A log that cannot be written is an answer that is not given, and does not count.
        Assert.Throws<IOException>(() => counter.TryCount(Question(0), default, () => throw new IOException("full")));
        Assert.True(counter.TryCount(Question(0)));
        Assert.False(counter.TryCount(Question(100_000), default, () => Assert.Fail("recorded, and not answered")));
        Assert.True(counter.TryCount(Question(100_001) with { Verifier = Guild.Key(11).Address }));
        Assert.True(counter.TryCount(Question(100_002) with { Asset = Ledger }));
        var again = new EvaluationCounter(_folder, _clock);
        Assert.True(again.TryCount(Question(0)));
        Assert.False(again.TryCount(Question(100_000)));
        Assert.Equal((EvaluationCounter.MostOfVerifier + 2) * 104, new FileInfo(file).Length);
        _clock.Now += TimeSpan.FromDays(1);
        Assert.True(again.TryCount(Question(100_000)));
        _clock.Now -= TimeSpan.FromDays(1); // a clock that is set back finds what it counted
        Assert.False(again.TryCount(Question(100_003)));
        _clock.Now += TimeSpan.FromDays(2);
        Assert.True(again.TryCount(Question(100_003)));
        Assert.False(File.Exists(file));

        static EvaluationEntry Question(int i) => new(Asset, Verifier.Address, Keccak256.Hash(BitConverter.GetBytes(-i)), Keccak256.Hash(BitConverter.GetBytes(i)));
    }

    private BlindedQuestion Ask(byte[]? input = null, SigningKey? key = null, long? deadline = null) =>
        BlindedQuestion.Create(input ?? Input, ChainId, Ledger, Asset, Contribution, Drawn(), key ?? Verifier, deadline ?? _clock.Seconds + 3600);

    private DrawnContribution Drawn(Hash32? contribution = null)
    {
        using var draw = new VerifierDraw(Asset, contribution ?? Contribution, Owner.Address, PartsRoot);
        return new DrawnContribution(Owner.Address, PartsRoot, new DrawProof(4, Convert.ToBase64String([.. _made.Shares.Take(2).SelectMany(s => s.Oprf.Evaluate(draw.Element).Encode())])));
    }

    private static DrawQuestion Announce(Hash32? partsRoot = null)
    {
        var q = new DrawQuestion(Asset, Contribution, Owner.Address, partsRoot ?? PartsRoot, 1234, Keccak256.Hash([8]), 5, "");
        return q with { Signature = Hex.Encode(Owner.Sign(NameOf(q))) };
    }

    private static Hash32 NameOf(DrawQuestion q) => Messages.Announce(Messages.Domain(ChainId, Ledger), q.Asset, q.Contribution, q.Owner, q.PartsRoot, q.Size, q.Nonce, q.Deadline);

    private static Hash32 NameOf(OprfQuestion q) => Messages.Evaluate(Messages.Domain(ChainId, Ledger), q.Asset, q.Contribution, q.Verifier, q.Blinded, q.Deadline);

    private static OprfQuestion Sign(OprfQuestion q) => q with { Signature = Hex.Encode(Verifier.Sign(NameOf(q))) };

    private string FolderOf(int guardian) => Path.Combine(_folder, $"{guardian}");

    // Each with its shares on disk, and a chain on which another committee may be in force.
    private async Task<GuardianEvaluations[]> GuardiansAsync(Outcome made, Outcome? inForce = null)
    {
        var now = inForce ?? made;
        var custody = new CustodyFacts(now.Committee, now.Key.Commitments, now.OprfKey.Commitments, now.Key.Recipient.PublicKey, default, [], 0);
        var all = new GuardianEvaluations[3];
        for (int g = 0; g < all.Length; g++)
        {
            int number = g;
            var store = await ShareStore.OpenAsync(FolderOf(g), _owner);
            if (made.Committee.IndexOf(Guild.Key(g).Address) is > 0 and var index)
                await store.PutSharesAsync(Guild.Registry, made.Shares[index - 1]);
            all[g] = new GuardianEvaluations(store, new EvaluationCounter(FolderOf(g), _clock), Guild.Key(g),
                (asset, _) => Task.FromResult(new EvaluationFacts(ChainId, Ledger, Guild.Registry, [Verifier.Address, Guild.Key(12).Address, .. _others], _mustAgree, [], custody, (owner, _) => Task.FromResult(owner == Owner.Address ? _votes : default))), (entry, element, epoch) => _recorded.Add((number, entry, element, epoch)), _clock);
        }
        return all;
    }

    public void Dispose()
    {
        _made.Dispose();
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);

        public long Seconds => Now.ToUnixTimeSeconds();

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
