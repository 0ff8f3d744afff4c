using System.Security.Cryptography;

namespace Trove.Crypto;

/// <summary>
/// The group of edwards25519 (RFC 8032, section 5.1) and its scalars by libsodium: B is the base point, L the prime order of
/// the subgroup it generates. Scalars are 32 bytes little-endian and below L, points 32 bytes compressed. Outputs may be
/// inputs. Nothing here takes time that depends on a scalar.
/// </summary>
internal static unsafe class Edwards25519
{
    /// <summary>Length of a scalar and of a compressed point in bytes.</summary>
    public const int Size = 32;

    private const int WideSize = 64;

    /// <summary>L, little-endian.</summary>
    public static ReadOnlySpan<byte> Order =>
    [
        0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    private static ReadOnlySpan<byte> OrderPlusOne =>
    [
        0xEE, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    /// <summary>The neutral element: (0, 1).</summary>
    public static ReadOnlySpan<byte> Identity => [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>For what works in any group of order L.</summary>
    public static PrimeGroup Group { get; } = new(Add, Subtract, Multiply, MultiplyBase, point => Fault(point) is null, Identity.ToArray());

    /// <summary>Does this libsodium refuse a point with a part of order 2, as one with the mend of CVE-2025-69277 does?</summary>
    public static bool RefusesOrderTwo { get; } = TryOrderTwo();

    private static bool TryOrderTwo()
    {
        Span<byte> one = stackalloc byte[Size], minusOne = stackalloc byte[Size], point = stackalloc byte[Size];
        SmallScalar(1, one);
        minusOne.Fill(0xFF); // y = −1, which is p − 1 = 2^255 − 20
        (minusOne[0], minusOne[^1]) = (0xEC, 0x7F);
        return MultiplyBase(one, point) && Add(point, minusOne, point) && !ToMontgomery(point, point);
    }

    /// <summary>
    /// What forbids these 32 bytes as a point of prime order; null if nothing does. Not left to libsodium's own
    /// crypto_core_ed25519_is_valid_point, which up to 1.0.20 takes Q + (0, −1) for a point of prime order (CVE-2025-69277).
    /// </summary>
    public static ThresholdFailure? Fault(ReadOnlySpan<byte> point)
    {
        CheckSize(point);
        Span<byte> work = stackalloc byte[Size];
        // (L + 1)·P = P if and only if L·P = 0, and what libsodium writes is canonical. It refuses points of small order itself,
        // and for the identity, which alone of them would be equal, says so.
        if (Multiply(OrderPlusOne, point, work) && work.SequenceEqual(point))
            return null;
        if (!Add(point, Identity, work))
            return ThresholdFailure.NotOnCurve;
        if (!work.SequenceEqual(point))
            return ThresholdFailure.NotCanonical;
        for (int doubling = 0; doubling < 3; doubling++)
            Add(work, work, work);
        return work.SequenceEqual(Identity) ? ThresholdFailure.SmallOrder : ThresholdFailure.MixedOrder;
    }

    /// <summary>scalar·B; false for a zero scalar.</summary>
    public static bool MultiplyBase(ReadOnlySpan<byte> scalar, Span<byte> result)
    {
        CheckSize(scalar, result);
        fixed (byte* n = scalar, q = result)
            return Native.crypto_scalarmult_ed25519_base_noclamp(q, n) == 0;
    }

    /// <summary>scalar·point for a point of prime order; false for a zero scalar and for many other points.</summary>
    public static bool Multiply(ReadOnlySpan<byte> scalar, ReadOnlySpan<byte> point, Span<byte> result)
    {
        CheckSize(scalar, point, result);
        fixed (byte* n = scalar, p = point, q = result)
            return Native.crypto_scalarmult_ed25519_noclamp(q, n, p) == 0;
    }

    /// <summary>left + right, of any order; false where one is not on the curve.</summary>
    public static bool Add(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        CheckSize(left, right, result);
        fixed (byte* p = left, q = right, r = result)
            return Native.crypto_core_ed25519_add(r, p, q) == 0;
    }

    /// <summary>left − right, of any order; false where one is not on the curve.</summary>
    public static bool Subtract(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        CheckSize(left, right, result);
        fixed (byte* p = left, q = right, r = result)
            return Native.crypto_core_ed25519_sub(r, p, q) == 0;
    }

    /// <summary>The Montgomery u-coordinate (1 + y) / (1 − y) of a point of prime order (RFC 7748, section 4.1); false for many others.</summary>
    public static bool ToMontgomery(ReadOnlySpan<byte> point, Span<byte> u)
    {
        CheckSize(point, u);
        fixed (byte* p = point, q = u)
            return Native.crypto_sign_ed25519_pk_to_curve25519(q, p) == 0;
    }

    /// <summary>A uniform scalar from 1 to L − 1.</summary>
    public static void RandomScalar(Span<byte> result)
    {
        CheckSize(result);
        fixed (byte* r = result)
            Native.crypto_core_ed25519_scalar_random(r);
    }

    /// <summary>left + right mod L.</summary>
    public static void AddScalars(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        CheckSize(left, right, result);
        fixed (byte* x = left, y = right, z = result)
            Native.crypto_core_ed25519_scalar_add(z, x, y);
    }

    /// <summary>left − right mod L.</summary>
    public static void SubtractScalars(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        CheckSize(left, right, result);
        fixed (byte* x = left, y = right, z = result)
            Native.crypto_core_ed25519_scalar_sub(z, x, y);
    }

    /// <summary>left · right mod L.</summary>
    public static void MultiplyScalars(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> result)
    {
        CheckSize(left, right, result);
        fixed (byte* x = left, y = right, z = result)
            Native.crypto_core_ed25519_scalar_mul(z, x, y);
    }

    /// <summary>scalar^-1 mod L; false for zero.</summary>
    public static bool InvertScalar(ReadOnlySpan<byte> scalar, Span<byte> result)
    {
        CheckSize(scalar, result);
        fixed (byte* x = scalar, z = result)
            return Native.crypto_core_ed25519_scalar_invert(z, x) == 0;
    }

    /// <summary>A small integer modulo L.</summary>
    public static void SmallScalar(int value, Span<byte> result)
    {
        CheckSize(result);
        result.Clear();
        BitConverter.TryWriteBytes(result, Math.Abs(value)); // x64 only: little-endian
        if (value >= 0)
            return;
        Span<byte> zero = stackalloc byte[Size];
        zero.Clear();
        SubtractScalars(zero, result, result);
    }

    /// <summary>
    /// The Lagrange coefficient of the i-th of distinct indices at a place: ∏ (at − j) / (index − j) over the others j,
    /// modulo L. The sum of coefficient times value is the value at that place of the polynomial through all of them.
    /// </summary>
    public static void Lagrange(ReadOnlySpan<int> indices, int i, int at, Span<byte> result)
    {
        Span<byte> denominator = stackalloc byte[Size], factor = stackalloc byte[Size];
        SmallScalar(1, result);
        SmallScalar(1, denominator);
        for (int j = 0; j < indices.Length; j++)
        {
            if (j == i)
                continue;
            SmallScalar(at - indices[j], factor);
            MultiplyScalars(result, factor, result);
            SmallScalar(indices[i] - indices[j], factor);
            MultiplyScalars(denominator, factor, denominator);
        }
        if (!InvertScalar(denominator, denominator))
            throw new ArgumentException("an index stands twice among those to interpolate");
        MultiplyScalars(result, denominator, result);
    }

    /// <summary>The same in the exponent: the point at a place, not one of the indices, from one point of prime order for each index.</summary>
    /// <param name="indices">Distinct.</param>
    /// <param name="points">32 bytes for each index, in the same order.</param>
    /// <param name="at">Not among the indices.</param>
    /// <param name="result">May be the identity where the points are not what they say.</param>
    public static void Interpolate(ReadOnlySpan<int> indices, ReadOnlySpan<byte> points, int at, Span<byte> result) =>
        Interpolation.Interpolate(Group, indices, points, at, result);

    /// <summary>SHA-512 of the four pieces, reduced modulo L.</summary>
    public static void HashToScalar(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third, ReadOnlySpan<byte> fourth, Span<byte> scalar)
    {
        CheckSize(scalar);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        Span<byte> wide = stackalloc byte[WideSize];
        hash.AppendData(first);
        hash.AppendData(second);
        hash.AppendData(third);
        hash.AppendData(fourth);
        hash.GetHashAndReset(wide);
        fixed (byte* output = scalar, input = wide)
            Native.crypto_core_ed25519_scalar_reduce(output, input);
        CryptographicOperations.ZeroMemory(wide);
    }

    /// <summary>Is the number below L? Stops at the first byte that differs from L, which says nothing of a random scalar.</summary>
    public static bool IsBelowOrder(ReadOnlySpan<byte> scalar)
    {
        CheckSize(scalar);
        for (int i = Size - 1; i >= 0; i--)
        {
            if (scalar[i] != Order[i])
                return scalar[i] < Order[i];
        }
        return false;
    }

    private static void CheckSize(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<byte> third)
    {
        CheckSize(first, second);
        CheckSize(third);
    }

    private static void CheckSize(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        CheckSize(first);
        CheckSize(second);
    }

    private static void CheckSize(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
            throw new ArgumentException($"a scalar or a point of edwards25519 is {Size} bytes long, not {bytes.Length}");
    }
}
