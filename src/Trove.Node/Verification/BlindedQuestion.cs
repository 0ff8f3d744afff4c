using System.Security.Cryptography;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Node.Verification;

/// <summary>
/// One input on its way to the guardians and back (specs/custody.md, "Nullifiers nobody can guess"). Only <see cref="Question"/> leaves
/// it, and says nothing of the input. Whoever passes question and answers on is believed nothing. Disposing zeroes input and blind.
/// </summary>
internal sealed class BlindedQuestion : IDisposable
{
    private readonly OprfBlinding _blinding;
    private readonly Hash32 _domain, _name;

    private BlindedQuestion(OprfBlinding blinding, Hash32 domain, Hash32 name, OprfQuestion question) =>
        (_blinding, _domain, _name, Question) = (blinding, domain, name, question);

    /// <summary>What goes to the guardians.</summary>
    public OprfQuestion Question { get; }

    /// <summary>Its name, which the answers are asked for by.</summary>
    public Hash32 Name => _name;

    /// <summary>Blinds an input and signs the question.</summary>
    /// <param name="input"><see cref="Core.Rewards.Nullifiers.Input"/> or <see cref="Core.Rewards.Nullifiers.TagKeyInput"/>.</param>
    /// <param name="chainId">EIP-155 chain id.</param>
    /// <param name="ledger">The asset's.</param>
    /// <param name="asset">The asset.</param>
    /// <param name="contribution">Zero for the key of record tags.</param>
    /// <param name="drawn">What shows that the verifier was drawn for it; null for the key of record tags.</param>
    /// <param name="verifier">Who asks.</param>
    /// <param name="deadline">Seconds since 1970, at most a day away.</param>
    public static BlindedQuestion Create(ReadOnlyMemory<byte> input, ulong chainId, Address ledger, Address asset, Hash32 contribution, DrawnContribution? drawn, SigningKey verifier, long deadline)
    {
        var blinding = OprfBlinding.Create([input]);
        var (domain, blinded) = (Messages.Domain(chainId, ledger), new Hash32(blinding.Blinded.Span));
        var name = Messages.Evaluate(domain, asset, contribution, verifier.Address, blinded, deadline);
        return new BlindedQuestion(blinding, domain, name, new OprfQuestion(asset, contribution, verifier.Address, blinded, deadline, Hex.Encode(verifier.Sign(name)), drawn));
    }

    /// <summary>
    /// The output, from t answers that are signed by guardians of the committee and whose proofs hold; null while there are fewer. Answers
    /// of other committees, of strangers, and all but the first of one guardian that is signed are passed over. The caller disposes it.
    /// </summary>
    /// <param name="committee">In force on the verifier's own chain.</param>
    /// <param name="key">That committee's, of the same chain.</param>
    /// <param name="answers">From whoever passes them on; of more than one for each guardian, a committee's number is looked at.</param>
    public OprfOutputs? Finish(Committee committee, OprfKey key, IReadOnlyList<OprfAnswer> answers)
    {
        var signed = new Dictionary<int, OprfEvaluation>();
        foreach (var answer in answers.Take(2 * Committee.MaxGuardians))
        {
            if (answer is not null && answer.CommitteeEpoch == committee.Epoch && committee.IndexOf(answer.Guardian) is > 0 and var index && Read(answer) is { } evaluation && evaluation.Index == index)
                signed.TryAdd(index, evaluation);
        }
        // Those that are proven: a liar among more than t costs nothing.
        List<OprfEvaluation> proven = [.. signed.Values.Where(e => key.Verify(_blinding.Blinded.Span, e)).Take(key.Threshold)];
        return proven.Count == key.Threshold ? _blinding.Finish(key, proven) : null;
    }

    /// <summary>Zeroes input and blind.</summary>
    public void Dispose() => _blinding.Dispose();

    private OprfEvaluation? Read(OprfAnswer answer)
    {
        Span<byte> bytes = stackalloc byte[1 + Hash32.Size + ProofSize];
        var signature = new byte[Secp256k1.SignatureSize];
        return Convert.TryFromBase64String(answer.Evaluation, bytes, out int length) && length == bytes.Length && Hex.TryDecode(answer.Signature, signature)
            && Secp256k1.Recover(Messages.Evaluated(_domain, _name, answer.CommitteeEpoch, new Hash32(SHA256.HashData(bytes))), signature) == answer.Guardian
            && bytes[0] is >= 1 and <= ThresholdKey.MaxGuardians
            ? OprfEvaluation.Parse(bytes) : null;
    }

    private const int ProofSize = 64;
}
