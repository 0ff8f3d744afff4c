using System.Security.Cryptography;
using System.Text;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>X25519 (RFC 7748) by libsodium, and the stanza built on it.</summary>
internal static unsafe class X25519
{
    public const int Size = 32;
    public const string StanzaType = "X25519";

    /// <summary>The public share of a secret; the secret is clamped by the function itself.</summary>
    public static Hash32 Share(ReadOnlySpan<byte> secret)
    {
        CheckSize(secret);
        byte* q = stackalloc byte[Size];
        fixed (byte* n = secret)
            Native.crypto_scalarmult_base(q, n);
        return new Hash32(new ReadOnlySpan<byte>(q, Size));
    }

    /// <summary>The shared secret; null where it would be all zero (a low-order point), which age says to refuse.</summary>
    public static SecretBytes? Agree(ReadOnlySpan<byte> secret, Hash32 point)
    {
        var shared = SecretBytes.Allocate(Size);
        Span<byte> u = stackalloc byte[Size];
        point.CopyTo(u);
        if (Agree(secret, u, shared.Buffer))
            return shared;
        shared.Dispose();
        return null;
    }

    /// <summary>The same in place; false where the shared secret would be all zero. The result may be the point.</summary>
    public static bool Agree(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> point, Span<byte> shared)
    {
        CheckSize(secret);
        CheckSize(point);
        CheckSize(shared);
        // libsodium writes the clamped scalar to its output before it reads the point.
        byte* p = stackalloc byte[Size];
        var copy = new Span<byte>(p, Size);
        point.CopyTo(copy);
        fixed (byte* n = secret, q = shared)
        {
            bool agreed = Native.crypto_scalarmult(q, n, p) == 0;
            CryptographicOperations.ZeroMemory(copy);
            return agreed;
        }
    }

    /// <summary>HKDF of the shared secret with salt share || recipient.</summary>
    public static SecretBytes WrapKey(SecretBytes shared, Hash32 share, Hash32 recipient)
    {
        Span<byte> salt = stackalloc byte[2 * Size];
        share.CopyTo(salt);
        recipient.CopyTo(salt[Size..]);
        return FileKey.Derive(shared.Span, salt, "age-encryption.org/v1/X25519"u8);
    }

    /// <summary>The stanza with this ephemeral secret, or null for a low-order recipient.</summary>
    public static AgeStanza? Wrap(ReadOnlySpan<byte> fileKey, SecretBytes ephemeral, Hash32 recipient)
    {
        using var shared = Agree(ephemeral.Span, recipient);
        if (shared is null)
            return null;
        var share = Share(ephemeral.Span);
        using var key = WrapKey(shared, share, recipient);
        return new AgeStanza([StanzaType, Base64Strict.Encode(share.ToArray())], FileKey.Wrap(key, fileKey));
    }

    /// <summary>The ephemeral share of a stanza of this type, after checking its shape.</summary>
    /// <exception cref="AgeException"><see cref="AgeFailure.Header"/>.</exception>
    public static Hash32 ParseShare(AgeStanza stanza)
    {
        stanza.CheckShape(2);
        return new Hash32(stanza.DecodeArgument(1, Size));
    }

    private static void CheckSize(ReadOnlySpan<byte> secret)
    {
        if (secret.Length != Size)
            throw new ArgumentException($"an X25519 secret is {Size} bytes long, not {secret.Length}");
    }
}

/// <summary>The public half of an X25519 age identity: <c>age1…</c>.</summary>
public sealed class X25519Recipient : IAgeRecipient
{
    private static ReadOnlySpan<byte> Prefix => "age"u8;

    /// <summary>From the 32 bytes of a Montgomery u-coordinate.</summary>
    public X25519Recipient(Hash32 publicKey) => PublicKey = publicKey;

    /// <summary>The 32 bytes of the public key.</summary>
    public Hash32 PublicKey { get; }

    /// <summary>Parses <c>age1…</c>.</summary>
    /// <exception cref="AgeException"><see cref="AgeFailure.Key"/>.</exception>
    public static X25519Recipient Parse(string text)
    {
        Span<byte> key = stackalloc byte[X25519.Size];
        return text.Length <= 128 && Bech32.TryDecode(Encoding.UTF8.GetBytes(text), Prefix, key) && text.StartsWith('a')
            ? new X25519Recipient(new Hash32(key))
            : throw new AgeException(AgeFailure.Key, "this is not an age recipient: expected age1 and 58 lower-case characters with a right checksum");
    }

    /// <summary>Is the key a point of low order (RFC 7748, section 6.1)? It is no one's, and nothing can be sealed to it.</summary>
    public bool IsLowOrder
    {
        get
        {
            using var secret = SecretBytes.Random(X25519.Size);
            using var shared = X25519.Agree(secret.Span, PublicKey);
            return shared is null;
        }
    }

    /// <inheritdoc/>
    public AgeStanza Wrap(ReadOnlySpan<byte> fileKey)
    {
        using var ephemeral = SecretBytes.Random(X25519.Size);
        return Wrap(fileKey, ephemeral);
    }

    internal AgeStanza Wrap(ReadOnlySpan<byte> fileKey, SecretBytes ephemeral) => X25519.Wrap(fileKey, ephemeral, PublicKey)
        ?? throw new AgeException(AgeFailure.Key, $"nothing can be sealed to {this}: it is a point of low order, which is no one's key");

    /// <summary>The <c>age1…</c> form.</summary>
    public override string ToString()
    {
        Span<byte> text = stackalloc byte[Bech32.EncodedLength(Prefix.Length, X25519.Size)];
        Bech32.Encode(Prefix, PublicKey.ToArray(), text);
        return Encoding.ASCII.GetString(text);
    }
}

/// <summary>An X25519 age identity, <c>AGE-SECRET-KEY-1…</c>, in memory that is zeroed on disposal. Prints its recipient only.</summary>
public sealed class X25519Identity : IAgeIdentity, IDisposable
{
    private readonly SecretBytes _secret;

    private X25519Identity(SecretBytes secret)
    {
        _secret = secret;
        Recipient = new X25519Recipient(X25519.Share(secret.Span));
    }

    private static ReadOnlySpan<byte> Prefix => "age-secret-key-"u8;

    /// <summary>Length of <c>AGE-SECRET-KEY-1…</c> in bytes.</summary>
    internal static int TextLength => Bech32.EncodedLength(Prefix.Length, X25519.Size);

    /// <summary>Whom to seal to.</summary>
    public X25519Recipient Recipient { get; }

    /// <summary>A fresh random identity.</summary>
    public static X25519Identity Generate() => new(SecretBytes.Random(X25519.Size));

    /// <summary>Takes a copy of a 32-byte secret.</summary>
    /// <exception cref="ArgumentException">Another length.</exception>
    public static X25519Identity FromBytes(ReadOnlySpan<byte> secret)
    {
        if (secret.Length != X25519.Size)
            throw new ArgumentException($"an X25519 secret is {X25519.Size} bytes long, not {secret.Length}");
        return new(new SecretBytes(secret));
    }

    /// <summary>Parses the ASCII text <c>AGE-SECRET-KEY-1…</c>.</summary>
    /// <exception cref="AgeException"><see cref="AgeFailure.Key"/>; the message does not repeat the text.</exception>
    public static X25519Identity Parse(ReadOnlySpan<byte> text)
    {
        Span<byte> secret = stackalloc byte[X25519.Size];
        try
        {
            return !text.IsEmpty && text[0] == 'A' && Bech32.TryDecode(text, Prefix, secret)
                ? new X25519Identity(new SecretBytes(secret))
                : throw new AgeException(AgeFailure.Key, "this is not an X25519 age identity: expected AGE-SECRET-KEY-1 and 58 upper-case characters with a right checksum");
        }
        finally
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>The text <c>AGE-SECRET-KEY-1…</c> as ASCII, for writing identity files; the caller disposes it.</summary>
    public SecretBytes ExportText()
    {
        var text = SecretBytes.Allocate(TextLength);
        Bech32.Encode(Prefix, _secret.Span, text.Buffer);
        Ascii.ToUpperInPlace(text.Buffer, out _);
        return text;
    }

    /// <summary>X25519(secret, point): for a holder of the whole key.</summary>
    internal SecretBytes? Agree(Hash32 point) => X25519.Agree(_secret.Span, point);

    /// <inheritdoc/>
    public SecretBytes? Unwrap(IReadOnlyList<AgeStanza> stanzas)
    {
        foreach (var stanza in stanzas.Where(s => s.Type == X25519.StanzaType))
        {
            var share = X25519.ParseShare(stanza);
            using var shared = Agree(share)
                ?? throw new AgeException(AgeFailure.Header, "the ephemeral share of an X25519 stanza is a point of low order");
            using var key = X25519.WrapKey(shared, share, Recipient.PublicKey);
            if (FileKey.Unwrap(key, stanza.Body.Span) is { } fileKey)
                return fileKey;
        }
        return null;
    }

    /// <summary>Zeroes the secret.</summary>
    public void Dispose() => _secret.Dispose();

    /// <summary>The recipient.</summary>
    public override string ToString() => Recipient.ToString();
}
