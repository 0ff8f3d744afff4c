using System.Security.Cryptography;

namespace Trove.Crypto.Dkim;

/// <summary>A domain's key as it stands in the DNS (RFC 6376 section 3.6.1, RFC 8463 section 4).</summary>
public sealed class DkimKey
{
    /// <summary>Bits of the smallest RSA key that counts (RFC 8301 section 3.2), and of the largest that is worth the work.</summary>
    public const int LeastBits = 1024, MostBits = 8192;

    private const int MaxRecord = 4096, Ed25519Size = 32;

    private readonly byte[] _public;

    private DkimKey(string kind, byte[] bytes, int bits) => (Kind, _public, Bits) = (kind, bytes, bits);

    /// <summary><c>rsa</c> or <c>ed25519</c>.</summary>
    public string Kind { get; }

    /// <summary>Its size.</summary>
    public int Bits { get; }

    /// <summary>May <c>i=</c> name no domain below <c>d=</c>?</summary>
    public bool IsStrict { get; private init; }

    /// <summary>Does the domain only try DKIM out? Such a signature says nothing.</summary>
    public bool IsTesting { get; private init; }

    /// <summary>Reads a TXT record; why it is no key for mail, in words, when it is none.</summary>
    public static (DkimKey? Key, string Problem) Read(string record)
    {
        if (record.Length > MaxRecord || DkimTags.Parse(record) is not { } tags)
            return (null, "the key's record cannot be read");
        if (tags["v"] is { } version && (version != "DKIM1" || tags.First != "v"))
            return (null, "the key's record is of another version than DKIM1");
        if (tags["h"] is { } hashes && !Has(hashes, "sha256"))
            return (null, "the key is not for SHA-256");
        if (tags["s"] is { } services && !Has(services, "*") && !Has(services, "email"))
            return (null, "the key is not for mail");
        if (tags["p"] is null)
            return (null, "the key's record has no key");
        var packed = tags.Packed("p");
        if (packed.Length == 0)
            return (null, "the key was revoked");
        Span<byte> bytes = stackalloc byte[MaxRecord];
        if (!Convert.TryFromBase64String(packed, bytes, out int length))
            return (null, "the key is no base64");
        var key = bytes[..length].ToArray();
        bool strict = Has(tags["t"] ?? "", "s"), testing = Has(tags["t"] ?? "", "y");
        switch (tags["k"] ?? "rsa")
        {
            case "ed25519":
                return length == Ed25519Size ? (new DkimKey("ed25519", key, 256) { IsStrict = strict, IsTesting = testing }, "") : (null, $"an Ed25519 key has {Ed25519Size} bytes");
            case "rsa":
                using (var rsa = RSA.Create())
                {
                    if (!TryImport(rsa, key))
                        return (null, "the RSA key cannot be read");
                    return rsa.KeySize is < LeastBits or > MostBits ? (null, $"the RSA key has {rsa.KeySize} bits; from {LeastBits} to {MostBits} count")
                        : (new DkimKey("rsa", key, rsa.KeySize) { IsStrict = strict, IsTesting = testing }, "");
                }
            default:
                return (null, "the key is of a kind that is not known");
        }
    }

    /// <summary>Does the signature hold for the SHA-256 of what was signed?</summary>
    internal unsafe bool Verify(ReadOnlySpan<byte> hash, ReadOnlySpan<byte> signature)
    {
        if (Kind == "rsa")
        {
            using var rsa = RSA.Create();
            return TryImport(rsa, _public) && rsa.VerifyHash(hash, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        if (signature.Length != 64)
            return false;
        fixed (byte* s = signature, h = hash, k = _public)
            return Native.crypto_sign_verify_detached(s, h, (ulong)hash.Length, k) == 0;
    }

    // A SubjectPublicKeyInfo; the standard's own words allow the bare key too (RFC 6376 erratum 3017).
    private static bool TryImport(RSA rsa, ReadOnlySpan<byte> key)
    {
        try
        {
            rsa.ImportSubjectPublicKeyInfo(key, out int read);
            return read == key.Length;
        }
        catch (CryptographicException)
        {
            try
            {
                rsa.ImportRSAPublicKey(key, out int read);
                return read == key.Length;
            }
            catch (CryptographicException)
            {
                return false;
            }
        }
    }

    private static bool Has(string list, string word) => list.Split(':').Any(item => item.Trim(' ', '\t').Equals(word, StringComparison.OrdinalIgnoreCase));
}
