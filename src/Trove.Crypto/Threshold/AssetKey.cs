using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// An asset's key while it is dealt (specs/custody.md): Shamir's shares of a scalar s over Z_L for guardians 1 to n, any t of
/// which decrypt together. s itself is gone when <see cref="Deal(int, int)"/> returns. Owns the shares: seal each to its
/// guardian, then dispose.
/// </summary>
public sealed class AssetKey : IDisposable
{
    private AssetKey(ThresholdKey key, IReadOnlyList<GuardianShare> shares) => (Public, Shares) = (key, shares);

    /// <summary>Threshold, commitments and recipient, for the registry.</summary>
    public ThresholdKey Public { get; }

    /// <summary>One for each guardian, in the order of their indices.</summary>
    public IReadOnlyList<GuardianShare> Shares { get; }

    /// <summary>Draws a key and deals it.</summary>
    /// <param name="threshold">t, from 1 to <paramref name="guardians"/>. With 1 every guardian holds the whole key.</param>
    /// <param name="guardians">n, from 1 to <see cref="ThresholdKey.MaxGuardians"/>.</param>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Range"/>.</exception>
    public static AssetKey Deal(int threshold, int guardians)
    {
        ThresholdKey.CheckNumbers(threshold, guardians);
        using var coefficients = SecretBytes.Allocate(threshold * Edwards25519.Size);
        for (int i = 0; i < threshold; i++)
            Edwards25519.RandomScalar(coefficients.Buffer.Slice(i * Edwards25519.Size, Edwards25519.Size));
        return Deal(coefficients, guardians);
    }

    /// <summary>With the polynomial given, for vectors: t scalars, s first.</summary>
    internal static AssetKey Deal(SecretBytes coefficients, int guardians)
    {
        int threshold = coefficients.Length / Edwards25519.Size;
        var shares = new List<GuardianShare>(guardians);
        try
        {
            for (int index = 1; index <= guardians; index++)
            {
                using var scalar = SecretBytes.Allocate(Edwards25519.Size);
                Evaluate(coefficients.Span, index, scalar.Buffer);
                shares.Add(new GuardianShare(index, threshold, scalar.Copy()));
            }
            Span<byte> point = stackalloc byte[Edwards25519.Size], u = stackalloc byte[Edwards25519.Size];
            if (!Edwards25519.MultiplyBase(coefficients.Span[..Edwards25519.Size], point) || !Edwards25519.ToMontgomery(point, u))
                throw new CryptographicException("libsodium refused a multiplication of the base point, which only a zero scalar explains");
            var key = ThresholdKey.Create(threshold, [.. shares.Select(share => share.Commitment())], new X25519Recipient(new Hash32(u)));
            return new AssetKey(key, shares);
        }
        catch
        {
            shares.ForEach(share => share.Dispose());
            throw;
        }
    }

    /// <summary>Zeroes the shares.</summary>
    public void Dispose()
    {
        foreach (var share in Shares)
            share.Dispose();
    }

    /// <summary>f(at) by Horner's rule; the coefficients are 32 bytes each, f(0) first.</summary>
    internal static void Evaluate(ReadOnlySpan<byte> coefficients, int at, Span<byte> result)
    {
        Span<byte> x = stackalloc byte[Edwards25519.Size];
        Edwards25519.SmallScalar(at, x);
        result.Clear();
        for (int i = coefficients.Length - Edwards25519.Size; i >= 0; i -= Edwards25519.Size)
        {
            Edwards25519.MultiplyScalars(result, x, result);
            Edwards25519.AddScalars(result, coefficients.Slice(i, Edwards25519.Size), result);
        }
    }
}
