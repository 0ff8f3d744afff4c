using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// The public side of a pseudorandom function whose key k is held in shares (specs/custody.md, "Nullifiers nobody can guess"):
/// K = k·G, and a commitment K_i = k_i·G to each guardian's share. Whatever has this type was checked by <see cref="Create"/>.
/// </summary>
public sealed class OprfKey
{
    private OprfKey(int threshold, Hash32[] commitments, Hash32 publicKey) => (Threshold, Commitments, PublicKey) = (threshold, Array.AsReadOnly(commitments), publicKey);

    /// <summary>How many guardians compute together.</summary>
    public int Threshold { get; }

    /// <summary>How many there are.</summary>
    public int Guardians => Commitments.Count;

    /// <summary>K_1 to K_n, elements of ristretto255.</summary>
    public IReadOnlyList<Hash32> Commitments { get; }

    /// <summary>K: the function's name. The same inputs have other outputs under another K.</summary>
    public Hash32 PublicKey { get; }

    /// <summary>
    /// Checks what a registry says, by the rules of <see cref="ThresholdKey.Create"/>: elements other than the neutral one, all on one
    /// polynomial whose degree is exactly threshold − 1. Its value at 0 is the public key.
    /// </summary>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Range"/>, <see cref="ThresholdFailure.Encoding"/>,
    /// <see cref="ThresholdFailure.Repeated"/>, <see cref="ThresholdFailure.Degree"/> or <see cref="ThresholdFailure.Recipient"/>.</exception>
    public static OprfKey Create(int threshold, IReadOnlyList<Hash32> commitments)
    {
        const string refused = "the key of a pseudorandom function is refused", hint = "ask this key for nothing: it has to be made anew";
        ThresholdKey.CheckNumbers(threshold, commitments.Count);
        var all = new byte[commitments.Count * Ristretto255.Size];
        for (int i = 0; i < commitments.Count; i++)
        {
            commitments[i].CopyTo(Batch.Item(all.AsSpan(), i));
            if (!Ristretto255.IsElement(Batch.Item(all.AsSpan(), i)))
                throw new ThresholdException(ThresholdFailure.Encoding, $"{refused}: the commitment of guardian {i + 1} is no element of ristretto255 other than the neutral one; {hint}");
        }
        // With threshold 1 all shares are the key itself, and equal.
        if (threshold > 1 && commitments.Distinct().Count() != commitments.Count)
            throw new ThresholdException(ThresholdFailure.Repeated, $"{refused}: two guardians have the same commitment, so one of them adds nothing; {hint}");
        for (int index = threshold + 1; index <= commitments.Count; index++)
        {
            if (At(index, threshold) != commitments[index - 1])
                throw new ThresholdException(ThresholdFailure.Degree, $"{refused}: the commitment of guardian {index} is not on the polynomial of guardians 1 to {threshold}, so its value depends on who takes part; {hint}");
        }
        if (threshold > 1 && At(threshold, threshold - 1) == commitments[threshold - 1])
            throw new ThresholdException(ThresholdFailure.Degree, $"{refused}: {threshold - 1} of its guardians can compute it, not only {threshold}; {hint}");
        var publicKey = At(0, threshold);
        return publicKey.IsZero
            ? throw new ThresholdException(ThresholdFailure.Recipient, $"{refused}: its commitments are those of a zero key; {hint}")
            : new OprfKey(threshold, [.. commitments], publicKey);

        Hash32 At(int place, int first)
        {
            Span<byte> element = stackalloc byte[Ristretto255.Size];
            Interpolation.Interpolate(Ristretto255.Group, [.. Enumerable.Range(1, first)], all, place, element);
            return new Hash32(element);
        }
    }

    /// <summary>Did the guardian it names compute all of this evaluation with its share? False for anything malformed.</summary>
    /// <param name="blinded">What was asked, in the same order.</param>
    /// <param name="evaluation">What the guardian answered.</param>
    /// <param name="threads">How many cores to use at most.</param>
    public bool Verify(ReadOnlySpan<byte> blinded, OprfEvaluation evaluation, int threads = 1) =>
        evaluation.Index <= Guardians && evaluation.Elements.Length == blinded.Length
        && VoprfProof.Verify(evaluation.Proof, Commitments[evaluation.Index - 1].ToArray(), blinded, evaluation.Elements, threads);
}
