using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>
/// A shortcut through the journal: the EVM's state after a block. Never needed to be right: one that is missing, torn or
/// of another genesis is not used, and the journal is replayed from its start.
/// </summary>
/// <param name="Block">The block it was taken after.</param>
/// <param name="Hash">That block's hash.</param>
/// <param name="JournalPosition">Offset in the journal of the record after that block.</param>
/// <param name="StateFile">Path of the state in anvil's own JSON.</param>
internal sealed record ChainSnapshot(ulong Block, Hash32 Hash, long JournalPosition, string StateFile)
{
    private const string Name = "snapshot.json";

    /// <summary>The snapshot in the folder, or null when there is none that can be trusted to be whole.</summary>
    public static ChainSnapshot? TryRead(string folder, Hash32 genesis)
    {
        try
        {
            var path = Path.Combine(folder, Name);
            if (!File.Exists(path) || new FileInfo(path).Length > 4096)
                return null;
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = json.RootElement;
            ulong block = root.GetProperty("block").GetUInt64();
            var state = StatePath(folder, block);
            if (Hash32.Parse(root.GetProperty("genesis").GetString()!) != genesis)
                return null;
            using var stream = File.OpenRead(state);
            return new Hash32(SHA256.HashData(stream)) == Hash32.Parse(root.GetProperty("sha256").GetString()!)
                ? new ChainSnapshot(block, Hash32.Parse(root.GetProperty("hash").GetString()!), root.GetProperty("journalPosition").GetInt64(), state)
                : null;
        }
        catch (Exception e) when (e is JsonException or FormatException or KeyNotFoundException or InvalidOperationException or IOException)
        {
            return null;
        }
    }

    /// <summary>Writes state and description durably, the description last, then removes older states.</summary>
    public static void Write(string folder, Hash32 genesis, ulong block, Hash32 hash, long journalPosition, byte[] gzippedState)
    {
        var state = StatePath(folder, block);
        DurableFile.Write(state, stream =>
        {
            using var gzip = new GZipStream(new MemoryStream(gzippedState), CompressionMode.Decompress);
            gzip.CopyTo(stream);
        });
        Hash32 digest;
        using (var stream = File.OpenRead(state))
            digest = new Hash32(SHA256.HashData(stream));
        DurableFile.Write(Path.Combine(folder, Name), stream =>
        {
            using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
            json.WriteStartObject();
            json.WriteString("genesis", genesis.ToString());
            json.WriteNumber("block", block);
            json.WriteString("hash", hash.ToString());
            json.WriteNumber("journalPosition", journalPosition);
            json.WriteString("sha256", digest.ToString());
            json.WriteEndObject();
        });
        foreach (var old in Directory.GetFiles(folder, "state-*.json").Where(f => Path.GetFullPath(f) != Path.GetFullPath(state)))
            File.Delete(old);
    }

    private static string StatePath(string folder, ulong block) => Path.Combine(folder, $"state-{block}.json");
}
