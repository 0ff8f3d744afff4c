namespace Trove.Crypto;

/// <summary>One of the two keys that a ceremony deals (specs/custody.md, "Ceremony"): by polynomials, paddings and commitments of its own.</summary>
/// <param name="Group">In which its commitments are.</param>
/// <param name="CoefficientLabel">Under which a dealer derives its polynomial.</param>
/// <param name="PadDomain">Of what its encrypted shares are padded with.</param>
internal sealed record DealtKey(PrimeGroup Group, byte CoefficientLabel, byte[] PadDomain)
{
    /// <summary>The key that parts are sealed to.</summary>
    public static DealtKey Custody { get; } = new(Edwards25519.Group, 2, "trove/ceremony/share/1"u8.ToArray());

    /// <summary>The key of the pseudorandom function that nullifiers are made with.</summary>
    public static DealtKey Oprf { get; } = new(Ristretto255.Group, 4, "trove/ceremony/oprf-share/1"u8.ToArray());

    /// <summary>Both, in the order in which messages have them.</summary>
    public static IReadOnlyList<DealtKey> Both { get; } = [Custody, Oprf];
}
