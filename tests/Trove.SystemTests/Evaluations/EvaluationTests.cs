using System.Security.Cryptography;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Evaluations;
using Trove.Node.Guardians;
using Trove.Node.Protocol;
using Trove.Node.Verification;
using Trove.SystemTests.Api;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.Evaluations;

/// <summary>
/// Nullifiers through a node: three guardians, of whom two give an output, and two verifiers. Guardians who are silent, who lie and who are
/// asked by strangers; a node that invents.
/// </summary>
public sealed class EvaluationTests(ApiFixture api) : IAsyncLifetime
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(3), Short = TimeSpan.FromMilliseconds(300);

    private readonly string _folder = TestFolder.Create();
    private readonly List<KeyFile> _guardians = [KeyFile.Create(), KeyFile.Create(), KeyFile.Create()], _verifiers = [KeyFile.Create(), KeyFile.Create()];
    private readonly List<EpochShares> _shares = [];
    private EthClient _chain = null!;
    private AssetInfo _asset = null!;
    private AssetView _view = null!;

    public async ValueTask InitializeAsync()
    {
        await api.ReadyAsync();
        _chain = new EthClient(new Uri(api.Client.Node, api.Info.Rpc));
        _asset = await ApiFixture.CreateAssetAsync(api.Client, api.Info, api.Founder, _verifiers, _guardians, 2, [], "BLIND", ApiFixture.Quick, ApiFixture.Policy, _shares);
        _view = await AssetView.ReadAsync(_chain, _asset.Asset, default);
    }

    [Fact]
    public async Task Verifiers_find_the_same_whoever_of_the_guardians_answers_and_whoever_lies()
    {
        var contribution = Member.Fresh();
        var drawn = Drawn(contribution);
        using VerifierEvaluations one = Evaluations(_verifiers[0]), other = Evaluations(_verifiers[1]);
        Hash32 nullifier;
        byte[] tagKey;
        await using (Evaluators.Of(api.Client, api.Info, _guardians[0], _guardians[1]))
        {
            nullifier = await one.NullifierAsync(_view, contribution, drawn, "reddit", "maya_tides", default);
            tagKey = (await one.TagKeyAsync(_view, default)).Span.ToArray();
            Assert.NotEqual(nullifier, await one.NullifierAsync(_view, contribution, drawn, "reddit", "maya_tide", default));
        }
        // The key of tags was asked for once: nobody answers now.
        Assert.Equal(tagKey, (await one.TagKeyAsync(_view, default)).Span.ToArray());
        Assert.NotEqual(nullifier.ToArray(), tagKey);

        // The first guardian signs what it computed of something else, before the honest ones are there.
        var asking = other.NullifierAsync(_view, contribution, drawn, "reddit", " Maya_Tides ", default);
        var question = await QuestionAsync(_guardians[0], _verifiers[1]);
        using (var share = Ristretto(out var element))
        {
            var bytes = _shares[0].Oprf.Evaluate(element).Encode();
            await api.Client.AnswerEvaluationAsync(NameOf(question), Sign(question, _guardians[0], bytes), default);
        }
        await using (Evaluators.Of(api.Client, api.Info, _guardians[1], _guardians[2]))
        {
            Assert.Equal(nullifier, await asking);
            Assert.Equal(tagKey, (await other.TagKeyAsync(_view, default)).Span.ToArray());
        }
    }

    [Fact]
    public async Task Too_few_guardians_give_nothing_and_the_question_waits_for_the_others()
    {
        var contribution = Member.Fresh();
        var drawn = Drawn(contribution); // with other proofs it would be another question
        using var evaluations = Evaluations(_verifiers[0], Short);
        for (int i = 0; i < 2; i++)
            await Assert.ThrowsAsync<GuardiansSilentException>(AskAsync);
        var name = NameOf(await QuestionAsync(_guardians[0], _verifiers[0])); // one, however often it was asked
        await AnswersAsync(_guardians[2], 1);
        await Assert.ThrowsAsync<GuardiansSilentException>(AskAsync);
        await AnswersAsync(_guardians[1], 2);
        Assert.NotEqual(default, await AskAsync());

        Task<Hash32> AskAsync() => evaluations.NullifierAsync(_view, contribution, drawn, "reddit", "too_few", default);

        async Task AnswersAsync(KeyFile guardian, int answers)
        {
            await using var working = Evaluators.Of(api.Client, api.Info, guardian);
            await UseFixture.WaitAsync(async () => (await api.Client.EvaluationAnswersAsync(name, default)).Count == answers);
        }
    }

    [Fact]
    public async Task Node_that_invents_answers_costs_time_and_nothing_else()
    {
        using var node = new InventingNode();
        using var client = node.Client();
        using var evaluations = new VerifierEvaluations(client, _chain, _verifiers[0].SigningKey, Short, TimeProvider.System);
        using (var share = Ristretto(out var element))
        {
            var bytes = _shares[0].Oprf.Evaluate(element).Encode();
            node.Answers.AddRange([null, new OprfAnswer(default, 1, "", ""), new OprfAnswer(_guardians[0].SigningKey.Address, 1, Convert.ToBase64String(bytes), "0x")]);
        }
        await Assert.ThrowsAsync<GuardiansSilentException>(() => evaluations.NullifierAsync(_view, Member.Fresh(), Drawn(default), "reddit", "invented", default));
        await Assert.ThrowsAsync<GuardiansSilentException>(() => evaluations.TagKeyAsync(_view, default));
    }

    // Whatever a node shows: a guardian answers the verifiers that its own chain names, writes down whom it answered and whom not, and each once.
    [Fact]
    public async Task Guardian_of_a_node_that_invents_questions_answers_verifiers_alone_and_writes_down_whom()
    {
        using var node = new InventingNode();
        using var client = node.Client();
        using var stranger = KeyFile.Create();
        using var honest = Ask(_verifiers[0]);
        using var strangers = Ask(stranger);
        node.Questions.AddRange([new(strangers.Question, null), new(honest.Question, null), new(honest.Question with { Verifier = _verifiers[1].SigningKey.Address }, null), new(honest.Question with { Deadline = -1 }, null), new(null, null)]);
        var guardian = Questions(_guardians[0], client);
        for (int i = 0; i < 3; i++)
            await guardian.StepAsync(default);
        Assert.Equal((honest.Name, _guardians[0].SigningKey.Address), Assert.Single(node.Taken.Select(t => (t.Question, t.Answer.Guardian))));
        // Started again, and asked again: the same answer, and nothing to write down.
        await Questions(_guardians[0], client).StepAsync(default);
        Assert.Equal(2, node.Taken.Count);
        Assert.Equal(Convert.FromBase64String(node.Taken[0].Answer.Evaluation)[..33], Convert.FromBase64String(node.Taken[1].Answer.Evaluation)[..33]);
        var log = GuardianLogReader.Newest(GuardianLog.Files(FolderOf(_guardians[0]))).Reverse().Skip(1).ToList();
        Assert.Equal([("refused", "not-a-verifier"), ("evaluated", null), ("refused", "wrong-signature"), ("refused", "not-a-verifier"), ("refused", "wrong-signature")], log.Select(e => (e.Outcome, e.Code)));
        Assert.Equal((_asset.Asset, _verifiers[0].SigningKey.Address, honest.Question.Contribution, honest.Question.Blinded, 1u), (log[1].Asset!.Value, log[1].Verifier!.Value, log[1].Contribution!.Value, log[1].Blinded!.Value, log[1].CommitteeEpoch!.Value));
        Assert.Equal(1, GuardianStatus.Read(FolderOf(_guardians[0]), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()).Evaluations);
        // Started for another asset it says nothing at all.
        await Questions(_guardians[1], client, api.Asset.Asset).StepAsync(default);
        Assert.Equal(2, node.Taken.Count);
    }

    // What was drawn stands as long as its question; after that another committee can be asked the very same.
    [Fact]
    public async Task Announcement_whose_question_is_over_is_drawn_again()
    {
        using var owner = KeyFile.Create();
        var (contribution, root, nonce, deadline) = (Member.Fresh(), Member.Fresh(), Member.Fresh(), Member.Soon());
        var name = Messages.Announce(Messages.Domain(api.Info.ChainId, _asset.Ledger), _asset.Asset, contribution, owner.SigningKey.Address, root, 1, nonce, deadline);
        var question = new DrawQuestion(_asset.Asset, contribution, owner.SigningKey.Address, root, 1, nonce, deadline, Hex.Encode(owner.SigningKey.Sign(name)));
        var evaluations = api.Node.Services.GetRequiredService<EvaluationService>();
        var asset = await api.Node.Services.GetRequiredService<AssetService>().RequireAsync(_asset.Asset, default);
        await using var connection = await api.Node.Services.GetRequiredService<NodeDatabase>().Source.OpenConnectionAsync();
        await using (Evaluators.Of(api.Client, api.Info, _guardians[0], _guardians[1]))
            await evaluations.DrawAsync(asset, question, default);
        Assert.Equal(1, await connection.ExecuteAsync("update evaluation set deadline = 1 where name = @name", new { name }));
        await using (Evaluators.Of(api.Client, api.Info, _guardians[1], _guardians[2]))
            await evaluations.DrawAsync(asset, question, default);
        Assert.True(await connection.ExecuteScalarAsync<bool>("select deadline > 1 from evaluation where name = @name", new { name }));
    }

    [Fact]
    public async Task Node_takes_questions_of_verifiers_and_answers_of_guardians_in_bounds()
    {
        using var stranger = KeyFile.Create();
        using BlindedQuestion strangers = Ask(stranger), asked = Ask(_verifiers[0]), more = Ask(_verifiers[0]);
        await SignedRequestTests.RefusedAsync("not-a-verifier", () => api.Client.AskGuardiansAsync(strangers.Question, default));
        await SignedRequestTests.RefusedAsync("not-found", () => api.Client.EvaluationAnswersAsync(strangers.Name, default));
        await api.Client.AskGuardiansAsync(asked.Question, default);
        await api.Client.AskGuardiansAsync(asked.Question, default);
        Assert.Equal(asked.Question, Assert.Single(await OfAsync(_guardians[0])));

        byte[] evaluation = _shares[0].Oprf.Evaluate(asked.Question.Blinded.ToArray()).Encode();
        var answer = Sign(asked.Question, _guardians[0], evaluation);
        await SignedRequestTests.RefusedAsync("not-a-guardian", () => api.Client.AnswerEvaluationAsync(asked.Name, answer with { Guardian = stranger.SigningKey.Address }, default));
        await SignedRequestTests.RefusedAsync("wrong-signature", () => api.Client.AnswerEvaluationAsync(asked.Name, answer with { Guardian = _guardians[1].SigningKey.Address }, default));
        await SignedRequestTests.RefusedAsync("other-committee", () => api.Client.AnswerEvaluationAsync(asked.Name, answer with { CommitteeEpoch = 2 }, default));
        await SignedRequestTests.RefusedAsync("invalid", () => api.Client.AnswerEvaluationAsync(asked.Name, answer with { Evaluation = Convert.ToBase64String(evaluation[1..]) }, default));
        await api.Client.AnswerEvaluationAsync(asked.Name, answer, default);
        await api.Client.AnswerEvaluationAsync(asked.Name, Sign(asked.Question, _guardians[0], [1, .. RandomNumberGenerator.GetBytes(96)]), default); // the first one stays
        Assert.Equal(answer, Assert.Single(await api.Client.EvaluationAnswersAsync(asked.Name, default)));
        Assert.Empty(await OfAsync(_guardians[0], "?after=0"));
        Assert.Single(await OfAsync(_guardians[1]));

        // A page, and the one after it.
        await api.Client.AskGuardiansAsync(more.Question, default);
        var (first, next) = await api.Client.GuardianEvaluationsAsync(default, $"/api/v1/guardians/{_guardians[1].SigningKey.Address}/evaluations?limit=1", default);
        var (second, end) = await api.Client.GuardianEvaluationsAsync(default, next, default);
        Assert.Equal([asked.Question, more.Question], first.Concat(second).Select(q => q.Evaluate));
        Assert.Null(end);

        // As many as a verifier may have open; those whose deadline has passed make room.
        using var last = Ask(_verifiers[0]);
        var database = api.Node.Services.GetRequiredService<NodeDatabase>();
        await using var connection = await database.Source.OpenConnectionAsync();
        await connection.ExecuteAsync("""
            insert into evaluation (name, asset, asker, deadline, question)
            select sha256(n::text::bytea || @verifier), @asset, @verifier, @deadline, '{}' from generate_series(1, @count) n
            """, new { verifier = _verifiers[0].SigningKey.Address, asset = _asset.Asset, deadline = Member.Soon(), count = EvaluationService.OpenOfVerifier - 2 });
        await SignedRequestTests.RefusedAsync("too-many-questions", () => api.Client.AskGuardiansAsync(last.Question, default));
        await api.Client.AskGuardiansAsync(asked.Question, default);
        using (var others = Ask(_verifiers[1]))
            await api.Client.AskGuardiansAsync(others.Question, default);
        await connection.ExecuteAsync("update evaluation set deadline = 1 where asker = @verifier", new { verifier = _verifiers[0].SigningKey.Address });
        await SignedRequestTests.RefusedAsync("not-found", () => api.Client.EvaluationAnswersAsync(asked.Name, default));
        await api.Client.AskGuardiansAsync(last.Question, default);
        Assert.Equal(1, await connection.ExecuteScalarAsync<int>("select count(*)::int from evaluation where asker = @verifier", new { verifier = _verifiers[0].SigningKey.Address }));
    }

    public ValueTask DisposeAsync()
    {
        _chain?.Dispose();
        Directory.Delete(_folder, recursive: true);
        _shares.ForEach(s => s.Dispose());
        foreach (var key in (KeyFile[])[.. _guardians, .. _verifiers])
            key.Dispose();
        return ValueTask.CompletedTask;
    }

    private VerifierEvaluations Evaluations(KeyFile verifier, TimeSpan? patience = null) => new(api.Client, _chain, verifier.SigningKey, patience ?? Long, TimeProvider.System);

    private BlindedQuestion Ask(KeyFile verifier)
    {
        var contribution = Member.Fresh();
        return BlindedQuestion.Create(Nullifiers.Input(_asset.Asset, "reddit", "somebody"), api.Info.ChainId, _asset.Ledger, _asset.Asset, contribution, Drawn(contribution), verifier.SigningKey, Member.Soon());
    }

    // Both verifiers are, of two.
    private DrawnContribution Drawn(Hash32 contribution) => Evaluators.Drawn(_asset.Asset, contribution, default, default, _shares.Take(2));

    // A guardian's own loop, step by step.
    private GuardianQuestions Questions(KeyFile guardian, TroveClient client, params Address[] assets)
    {
        var folder = FolderOf(guardian);
        Task.Run(() => Committees.GiveAsync(folder, guardian, _asset, _shares[_guardians.IndexOf(guardian)])).GetAwaiter().GetResult();
        var options = new GuardianOptions(folder, 0, assets);
        return new GuardianQuestions(client, _chain, guardian.SigningKey, options, Task.Run(() => ShareStore.OpenAsync(folder, guardian.Identity)).GetAwaiter().GetResult(),
            new GuardianRecords(folder, guardian.SigningKey.Address, options.Limits, NullLogger.Instance, TimeProvider.System), _ => Task.CompletedTask, NullLogger.Instance, TimeProvider.System);
    }

    private string FolderOf(KeyFile guardian) => Path.Combine(_folder, $"{guardian.SigningKey.Address}");

    private async Task<List<OprfQuestion>> OfAsync(KeyFile guardian, string query = "") =>
        [.. (await api.Client.GuardianEvaluationsAsync(default, $"/api/v1/guardians/{guardian.SigningKey.Address}/evaluations{query}", default)).Questions.Select(q => q.Evaluate).OfType<OprfQuestion>()];

    // The one question of a verifier that a guardian is shown.
    private async Task<OprfQuestion> QuestionAsync(KeyFile guardian, KeyFile verifier)
    {
        List<OprfQuestion> found = [];
        await UseFixture.WaitAsync(async () => (found = [.. (await OfAsync(guardian)).Where(q => q.Verifier == verifier.SigningKey.Address)]).Count > 0);
        return Assert.Single(found);
    }

    private Hash32 NameOf(OprfQuestion q) => Messages.Evaluate(Messages.Domain(api.Info.ChainId, _asset.Ledger), q.Asset, q.Contribution, q.Verifier, q.Blinded, q.Deadline);

    private OprfAnswer Sign(OprfQuestion question, KeyFile guardian, byte[] evaluation) => new(guardian.SigningKey.Address, 1, Convert.ToBase64String(evaluation), Hex.Encode(guardian.SigningKey.Sign(
        Messages.Evaluated(Messages.Domain(api.Info.ChainId, _asset.Ledger), NameOf(question), 1, new Hash32(SHA256.HashData(evaluation))))));

    // An element that nobody asked about.
    private static OprfBlinding Ristretto(out byte[] element)
    {
        var blinding = OprfBlinding.Create([new byte[] { 1 }]);
        element = blinding.Blinded.ToArray();
        return blinding;
    }
}
