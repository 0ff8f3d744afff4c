using System.Security.Cryptography;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Crypto;

namespace Trove.Node.Runners;

/// <summary>
/// The chance in one use, which t guardians make together (specs/uses.md, "Seed"): every runner of the use gets the same, so that it computes the
/// same result to the byte, and nobody could choose it. Zeroed on disposal.
/// </summary>
internal sealed class UseSeed : IDisposable
{
    private readonly SecretBytes _secret;

    /// <summary>Of what the guardians evaluated, and of what opens the parts: a verifier may have the function evaluated too, blinded.</summary>
    /// <param name="output">The function's output of <see cref="Input"/>, 64 bytes.</param>
    /// <param name="parts">Shared secrets of all parts in scope, in order, 32 bytes each.</param>
    public UseSeed(ReadOnlySpan<byte> output, ReadOnlySpan<byte> parts)
    {
        Span<byte> both = stackalloc byte[OprfBlinding.OutputSize + SHA256.HashSizeInBytes];
        output.CopyTo(both);
        SHA256.HashData(parts, both[OprfBlinding.OutputSize..]);
        _secret = new SecretBytes(both);
        CryptographicOperations.ZeroMemory(both);
    }

    /// <summary>What guardians evaluate: no secret, and each makes it itself.</summary>
    public static OprfBlinding Input(Address asset, Hash32 request, uint use) =>
        OprfBlinding.Plain([new CanonicalWriter("trove/oprf/use/1").Address(asset).Hash(request).UInt32(use).Bytes.ToArray()]);

    /// <summary>For the answer to a query; the caller disposes it.</summary>
    public QuerySeed ForQuery()
    {
        Span<byte> keys = stackalloc byte[2 * QuerySeed.KeySize];
        Derive("trove/use/noise/1", keys[..QuerySeed.KeySize]);
        Derive("trove/use/cells/1", keys[QuerySeed.KeySize..]);
        var seed = new QuerySeed(keys[..QuerySeed.KeySize], keys[QuerySeed.KeySize..]);
        CryptographicOperations.ZeroMemory(keys);
        return seed;
    }

    /// <summary>The result as an age file to the buyer: the same bytes for the same result.</summary>
    public byte[] Seal(byte[] result, Hash32 request, uint use, X25519Recipient buyer)
    {
        Span<byte> secret = stackalloc byte[SHA256.HashSizeInBytes];
        Derive("trove/use/result/1", secret);
        try
        {
            return DerivedAgeFile.Encrypt(secret, new CanonicalWriter("trove/result/1").Hash(request).UInt32(use).Bytes, result, buyer);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>Zeroes it.</summary>
    public void Dispose() => _secret.Dispose();

    private void Derive(string what, Span<byte> key) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _secret.Span, key, [], new CanonicalWriter(what).Bytes);
}
