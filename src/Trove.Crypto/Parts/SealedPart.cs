using System.Security.Cryptography;
using Trove.Core;

namespace Trove.Crypto;

/// <summary>
/// What is known of a part just sealed (specs/age-parts.md): one age file with exactly one X25519 stanza, to the
/// asset's recipient. Owns the ephemeral secret, which is sealed to the verifiers and then disposed.
/// </summary>
public sealed class SealedPart : IDisposable
{
    private SealedPart(SecretBytes ephemeralSecret, Hash32 share, Hash32 headerHash, Hash32 ciphertextHash, long size) =>
        (EphemeralSecret, EphemeralShare, HeaderHash, CiphertextHash, CiphertextSize) = (ephemeralSecret, share, headerHash, ciphertextHash, size);

    /// <summary>The 32 bytes given to X25519: with the recipient they open the part.</summary>
    public SecretBytes EphemeralSecret { get; }

    /// <summary>E = X25519(ephemeral secret, base point), as it stands in the stanza.</summary>
    public Hash32 EphemeralShare { get; }

    /// <summary>SHA-256 of the header through the newline after the MAC.</summary>
    public Hash32 HeaderHash { get; }

    /// <summary>SHA-256 of the whole age file.</summary>
    public Hash32 CiphertextHash { get; }

    /// <summary>Size of the whole age file in bytes.</summary>
    public long CiphertextSize { get; }

    /// <summary>Encrypts all of <paramref name="plaintext"/> to one recipient. The streams are flushed, not closed.</summary>
    /// <param name="plaintext">Read to its end.</param>
    /// <param name="ciphertext">Where the part goes. After an exception what was written is incomplete: delete it.</param>
    /// <param name="recipient">The asset's recipient.</param>
    /// <param name="progress">Told the plaintext bytes done so far.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="AgeException"><see cref="AgeFailure.Key"/>: the recipient is a point of low order.</exception>
    public static async Task<SealedPart> CreateAsync(Stream plaintext, Stream ciphertext, X25519Recipient recipient,
        IProgress<long>? progress = null, CancellationToken cancel = default)
    {
        var ephemeral = SecretBytes.Random(X25519.Size);
        try
        {
            using var fileKey = SecretBytes.Random(FileKey.Size);
            var header = AgeHeader.Create([recipient.Wrap(fileKey.Span, ephemeral)], fileKey);
            using var sink = new HashingSink(new StreamSink(ciphertext));
            await AgeFile.WriteFile(plaintext, sink, header, fileKey, progress, async: true, cancel).ConfigureAwait(false);
            return new SealedPart(ephemeral, X25519.Share(ephemeral.Span), header.Hash, sink.Hash(), sink.Size);
        }
        catch
        {
            ephemeral.Dispose();
            throw;
        }
    }

    /// <summary>Zeroes the ephemeral secret.</summary>
    public void Dispose() => EphemeralSecret.Dispose();

    private sealed class HashingSink(ByteSink sink) : ByteSink, IDisposable
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public long Size { get; private set; }

        public Hash32 Hash() => new(_hash.GetHashAndReset());

        public override ValueTask Write(ReadOnlyMemory<byte> bytes, bool async, CancellationToken cancel)
        {
            _hash.AppendData(bytes.Span);
            Size += bytes.Length;
            return sink.Write(bytes, async, cancel);
        }

        public override ValueTask Finish(bool async, CancellationToken cancel) => sink.Finish(async, cancel);

        public void Dispose() => _hash.Dispose();
    }
}
