using System.Security.Cryptography;

namespace Trove.Crypto;

/// <summary>
/// Inputs on their way through a pseudorandom function that nobody holds the key of (2HashDH: Jarecki, Kiayias, Krawczyk and Xu,
/// TOPPSS 2017; the bytes are those of RFC 9497's verifiable mode, suite ristretto255-SHA512). Holds inputs and blinds in memory
/// that is zeroed on disposal; only <see cref="Blinded"/> leaves it, which is random whatever the inputs.
/// </summary>
public sealed class OprfBlinding : IDisposable
{
    // A batch holds all its inputs in memory.
    private const int MaxBytes = 64 << 20;

    private readonly SecretBytes _inputs, _blinds;
    private readonly int[] _ends;
    private readonly byte[] _blinded;

    private OprfBlinding(SecretBytes inputs, int[] ends, SecretBytes blinds)
    {
        (_inputs, _ends, _blinds) = (inputs, ends, blinds);
        _blinded = new byte[ends.Length * Ristretto255.Size];
    }

    /// <summary>Length of an output in bytes.</summary>
    public const int OutputSize = Voprf.OutputSize;

    /// <summary>How many inputs.</summary>
    public int Count => _ends.Length;

    /// <summary>α = r·H(input), 32 bytes each, for every guardian.</summary>
    public ReadOnlyMemory<byte> Blinded => _blinded;

    /// <summary>Blinds the inputs, each with a scalar of its own.</summary>
    /// <param name="inputs">From 1 to <see cref="Batch.MaxItems"/>, of at most 65,535 bytes each and 64 MiB in all; they are copied.</param>
    /// <param name="threads">How many cores to use at most.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Range"/>: none, too many, or too long.</exception>
    public static OprfBlinding Create(IReadOnlyList<ReadOnlyMemory<byte>> inputs, int threads = 1)
    {
        Batch.CheckCount(inputs.Count, "inputs");
        var blinds = SecretBytes.Allocate(inputs.Count * Edwards25519.Size);
        for (int i = 0; i < inputs.Count; i++)
            Edwards25519.RandomScalar(Batch.Item(blinds.Buffer, i));
        return Create(inputs, blinds, threads);
    }

    /// <summary>Inputs that are no secret, not blinded at all, so that everybody can check what guardians made of them.</summary>
    /// <inheritdoc cref="Create(IReadOnlyList{ReadOnlyMemory{byte}}, int)"/>
    public static OprfBlinding Plain(IReadOnlyList<ReadOnlyMemory<byte>> inputs, int threads = 1)
    {
        Batch.CheckCount(inputs.Count, "inputs");
        var ones = SecretBytes.Allocate(inputs.Count * Edwards25519.Size);
        for (int i = 0; i < inputs.Count; i++)
            Batch.Item(ones.Buffer, i)[0] = 1;
        return Create(inputs, ones, threads);
    }

    /// <summary>With the blinds given. Takes ownership of them.</summary>
    internal static OprfBlinding Create(IReadOnlyList<ReadOnlyMemory<byte>> inputs, SecretBytes blinds, int threads = 1)
    {
        long bytes = inputs.Sum(input => (long)input.Length);
        if (bytes > MaxBytes)
            throw new ThresholdException(ThresholdFailure.Range, $"{bytes} bytes of inputs are not blinded at once: at most {MaxBytes} are; split them into several batches");
        var ends = new int[inputs.Count];
        for (int i = 0, end = 0; i < ends.Length; i++)
            ends[i] = end += inputs[i].Length;
        var blinding = new OprfBlinding(SecretBytes.Allocate((int)bytes), ends, blinds);
        try
        {
            Batch.ForEach(inputs.Count, threads, (from, to) =>
            {
                for (int i = from; i < to; i++)
                {
                    inputs[i].Span.CopyTo(blinding._inputs.Buffer[(ends[i] - inputs[i].Length)..]);
                    var element = Batch.Item(blinding._blinded.AsSpan(), i);
                    Voprf.HashToGroup(inputs[i].Span, element);
                    if (!Ristretto255.Multiply(Batch.Item(blinds.Span, i), element, element))
                        throw new CryptographicException("an input hashed to the neutral element, or its blind was zero: blind again");
                }
            });
            return blinding;
        }
        catch
        {
            blinding.Dispose();
            throw;
        }
    }

    /// <summary>Checks the guardians' answers, combines t of them that are proven, and takes the blinds off.</summary>
    /// <param name="key">The function.</param>
    /// <param name="evaluations">At least t, of distinct guardians, in any order; checked in this order until t are proven.</param>
    /// <param name="threads">How many cores to use at most.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.TooFew"/>: fewer than t are proven, and who was not is named;
    /// <see cref="ThresholdFailure.Repeated"/>.</exception>
    public OprfOutputs Finish(OprfKey key, IReadOnlyList<OprfEvaluation> evaluations, int threads = 1)
    {
        List<OprfEvaluation> proven = [];
        List<int> liars = [];
        for (int i = 0; i < evaluations.Count && proven.Count < key.Threshold; i++)
        {
            int index = evaluations[i].Index;
            if (proven.Any(p => p.Index == index) || liars.Contains(index))
                throw new ThresholdException(ThresholdFailure.Repeated, $"two evaluations are of guardian {index}; hand in one of each");
            if (key.Verify(_blinded, evaluations[i], threads))
                proven.Add(evaluations[i]);
            else
                liars.Add(index);
        }
        if (proven.Count < key.Threshold)
            throw new ThresholdException(ThresholdFailure.TooFew, $"{proven.Count} evaluations are proven, and the function {key.PublicKey} needs {key.Threshold}; not proven: {(liars.Count == 0 ? "none" : $"those of guardians {string.Join(", ", liars)}")}; ask more guardians");
        return new OprfOutputs(Combine(proven, threads), liars);
    }

    // H(input, (Δ·r)^-1 · Σ (Δ·λ_i)·β_i): one multiplication for division and unblinding together.
    private SecretBytes Combine(List<OprfEvaluation> proven, int threads)
    {
        var interpolation = new Interpolation([.. proven.Select(e => e.Index)], 0);
        var inverse = interpolation.InverseDenominator;
        var outputs = SecretBytes.Allocate(Count * OutputSize);
        Batch.ForEach(Count, threads, (from, to) =>
        {
            using SecretBytes inverses = Inverses(from, to), work = SecretBytes.Allocate(2 * Ristretto255.Size), elements = SecretBytes.Allocate(proven.Count * Ristretto255.Size);
            Span<byte> scalar = Batch.Item(work.Buffer, 0), element = Batch.Item(work.Buffer, 1);
            for (int k = from; k < to; k++)
            {
                for (int i = 0; i < proven.Count; i++)
                    Batch.Item(proven[i].Elements, k).CopyTo(Batch.Item(elements.Buffer, i));
                Edwards25519.MultiplyScalars(Batch.Item(inverses.Span, k - from), inverse, scalar);
                if (!interpolation.Sum(Ristretto255.Group, elements.Span, element) || !Ristretto255.Multiply(scalar, element, element))
                    throw new CryptographicException("libsodium refused to add or multiply elements that were proven");
                Voprf.Finish(_inputs.Span[(k == 0 ? 0 : _ends[k - 1]).._ends[k]], element, outputs.Buffer.Slice(k * OutputSize, OutputSize));
            }
        });
        return outputs;
    }

    // r^-1 for some inputs, by one inversion (Montgomery's trick): each from the product of all before it.
    private SecretBytes Inverses(int from, int to)
    {
        var products = SecretBytes.Allocate((to - from) * Edwards25519.Size);
        using var work = SecretBytes.Allocate(Edwards25519.Size);
        Batch.Item(_blinds.Span, from).CopyTo(products.Buffer);
        for (int k = 1; k < to - from; k++)
            Edwards25519.MultiplyScalars(Batch.Item(products.Span, k - 1), Batch.Item(_blinds.Span, from + k), Batch.Item(products.Buffer, k));
        if (!Edwards25519.InvertScalar(Batch.Item(products.Span, to - from - 1), work.Buffer))
            throw new CryptographicException("a blind is zero: blind again");
        for (int k = to - from - 1; k > 0; k--)
        {
            Edwards25519.MultiplyScalars(work.Span, Batch.Item(products.Span, k - 1), Batch.Item(products.Buffer, k));
            Edwards25519.MultiplyScalars(work.Span, Batch.Item(_blinds.Span, from + k), work.Buffer);
        }
        work.Span.CopyTo(products.Buffer);
        return products;
    }

    /// <summary>Zeroes inputs and blinds.</summary>
    public void Dispose()
    {
        _blinds.Dispose();
        _inputs.Dispose();
    }

    /// <summary>The number only.</summary>
    public override string ToString() => $"{Count} blinded inputs";
}

/// <summary>The outputs of a pseudorandom function, in one buffer that is zeroed on disposal; and who answered without a proof that holds.</summary>
public sealed class OprfOutputs : IDisposable
{
    private readonly SecretBytes _outputs;

    internal OprfOutputs(SecretBytes outputs, IReadOnlyList<int> liars) => (_outputs, Liars) = (outputs, liars);

    /// <summary>How many inputs.</summary>
    public int Count => _outputs.Length / OprfBlinding.OutputSize;

    /// <summary>Guardians whose evaluations were looked at and not proven.</summary>
    public IReadOnlyList<int> Liars { get; }

    /// <summary>The output of one input, 64 bytes, valid until disposal.</summary>
    public ReadOnlySpan<byte> this[int input] => _outputs.Span.Slice(input * OprfBlinding.OutputSize, OprfBlinding.OutputSize);

    /// <summary>Zeroes the outputs.</summary>
    public void Dispose() => _outputs.Dispose();

    /// <summary>The number only.</summary>
    public override string ToString() => $"outputs of {Count} inputs";
}
