using Trove.Core;
using Trove.Core.Ceremonies;

namespace Trove.Crypto;

/// <summary>
/// The public side of an asset's key held in shares (specs/custody.md): the recipient parts are sealed to, and a commitment
/// S_i = s_i·B to each guardian's share. Whatever has this type was checked by <see cref="Create"/>.
/// </summary>
public sealed class ThresholdKey
{
    /// <summary>Most guardians of an asset.</summary>
    public const int MaxGuardians = Committee.MaxGuardians;

    /// <summary>Length of a proof that a partial decryption is right, in bytes.</summary>
    public const int ProofSize = DecryptionProof.Size;

    private ThresholdKey(int threshold, Hash32[] commitments, X25519Recipient recipient) =>
        (Threshold, Commitments, Recipient) = (threshold, Array.AsReadOnly(commitments), recipient);

    /// <summary>How many guardians decrypt together.</summary>
    public int Threshold { get; }

    /// <summary>How many there are.</summary>
    public int Guardians => Commitments.Count;

    /// <summary>S_1 to S_n, compressed points of prime order.</summary>
    public IReadOnlyList<Hash32> Commitments { get; }

    /// <summary>Whom parts are sealed to.</summary>
    public X25519Recipient Recipient { get; }

    /// <summary>
    /// Checks what a registry says: canonical points of prime order, all on one polynomial whose degree is exactly
    /// threshold − 1 and whose value at 0 has the recipient's u. It cannot show that the dealer forgot the key.
    /// </summary>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Range"/>, <see cref="ThresholdFailure.Repeated"/>,
    /// <see cref="ThresholdFailure.Degree"/>, <see cref="ThresholdFailure.Recipient"/> or a point's fault.</exception>
    public static ThresholdKey Create(int threshold, IReadOnlyList<Hash32> commitments, X25519Recipient recipient)
    {
        const string hint = "do not seal to this asset: its founder has to deal the key anew";
        CheckNumbers(threshold, commitments.Count);
        var all = new byte[commitments.Count * Edwards25519.Size];
        for (int i = 0; i < commitments.Count; i++)
        {
            var point = all.AsSpan(i * Edwards25519.Size, Edwards25519.Size);
            commitments[i].CopyTo(point);
            ThresholdException.CheckPoint(point, $"the key of {recipient} is refused: the commitment of guardian {i + 1}", hint);
        }
        // With threshold 1 all shares are the key itself, and equal.
        if (threshold > 1 && commitments.Distinct().Count() != commitments.Count)
            throw new ThresholdException(ThresholdFailure.Repeated, $"the key of {recipient} is refused: two guardians have the same commitment, so one of them adds nothing; {hint}");

        int[] first = [.. Enumerable.Range(1, threshold)];
        var known = all.AsSpan(..(threshold * Edwards25519.Size));
        Span<byte> expected = stackalloc byte[Edwards25519.Size];
        for (int index = threshold + 1; index <= commitments.Count; index++)
        {
            Edwards25519.Interpolate(first, known, index, expected);
            if (new Hash32(expected) != commitments[index - 1])
                throw new ThresholdException(ThresholdFailure.Degree, $"the key of {recipient} is refused: the commitment of guardian {index} is not on the polynomial of guardians 1 to {threshold}, so who decrypts depends on who takes part; {hint}");
        }
        if (threshold > 1)
        {
            Edwards25519.Interpolate(first.AsSpan(..^1), known[..^Edwards25519.Size], threshold, expected);
            if (new Hash32(expected) == commitments[threshold - 1])
                throw new ThresholdException(ThresholdFailure.Degree, $"the key of {recipient} is refused: {threshold - 1} of its guardians can decrypt, not only {threshold}; {hint}");
        }
        Edwards25519.Interpolate(first, known, 0, expected);
        if (!Edwards25519.ToMontgomery(expected, expected) || new Hash32(expected) != recipient.PublicKey)
            throw new ThresholdException(ThresholdFailure.Recipient, $"the key of {recipient} is refused: the commitments are those of another key; {hint}");
        return new ThresholdKey(threshold, [.. commitments], recipient);
    }

    /// <summary>
    /// Combines partial decryptions of one part to the shared secret that opens it
    /// (<see cref="PartOpening.OpenWithSharedSecretAsync"/>); the caller disposes it. The part's own authentication tag shows
    /// whether exactly t were right; with more than t a wrong one is seen here. Then ask for proofs.
    /// </summary>
    /// <param name="partials">At least <see cref="Threshold"/>, of distinct guardians, in any order.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.TooFew"/>, <see cref="ThresholdFailure.Range"/>,
    /// <see cref="ThresholdFailure.Repeated"/>, <see cref="ThresholdFailure.Inconsistent"/> or a point's fault.</exception>
    public SecretBytes Combine(IReadOnlyList<PartialDecryption> partials)
    {
        if (partials.Count < Threshold)
            throw new ThresholdException(ThresholdFailure.TooFew, $"{partials.Count} partial decryptions do not open a part of {Recipient}: {Threshold} are needed; ask more guardians");
        if (partials.Count > Guardians)
            throw new ThresholdException(ThresholdFailure.Repeated, $"{partials.Count} partial decryptions cannot come from {Guardians} guardians; hand in one of each");
        var indices = new int[partials.Count];
        using var points = SecretBytes.Allocate(partials.Count * Edwards25519.Size);
        for (int i = 0; i < indices.Length; i++)
        {
            int index = partials[i].Index;
            if (index > Guardians)
                throw new ThresholdException(ThresholdFailure.Range, $"a partial decryption names guardian {index}, and the asset has {Guardians}; leave it out");
            if (indices.AsSpan(..i).Contains(index))
                throw new ThresholdException(ThresholdFailure.Repeated, $"two partial decryptions are of guardian {index}; hand in one of each");
            indices[i] = index;
            ThresholdException.CheckPoint(partials[i].Point.Span, $"the partial decryption of guardian {index}", "leave this guardian out");
            partials[i].Point.Span.CopyTo(points.Buffer[(i * Edwards25519.Size)..]);
        }

        var known = points.Span[..(Threshold * Edwards25519.Size)];
        using var result = SecretBytes.Allocate(Edwards25519.Size);
        for (int i = Threshold; i < indices.Length; i++)
        {
            Edwards25519.Interpolate(indices.AsSpan(..Threshold), known, indices[i], result.Buffer);
            if (!result.FixedTimeEquals(partials[i].Point.Span))
                throw Inconsistent();
        }
        Edwards25519.Interpolate(indices.AsSpan(..Threshold), known, 0, result.Buffer);
        var shared = SecretBytes.Allocate(X25519.Size);
        if (Edwards25519.ToMontgomery(result.Span, shared.Buffer))
            return shared;
        shared.Dispose();
        throw Inconsistent(); // the identity, which no part's secret gives

        ThresholdException Inconsistent() => new(ThresholdFailure.Inconsistent,
            $"the partial decryptions of guardians {string.Join(", ", indices)} contradict each other; have each prove its own and leave out who does not");
    }

    /// <summary>
    /// Did the guardian it names compute this partial decryption as it had to? False for any malformed proof, and for a point or
    /// a partial decryption that is not of prime order.
    /// </summary>
    /// <param name="point">A of the part asked for (<see cref="ProofOfKnowledge.PointOf"/>), not what the guardian says it is.</param>
    /// <param name="partial">What the guardian answered.</param>
    /// <param name="proof"><see cref="ProofSize"/> bytes of <see cref="GuardianShare.Prove(Hash32, PartialDecryption, ReadOnlySpan{byte})"/>.</param>
    /// <param name="context">What the proof must be bound to.</param>
    public bool Verify(Hash32 point, PartialDecryption partial, ReadOnlySpan<byte> proof, ReadOnlySpan<byte> context) =>
        partial.Index <= Guardians && Edwards25519.Fault(point.ToArray()) is null && Edwards25519.Fault(partial.Point.Span) is null
        && DecryptionProof.Verify(proof, DecryptionProof.Statement(context, partial.Index, Commitments[partial.Index - 1], point, partial.Point.Span));

    /// <summary>
    /// Combines the answers for many parts to the shared secrets that open them. With exactly <see cref="Threshold"/> answers a
    /// part's own authentication tag shows whether they were right. With more, each further answer is compared for every part, and
    /// nothing is combined of answers that contradict each other: <see cref="Verify(IReadOnlyList{ProvenPoint}, PartialDecryptions, ReadOnlySpan{byte}, ReadOnlySpan{byte}, int)"/>
    /// shows whose are right, and <see cref="Threshold"/> of those are to be combined.
    /// </summary>
    /// <param name="answers">At least <see cref="Threshold"/>, of distinct guardians, in any order, for the same parts in the same order.</param>
    /// <param name="threads">How many cores to use at most.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.TooFew"/>, <see cref="ThresholdFailure.Range"/>,
    /// <see cref="ThresholdFailure.Repeated"/>, <see cref="ThresholdFailure.Inconsistent"/>: they contradict each other; or a point's fault.</exception>
    public CombinedSecrets Combine(IReadOnlyList<PartialDecryptions> answers, int threads = 1)
    {
        CheckAnswers(answers);
        if (BatchCombination.Contradiction(Threshold, answers, threads) is { } contradicted)
            throw BatchCombination.Contradicted(answers, contradicted);
        return BatchCombination.Secrets([.. answers.Take(Threshold)], threads, out int refusedAt) is { } secrets ? new CombinedSecrets(secrets) : throw BatchCombination.Malformed(answers, refusedAt);
    }

    private void CheckAnswers(IReadOnlyList<PartialDecryptions> answers)
    {
        if (answers.Count < Threshold)
            throw new ThresholdException(ThresholdFailure.TooFew, $"answers of {answers.Count} guardians do not open parts of {Recipient}: {Threshold} are needed; ask more guardians");
        for (int i = 0; i < answers.Count; i++)
        {
            if (answers[i].Index > Guardians)
                throw new ThresholdException(ThresholdFailure.Range, $"an answer names guardian {answers[i].Index}, and the asset has {Guardians}; leave it out");
            if (answers.Take(i).Any(a => a.Index == answers[i].Index))
                throw new ThresholdException(ThresholdFailure.Repeated, $"two answers are of guardian {answers[i].Index}; hand in one of each");
            if (answers[i].Count != answers[0].Count)
                throw new ThresholdException(ThresholdFailure.Range, $"guardian {answers[i].Index} answered for {answers[i].Count} parts, guardian {answers[0].Index} for {answers[0].Count}; leave one out");
        }
    }

    /// <summary>
    /// Did the guardian they name compute all of these partial decryptions as it had to? False for any malformed proof and any
    /// malformed point. A part of order 2 in one of them may not be seen, and does not matter to <see cref="Combine(IReadOnlyList{PartialDecryptions}, int)"/> of <see cref="Threshold"/> answers.
    /// </summary>
    /// <param name="parts">The parts asked for, in the order of the answers.</param>
    /// <param name="partials">What the guardian answered.</param>
    /// <param name="proof"><see cref="ProofSize"/> bytes of <see cref="GuardianShare.Prove(IReadOnlyList{ProvenPoint}, PartialDecryptions, ReadOnlySpan{byte}, int)"/>.</param>
    /// <param name="context">What the proof must be bound to.</param>
    /// <param name="threads">How many cores to use at most.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Range"/>: another number of answers than of parts.</exception>
    public bool Verify(IReadOnlyList<ProvenPoint> parts, PartialDecryptions partials, ReadOnlySpan<byte> proof, ReadOnlySpan<byte> context, int threads = 1) =>
        partials.Index <= Guardians && proof.Length == ProofSize
        && BatchProof.Statement(parts, partials, Commitments[partials.Index - 1], context, threads) is { } statement && DecryptionProof.Verify(proof, statement);

    internal static void CheckNumbers(int threshold, int guardians)
    {
        if (guardians is < 1 or > MaxGuardians || threshold < 1 || threshold > guardians)
            throw new ThresholdException(ThresholdFailure.Range, $"an asset has 1 to {MaxGuardians} guardians, of whom 1 to all decrypt together; {threshold} of {guardians} is not possible");
    }
}
