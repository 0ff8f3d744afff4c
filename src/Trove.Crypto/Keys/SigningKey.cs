using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>A secp256k1 signing key held in memory that is zeroed on disposal. Prints its address, never its secret.</summary>
public sealed class SigningKey : IDisposable
{
    private readonly SecretBytes _secret;

    private SigningKey(SecretBytes secret)
    {
        _secret = secret;
        Address = Secp256k1.AddressOf(secret.Span);
    }

    /// <summary>The Ethereum address of this key.</summary>
    public Address Address { get; }

    /// <summary>The 32 secret bytes, for writing key files only.</summary>
    internal SecretBytes Secret => _secret;

    /// <summary>A fresh random key.</summary>
    public static SigningKey Generate()
    {
        var secret = SecretBytes.Allocate(Secp256k1.SecretSize);
        do
            RandomNumberGenerator.Fill(secret.Buffer);
        while (!Secp256k1.IsValidSecret(secret.Span));
        return new SigningKey(secret);
    }

    /// <summary>Takes a copy of a secret key; the caller zeroes its own.</summary>
    /// <exception cref="ArgumentException">Not 32 bytes, zero, or not below the group order.</exception>
    public static SigningKey FromBytes(ReadOnlySpan<byte> secret)
    {
        var copy = new SecretBytes(secret);
        try
        {
            return new SigningKey(copy);
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    /// <summary>Signs a digest: 65 bytes r || s || v, see <see cref="Secp256k1.Sign"/>.</summary>
    /// <exception cref="ObjectDisposedException">After disposal.</exception>
    public byte[] Sign(Hash32 digest) => Secp256k1.Sign(_secret.Span, digest);

    /// <summary>Zeroes the secret.</summary>
    public void Dispose() => _secret.Dispose();

    /// <summary>The address.</summary>
    public override string ToString() => Address.ToString();
}
