using System.Security.Cryptography;
using Trove.Chain.Durability;
using Trove.Crypto;

namespace Trove.Node.Guardians;

/// <summary>A secret on disk: an age file sealed to its owner, written whole or not at all, and destroyed for good.</summary>
internal static class SealedFile
{
    private const int Overhead = 64 << 10; // header, and a tag for each chunk of a state

    /// <summary>Seals and writes; returning means that it is on disk.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static async Task WriteAsync(string path, SecretBytes secret, X25519Recipient owner)
    {
        var plain = GC.AllocateArray<byte>(secret.Length, pinned: true);
        try
        {
            secret.Span.CopyTo(plain);
            using var file = new MemoryStream();
            await AgeFile.EncryptAsync(new MemoryStream(plain, writable: false), file, [owner]);
            DurableFile.Write(path, stream => stream.Write(file.GetBuffer(), 0, (int)file.Length), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    /// <summary>Opens a file; the caller disposes what was in it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="owner">Whom it is sealed to.</param>
    /// <param name="max">Most bytes that may be in it.</param>
    /// <returns>Null when there is no such file.</returns>
    /// <exception cref="InvalidDataException">It is sealed to another, damaged or too large.</exception>
    public static async Task<SecretBytes?> ReadAsync(string path, X25519Identity owner, int max)
    {
        byte[] file;
        try
        {
            if (new FileInfo(path) is { Exists: true } found && found.Length > max + Overhead)
                throw new InvalidDataException($"{path} has {found.Length} bytes, more than it can have; bring it back from a backup");
            file = await File.ReadAllBytesAsync(path);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        var plain = GC.AllocateArray<byte>(file.Length, pinned: true); // what is sealed is shorter than its file
        try
        {
            using var opened = new MemoryStream(plain);
            await AgeFile.DecryptAsync(new MemoryStream(file, writable: false), opened, [owner]);
            return opened.Position <= max ? new SecretBytes(plain.AsSpan(0, (int)opened.Position)) : throw new InvalidDataException($"{path} holds more than {max} bytes; bring it back from a backup");
        }
        catch (AgeException e)
        {
            throw new InvalidDataException($"{path} cannot be opened with this guardian's key: {e.Message}; start the guardian with the key it was sealed to, or bring the file back from a backup");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    /// <summary>
    /// Overwrites a file, deletes it and makes both durable. What a disk or a file system keeps of old blocks is ciphertext to its
    /// owner. Nothing happens if it is gone.
    /// </summary>
    /// <exception cref="IOException">It cannot be written or deleted.</exception>
    public static void Destroy(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.Read);
            Span<byte> zeroes = stackalloc byte[4096];
            zeroes.Clear();
            for (long left = file.Length; left > 0; left -= zeroes.Length)
                file.Write(zeroes[..(int)Math.Min(left, zeroes.Length)]);
            DurableFile.Sync(file);
        }
        catch (FileNotFoundException)
        {
            return;
        }
        File.Delete(path);
        DurableFile.SyncFolder(Path.GetDirectoryName(path)!);
    }
}
