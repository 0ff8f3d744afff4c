using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// The point A of one part, whose maker proved to know its logarithm for this part's context: all that a guardian multiplies
/// (specs/custody.md). Whoever keeps it checks a part once, and releases it for many uses. Public values only.
/// </summary>
public sealed class ProvenPoint
{
    private ProvenPoint(Hash32 point, Hash32 ephemeralShare) => (Point, EphemeralShare) = (point, ephemeralShare);

    /// <summary>A, compressed, of prime order.</summary>
    public Hash32 Point { get; }

    /// <summary>E = u(A) of the part's leaf.</summary>
    public Hash32 EphemeralShare { get; }

    /// <summary>Checks a part's proof of knowledge, so that a file's key is not released through another file's leaf.</summary>
    /// <param name="proof">The proof of knowledge of the part (specs/age-parts.md).</param>
    /// <param name="ephemeralShare">E of the part's leaf.</param>
    /// <param name="context">What the proof must be bound to, made of the leaf that the grant covers
    /// (<see cref="PartDescriptor.ProofContext"/>), never of what the asker says.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Proof"/>, or the fault of the point A.</exception>
    public static ProvenPoint Check(ReadOnlySpan<byte> proof, Hash32 ephemeralShare, ReadOnlySpan<byte> context)
    {
        if (proof.Length != ProofOfKnowledge.Size)
            throw new ThresholdException(ThresholdFailure.Proof, $"share {ephemeralShare} is not released: its proof of knowledge must be {ProofOfKnowledge.Size} bytes, not {proof.Length}; take it from the contribution's announcement");
        if (!ProofOfKnowledge.Verify(proof, ephemeralShare, context))
        {
            ThresholdException.CheckPoint(proof[..Edwards25519.Size], $"share {ephemeralShare} is not released: the point of its proof of knowledge", "take the proof from the contribution's announcement");
            throw new ThresholdException(ThresholdFailure.Proof, $"share {ephemeralShare} is not released: the proof of knowledge does not hold for it and for this contribution, owner and header; who asks did not make this part");
        }
        return new ProvenPoint(ProofOfKnowledge.PointOf(proof), ephemeralShare);
    }

    /// <summary>The share E.</summary>
    public override string ToString() => $"proven point of share {EphemeralShare}";
}
