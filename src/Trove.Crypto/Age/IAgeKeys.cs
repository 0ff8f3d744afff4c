namespace Trove.Crypto;

/// <summary>Someone a file can be sealed to. Implementations: <see cref="X25519Recipient"/>, <see cref="ScryptRecipient"/>.</summary>
public interface IAgeRecipient
{
    /// <summary>Wraps the 16-byte file key into one fresh stanza; calling twice gives unlinkable stanzas.</summary>
    /// <exception cref="AgeException"><see cref="AgeFailure.Key"/>: nothing can be sealed to this recipient (a low-order point).</exception>
    AgeStanza Wrap(ReadOnlySpan<byte> fileKey);
}

/// <summary>Someone who may open a file. Implementations: <see cref="X25519Identity"/>, <see cref="ScryptIdentity"/>.</summary>
public interface IAgeIdentity
{
    /// <summary>
    /// The 16-byte file key, which the caller disposes, or null if no stanza is for this identity. Stanzas of other
    /// types are skipped. The result is not authenticated until the header's MAC has been checked with it.
    /// </summary>
    /// <exception cref="AgeException"><see cref="AgeFailure.Header"/>: a stanza of this identity's type is malformed or
    /// beyond a limit. Never for a well-formed stanza that is for someone else.</exception>
    SecretBytes? Unwrap(IReadOnlyList<AgeStanza> stanzas);
}
