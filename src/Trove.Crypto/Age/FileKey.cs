using System.Security.Cryptography;

namespace Trove.Crypto;

/// <summary>What is derived from the 16-byte key of one age file (c2sp.org/age).</summary>
internal static class FileKey
{
    public const int Size = 16;
    public const int TagSize = 16;
    public const int WrappedSize = Size + TagSize;
    public const int PayloadNonceSize = 16;
    private const int DerivedSize = 32;

    // Each wrap key encrypts one file key only, so the format fixes the nonce.
    private static readonly byte[] ZeroNonce = new byte[12];

    /// <summary>HMAC-SHA-256 of the header through its "---".</summary>
    public static byte[] Mac(ReadOnlySpan<byte> fileKey, ReadOnlySpan<byte> header)
    {
        using var key = Derive(fileKey, [], "header"u8);
        return HMACSHA256.HashData(key.Span, header);
    }

    /// <summary>The key of the chunks.</summary>
    public static SecretBytes PayloadKey(ReadOnlySpan<byte> fileKey, ReadOnlySpan<byte> nonce) => Derive(fileKey, nonce, "payload"u8);

    /// <summary>HKDF-SHA-256 to 32 bytes.</summary>
    public static SecretBytes Derive(ReadOnlySpan<byte> input, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> info)
    {
        Span<byte> output = stackalloc byte[DerivedSize];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, input, output, salt, info);
        var derived = new SecretBytes(output);
        CryptographicOperations.ZeroMemory(output);
        return derived;
    }

    /// <summary>Seals a file key for a stanza's body.</summary>
    public static byte[] Wrap(SecretBytes wrapKey, ReadOnlySpan<byte> fileKey)
    {
        using var cipher = new ChaCha20Poly1305(wrapKey.Span);
        var body = new byte[WrappedSize];
        cipher.Encrypt(ZeroNonce, fileKey, body.AsSpan(0, Size), body.AsSpan(Size));
        return body;
    }

    /// <summary>Opens a stanza's body of <see cref="WrappedSize"/> bytes; null if the key is not the right one.</summary>
    public static SecretBytes? Unwrap(SecretBytes wrapKey, ReadOnlySpan<byte> body)
    {
        using var cipher = new ChaCha20Poly1305(wrapKey.Span);
        Span<byte> fileKey = stackalloc byte[Size];
        try
        {
            cipher.Decrypt(ZeroNonce, body[..Size], body[Size..], fileKey);
            return new SecretBytes(fileKey);
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(fileKey);
        }
    }
}
