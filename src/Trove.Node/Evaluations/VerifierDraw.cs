using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Node.Evaluations;

/// <summary>
/// The drawing of a contribution's verifiers by the asset's guardians (specs/parts.md, "Announcing"): t of them evaluate what was announced, which is no
/// secret, so anybody can check their proofs and finds the same seed.
/// </summary>
public sealed class VerifierDraw : IDisposable
{
    /// <summary>An evaluation of one element: index, element and proof.</summary>
    public const int EvaluationSize = 97;

    private readonly OprfBlinding _input;

    /// <summary>Of a contribution as it was announced.</summary>
    public VerifierDraw(Address asset, Hash32 contribution, Address owner, Hash32 partsRoot) =>
        _input = OprfBlinding.Plain([VerifierAssignment.Input(asset, contribution, owner, partsRoot)]);

    /// <summary>What each guardian multiplies by its share.</summary>
    public ReadOnlyMemory<byte> Element => _input.Blinded;

    /// <summary>Puts a proof together of guardians' answers; null while fewer than t are right.</summary>
    public DrawProof? Prove(uint epoch, OprfKey key, IEnumerable<OprfAnswer> answers)
    {
        var proven = new Dictionary<int, OprfEvaluation>();
        foreach (var answer in answers.Where(a => a.CommitteeEpoch == epoch).Take(Committee.MaxGuardians))
        {
            if (Read(Convert.FromBase64String(answer.Evaluation)) is { } evaluation && !proven.ContainsKey(evaluation.Index) && key.Verify(Element.Span, evaluation) && proven.Count < key.Threshold)
                proven[evaluation.Index] = evaluation;
        }
        return proven.Count == key.Threshold ? new DrawProof(epoch, Convert.ToBase64String([.. proven.Values.SelectMany(e => e.Encode())])) : null;
    }

    /// <summary>The seed; null when the proof does not hold.</summary>
    /// <param name="epoch">Of the committee in force, as the asker's own chain says.</param>
    /// <param name="key">That committee's, of the same chain.</param>
    /// <param name="proof">Of whoever passed it on.</param>
    public Hash32? Seed(uint epoch, OprfKey key, DrawProof proof)
    {
        var bytes = new byte[key.Threshold * EvaluationSize];
        if (proof.CommitteeEpoch != epoch || proof.Evaluations.Length > (bytes.Length + 2) / 3 * 4
            || !Convert.TryFromBase64String(proof.Evaluations, bytes, out int length) || length != bytes.Length)
            return null;
        if (bytes.Chunk(EvaluationSize).Select(Read).ToList() is var evaluations && evaluations.Contains(null))
            return null;
        try
        {
            using var output = _input.Finish(key, evaluations!); // checks the proofs
            return new Hash32(output[0][..Hash32.Size]);
        }
        catch (ThresholdException)
        {
            return null;
        }
    }

    /// <summary>Zeroes what is no secret, as all inputs are.</summary>
    public void Dispose() => _input.Dispose();

    private static OprfEvaluation? Read(byte[] bytes) => bytes.Length == EvaluationSize && bytes[0] is >= 1 and <= ThresholdKey.MaxGuardians ? OprfEvaluation.Parse(bytes) : null;
}
