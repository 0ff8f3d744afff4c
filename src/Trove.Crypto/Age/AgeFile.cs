using System.Security.Cryptography;

namespace Trove.Crypto;

/// <summary>
/// age v1 files (c2sp.org/age), read and written as a stream in bounded memory. Interoperates with other age tools
/// for X25519 and passphrase recipients; stanzas of other types are skipped when reading.
/// </summary>
public static class AgeFile
{
    /// <summary>Encrypts all of <paramref name="plaintext"/>. The streams are flushed, not closed.</summary>
    /// <param name="plaintext">Read to its end.</param>
    /// <param name="ciphertext">Where the age file goes. After an exception what was written is incomplete: delete it.</param>
    /// <param name="recipients">1 to 128; a passphrase recipient only alone.</param>
    /// <param name="armor">ASCII armor instead of binary.</param>
    /// <param name="progress">Told the plaintext bytes done so far.</param>
    /// <param name="cancel">Stops between batches of 512 KiB.</param>
    /// <exception cref="ArgumentException">No, too many, or wrongly mixed recipients.</exception>
    /// <exception cref="AgeException"><see cref="AgeFailure.Key"/>: a recipient nothing can be sealed to.</exception>
    public static async Task EncryptAsync(Stream plaintext, Stream ciphertext, IReadOnlyCollection<IAgeRecipient> recipients, bool armor = false,
        IProgress<long>? progress = null, CancellationToken cancel = default)
    {
        if (NeverWaits(plaintext) && NeverWaits(ciphertext))
            await Task.Run(() => Encrypt(plaintext, ciphertext, recipients, armor, progress, async: false, cancel).AsTask(), cancel).ConfigureAwait(false);
        else
            await Encrypt(plaintext, ciphertext, recipients, armor, progress, async: true, cancel).ConfigureAwait(false);
    }

    /// <summary>Decrypts an age file, armored or not, to <paramref name="plaintext"/>. The streams are flushed, not closed.</summary>
    /// <param name="ciphertext">Read to its end; anything after the file is refused.</param>
    /// <param name="plaintext">Receives authentic bytes only. After an exception they may be a part of the whole: delete them.</param>
    /// <param name="identities">Tried in order.</param>
    /// <param name="progress">Told the plaintext bytes done so far.</param>
    /// <param name="cancel">Stops between batches of 512 KiB.</param>
    /// <exception cref="AgeException">The file is refused; see <see cref="AgeFailure"/>.</exception>
    public static async Task DecryptAsync(Stream ciphertext, Stream plaintext, IReadOnlyCollection<IAgeIdentity> identities,
        IProgress<long>? progress = null, CancellationToken cancel = default)
    {
        if (NeverWaits(ciphertext) && NeverWaits(plaintext))
            await Task.Run(() => Decrypt(ciphertext, plaintext, identities, progress, async: false, cancel).AsTask(), cancel).ConfigureAwait(false);
        else
            await Decrypt(ciphertext, plaintext, identities, progress, async: true, cancel).ConfigureAwait(false);
    }

    /// <summary>Opens an age file, armored or not, for reading its plaintext. Disposing the result leaves <paramref name="ciphertext"/> open.</summary>
    /// <returns>A stream, read only and forward only, that throws <see cref="AgeException"/> with <see cref="AgeFailure.Payload"/>
    /// where the file is corrupt or truncated; only reading to its end proves it complete.</returns>
    /// <exception cref="AgeException">The header is refused or no identity opens it.</exception>
    public static async Task<Stream> OpenAsync(Stream ciphertext, IReadOnlyCollection<IAgeIdentity> identities, CancellationToken cancel = default) =>
        new PlaintextStream(await OpenPipeline(ciphertext, identities, async: true, cancel).ConfigureAwait(false));

    /// <summary>Both ways of <see cref="EncryptAsync"/>.</summary>
    internal static async ValueTask Encrypt(Stream plaintext, Stream ciphertext, IReadOnlyCollection<IAgeRecipient> recipients, bool armor,
        IProgress<long>? progress, bool async, CancellationToken cancel)
    {
        if (recipients.Count is 0 or > AgeHeader.MaxStanzas)
            throw new ArgumentException($"an age file has 1 to {AgeHeader.MaxStanzas} recipients, not {recipients.Count}");
        if (recipients.Count > 1 && recipients.Any(r => r is ScryptRecipient))
            throw new ArgumentException("a passphrase must be the only recipient of an age file");
        using var fileKey = SecretBytes.Random(FileKey.Size);
        var header = AgeHeader.Create([.. recipients.Select(r => r.Wrap(fileKey.Span))], fileKey);
        ByteSink sink = new StreamSink(ciphertext);
        await WriteFile(plaintext, armor ? new ArmorSink(sink) : sink, header, fileKey, progress, async, cancel).ConfigureAwait(false);
    }

    // The asynchronous calls of such streams only move the blocking to another thread; doing without saves a tenth of the time.
    private static bool NeverWaits(Stream stream) =>
        stream is FileStream { IsAsync: false } || stream.GetType() == typeof(MemoryStream) || stream == Stream.Null;

    private static async ValueTask Decrypt(Stream ciphertext, Stream plaintext, IReadOnlyCollection<IAgeIdentity> identities, IProgress<long>? progress, bool async, CancellationToken cancel)
    {
        using var pipeline = await OpenPipeline(ciphertext, identities, async, cancel).ConfigureAwait(false);
        await Copy(pipeline, new StreamSink(plaintext), n => n, progress, async, cancel).ConfigureAwait(false);
    }

    /// <summary>Writes header, a random nonce and payload.</summary>
    internal static ValueTask WriteFile(Stream plaintext, ByteSink sink, AgeHeader header, SecretBytes fileKey, IProgress<long>? progress, bool async, CancellationToken cancel) =>
        WriteFile(plaintext, sink, header, fileKey, RandomNumberGenerator.GetBytes(FileKey.PayloadNonceSize), progress, async, cancel);

    /// <summary>With the nonce given: one that is the same again only with the same plaintext.</summary>
    internal static async ValueTask WriteFile(Stream plaintext, ByteSink sink, AgeHeader header, SecretBytes fileKey, byte[] nonce, IProgress<long>? progress, bool async, CancellationToken cancel)
    {
        using var pipeline = new ChunkPipeline(new StreamSource(plaintext), FileKey.PayloadKey(fileKey.Span, nonce), seal: true);
        await sink.Write((byte[])[.. header.Bytes.Span, .. nonce], async, cancel).ConfigureAwait(false);
        await Copy(pipeline, sink, n => n - (n + ChunkPipeline.ChunkSize + ChunkPipeline.TagSize - 1) / (ChunkPipeline.ChunkSize + ChunkPipeline.TagSize) * ChunkPipeline.TagSize,
            progress, async, cancel).ConfigureAwait(false);
    }

    /// <summary>Reads header and nonce with the file key that <paramref name="unwrap"/> finds, and checks the MAC.</summary>
    internal static async ValueTask<(AgeHeader Header, ChunkPipeline Payload)> ReadFile(ByteSource source, Func<AgeHeader, SecretBytes> unwrap, bool async, CancellationToken cancel)
    {
        var header = await AgeHeader.Read(source, async, cancel).ConfigureAwait(false);
        using var fileKey = unwrap(header);
        header.CheckMac(fileKey);
        var nonce = new byte[FileKey.PayloadNonceSize];
        if (await source.Fill(nonce, async, cancel).ConfigureAwait(false) < nonce.Length)
            throw new AgeException(AgeFailure.Header, "the age file ends inside the nonce of its payload; the file is truncated");
        return (header, new ChunkPipeline(source, FileKey.PayloadKey(fileKey.Span, nonce), seal: false));
    }

    /// <summary>Both ways of opening.</summary>
    internal static async ValueTask<ChunkPipeline> OpenPipeline(Stream ciphertext, IReadOnlyCollection<IAgeIdentity> identities, bool async, CancellationToken cancel)
    {
        var source = await Armor.Detect(new StreamSource(ciphertext), async, cancel).ConfigureAwait(false);
        return (await ReadFile(source, header => Unwrap(header, identities), async, cancel).ConfigureAwait(false)).Payload;
    }

    private static SecretBytes Unwrap(AgeHeader header, IReadOnlyCollection<IAgeIdentity> identities)
    {
        foreach (var identity in identities)
        {
            if (identity.Unwrap(header.Stanzas) is { } fileKey)
                return fileKey;
        }
        var types = string.Join(", ", header.Stanzas.Select(s => s.Type.Length > 32 ? s.Type[..32] : s.Type).Distinct().Take(8));
        throw new AgeException(AgeFailure.NoMatch, header.Stanzas[0].Type == ScryptRecipient.StanzaType
            ? identities.Any(i => i is ScryptIdentity)
                ? "the passphrase does not open the age file; check it and try again"
                : "the age file is sealed to a passphrase; give the passphrase instead of an identity"
            : $"none of the {identities.Count} identities given opens the age file (its stanzas: {types}); use the identity it was sealed to");
    }

    private static async ValueTask Copy(ChunkPipeline pipeline, ByteSink sink, Func<int, int> plaintextSize, IProgress<long>? progress, bool async, CancellationToken cancel)
    {
        long done = 0;
        while (await pipeline.Next(async, cancel).ConfigureAwait(false) is { IsEmpty: false } batch)
        {
            await sink.Write(batch, async, cancel).ConfigureAwait(false);
            progress?.Report(done += plaintextSize(batch.Length));
        }
        await sink.Finish(async, cancel).ConfigureAwait(false);
    }
}
