using System.Numerics;
using System.Security.Cryptography;

namespace Trove.Crypto;

/// <summary>
/// Interpolation at one place in small integers: the Lagrange coefficients λ_i = ∏ (at − j) / (i − j) of indices up to 16 are
/// fractions whose common denominator Δ and numerators c_i = Δ·λ_i have at most 24 bits for every set and every place. So
/// Δ·f(at) = Σ c_i·P_i takes a few additions where the coefficients modulo L take as many full multiplications as there are points.
/// All of this is public; the points may be secret.
/// </summary>
internal sealed class Interpolation
{
    private readonly long[] _add, _subtract;
    private int _digits;

    /// <summary>Prepares the interpolation.</summary>
    /// <param name="indices">Distinct, from 1 to <see cref="ThresholdKey.MaxGuardians"/>.</param>
    /// <param name="at">Not among the indices, from 0 to <see cref="ThresholdKey.MaxGuardians"/>.</param>
    /// <exception cref="ArgumentException">An index stands twice.</exception>
    public Interpolation(ReadOnlySpan<int> indices, int at)
    {
        var numerators = new long[indices.Length];
        var denominators = new long[indices.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            long numerator = 1, denominator = 1;
            for (int j = 0; j < indices.Length; j++)
            {
                if (j == i)
                    continue;
                // At most 16! on either side: within 64 bits.
                numerator = checked(numerator * (at - indices[j]));
                denominator = checked(denominator * (indices[i] - indices[j]));
            }
            if (denominator == 0)
                throw new ArgumentException("an index stands twice among those to interpolate");
            long divisor = (long)BigInteger.GreatestCommonDivisor(numerator, denominator) * Math.Sign(denominator);
            (numerators[i], denominators[i]) = (numerator / divisor, denominator / divisor);
        }
        Denominator = denominators.Aggregate(1L, (lcm, d) => checked(lcm / (long)BigInteger.GreatestCommonDivisor(lcm, d) * d));

        (_add, _subtract) = (new long[indices.Length], new long[indices.Length]);
        for (int i = 0; i < indices.Length; i++)
            SetDigits(i, checked(numerators[i] * (Denominator / denominators[i])));
    }

    private Interpolation(long factor)
    {
        (_add, _subtract, Denominator) = (new long[1], new long[1], 1);
        SetDigits(0, factor);
    }

    /// <summary>The multiple of a single point, from 1.</summary>
    public static Interpolation Multiple(long factor) => new(factor);

    /// <summary>Δ, from 1.</summary>
    public long Denominator { get; }

    /// <summary>Δ^-1 mod L, 32 bytes little-endian.</summary>
    public byte[] InverseDenominator => Bytes(Inverse());

    /// <summary>
    /// The scalar that X25519 uses as it is, clamped already (RFC 7748, section 5), and that is Δ^-1 or −Δ^-1 modulo L: a multiple
    /// of 8 from 2^254 on. u does not see the sign, so X25519 of u(Δ·P) is u(P); and the factor 8 takes away what is of small order.
    /// </summary>
    public byte[] InverseForX25519
    {
        get
        {
            BigInteger order = new(Edwards25519.Order, isUnsigned: true), inverse = Inverse();
            // Of eight multiples of L in a row exactly one, added, makes a multiple of 8; four lie in range for either sign, and are not the same.
            for (int times = 3; times <= 8; times++)
                foreach (var candidate in new[] { times * order + inverse, times * order - inverse })
                    if ((candidate & 7) == 0 && candidate >> 254 == 1)
                        return Bytes(candidate);
            throw new InvalidOperationException($"no scalar for X25519 divides by {Denominator}");
        }
    }


    /// <summary>Δ·f(at) by doubling and adding for all points at once; false where one that is added is no point.</summary>
    /// <param name="group">Of which the points are.</param>
    /// <param name="points">32 bytes for each index, in the same order.</param>
    /// <param name="result">None of the points.</param>
    public bool Sum(PrimeGroup group, ReadOnlySpan<byte> points, Span<byte> result)
    {
        bool started = false;
        for (int digit = _digits - 1; digit >= 0; digit--)
        {
            if (started && !group.Add(result, result, result))
                return false;
            for (int i = 0; i < _add.Length; i++)
            {
                bool add = (_add[i] >> digit & 1) != 0;
                if (!add && (_subtract[i] >> digit & 1) == 0)
                    continue;
                var point = points.Slice(i * Edwards25519.Size, Edwards25519.Size);
                if (!started && add)
                    point.CopyTo(result); // whether it is a point shows where it is used
                else if (!(add ? group.Add(result, point, result) : group.Subtract(started ? result : group.Identity, point, result)))
                    return false;
                started = true;
            }
        }
        return true;
    }

    /// <summary>f(at) from one point for each index; the identity where that is what they say.</summary>
    /// <param name="group">Of which the points are, each of prime order.</param>
    /// <param name="indices">Distinct.</param>
    /// <param name="points">32 bytes for each index, in the same order.</param>
    /// <param name="at">Not among the indices.</param>
    /// <param name="result">None of the points.</param>
    public static void Interpolate(PrimeGroup group, ReadOnlySpan<int> indices, ReadOnlySpan<byte> points, int at, Span<byte> result)
    {
        var interpolation = new Interpolation(indices, at);
        if (!interpolation.Sum(group, points, result)
            || (interpolation.Denominator != 1 && !result.SequenceEqual(group.Identity) && !group.Multiply(interpolation.InverseDenominator, result, result)))
            throw new CryptographicException("libsodium refused to interpolate points that were found to be of prime order");
    }

    // Digits 0 and 1 or, where that takes fewer additions, −1, 0 and 1 of which no two neighbours are other than 0 (non-adjacent
    // form): 3c has a bit and c has none, or the reverse.
    private void SetDigits(int i, long factor)
    {
        long size = Math.Abs(factor), triple = checked(3 * size), plus = (triple & ~size) >> 1, minus = (size & ~triple) >> 1;
        if (Digits(plus) + BitOperations.PopCount((ulong)(plus | minus)) >= Digits(size) + BitOperations.PopCount((ulong)size))
            (plus, minus) = (size, 0);
        (_add[i], _subtract[i]) = factor < 0 ? (minus, plus) : (plus, minus);
        _digits = Math.Max(_digits, Digits(plus));

        static int Digits(long value) => 64 - BitOperations.LeadingZeroCount((ulong)value);
    }

    private BigInteger Inverse()
    {
        var order = new BigInteger(Edwards25519.Order, isUnsigned: true);
        return BigInteger.ModPow(Denominator, order - 2, order);
    }

    private static byte[] Bytes(BigInteger value)
    {
        var bytes = new byte[Edwards25519.Size];
        value.TryWriteBytes(bytes, out _, isUnsigned: true);
        return bytes;
    }
}
