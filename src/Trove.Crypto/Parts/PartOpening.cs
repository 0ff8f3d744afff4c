using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// A part opened through its own stanza, without the asset's key (specs/age-parts.md). A verifier has the ephemeral
/// secret e and computes X25519(e, R); guardians compute the same X25519(r, E) with the key behind R. So what a verifier reads
/// is what a grant will release: there is no second stanza that could say something else.
/// </summary>
public sealed class PartOpening : IDisposable
{
    private PartOpening(Stream plaintext, Hash32 headerHash, Hash32 share) =>
        (Plaintext, HeaderHash, EphemeralShare) = (plaintext, headerHash, share);

    /// <summary>Authentic plaintext, read only and forward only; throws <see cref="AgeException"/> where the part is corrupt
    /// or truncated. Only reading to its end proves it complete.</summary>
    public Stream Plaintext { get; }

    /// <summary>SHA-256 of the header through the newline after the MAC.</summary>
    public Hash32 HeaderHash { get; }

    /// <summary>E, as it stands in the stanza.</summary>
    public Hash32 EphemeralShare { get; }

    /// <summary>Opens a part with its ephemeral secret. Disposing the result leaves <paramref name="ciphertext"/> open.</summary>
    /// <exception cref="AgeException"><see cref="AgeFailure.Header"/>: not one X25519 stanza alone, or malformed;
    /// <see cref="AgeFailure.NoMatch"/>: the secret is not that of E, or the recipient is not the one sealed to;
    /// <see cref="AgeFailure.Mac"/>: the header was changed.</exception>
    public static Task<PartOpening> OpenAsync(Stream ciphertext, X25519Recipient recipient, SecretBytes ephemeralSecret, CancellationToken cancel = default) =>
        Open(ciphertext, recipient, share =>
        {
            if (X25519.Share(ephemeralSecret.Span) != share)
                throw new AgeException(AgeFailure.NoMatch, $"the ephemeral secret given is not the one behind the part's share {share}; the member sealed another part's secret");
            return X25519.Agree(ephemeralSecret.Span, recipient.PublicKey)
                ?? throw new AgeException(AgeFailure.Key, $"the recipient {recipient} is a point of low order, which is no one's key");
        }, cancel);

    /// <summary>Opens a part with the 32-byte shared secret X25519(r, E), as guardians' partial decryptions combine to.</summary>
    /// <exception cref="AgeException">As <see cref="OpenAsync"/>; a wrong shared secret is <see cref="AgeFailure.NoMatch"/>.</exception>
    public static Task<PartOpening> OpenWithSharedSecretAsync(Stream ciphertext, X25519Recipient recipient, SecretBytes sharedSecret, CancellationToken cancel = default) =>
        Open(ciphertext, recipient, _ => sharedSecret.Copy(), cancel);

    /// <summary>Ends reading and zeroes what is buffered.</summary>
    public void Dispose() => Plaintext.Dispose();

    private static async Task<PartOpening> Open(Stream ciphertext, X25519Recipient recipient, Func<Hash32, SecretBytes> agree, CancellationToken cancel)
    {
        Hash32 share = default;
        var (header, payload) = await AgeFile.ReadFile(new StreamSource(ciphertext), header =>
        {
            if (header.Stanzas is not [{ Type: X25519.StanzaType } stanza])
                throw new AgeException(AgeFailure.Header, $"a part has exactly one stanza, of type X25519; this one has {header.Stanzas.Count}, the first of type {header.Stanzas[0].Type[..Math.Min(32, header.Stanzas[0].Type.Length)]}");
            share = X25519.ParseShare(stanza);
            using var shared = agree(share);
            using var key = X25519.WrapKey(shared, share, recipient.PublicKey);
            return FileKey.Unwrap(key, stanza.Body.Span)
                ?? throw new AgeException(AgeFailure.NoMatch, $"the part is not sealed to {recipient}; seal it to the recipient in the asset's registry");
        }, async: true, cancel).ConfigureAwait(false);
        return new PartOpening(new PlaintextStream(payload), header.Hash, share);
    }
}
