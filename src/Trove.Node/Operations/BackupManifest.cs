using System.Security.Cryptography;
using System.Text.Json;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Node.Protocol;

namespace Trove.Node.Operations;

/// <summary>A file of a backup.</summary>
/// <param name="Path">Below the backup's own folder, with slashes.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Sha256">Hash of its content.</param>
public sealed record BackupFile(string Path, long Size, Hash32 Sha256);

/// <summary>A blob of a backup, under its hash.</summary>
public sealed record BackupBlob(Hash32 Sha256, long Size);

/// <summary>What a whole backup has (specs/operations.md). Written last: without it there is no backup.</summary>
/// <param name="Format">1.</param>
/// <param name="Made">Milliseconds since 1970 at which the database was read.</param>
/// <param name="Program">Version that made it.</param>
/// <param name="Migration">The database's last migration.</param>
/// <param name="Blocks">Blocks of the embedded chain; 0 for a node on a network.</param>
/// <param name="Files">Everything but blobs.</param>
/// <param name="Blobs">Blobs that the database has as stored.</param>
/// <param name="Missing">Blobs that the database has as stored and the node's disk had not.</param>
public sealed record BackupManifest(int Format, long Made, string Program, string Migration, ulong Blocks, IReadOnlyList<BackupFile> Files,
    IReadOnlyList<BackupBlob> Blobs, IReadOnlyList<Hash32> Missing)
{
    internal const string FileName = "manifest.json";
    private const long MaxBytes = 1L << 30;

    internal static string BlobPath(string folder, Hash32 sha256) => BlobIn(Path.Combine(folder, "blobs"), sha256);

    internal static string BlobIn(string blobs, Hash32 sha256) => Path.Combine(blobs, sha256.ToHex()[..2], sha256.ToHex()[2..]);

    /// <summary>Writes it, durably.</summary>
    internal void Write(string folder) => DurableFile.Write(Path.Combine(folder, FileName), stream => JsonSerializer.Serialize(stream, this, TroveJson.Options));

    /// <summary>Reads the one in a folder and refuses paths that lead out of it.</summary>
    /// <exception cref="IOException">There is none, or it is damaged.</exception>
    internal static BackupManifest Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            using var file = File.OpenRead(path);
            return file.Length <= MaxBytes ? Parse(file) : throw new JsonException("it is too large");
        }
        catch (JsonException e)
        {
            throw new IOException($"reading {path}: {e.Message}; take another backup", e);
        }
    }

    /// <exception cref="JsonException">It is none, or names files outside of the backup.</exception>
    internal static BackupManifest Parse(Stream json)
    {
        var read = JsonSerializer.Deserialize<BackupManifest>(json, TroveJson.Options) ?? throw new JsonException("it is empty");
        if (read.Format != 1)
            throw new JsonException($"format {read.Format}; this version reads format 1");
        if (read.Files.Contains(null!) || read.Blobs.Contains(null!))
            throw new JsonException("an entry is empty");
        if (read.Files.FirstOrDefault(f => f.Path.Split('/').Any(p => p is "" or "." or "..") || f.Path.Contains('\\')) is { } odd)
            throw new JsonException($"a file named {odd.Path}");
        return read;
    }

    /// <summary>Size and SHA-256 of a file; null when it is not there.</summary>
    internal static async Task<(long Size, Hash32 Sha256)?> HashAsync(string path, CancellationToken ct)
    {
        if (!File.Exists(path))
            return null;
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, useAsync: true);
        return (file.Length, new Hash32(await SHA256.HashDataAsync(file, ct)));
    }
}
