using System.Security.Cryptography;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Node.Guardians;

/// <summary>A guardian does not evaluate what it was asked; the code is for programs.</summary>
internal sealed class EvaluationRefusedException(string code, string reason) : Exception(reason)
{
    /// <summary>Such as <c>too-many</c>.</summary>
    public string Code => code;
}

/// <summary>What a guardian's own chain says of an asset that it is asked about.</summary>
/// <param name="ChainId">EIP-155 chain id.</param>
/// <param name="Ledger">The asset's, which questions and answers are signed for.</param>
/// <param name="Registry">The asset's.</param>
/// <param name="Verifiers">The set in force.</param>
/// <param name="Custody">The committee in force.</param>
internal sealed record EvaluationFacts(ulong ChainId, Address Ledger, Address Registry, IReadOnlyList<Address> Verifiers, CustodyFacts Custody);

/// <summary>
/// A guardian's part of nullifiers that nobody can guess (specs/custody.md): evaluates blinded elements with its share of the committee in
/// force, for verifiers of the set in force, as many a day as <see cref="EvaluationCounter"/> lets them have. What is asked it cannot see.
/// </summary>
/// <param name="store">The guardian's shares.</param>
/// <param name="counter">What it has answered.</param>
/// <param name="key">The guardian's registered key.</param>
/// <param name="facts">Asks the guardian's own chain about an asset.</param>
/// <param name="record">Writes into its log that a question of today is answered with the share of a committee, before it is.</param>
/// <param name="clock">For deadlines.</param>
internal sealed class GuardianEvaluations(ShareStore store, EvaluationCounter counter, SigningKey key, Func<Address, CancellationToken, Task<EvaluationFacts>> facts, Action<OprfQuestion, uint> record,
    TimeProvider clock)
{
    /// <summary>Answers a question. Asked again it gives the same element again, and that counts as one.</summary>
    /// <exception cref="EvaluationRefusedException">It is not answered, and why.</exception>
    /// <exception cref="InvalidDataException">The shares on disk are damaged, or not those of the registry.</exception>
    public async Task<OprfAnswer> AnswerAsync(OprfQuestion question, CancellationToken ct)
    {
        long now = clock.GetUtcNow().ToUnixTimeSeconds();
        if (question.Deadline < now || question.Deadline > now + (long)Messages.MaxLifetime.TotalSeconds)
            throw new EvaluationRefusedException("expired", $"the question's deadline {question.Deadline} has passed or is more than 24 h away; it is {now} s since 1970");
        var chain = await facts(question.Asset, ct);
        var domain = Messages.Domain(chain.ChainId, chain.Ledger);
        var name = Messages.Evaluate(domain, question.Asset, question.Contribution, question.Verifier, question.Blinded, question.Deadline);
        var signature = new byte[Secp256k1.SignatureSize];
        if (!Hex.TryDecode(question.Signature, signature) || Secp256k1.Recover(name, signature) != question.Verifier)
            throw new EvaluationRefusedException("wrong-signature", $"the question is not signed by {question.Verifier} for this chain and asset");
        if (!chain.Verifiers.Contains(question.Verifier))
            throw new EvaluationRefusedException("not-a-verifier", $"{question.Verifier} is not in the set of verifiers in force of asset {question.Asset}");
        uint epoch = chain.Custody.InForce.Epoch;
        if (chain.Custody.InForce.IndexOf(key.Address) == 0)
            throw new EvaluationRefusedException("not-in-committee", $"this guardian is not in committee {epoch}");
        using var shares = await store.SharesAsync(chain.Registry, epoch)
            ?? throw new EvaluationRefusedException("no-share", $"this guardian has no share of committee {epoch}; the next change of the committee gives it one");
        if (!chain.Custody.HasCommitmentsOf(shares))
            throw new InvalidDataException($"the shares of registry {chain.Registry} are not those it has this guardian's commitments of; bring the file back from a backup");
        OprfEvaluation evaluation;
        try
        {
            evaluation = shares.Oprf.Evaluate(question.Blinded.ToArray());
        }
        catch (ThresholdException e)
        {
            throw new EvaluationRefusedException("bad-element", e.Message);
        }
        // Last, so that what is refused does not count; and before the answer is out of this method.
        if (!counter.TryCount(question.Asset, question.Verifier, name, () => record(question, epoch)))
            throw new EvaluationRefusedException("too-many", $"{question.Verifier} has had its answers about asset {question.Asset} for today; ask tomorrow");
        var bytes = evaluation.Encode();
        return new OprfAnswer(key.Address, epoch, Convert.ToBase64String(bytes), Hex.Encode(key.Sign(Messages.Evaluated(domain, name, epoch, new Hash32(SHA256.HashData(bytes))))));
    }
}
