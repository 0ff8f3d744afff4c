using System.Security.Cryptography;

namespace Trove.Crypto;

/// <summary>
/// An age file all of whose chance follows from a secret: whoever has it and the plaintext writes the same bytes again. The plaintext's hash is in
/// the derivation, so that no two plaintexts share a key and nonces, as in a synthetic IV (RFC 5297, section 1.1). Who lacks the secret sees an age file
/// like any other.
/// </summary>
public static class DerivedAgeFile
{
    /// <summary>Encrypts to one recipient: file key (16), ephemeral secret (32) and nonce (16) are HKDF-SHA256 of the secret, without salt, with info ‖ SHA-256(plaintext).</summary>
    /// <param name="secret">At least 32 bytes that nobody guesses.</param>
    /// <param name="info">What the file is, in canonical bytes that start with a tag.</param>
    /// <param name="plaintext">All of it.</param>
    /// <param name="recipient">Who can open it.</param>
    /// <exception cref="AgeException"><see cref="AgeFailure.Key"/>: a recipient nothing can be sealed to.</exception>
    public static byte[] Encrypt(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> info, byte[] plaintext, X25519Recipient recipient)
    {
        using var derived = SecretBytes.Allocate(FileKey.Size + X25519.Size + FileKey.PayloadNonceSize);
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, derived.Buffer, [], [.. info, .. SHA256.HashData(plaintext)]);
        using SecretBytes fileKey = new(derived.Span[..FileKey.Size]), ephemeral = new(derived.Span.Slice(FileKey.Size, X25519.Size));
        var header = AgeHeader.Create([recipient.Wrap(fileKey.Span, ephemeral)], fileKey);
        using var file = new MemoryStream();
        AgeFile.WriteFile(new MemoryStream(plaintext, writable: false), new StreamSink(file), header, fileKey, derived.Span[^FileKey.PayloadNonceSize..].ToArray(), null, async: false, default)
            .AsTask().GetAwaiter().GetResult();
        return file.ToArray();
    }
}
