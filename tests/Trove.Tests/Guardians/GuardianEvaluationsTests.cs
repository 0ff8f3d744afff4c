using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
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
    private static readonly SigningKey Verifier = Guild.Key(10);
    private static readonly byte[] Input = Nullifiers.Input(Asset, "reddit", "maya_tides");

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"trove-evaluations-{Guid.NewGuid():N}");
    private readonly Outcome _made = Guild.Deal(Guild.Committee(4, 2, 0, 1, 2));
    private readonly X25519Identity _owner = X25519Identity.Generate();
    private readonly Clock _clock = new();
    private readonly List<(int Guardian, OprfQuestion Question, uint Epoch)> _recorded = []; // as it would be in their logs

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
        Assert.Equal((0, q, 4u), Assert.Single(_recorded));

        async Task RefusedAsync(string code, OprfQuestion bad) =>
            Assert.Equal(code, (await Assert.ThrowsAsync<EvaluationRefusedException>(() => guardian.AnswerAsync(bad, default))).Code);
    }

    // A guardian that left, one that came without its share, and one whose file holds another's.
    [Fact]
    public async Task Shares_of_another_committee_answer_nothing()
    {
        using var question = Ask();
        var next = Guild.Deal(Guild.Committee(5, 2, 1, 2, 3));
        var left = (await GuardiansAsync(_made, inForce: next))[0];
        Assert.Equal("not-in-committee", (await Assert.ThrowsAsync<EvaluationRefusedException>(() => left.AnswerAsync(question.Question, default))).Code);
        var without = (await GuardiansAsync(_made, inForce: next))[1];
        Assert.Equal("no-share", (await Assert.ThrowsAsync<EvaluationRefusedException>(() => without.AnswerAsync(question.Question, default))).Code);
        var damaged = (await GuardiansAsync(Guild.Deal(Guild.Committee(5, 2, 1, 2, 3)), inForce: next))[1];
        await Assert.ThrowsAsync<InvalidDataException>(() => damaged.AnswerAsync(question.Question, default));
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
        Assert.Equal(72, new FileInfo(Assert.Single(Directory.EnumerateFiles(FolderOf(0), "evaluations-*"))).Length);
    }

    [Fact]
    public void Counts_outlive_restarts_torn_entries_and_end_with_the_day()
    {
        Directory.CreateDirectory(_folder);
        var counter = new EvaluationCounter(_folder, _clock);
        // All but the last one of the day, as they stand on disk.
        var file = Path.Combine(_folder, $"evaluations-{_clock.GetUtcNow():yyyyMMdd}");
        File.WriteAllBytes(file, [.. Enumerable.Range(1, EvaluationCounter.MostOfVerifier - 1).SelectMany(i => (byte[])[.. Asset.ToArray(), .. Verifier.Address.ToArray(), .. Question(i).ToArray()]), 1, 2, 3]);
        Assert.True(counter.TryCount(Asset, Verifier.Address, Question(1)));
        // A log that cannot be written is an answer that is not given, and does not count.
        Assert.Throws<IOException>(() => counter.TryCount(Asset, Verifier.Address, Question(0), () => throw new IOException("full")));
        Assert.True(counter.TryCount(Asset, Verifier.Address, Question(0)));
        Assert.False(counter.TryCount(Asset, Verifier.Address, Question(100_000), () => Assert.Fail("recorded, and not answered")));
        Assert.True(counter.TryCount(Asset, Guild.Key(11).Address, Question(100_001)));
        Assert.True(counter.TryCount(Ledger, Verifier.Address, Question(100_002)));
        var again = new EvaluationCounter(_folder, _clock);
        Assert.True(again.TryCount(Asset, Verifier.Address, Question(0)));
        Assert.False(again.TryCount(Asset, Verifier.Address, Question(100_000)));
        Assert.Equal((EvaluationCounter.MostOfVerifier + 2) * 72, new FileInfo(file).Length);
        _clock.Now += TimeSpan.FromDays(1);
        Assert.True(again.TryCount(Asset, Verifier.Address, Question(100_000)));
        _clock.Now -= TimeSpan.FromDays(1); // a clock that is set back finds what it counted
        Assert.False(again.TryCount(Asset, Verifier.Address, Question(100_003)));
        _clock.Now += TimeSpan.FromDays(2);
        Assert.True(again.TryCount(Asset, Verifier.Address, Question(100_003)));
        Assert.False(File.Exists(file));

        static Hash32 Question(int i) => Keccak256.Hash(BitConverter.GetBytes(i));
    }

    private BlindedQuestion Ask(byte[]? input = null, SigningKey? key = null, long? deadline = null) =>
        BlindedQuestion.Create(input ?? Input, ChainId, Ledger, Asset, Contribution, key ?? Verifier, deadline ?? _clock.Seconds + 3600);

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
                (asset, _) => Task.FromResult(new EvaluationFacts(ChainId, Ledger, Guild.Registry, [Verifier.Address, Guild.Key(12).Address], custody)), (question, epoch) => _recorded.Add((number, question, epoch)), _clock);
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
