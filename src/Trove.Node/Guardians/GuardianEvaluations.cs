using System.Security.Cryptography;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Evaluations;
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
/// <param name="MustAgree">How many of them must agree on a contribution.</param>
/// <param name="New">Those of them that are not in the set at confirmation depth yet, and may not ask.</param>
/// <param name="Custody">The committee in force.</param>
/// <param name="VotesOf">What an owner has of the votes.</param>
internal sealed record EvaluationFacts(ulong ChainId, Address Ledger, Address Registry, IReadOnlyList<Address> Verifiers, int MustAgree, IReadOnlyList<Address> New, CustodyFacts Custody,
    Func<Address, CancellationToken, Task<VoteShare>> VotesOf);

/// <summary>
/// A guardian's part of nullifiers that nobody can guess, and of drawing verifiers (specs/custody.md, specs/parts.md): evaluates with its share of the
/// committee in force what an owner announced, and blinded elements for the verifiers who were drawn, as many a day as
/// <see cref="EvaluationCounter"/> lets them have. What a verifier asks it cannot see.
/// </summary>
/// <param name="store">The guardian's shares.</param>
/// <param name="counter">What it has answered.</param>
/// <param name="key">The guardian's registered key.</param>
/// <param name="facts">Asks the guardian's own chain about an asset.</param>
/// <param name="record">Writes into its log that something of today is answered with the share of a committee, before it is.</param>
/// <param name="clock">For deadlines.</param>
internal sealed class GuardianEvaluations(ShareStore store, EvaluationCounter counter, SigningKey key, Func<Address, CancellationToken, Task<EvaluationFacts>> facts, Action<EvaluationEntry, Hash32, uint> record,
    TimeProvider clock)
{
    /// <summary>Answers a verifier's question. Asked again it gives the same element again, and that counts as one.</summary>
    /// <exception cref="EvaluationRefusedException">It is not answered, and why.</exception>
    /// <exception cref="InvalidDataException">The shares on disk are damaged, or not those of the registry.</exception>
    public async Task<OprfAnswer> AnswerAsync(OprfQuestion question, CancellationToken ct)
    {
        long now = clock.GetUtcNow().ToUnixTimeSeconds();
        if (question.Deadline < now || question.Deadline > now + (long)Messages.MaxLifetime.TotalSeconds)
            throw new EvaluationRefusedException("expired", $"the question's deadline {question.Deadline} has passed or is more than 24 h away; it is {now} s since 1970");
        var chain = await facts(question.Asset, ct);
        var name = Messages.Evaluate(Messages.Domain(chain.ChainId, chain.Ledger), question.Asset, question.Contribution, question.Verifier, question.Blinded, question.Deadline);
        RequireSignature(question.Verifier, name, question.Signature);
        if (!chain.Verifiers.Contains(question.Verifier) || chain.New.Contains(question.Verifier))
            throw new EvaluationRefusedException("not-a-verifier", $"{question.Verifier} is not in the set of verifiers in force of asset {question.Asset}");
        if (!question.Contribution.IsZero && !IsDrawn(chain, question))
            throw new EvaluationRefusedException("not-drawn", $"it is not shown that {question.Verifier} was drawn for contribution {question.Contribution}");
        return await EvaluateAsync(chain, new EvaluationEntry(question.Asset, question.Verifier, question.Contribution, name), default, question.Blinded, ct);
    }

    /// <summary>
    /// Evaluates what an owner announced, which draws its verifiers: the same for ever, so an announcement whose deadline has passed is evaluated too, when
    /// another committee has to show what one before it drew.
    /// </summary>
    /// <inheritdoc cref="AnswerAsync(OprfQuestion, CancellationToken)"/>
    public async Task<OprfAnswer> AnswerAsync(DrawQuestion question, CancellationToken ct)
    {
        var chain = await facts(question.Asset, ct);
        var name = Messages.Announce(Messages.Domain(chain.ChainId, chain.Ledger), question.Asset, question.Contribution, question.Owner, question.PartsRoot, question.Size, question.Nonce, question.Deadline);
        RequireSignature(question.Owner, name, question.Signature);
        using var draw = new VerifierDraw(question.Asset, question.Contribution, question.Owner, question.PartsRoot);
        return await EvaluateAsync(chain, new EvaluationEntry(question.Asset, default, question.Contribution, name, question.Owner), await chain.VotesOf(question.Owner, ct), new Hash32(draw.Element.Span), ct);
    }

    private async Task<OprfAnswer> EvaluateAsync(EvaluationFacts chain, EvaluationEntry entry, VoteShare votes, Hash32 element, CancellationToken ct)
    {
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
            evaluation = shares.Oprf.Evaluate(element.ToArray());
        }
        catch (ThresholdException e)
        {
            throw new EvaluationRefusedException("bad-element", e.Message);
        }
        ct.ThrowIfCancellationRequested();
        // Last, so that what is refused does not count; and before the answer is out of this method.
        if (!counter.TryCount(entry, votes, () => record(entry, element, epoch)))
            throw new EvaluationRefusedException("too-many", $"as much as {(entry.Verifier == default ? "is evaluated in a day for those who have as much of the votes" : $"is evaluated in a day for a verifier, or about contribution {entry.Contribution},")} of asset {entry.Asset}, was; ask tomorrow");
        var bytes = evaluation.Encode();
        return new OprfAnswer(key.Address, epoch, Convert.ToBase64String(bytes),
            Hex.Encode(key.Sign(Messages.Evaluated(Messages.Domain(chain.ChainId, chain.Ledger), entry.Name, epoch, new Hash32(SHA256.HashData(bytes))))));
    }

    // A verifier that is not drawn has nothing to ask, or it could find out beforehand whom an announcement would draw.
    private static bool IsDrawn(EvaluationFacts chain, OprfQuestion question)
    {
        if (question.Drawn is not { Proof.Evaluations: not null } drawn)
            return false;
        using var draw = new VerifierDraw(question.Asset, question.Contribution, drawn.Owner, drawn.PartsRoot);
        return draw.Seed(chain.Custody.InForce.Epoch, chain.Custody.Keys().Oprf, drawn.Proof) is { } seed
            && VerifierAssignment.Draw(seed, question.Contribution, chain.Verifiers, Verdict.Drawn(chain.Verifiers.Count, chain.MustAgree)).Contains(question.Verifier);
    }

    private static void RequireSignature(Address signer, Hash32 name, string signature)
    {
        var bytes = new byte[Secp256k1.SignatureSize];
        if (!Hex.TryDecode(signature, bytes) || Secp256k1.Recover(name, bytes) != signer)
            throw new EvaluationRefusedException("wrong-signature", $"it is not signed by {signer} for this chain and asset");
    }
}
