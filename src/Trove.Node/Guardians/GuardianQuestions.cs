using Microsoft.Extensions.Logging;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Chain;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Guardians;

/// <summary>
/// The part of a guardian's process that answers verifiers' questions (specs/custody.md, "Nullifiers nobody can guess"). A node says which
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

    /// <summary>Answers what there is, until nothing more can be.</summary>
    public async Task StepAsync(CancellationToken ct)
    {
        while (await AnswerPageAsync(ct) > 0)
            ct.ThrowIfCancellationRequested();
    }

    private async Task<int> AnswerPageAsync(CancellationToken ct)
    {
        var (questions, next) = await node.GuardianEvaluationsAsync(key.Address, _page, ct);
        _page = next;
        var facts = new Dictionary<Address, EvaluationFacts>(); // of this page: a few calls to the chain for each asset
        var evaluations = new GuardianEvaluations(store, _counter, key, async (asset, cancel) => facts.TryGetValue(asset, out var known) ? known : facts[asset] = await FactsAsync(asset, cancel),
            records.Evaluated, clock);
        int answered = 0;
        foreach (var question in questions.Take(PageRequest.Most).Where(q => q is { Deadline: >= 0 } && (options.Assets.Count == 0 || options.Assets.Contains(q.Asset))))
        {
            var asked = NameOf(question, default); // its own name has a domain that only the chain says
            if (_putOff.TryGetValue(asked, out long at) && clock.GetElapsedTime(at) < Later)
                continue;
            if (_putOff.Count == MaxRemembered)
                _putOff.Clear();
            _putOff[asked] = clock.GetTimestamp();
            try
            {
                await ready(ct);
                var answer = await evaluations.AnswerAsync(question, ct);
                var (chainId, ledger) = (facts[question.Asset].ChainId, facts[question.Asset].Ledger);
                await node.AnswerEvaluationAsync(NameOf(question, Messages.Domain(chainId, ledger)), answer, ct);
                answered++;
            }
            catch (EvaluationRefusedException e)
            {
                Refuse(question, asked, e);
            }
            // One that cannot be looked at must not keep the others waiting.
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                log.LogWarning(LogEvents.QuestionLookedAtLater, "A question of {Verifier} about {Asset}: {Message}; looking again in {Seconds} s", question.Verifier, question.Asset, e.Message, Later.TotalSeconds);
            }
        }
        return answered;
    }

    // Written down once: a node may show it every second.
    private void Refuse(OprfQuestion question, Hash32 asked, EvaluationRefusedException e)
    {
        if (_refused.Count == MaxRemembered)
            _refused.Clear();
        if (!_refused.Add((asked, e.Code)))
            return;
        log.LogInformation(LogEvents.EvaluationRefused, "Refused a question of {Verifier} about {Asset}: {Code}", question.Verifier, question.Asset, e.Code);
        records.NotEvaluated(question, e.Code, e.Message);
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
        var (custody, verifiers) = (await GuardianView.CustodyAsync(chain, view.Registry.Address, at, ct), await VerifiersAsync(at));
        var (before, verifiersBefore) = options.Confirmations == 0 ? (custody, verifiers) : (await GuardianView.CustodyAsync(chain, view.Registry.Address, earlier, ct), await VerifiersAsync(earlier));
        if (custody is null || before is null || custody.InForce.Epoch != before.InForce.Epoch)
            throw NotConfirmed($"the committee of guardians changed less than {options.Confirmations} blocks ago");
        return new EvaluationFacts(await chain.ChainIdAsync(ct), view.Ledger.Address, view.Registry.Address, [.. verifiers.Intersect(verifiersBefore)], custody);

        async Task<IReadOnlyList<Address>> VerifiersAsync(BlockTag block) =>
            (await view.Registry.VerifierSetAsync(chain, await view.Registry.VerifierSetVersionAsync(chain, block, ct), block, ct)).Verifiers;
    }

    private static Hash32 NameOf(OprfQuestion q, Hash32 domain) => Messages.Evaluate(domain, q.Asset, q.Contribution, q.Verifier, q.Blinded, q.Deadline);

    private static EvaluationRefusedException NotConfirmed(string reason) => new("not-confirmed", reason);
}
