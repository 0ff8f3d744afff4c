namespace Trove.Crypto;

/// <summary>
/// A group of prime order L whose elements are 32 bytes: the subgroup of <see cref="Edwards25519"/>, or <see cref="Ristretto255"/>.
/// Their scalars are the same, so what shares a secret in one of them shares it in the other.
/// </summary>
/// <param name="Add">left + right; false where one is no point.</param>
/// <param name="Subtract">left − right; false where one is no point.</param>
/// <param name="Multiply">scalar·element; false for a zero scalar and for the neutral element.</param>
/// <param name="MultiplyBase">scalar times the generator; false for a zero scalar.</param>
/// <param name="IsElement">Is this an element other than the neutral one, written in the one way there is?</param>
/// <param name="Identity">The neutral element.</param>
internal sealed record PrimeGroup(
    PrimeGroup.Operation Add, PrimeGroup.Operation Subtract, PrimeGroup.Operation Multiply, PrimeGroup.BaseMultiplication MultiplyBase, PrimeGroup.Check IsElement, byte[] Identity)
{
    /// <summary>Of two operands of 32 bytes. The result may be one of them.</summary>
    internal delegate bool Operation(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result);

    /// <summary>Of a scalar.</summary>
    internal delegate bool BaseMultiplication(ReadOnlySpan<byte> scalar, Span<byte> result);

    /// <summary>Of 32 bytes.</summary>
    internal delegate bool Check(ReadOnlySpan<byte> element);
}
