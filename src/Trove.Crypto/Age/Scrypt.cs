using System.Globalization;
using System.Security.Cryptography;

namespace Trove.Crypto;

/// <summary>Seals a file to a passphrase (c2sp.org/age, "The scrypt recipient type"); it must be the only recipient.</summary>
public sealed class ScryptRecipient : IAgeRecipient, IDisposable
{
    /// <summary>log2 of N when writing: about a second and 256 MiB.</summary>
    public const int DefaultWorkFactor = 18;

    internal const string StanzaType = "scrypt";
    internal const int SaltSize = 16;
    private readonly SecretBytes _passphrase;
    private readonly int _workFactor;

    /// <summary>Takes a copy of the passphrase (UTF-8).</summary>
    /// <exception cref="ArgumentException">An empty passphrase, or a work factor (log2 of N) outside 1 to 22.</exception>
    public ScryptRecipient(SecretBytes passphrase, int workFactor = DefaultWorkFactor)
    {
        if (passphrase.Length == 0 || workFactor is < 1 or > ScryptIdentity.DefaultMaxWorkFactor)
            throw new ArgumentException($"a passphrase must not be empty, and its work factor must be 1 to {ScryptIdentity.DefaultMaxWorkFactor}");
        (_passphrase, _workFactor) = (passphrase.Copy(), workFactor);
    }

    /// <inheritdoc/>
    public AgeStanza Wrap(ReadOnlySpan<byte> fileKey)
    {
        var salt = RandomNumberGenerator.GetBytes(SaltSize);
        using var key = WrapKey(_passphrase, salt, _workFactor);
        return new AgeStanza([StanzaType, Base64Strict.Encode(salt), _workFactor.ToString(CultureInfo.InvariantCulture)], FileKey.Wrap(key, fileKey));
    }

    /// <summary>Zeroes the passphrase.</summary>
    public void Dispose() => _passphrase.Dispose();

    /// <summary>scrypt (RFC 7914) with r = 8, p = 1 and the label of age before the salt.</summary>
    internal static unsafe SecretBytes WrapKey(SecretBytes passphrase, ReadOnlySpan<byte> salt, int workFactor)
    {
        byte[] labelled = [.. "age-encryption.org/v1/scrypt"u8, .. salt];
        var key = SecretBytes.Allocate(32);
        fixed (byte* p = passphrase.Span, s = labelled, o = key.Buffer)
        {
            if (Native.crypto_pwhash_scryptsalsa208sha256_ll(p, (nuint)passphrase.Length, s, (nuint)labelled.Length, 1UL << workFactor, 8, 1, o, 32) == 0)
                return key;
        }
        key.Dispose();
        throw new AgeException(AgeFailure.Header, $"scrypt with work factor {workFactor} needs {1L << workFactor >> 10} MiB of memory, which this machine did not give");
    }
}

/// <summary>Opens a file sealed to a passphrase.</summary>
public sealed class ScryptIdentity : IAgeIdentity, IDisposable
{
    /// <summary>Largest log2 of N accepted: 4 GiB and some 15 seconds; more is an attack on the reader.</summary>
    public const int DefaultMaxWorkFactor = 22;

    private readonly SecretBytes _passphrase;
    private readonly int _maxWorkFactor;

    /// <summary>Takes a copy of the passphrase (UTF-8).</summary>
    public ScryptIdentity(SecretBytes passphrase, int maxWorkFactor = DefaultMaxWorkFactor)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxWorkFactor, DefaultMaxWorkFactor);
        (_passphrase, _maxWorkFactor) = (passphrase.Copy(), maxWorkFactor);
    }

    /// <inheritdoc/>
    public SecretBytes? Unwrap(IReadOnlyList<AgeStanza> stanzas)
    {
        // The header has already been refused if a scrypt stanza is not alone.
        if (stanzas is not [{ Type: ScryptRecipient.StanzaType } stanza])
            return null;
        stanza.CheckShape(3);
        var salt = stanza.DecodeArgument(1, ScryptRecipient.SaltSize);
        using var key = ScryptRecipient.WrapKey(_passphrase, salt, ParseWorkFactor(stanza.Arguments[2]));
        return FileKey.Unwrap(key, stanza.Body.Span);
    }

    /// <summary>Zeroes the passphrase.</summary>
    public void Dispose() => _passphrase.Dispose();

    private int ParseWorkFactor(string text)
    {
        if (text.Length > 4 || text[0] == '0' || text.AsSpan().ContainsAnyExceptInRange('0', '9'))
            throw new AgeException(AgeFailure.Header, "the work factor of the scrypt stanza is not a small decimal number");
        int factor = int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
        return factor <= _maxWorkFactor
            ? factor
            : throw new AgeException(AgeFailure.Header, $"the scrypt work factor {factor} is above the limit of {_maxWorkFactor}; whoever made the file should seal it again with {ScryptRecipient.DefaultWorkFactor}");
    }
}
