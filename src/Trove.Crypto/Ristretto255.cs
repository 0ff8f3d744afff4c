namespace Trove.Crypto;

/// <summary>
/// ristretto255 (RFC 9496) by libsodium: a group of prime order L, that of <see cref="Edwards25519"/>'s scalars. Elements are 32
/// bytes, and there is one way to write each. Outputs may be inputs. Nothing here takes time that depends on a scalar.
/// </summary>
internal static unsafe class Ristretto255
{
    /// <summary>Length of an element in bytes.</summary>
    public const int Size = 32;

    /// <summary>For what works in any group of order L. The neutral element is all zero.</summary>
    public static PrimeGroup Group { get; } = new(Add, Subtract, Multiply, MultiplyBase, IsElement, new byte[Size]);

    /// <summary>Is this an element other than the neutral one (RFC 9497, section 2.1, DeserializeElement)?</summary>
    public static bool IsElement(ReadOnlySpan<byte> element)
    {
        CheckSize(element, element, element);
        fixed (byte* p = element)
            return element.ContainsAnyExcept((byte)0) && Native.crypto_core_ristretto255_is_valid_point(p) == 1;
    }

    /// <summary>scalar·G; false for a zero scalar.</summary>
    public static bool MultiplyBase(ReadOnlySpan<byte> scalar, Span<byte> result)
    {
        CheckSize(scalar, scalar, result);
        fixed (byte* n = scalar, q = result)
            return Native.crypto_scalarmult_ristretto255_base(q, n) == 0;
    }

    /// <summary>scalar·element; false for a zero scalar, for the neutral element and for what is none.</summary>
    public static bool Multiply(ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> element, Span<byte> result)
    {
        CheckSize(scalar, element, result);
        fixed (byte* n = scalar, p = element, q = result)
            return Native.crypto_scalarmult_ristretto255(q, n, p) == 0;
    }

    /// <summary>left + right; false where one is no element.</summary>
    public static bool Add(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        CheckSize(left, right, result);
        fixed (byte* p = left, q = right, r = result)
            return Native.crypto_core_ristretto255_add(r, p, q) == 0;
    }

    /// <summary>left − right; false where one is no element.</summary>
    public static bool Subtract(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        CheckSize(left, right, result);
        fixed (byte* p = left, q = right, r = result)
            return Native.crypto_core_ristretto255_sub(r, p, q) == 0;
    }

    /// <summary>The element that 64 uniform bytes stand for (RFC 9496, section 4.3.4).</summary>
    public static void FromUniform(ReadOnlySpan<byte> uniform, Span<byte> result)
    {
        CheckSize(result, result, result);
        if (uniform.Length != 2 * Size)
            throw new ArgumentException($"{2 * Size} uniform bytes make an element, not {uniform.Length}");
        fixed (byte* h = uniform, p = result)
            _ = Native.crypto_core_ristretto255_from_hash(p, h);
    }

    private static void CheckSize(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third)
    {
        if (first.Length != Size || second.Length != Size || third.Length != Size)
            throw new ArgumentException($"a scalar or an element of ristretto255 is {Size} bytes long");
    }
}
