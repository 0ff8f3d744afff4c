using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// ECDSA over secp256k1 as Ethereum uses it (Yellow Paper, appendix F), by libsecp256k1. Signatures are 65 bytes
/// r || s || v with v = 27 or 28, s in the lower half (EIP-2) and the nonce of RFC 6979. Safe for any thread.
/// </summary>
public static unsafe class Secp256k1
{
    /// <summary>Length of a secret key in bytes.</summary>
    public const int SecretSize = 32;

    /// <summary>Length of a signature in bytes.</summary>
    public const int SignatureSize = 65;

    private const int OpaqueKey = 64, OpaqueSignature = 65; // sizes of the library's own structs
    private const uint Uncompressed = 2; // SECP256K1_EC_UNCOMPRESSED

    // Half of the group order, rounded down: the largest s that EIP-2 admits.
    private static ReadOnlySpan<byte> HalfOrder =>
    [
        0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0x5D, 0x57, 0x6E, 0x73, 0x57, 0xA4, 0x50, 0x1D, 0xDF, 0xE9, 0x2F, 0x46, 0x68, 0x1B, 0x20, 0xA0,
    ];

    private static readonly Lazy<nint> Context = new(CreateContext);

    /// <summary>Is this a scalar between 1 and the group order?</summary>
    public static bool IsValidSecret(ReadOnlySpan<byte> secret)
    {
        if (secret.Length != SecretSize)
            return false;
        fixed (byte* s = secret)
            return Native.secp256k1_ec_seckey_verify(Context.Value, s) == 1;
    }

    /// <summary>The uncompressed public key: 64 bytes x || y, without the 0x04 in front.</summary>
    /// <exception cref="ArgumentException">The secret is not 32 bytes between 1 and the group order.</exception>
    public static byte[] PublicKey(ReadOnlySpan<byte> secret)
    {
        CheckSecret(secret);
        byte* key = stackalloc byte[OpaqueKey];
        fixed (byte* s = secret)
            Native.secp256k1_ec_pubkey_create(Context.Value, key, s);
        return Serialize(key);
    }

    /// <summary>The address of a secret key: the last 20 bytes of the Keccak-256 of its public key.</summary>
    /// <exception cref="ArgumentException">As <see cref="PublicKey"/>.</exception>
    public static Address AddressOf(ReadOnlySpan<byte> secret) => ToAddress(PublicKey(secret));

    /// <summary>Signs a 32-byte digest: 65 bytes r || s || v.</summary>
    /// <exception cref="ArgumentException">As <see cref="PublicKey"/>.</exception>
    public static byte[] Sign(ReadOnlySpan<byte> secret, Hash32 digest)
    {
        CheckSecret(secret);
        byte* message = stackalloc byte[Hash32.Size];
        digest.CopyTo(new Span<byte>(message, Hash32.Size));
        byte* opaque = stackalloc byte[OpaqueSignature];
        var signature = new byte[SignatureSize];
        int recovery;
        fixed (byte* s = secret, o = signature)
        {
            if (Native.secp256k1_ecdsa_sign_recoverable(Context.Value, opaque, message, s, 0, 0) != 1)
                throw new CryptographicException("libsecp256k1 refused to sign with a valid key; its nonce function failed");
            Native.secp256k1_ecdsa_recoverable_signature_serialize_compact(Context.Value, o, &recovery, opaque);
        }
        // 2 and 3 would mean that r overflowed the group order, which no one can bring about (2^-127).
        signature[64] = checked((byte)(27 + recovery));
        return signature;
    }

    /// <summary>
    /// The address that signed, or null for anything that is not one canonical signature: another length, v other
    /// than 27 or 28, r or s zero or beyond the order, s in the upper half (a second form of the same signature).
    /// </summary>
    public static Address? Recover(Hash32 digest, ReadOnlySpan<byte> signature)
    {
        // The library aborts the process on a recovery id outside 0..3, so v is checked before it.
        if (signature.Length != SignatureSize || signature[64] is not (27 or 28)
            || signature.Slice(32, 32).SequenceCompareTo(HalfOrder) > 0)
            return null;
        byte* message = stackalloc byte[Hash32.Size];
        digest.CopyTo(new Span<byte>(message, Hash32.Size));
        byte* opaque = stackalloc byte[OpaqueSignature];
        byte* key = stackalloc byte[OpaqueKey];
        fixed (byte* s = signature)
        {
            if (Native.secp256k1_ecdsa_recoverable_signature_parse_compact(Context.Value, opaque, s, signature[64] - 27) != 1
                || Native.secp256k1_ecdsa_recover(Context.Value, key, opaque, message) != 1)
                return null;
        }
        return ToAddress(Serialize(key));
    }

    private static void CheckSecret(ReadOnlySpan<byte> secret)
    {
        if (!IsValidSecret(secret))
            throw new ArgumentException("a secp256k1 secret key must be 32 bytes, not zero and below the group order");
    }

    private static byte[] Serialize(byte* key)
    {
        byte* output = stackalloc byte[65];
        nuint length = 65;
        Native.secp256k1_ec_pubkey_serialize(Context.Value, output, &length, key, Uncompressed);
        return new ReadOnlySpan<byte>(output + 1, 64).ToArray();
    }

    private static Address ToAddress(byte[] publicKey)
    {
        Span<byte> hash = stackalloc byte[Hash32.Size];
        Keccak256.Hash(publicKey, hash);
        return new Address(hash[12..]);
    }

    // Randomised once: blinds the multiplication by a secret against side channels. Reading it is thread-safe.
    private static nint CreateContext()
    {
        const uint signAndVerify = 0x301;
        nint context = Native.secp256k1_context_create(signAndVerify);
        byte* seed = stackalloc byte[32];
        var span = new Span<byte>(seed, 32);
        RandomNumberGenerator.Fill(span);
        int ok = context == 0 ? 0 : Native.secp256k1_context_randomize(context, seed);
        CryptographicOperations.ZeroMemory(span);
        return ok == 1 ? context : throw new CryptographicException("libsecp256k1 could not create a context");
    }
}
