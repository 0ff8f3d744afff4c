using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using Trove.Node.Queries;

namespace Trove.SystemTests.Story;

/// <summary>
/// Searches files for texts that must not be at rest anywhere: as they are, in UTF-16, base64, hex, or inside deflated
/// data (gzip, zlib, ZIP entries, a file that is nothing but a raw deflate stream) up to three levels deep, or in Parquet files of
/// any compression, which DuckDB reads. As they are means any eight characters in a row: PostgreSQL's own compression (pglz)
/// puts a control byte between every eight literals and leaves the literals readable.
/// </summary>
internal sealed class PlaintextScan
{
    private const int MaxInflated = 32 << 20;
    private readonly Dictionary<ulong, List<(string What, byte[] Bytes)>> _needles = [];
    private readonly bool[] _heads = new bool[1 << 16];

    /// <summary>Searches for the canaries: ASCII, of at least 20 random characters.</summary>
    public PlaintextScan(params string[] canaries)
    {
        foreach (var canary in canaries)
        {
            if (canary.Length < 20)
                throw new ArgumentException("a canary shorter than that could be there by chance");
            var ascii = Encoding.ASCII.GetBytes(canary);
            for (int i = 0; i + 8 <= ascii.Length; i++)
                Add($"{canary} as it is", ascii[i..(i + 8)]);
            Add($"{canary} in UTF-16", Encoding.Unicode.GetBytes(canary));
            Add($"{canary} in hex", Encoding.ASCII.GetBytes(Convert.ToHexStringLower(ascii)));
            Add($"{canary} in hex", Encoding.ASCII.GetBytes(Convert.ToHexString(ascii)));
            for (int shift = 0; shift < 3; shift++)
            {
                // The characters that depend on nothing but the canary: three bytes are four characters.
                var whole = Convert.ToBase64String([.. new byte[shift], .. ascii]);
                int skip = shift == 0 ? 0 : shift + 1;
                Add($"{canary} in base64", Encoding.ASCII.GetBytes(whole[skip..((shift + ascii.Length) / 3 * 4)]));
            }
        }
    }

    /// <summary>Everything found below a folder, as file and what.</summary>
    public IReadOnlyList<string> Folder(string folder)
    {
        var found = new List<string>();
        var files = Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = false });
        foreach (var file in files)
        {
            if (Find(Encoding.UTF8.GetBytes(file)) is { } inName)
                found.Add($"the name of {file}: {inName}");
            if (FindInFile(File.ReadAllBytes(file)) is { } what)
                found.Add($"{file}: {what}");
        }
        return found;
    }

    /// <summary>Everything found in files that were written since a moment, where programs leave files of their own; what is gone or locked meanwhile is passed over.</summary>
    public IReadOnlyList<string> Since(DateTime start, Func<string, bool> except, params IEnumerable<string> folders)
    {
        var found = new List<string>();
        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true };
        foreach (var file in folders.Where(Directory.Exists).SelectMany(f => Directory.EnumerateFiles(f, "*", options)).Where(f => !except(f)))
        {
            try
            {
                var info = new FileInfo(file);
                if (info.LastWriteTimeUtc >= start && info.Length is > 0 and < 1L << 30 && FindInFile(File.ReadAllBytes(file)) is { } what)
                    found.Add($"{file}: {what}");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another program's, gone already.
            }
        }
        return found;
    }

    private string? FindInFile(byte[] bytes) => Find(bytes)
        ?? (Find(Inflate(bytes, s => new DeflateStream(s, CompressionMode.Decompress)), 1) is { } what ? what + ", raw deflate" : null)
        ?? (FromParquet(bytes) is { } rows && Find(rows, 1) is { } inRows ? inRows + ", Parquet" : null);

    // Pages may be dictionaries, Snappy, Zstandard, Brotli: who writes Parquet can read it.
    private static byte[]? FromParquet(ReadOnlySpan<byte> bytes)
    {
        var magic = "PAR1"u8;
        if (bytes.IndexOf(magic) is >= 0 and var first && bytes.LastIndexOf(magic) is var last && last > first + 12)
        {
            var folder = TestFolder.Create();
            try
            {
                string parquet = Path.Combine(folder, "file"), text = Path.Combine(folder, "text");
                File.WriteAllBytes(parquet, bytes[first..(last + 4)]);
                using var duck = DuckDb.Open([]);
                duck.Execute($"COPY (SELECT * FROM read_parquet('{parquet}')) TO '{text}' (FORMAT csv)");
                return File.ReadAllBytes(text);
            }
            catch (DuckDbException)
            {
                return null; // four letters by chance
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        return null;
    }

    /// <summary>What the bytes hold of the canaries; null for nothing.</summary>
    public string? Find(ReadOnlySpan<byte> bytes, int depth = 0)
    {
        for (int i = 0; i + 8 <= bytes.Length; i++)
        {
            if (_heads[BinaryPrimitives.ReadUInt16LittleEndian(bytes[i..])]
                && _needles.TryGetValue(BinaryPrimitives.ReadUInt64LittleEndian(bytes[i..]), out var candidates))
                foreach (var (what, needle) in candidates)
                    if (bytes[i..].StartsWith(needle))
                        return what;
        }
        if (depth == 3)
            return null;
        for (int i = 0; i + 4 <= bytes.Length; i++)
        {
            if (Inflate(bytes, i) is { Length: > 0 } inflated && Find(inflated, depth + 1) is { } what)
                return $"{what}, deflated";
        }
        return null;
    }

    private void Add(string what, byte[] needle)
    {
        ulong head = BinaryPrimitives.ReadUInt64LittleEndian(needle);
        CollectionsMarshal.GetValueRefOrAddDefault(_needles, head, out _) ??= [];
        _needles[head].Add((what, needle));
        _heads[(int)(head & 0xFFFF)] = true;
    }

    private static byte[]? Inflate(ReadOnlySpan<byte> bytes, int at)
    {
        var rest = bytes[at..];
        if (rest is [0x1f, 0x8b, 8, ..])
            return Inflate(rest, s => new GZipStream(s, CompressionMode.Decompress));
        // zlib: method 8 with a 32 KiB window, no dictionary, and a header whose check is right (RFC 1950, section 2.2).
        if (rest is [0x78, var flags, ..] && (flags & 0x20) == 0 && (0x7800 + flags) % 31 == 0)
            return Inflate(rest, s => new ZLibStream(s, CompressionMode.Decompress));
        if (rest is [(byte)'P', (byte)'K', 3, 4, ..] && rest.Length > 30 && rest[8] == 8
            && 30 + BinaryPrimitives.ReadUInt16LittleEndian(rest[26..]) + BinaryPrimitives.ReadUInt16LittleEndian(rest[28..]) is var start && start < rest.Length)
            return Inflate(rest[start..], s => new DeflateStream(s, CompressionMode.Decompress));
        return null;
    }

    private static unsafe byte[] Inflate(ReadOnlySpan<byte> bytes, Func<Stream, Stream> open)
    {
        using var inflated = new MemoryStream();
        if (bytes.IsEmpty)
            return [];
        try
        {
            fixed (byte* start = bytes)
            {
                using var stream = open(new UnmanagedMemoryStream(start, bytes.Length));
                var buffer = new byte[65536];
                int read;
                while (inflated.Length < MaxInflated && (read = stream.Read(buffer)) > 0)
                    inflated.Write(buffer, 0, read);
            }
        }
        catch (InvalidDataException)
        {
            // No deflated data, or damaged further on: what came out so far counts.
        }
        return inflated.ToArray();
    }
}
