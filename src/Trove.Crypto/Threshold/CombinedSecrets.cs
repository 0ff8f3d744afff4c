namespace Trove.Crypto;

/// <summary>The shared secrets that open the parts of a batch, in one buffer that is zeroed on disposal.</summary>
public sealed class CombinedSecrets : IDisposable
{
    private readonly SecretBytes _secrets;

    /// <summary>Takes ownership of the secrets.</summary>
    internal CombinedSecrets(SecretBytes secrets) => _secrets = secrets;

    /// <summary>How many parts.</summary>
    public int Count => _secrets.Length / X25519.Size;

    /// <summary>The shared secret of one part, 32 bytes, valid until disposal; for <see cref="PartOpening.OpenWithSharedSecretAsync"/>.</summary>
    public ReadOnlySpan<byte> this[int part] => Batch.Item(_secrets.Span, part);

    /// <summary>All of them, one after the other, valid until disposal.</summary>
    public ReadOnlySpan<byte> All => _secrets.Span;

    /// <summary>Zeroes the secrets.</summary>
    public void Dispose() => _secrets.Dispose();

    /// <summary>The number only.</summary>
    public override string ToString() => $"shared secrets of {Count} parts";
}

/// <summary>The arithmetic of combining batches, by small integers (<see cref="Interpolation"/>).</summary>
internal static class BatchCombination
{
    /// <summary>
    /// u(s·A) of each part from exactly t answers; null where they give no point of prime order, which right ones never do, with
    /// the position of a part where they do not. What is of order 2 in an answer does not reach the result: libsodium refuses it, or the last
    /// multiplication, by a multiple of 8, takes it away.
    /// </summary>
    public static SecretBytes? Secrets(List<PartialDecryptions> answers, int threads, out int refusedAt)
    {
        int count = answers[0].Count;
        var interpolation = new Interpolation([.. answers.Select(a => a.Index)], 0);
        var inverse = interpolation.InverseForX25519;
        bool divide = interpolation.Denominator != 1 || !Edwards25519.RefusesOrderTwo;
        var secrets = SecretBytes.Allocate(count * X25519.Size);
        int refused = -1;
        Batch.ForEach(count, threads, (from, to) =>
        {
            using var points = SecretBytes.Allocate(answers.Count * Edwards25519.Size);
            for (int k = from; k < to && refused < 0; k++)
            {
                var secret = Batch.Item(secrets.Buffer, k);
                Gather(answers, k, points);
                if (!interpolation.Sum(Edwards25519.Group, points.Span, secret) || !Edwards25519.ToMontgomery(secret, secret) || (divide && !X25519.Agree(inverse, secret, secret)))
                    refused = k;
            }
        });
        refusedAt = refused;
        if (refused < 0)
            return secrets;
        secrets.Dispose();
        return null;
    }

    /// <summary>The first part for which an answer beyond the first t is not the interpolation of these; null when there is none.</summary>
    public static int? Contradiction(int threshold, IReadOnlyList<PartialDecryptions> answers, int threads)
    {
        var first = answers.Take(threshold).ToList();
        int lowest = answers[0].Count;
        foreach (var further in answers.Skip(threshold))
        {
            var interpolation = new Interpolation([.. first.Select(a => a.Index)], further.Index);
            var multiple = Interpolation.Multiple(interpolation.Denominator);
            Batch.ForEach(further.Count, threads, (from, to) =>
            {
                using SecretBytes points = SecretBytes.Allocate(threshold * Edwards25519.Size), sums = SecretBytes.Allocate(2 * Edwards25519.Size);
                for (int k = from; k < to; k++)
                {
                    Gather(first, k, points);
                    Span<byte> expected = Batch.Item(sums.Buffer, 0), actual = Batch.Item(sums.Buffer, 1);
                    if (interpolation.Sum(Edwards25519.Group, points.Span, expected) && multiple.Sum(Edwards25519.Group, Batch.Item(further.Points.Span, k), actual)
                        && expected.SequenceEqual(actual))
                        continue;
                    lock (first)
                        lowest = Math.Min(lowest, k);
                    return;
                }
            });
        }
        return lowest < answers[0].Count ? lowest : null;
    }

    /// <summary>What to say of answers that contradict each other.</summary>
    public static ThresholdException Contradicted(IReadOnlyList<PartialDecryptions> answers, int part) => new(ThresholdFailure.Inconsistent,
        $"the answers {part} of guardians {string.Join(", ", answers.Select(a => a.Index))} contradict each other; have each prove its own and leave out who does not");

    /// <summary>What to say when exactly t answers give no point of prime order for a part.</summary>
    public static ThresholdException Malformed(IReadOnlyList<PartialDecryptions> answers, int part)
    {
        foreach (var answer in answers)
        {
            if (Edwards25519.Fault(Batch.Item(answer.Points.Span, part)) is { } fault)
                return new ThresholdException(fault, $"answer {part} of guardian {answer.Index} is no point of prime order: {fault}; leave this guardian out");
        }
        return Contradicted(answers, part);
    }

    private static void Gather(List<PartialDecryptions> answers, int part, SecretBytes points)
    {
        for (int i = 0; i < answers.Count; i++)
            Batch.Item(answers[i].Points.Span, part).CopyTo(Batch.Item(points.Buffer, i));
    }
}
