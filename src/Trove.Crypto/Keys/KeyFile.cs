using System.Runtime.InteropServices;

namespace Trove.Crypto;

/// <summary>
/// The keys of one member, node or operator (specs/keys.md): a secp256k1 key that signs and an age identity that
/// opens, kept as three lines of text inside an armored age file sealed to a passphrase.
/// </summary>
public sealed class KeyFile : IDisposable
{
    /// <summary>Largest key file in bytes; a real one has some 550.</summary>
    public const int MaxSize = 4096;

    private const int MaxTextSize = 256;
    private static ReadOnlySpan<byte> Version => "trove-key/1\n"u8;
    private static ReadOnlySpan<byte> SigningLabel => "secp256k1 "u8;

    private KeyFile(SigningKey signing, X25519Identity identity) => (SigningKey, Identity) = (signing, identity);

    /// <summary>The key that signs.</summary>
    public SigningKey SigningKey { get; }

    /// <summary>The identity that opens what is sealed to its recipient.</summary>
    public X25519Identity Identity { get; }

    /// <summary>Fresh random keys, in memory only.</summary>
    public static KeyFile Create() => new(SigningKey.Generate(), X25519Identity.Generate());

    /// <summary>
    /// Writes the keys to a new file: a temporary file of mode 0600 beside it, fsync, rename, fsync of the folder, so that the
    /// file is whole or absent whatever happens. Never overwrites: a lost key is lost shares.
    /// </summary>
    /// <param name="path">The new file.</param>
    /// <param name="passphrase">Not empty.</param>
    /// <param name="workFactor">log2 of scrypt's N; 18 takes about a second.</param>
    /// <exception cref="IOException">The file exists or cannot be written.</exception>
    public void Save(string path, SecretBytes passphrase, int workFactor = ScryptRecipient.DefaultWorkFactor)
    {
        path = Path.GetFullPath(path);
        if (Path.Exists(path))
            throw new IOException($"the key file {path} exists already; keys are never overwritten, choose another name");
        using var text = Format();
        using var recipient = new ScryptRecipient(passphrase, workFactor);
        var sealedText = new MemoryStream();
        AgeFile.Encrypt(text.OpenStream(writable: false), sealedText, [recipient], armor: true, null, async: false, default).GetAwaiter().GetResult();

        string folder = Path.GetDirectoryName(path)!, temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}.tmp");
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            using (var file = new FileStream(temporary, options))
            {
                sealedText.WriteTo(file);
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: false);
            SyncFolder(folder);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Reads and opens a key file.</summary>
    /// <exception cref="AgeException"><see cref="AgeFailure.NoMatch"/>: the passphrase is wrong; <see cref="AgeFailure.Key"/>: what is
    /// inside is no key file; any other class: the age file is damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static KeyFile Load(string path, SecretBytes passphrase)
    {
        using var bytes = SecretReader.ReadFile(path, MaxSize)
            ?? throw new AgeException(AgeFailure.Key, $"the key file {path} is longer than {MaxSize} bytes; it is no key file");
        using var identity = new ScryptIdentity(passphrase);
        return Load(bytes, identity, path);
    }

    /// <summary>Opens the bytes of a key file; <paramref name="name"/> is what errors call it.</summary>
    internal static KeyFile Load(SecretBytes file, ScryptIdentity identity, string name)
    {
        try
        {
            using var stream = file.OpenStream(writable: false);
            using var plaintext = new PlaintextStream(AgeFile.OpenPipeline(stream, [identity], async: false, default).GetAwaiter().GetResult());
            using var text = SecretBytes.Allocate(MaxTextSize);
            int length = plaintext.ReadAtLeast(text.Buffer, text.Length, throwOnEndOfStream: false);
            return Parse(text.Span[..length]);
        }
        catch (AgeException e) when (e.Failure == AgeFailure.NoMatch)
        {
            throw new AgeException(AgeFailure.NoMatch, $"the passphrase does not open the key file {name}; try again, or use a backup of the file with its own passphrase. Nobody can recover a forgotten one", e);
        }
        catch (AgeException e)
        {
            throw new AgeException(e.Failure, $"the key file {name} cannot be read ({e.Message}); restore it from a backup", e);
        }
    }

    /// <summary>Zeroes both secrets.</summary>
    public void Dispose()
    {
        SigningKey.Dispose();
        Identity.Dispose();
    }

    /// <summary>The public halves.</summary>
    public override string ToString() => $"{SigningKey.Address} {Identity.Recipient}";

    internal SecretBytes Format()
    {
        using var identity = Identity.ExportText();
        var text = SecretBytes.Allocate(Version.Length + SigningLabel.Length + 2 * Secp256k1.SecretSize + 1 + identity.Length + 1);
        var at = text.Buffer;
        Append(ref at, Version);
        Append(ref at, SigningLabel);
        Convert.TryToHexStringLower(SigningKey.Secret.Span, at, out int digits);
        at = at[digits..];
        Append(ref at, "\n"u8);
        Append(ref at, identity.Span);
        Append(ref at, "\n"u8);
        return text;
    }

    private static void Append(ref Span<byte> destination, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(destination);
        destination = destination[bytes.Length..];
    }

    internal static KeyFile Parse(ReadOnlySpan<byte> text)
    {
        int hex = Version.Length + SigningLabel.Length, end = hex + 2 * Secp256k1.SecretSize;
        if (text.Length != end + 1 + X25519Identity.TextLength + 1 || !text.StartsWith(Version) || !text[Version.Length..].StartsWith(SigningLabel)
            || text[end] != '\n' || text[^1] != '\n' || text[hex..end].ContainsAnyInRange((byte)'A', (byte)'F'))
            throw NoKeyFile();
        using var secret = SecretBytes.Allocate(Secp256k1.SecretSize);
        if (Convert.FromHexString(text[hex..end], secret.Buffer, out _, out _) != System.Buffers.OperationStatus.Done || !Secp256k1.IsValidSecret(secret.Span))
            throw NoKeyFile();
        var identity = X25519Identity.Parse(text[(end + 1)..^1]);
        return new KeyFile(SigningKey.FromBytes(secret.Span), identity);
    }

    private static AgeException NoKeyFile() =>
        new(AgeFailure.Key, "what it seals is not the text of a Trove key file of version 1");

    // Without it, a crash after the rename may leave the old folder: no file under the new name.
    private static void SyncFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        int descriptor = Native.open(folder, 0);
        if (descriptor < 0)
            throw new IOException($"the folder {folder} could not be opened to make the new key file durable (errno {Marshal.GetLastPInvokeError()})");
        int result = Native.fsync(descriptor), error = Marshal.GetLastPInvokeError();
        _ = Native.close(descriptor);
        if (result != 0)
            throw new IOException($"the folder {folder} could not be synced to disk (errno {error}); check the disk before relying on the new key file");
    }
}
