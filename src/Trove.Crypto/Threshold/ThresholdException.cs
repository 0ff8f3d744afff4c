namespace Trove.Crypto;

/// <summary>Why something of threshold custody was refused (specs/custody.md).</summary>
public enum ThresholdFailure
{
    /// <summary>A threshold, a number of guardians or an index is outside its bounds.</summary>
    Range,

    /// <summary>The bytes of a share, of an answer or of an element of ristretto255 have another form than the one there is.</summary>
    Encoding,

    /// <summary>32 bytes are no point: there is no x for this y. Where only u is looked at, the point would be on the twist.</summary>
    NotOnCurve,

    /// <summary>A point is written in another way than the one there is: y not below p, or x = 0 with a sign.</summary>
    NotCanonical,

    /// <summary>A point's order divides 8. The identity is one.</summary>
    SmallOrder,

    /// <summary>A point has a part of small order, which would show the guardian's scalar modulo 2, 4 or 8.</summary>
    MixedOrder,

    /// <summary>An index or a commitment stands twice.</summary>
    Repeated,

    /// <summary>The commitments lie on no polynomial of degree threshold − 1, or on one of a lower degree.</summary>
    Degree,

    /// <summary>The key is not that of the recipient, or of the public key.</summary>
    Recipient,

    /// <summary>The share is not the one committed to.</summary>
    Share,

    /// <summary>The proof of knowledge does not hold for this ephemeral share and context.</summary>
    Proof,

    /// <summary>Fewer answers than the threshold.</summary>
    TooFew,

    /// <summary>More answers than the threshold, and they disagree: at least one is wrong.</summary>
    Inconsistent,
}

/// <summary>A key, a share, a point or a partial decryption was refused. The message never holds key material.</summary>
public sealed class ThresholdException : Exception
{
    /// <summary>A refusal of the given class.</summary>
    public ThresholdException(ThresholdFailure failure, string message) : base(message) => Failure = failure;

    /// <summary>The class of the failure.</summary>
    public ThresholdFailure Failure { get; }

    /// <summary>Refuses anything but the canonical encoding of a point of prime order.</summary>
    /// <param name="point">32 bytes.</param>
    /// <param name="what">Whose point it is, the start of the message.</param>
    /// <param name="hint">What to do next.</param>
    internal static void CheckPoint(ReadOnlySpan<byte> point, string what, string hint)
    {
        if (Edwards25519.Fault(point) is not { } fault)
            return;
        throw new ThresholdException(fault, what + fault switch
        {
            ThresholdFailure.NotOnCurve => " is no point of edwards25519",
            ThresholdFailure.NotCanonical => " is not the canonical encoding of its point",
            ThresholdFailure.SmallOrder => " is a point of small order",
            _ => " is a point with a part of small order",
        } + "; " + hint);
    }
}
