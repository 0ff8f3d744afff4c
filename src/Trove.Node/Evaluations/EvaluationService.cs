using System.Security.Cryptography;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Guardians;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Evaluations;

/// <summary>
/// Passes verifiers' questions and owners' announcements on to guardians, and their answers back (specs/custody.md, "Nullifiers nobody can guess"). It can drop
/// them, and no more: guardians and verifiers check what it passes on. What is here is for whoever waits for it; after a question's deadline it goes.
/// </summary>
public sealed class EvaluationService(NodeDatabase database, EvaluationStore store, AssetService assets, ChainReader reader, ChainConnection connection, WorkQueue queue, Drain drain, TimeProvider clock)
{
    /// <summary>Questions of one verifier whose deadline has not passed, answered or not: it asks one for each contribution that it checks, and guardians answer as many in a day.</summary>
    public const int OpenOfVerifier = EvaluationCounter.MostOfVerifier;

    /// <summary>Open questions in all: some 40 MB of a database.</summary>
    public const int OpenInAll = 100_000;

    // Base64 of as many evaluations as there can be guardians.
    private const int MaxProof = (Committee.MaxGuardians * VerifierDraw.EvaluationSize + 2) / 3 * 4;

    /// <summary>Of these, announcements of those who have no votes: a flood of them keeps neither verifiers nor owners from asking.</summary>
    public const int OpenOfStrangers = OpenInAll / 2;

    /// <summary>Announcements of one owner that wait to be drawn, or were within the hour.</summary>
    public const int OpenOfOwner = 200;

    // Far more than a database holds, so that a turn and a row make one number.
    private const int IdBits = 48;

    private static readonly EvaluationLimits Limits = new();

    // As long as verifiers' questions: guardians who were away find it.
    private static readonly TimeSpan DrawLife = TimeSpan.FromHours(1), Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ShortestPoll = TimeSpan.FromMilliseconds(20), LongestPoll = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan PollPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongPoll = TimeSpan.FromSeconds(20);

    private long Now => clock.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>Takes a verifier's question, and wakes the guardians who wait for one. The same again changes nothing.</summary>
    public async Task AskAsync(Address assetId, OprfQuestion question, CancellationToken ct)
    {
        if (question.Asset != assetId)
            throw ApiException.Invalid($"the question is about {question.Asset}, not {assetId}", "ask under the asset that the question names");
        if (question.Drawn?.Proof?.Evaluations is { Length: > MaxProof })
            throw ApiException.Invalid($"what shows the draw has more than {MaxProof} characters", "send one evaluation of each of t guardians");
        var asset = await assets.RequireAsync(assetId, ct);
        Signatures.RequireDeadline(question.Deadline, clock);
        var name = Messages.Evaluate(Messages.Domain(connection.ChainId, asset.Ledger), assetId, question.Contribution, question.Verifier, question.Blinded, question.Deadline);
        Signatures.Require(question.Verifier, name, question.Signature);
        if (!asset.Verifiers.Contains(question.Verifier))
        {
            await reader.CatchUpAsync(ct); // it may have seen its set come into force before this node
            asset = await assets.RequireAsync(assetId, ct);
        }
        if (!asset.Verifiers.Contains(question.Verifier))
            throw new ApiException(403, "not-a-verifier", $"{question.Verifier} is no verifier of {assetId}", "only verifiers of the set in force ask its guardians");
        await PutAsync(name, asset, question.Verifier, question.Deadline, new GuardianQuestion(question, null), OpenOfVerifier, int.MaxValue, ct);
    }

    /// <summary>
    /// Has the guardians draw the verifiers of what was announced, whose signature the caller has checked, and waits for t of them. The same again is asked once.
    /// Guardians see first what whoever has votes announces, as many as guardians have room for, and of each asker the first before anybody's second.
    /// </summary>
    /// <exception cref="ApiException">503: they are silent.</exception>
    public async Task<DrawProof> DrawAsync(AssetRow asset, DrawQuestion question, CancellationToken ct)
    {
        var name = Messages.Announce(Messages.Domain(connection.ChainId, asset.Ledger), question.Asset, question.Contribution, question.Owner, question.PartsRoot, question.Size, question.Nonce, question.Deadline);
        await PutAsync(name, asset, question.Owner, Now + (long)DrawLife.TotalSeconds, new GuardianQuestion(null, question), OpenOfOwner, await RoomAsync(asset, question.Owner, ct), ct);
        using var draw = new VerifierDraw(question.Asset, question.Contribution, question.Owner, question.PartsRoot);
        long started = clock.GetTimestamp();
        int seen = 0;
        for (var pause = ShortestPoll; ; pause = pause * 2 < LongestPoll ? pause * 2 : LongestPoll)
        {
            var answers = await AnswersAsync(name, ct);
            if (answers.Count != seen)
            {
                seen = answers.Count;
                asset = await assets.RequireAsync(question.Asset, ct); // its committee may have changed meanwhile
                if (draw.Prove(asset.Custody.Epoch, OprfKey.Create((int)asset.Custody.Threshold, asset.Custody.OprfCommitments), answers) is { } proof)
                    return proof;
            }
            if (clock.GetElapsedTime(started) >= Patience)
                throw new ApiException(503, "guardians-silent", $"the guardians of {question.Asset} do not answer, who draw the verifiers of what is announced", "announce it again in a while");
            await Task.Delay(pause, clock, ct);
        }
    }

    private async Task PutAsync(Hash32 name, AssetRow asset, Address asker, long deadline, GuardianQuestion question, int most, int room, CancellationToken ct) =>
        await database.TransactAsync(async tx =>
        {
            if (await EvaluationStore.IsKnownAsync(tx, name, Now))
                return;
            var (own, all, strangers) = await EvaluationStore.CountAsync(tx, asker, Now);
            bool first = own < room;
            if (own >= most || all >= OpenInAll || (!first && strangers >= OpenOfStrangers))
                throw new ApiException(429, "too-many-questions", own >= most ? $"{asker} has {own} open questions" : $"{all} questions are open at this node",
                    "ask again when some have reached their deadlines");
            await EvaluationStore.PutAsync(tx, name, asset.Asset, asker, deadline, first ? own : EvaluationStore.StrangersTurn + own, question);
            await WorkQueue.WakeAsync(tx, asset.Custody.Guardians.Select(Topic));
        }, ct);

    // As guardians reckon it, from the same votes.
    private async Task<int> RoomAsync(AssetRow asset, Address owner, CancellationToken ct)
    {
        ulong head = await connection.Client.BlockNumberAsync(ct);
        return await connection.Client.GetBlockAsync(BlockTag.At(head), ct) is { } block
            ? (await VoteShare.AtDayStartAsync(connection.Client, new ShareToken(asset.Asset), owner, (head, block.Timestamp), ct)).Of(Limits.OfOwners) : 0;
    }

    /// <summary>The answers to a question so far.</summary>
    public async Task<IReadOnlyList<OprfAnswer>> AnswersAsync(Hash32 question, CancellationToken ct) => await store.AnswersAsync((await RequireAsync(question, ct)).Id, ct);

    /// <summary>
    /// Questions that a guardian has not answered, waiting a while for the first. Who is in no committee does not wait, or anybody could
    /// keep the database busy.
    /// </summary>
    public async Task<Page<GuardianQuestion>> OfGuardianAsync(Address guardian, PageRequest page, CancellationToken ct)
    {
        long started = clock.GetTimestamp(), position = page.Position();
        bool known = false;
        while (true)
        {
            var woken = known ? queue.WaitAsync(Topic(guardian), PollPause, ct) : Task.CompletedTask; // taken before looking
            var rows = await store.OfGuardianAsync(guardian, ((int)(position >> IdBits), position & ((1L << IdBits) - 1)), page.Limit + 1, Now, ct);
            if (rows.Count > 0 || page.After is not null || drain.Stopping.IsCancellationRequested || clock.GetElapsedTime(started) >= LongPoll || (!known && !(known = await store.IsGuardianAsync(guardian, ct))))
                return new Page<GuardianQuestion>([.. rows.Take(page.Limit).Select(r => r.ToQuestion())], rows.Count > page.Limit ? $"{((long)rows[page.Limit - 1].Turn << IdBits) | rows[page.Limit - 1].Id}" : null);
            await woken;
        }
    }

    /// <summary>Takes a guardian's answer. Whether it is right its proof shows to whoever asked.</summary>
    public async Task AnswerAsync(Hash32 question, OprfAnswer answer, CancellationToken ct)
    {
        await reader.CatchUpAsync(ct); // a guardian may have seen its committee come into force before this node
        var row = await RequireAsync(question, ct);
        var asset = await assets.RequireAsync(row.Asset, ct);
        if (!asset.Custody.Guardians.Contains(answer.Guardian))
            throw new ApiException(403, "not-a-guardian", $"{answer.Guardian} is no guardian of {row.Asset}", "answer only for assets whose registry names you");
        if (answer.CommitteeEpoch != asset.Custody.Epoch)
            throw new ApiException(409, "other-committee", $"committee {asset.Custody.Epoch} of {row.Asset} is in force, not {answer.CommitteeEpoch}", "answer with the share of the committee that is in force on chain");
        var evaluation = new byte[VerifierDraw.EvaluationSize];
        if (answer.Evaluation.Length > (VerifierDraw.EvaluationSize + 2) / 3 * 4 || !Convert.TryFromBase64String(answer.Evaluation, evaluation, out int length) || length != VerifierDraw.EvaluationSize)
            throw ApiException.Invalid($"the evaluation is not base64 of {VerifierDraw.EvaluationSize} bytes", "send index, element and proof");
        var signature = Signatures.Require(answer.Guardian,
            Messages.Evaluated(Messages.Domain(connection.ChainId, asset.Ledger), question, answer.CommitteeEpoch, new Hash32(SHA256.HashData(evaluation))), answer.Signature);
        await store.PutAnswerAsync(row.Id, answer, evaluation, signature, ct);
    }

    private async Task<EvaluationRow> RequireAsync(Hash32 question, CancellationToken ct) =>
        await store.FindAsync(question, Now, ct) ?? throw ApiException.NotFound($"question {question}", "a question is here until its deadline: ask again");

    private static string Topic(Address guardian) => $"guardian/{guardian}";
}
