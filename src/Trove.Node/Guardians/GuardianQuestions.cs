using Microsoft.Extensions.Logging;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Chain;
using Trove.Node.Evaluations;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Guardians;

/// <summary>
/// The part of a guardian's process that draws verifiers and answers their questions (specs/custody.md, "Nullifiers nobody can guess"). A node says which
/// there are; who may ask, and with which share, the guardian's own chain says, at its confirmation depth. Not safe for several threads.
/// </summary>
internal sealed class GuardianQuestions(TroveClient node, EthClient chain, SigningKey key, GuardianOptions options, ShareStore store, GuardianRecords records, Func<CancellationToken, Task> ready,
    ILogger log, TimeProvider clock)
{
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(10);
    private const int MaxRemembered = 10_000;

    private readonly EvaluationCounter _counter = new(options.Folder, clock);
    private readonly Dictionary<Hash32, long> _putOff = []; // when, by the monotonic clock: answered or not, it is not looked at again for a while
    private readonly HashSet<(Hash32, string)> _refused = [];
    private string? _page; // the next one: questions that are not answered must not keep those behind them waiting

    /// <summary>Answers what there is, until nothing more can be: in turns what stands first, where owners' announcements come in, and a page further on.</summary>
    public async Task StepAsync(CancellationToken ct)
    {
        int answered;
        do
        {
            ct.ThrowIfCancellationRequested();
            (answered, var next) = await AnswerPageAsync(null, ct);
            _page ??= next;
            if (_page is null)
                continue;
            (int more, _page) = await AnswerPageAsync(_page, ct);
            answered += more;
        }
        while (answered > 0);
    }

    private async Task<(int Answered, string? Next)> AnswerPageAsync(string? page, CancellationToken ct)
    {
        var (questions, next) = await node.GuardianEvaluationsAsync(key.Address, page, ct);
        var facts = new Dictionary<Address, EvaluationFacts>(); // of this page: a few calls to the chain for each asset
        var evaluations = new GuardianEvaluations(store, _counter, key, async (asset, cancel) => facts.TryGetValue(asset, out var known) ? known : facts[asset] = await FactsAsync(asset, cancel),
            records.Evaluated, clock);
        int answered = 0;
        foreach (var question in questions.Take(PageRequest.Most).Select(Asked.Of).Where(q => q is not null && (options.Assets.Count == 0 || options.Assets.Contains(q.Asset))))
        {
            var asked = question!.Name(default); // its own name has a domain that only the chain says
            if (_putOff.TryGetValue(asked, out long at) && clock.GetElapsedTime(at) < Later)
                continue;
            if (_putOff.Count == MaxRemembered)
                _putOff.Clear();
            _putOff[asked] = clock.GetTimestamp();
            try
            {
                await ready(ct);
                var answer = await question.AnswerAsync(evaluations, ct);
                var (chainId, ledger) = (facts[question.Asset].ChainId, facts[question.Asset].Ledger);
                await node.AnswerEvaluationAsync(question.Name(Messages.Domain(chainId, ledger)), answer, ct);
                answered++;
            }
            catch (EvaluationRefusedException e)
            {
                Refuse(question, asked, e);
            }
            // One that cannot be looked at must not keep the others waiting.
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                log.LogWarning(LogEvents.QuestionLookedAtLater, "A question of {Asker} about {Asset}: {Message}; looking again in {Seconds} s", question.Asker, question.Asset, e.Message, Later.TotalSeconds);
            }
        }
        return (answered, next);
    }

    // Written down once: a node may show it every second.
    private void Refuse(Asked question, Hash32 asked, EvaluationRefusedException e)
    {
        if (_refused.Count == MaxRemembered)
            _refused.Clear();
        if (!_refused.Add((asked, e.Code)))
            return;
        log.LogInformation(LogEvents.EvaluationRefused, "Refused a question of {Asker} about {Asset}: {Code}", question.Asker, question.Asset, e.Code);
        records.NotEvaluated(question.Entry, question.Blinded, e.Code, e.Message);
    }

    // A verifier is in the set, and the committee in force, now and at confirmation depth: who was taken out asks no more, at once.
    private async Task<EvaluationFacts> FactsAsync(Address asset, CancellationToken ct)
    {
        ulong head = await chain.BlockNumberAsync(ct);
        var block = await chain.GetBlockAsync(BlockTag.At(head), ct) ?? throw new InvalidDataException($"the chain has no block {head}, which it said is its last");
        if (DateTimeOffset.FromUnixTimeSeconds((long)block.Timestamp) is var time && time < clock.GetUtcNow() - GuardianProcess.MaxHeadAge)
            throw new EvaluationRefusedException("stale-chain", $"the last block of this guardian's chain is of {time:u}: it would not see that a verifier was taken out");
        if (head < options.Confirmations)
            throw NotConfirmed("the chain is younger than the confirmation depth");
        var view = await AssetView.ReadAsync(chain, asset, ct);
        var (at, earlier) = (BlockTag.At(head), BlockTag.At(head - options.Confirmations));
        var (custody, set) = (await GuardianView.CustodyAsync(chain, view.Registry.Address, at, ct), await SetAsync(at));
        var (before, setBefore) = options.Confirmations == 0 ? (custody, set) : (await GuardianView.CustodyAsync(chain, view.Registry.Address, earlier, ct), await SetAsync(earlier));
        if (custody is null || before is null || custody.InForce.Epoch != before.InForce.Epoch)
            throw NotConfirmed($"the committee of guardians changed less than {options.Confirmations} blocks ago");
        return new EvaluationFacts(await chain.ChainIdAsync(ct), view.Ledger.Address, view.Registry.Address, set.Verifiers, (int)set.Threshold, [.. set.Verifiers.Except(setBefore.Verifiers)], custody,
            (owner, cancel) => VoteShare.AtDayStartAsync(chain, view.Token, owner, (head, block.Timestamp), cancel));

        async Task<(IReadOnlyList<Address> Verifiers, uint Threshold)> SetAsync(BlockTag block) =>
            await view.Registry.VerifierSetAsync(chain, await view.Registry.VerifierSetVersionAsync(chain, block, ct), block, ct) is var s ? (s.Verifiers, s.Threshold) : default;
    }

    // A verifier's question or an owner's announcement, as a node shows it.
    private sealed record Asked(Address Asset, Address Asker, EvaluationEntry Entry, Hash32? Blinded, Func<Hash32, Hash32> Name, Func<GuardianEvaluations, CancellationToken, Task<OprfAnswer>> AnswerAsync)
    {
        public static Asked? Of(GuardianQuestion? question) => question switch
        {
            { Evaluate: { Deadline: >= 0 } q, Draw: null } => new Asked(q.Asset, q.Verifier, new EvaluationEntry(q.Asset, q.Verifier, q.Contribution, default), q.Blinded,
                domain => Messages.Evaluate(domain, q.Asset, q.Contribution, q.Verifier, q.Blinded, q.Deadline), (guardian, ct) => guardian.AnswerAsync(q, ct)),
            { Draw: { Deadline: >= 0, Size: >= 0 } q, Evaluate: null } => new Asked(q.Asset, q.Owner, new EvaluationEntry(q.Asset, default, q.Contribution, default, q.Owner), null,
                domain => Messages.Announce(domain, q.Asset, q.Contribution, q.Owner, q.PartsRoot, q.Size, q.Nonce, q.Deadline), (guardian, ct) => guardian.AnswerAsync(q, ct)),
            _ => null,
        };
    }

    private static EvaluationRefusedException NotConfirmed(string reason) => new("not-confirmed", reason);
}
