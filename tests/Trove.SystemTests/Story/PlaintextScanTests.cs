using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Trove.Node.Queries;

namespace Trove.SystemTests.Story;

/// <summary>The scanner must find what it is for before its finding nothing means anything.</summary>
public class PlaintextScanTests
{
    private const string Canary = "cNRy7Qk2LwXz9TfB4mVd";
    private static readonly byte[] Ascii = Encoding.ASCII.GetBytes(Canary);

    public static TheoryData<string> Forms => [.. Planted.Keys];

    private static Dictionary<string, byte[]> Planted { get; } = new()
    {
        ["as it is"] = Ascii,
        ["UTF-16"] = Encoding.Unicode.GetBytes(Canary),
        ["UTF-16 at an odd byte"] = [1, .. Encoding.Unicode.GetBytes(Canary)],
        ["hex"] = Encoding.ASCII.GetBytes(Convert.ToHexStringLower(Ascii)),
        ["upper-case hex"] = Encoding.ASCII.GetBytes(Convert.ToHexString(Ascii)),
        ["base64, aligned"] = Base64("", " and more"),
        ["base64, one off"] = Base64("x", " and more"),
        ["base64, two off"] = Base64("xy", " and more"),
        ["base64, at its end"] = Base64("xyz", ""),
        ["gzip"] = Compress(s => new GZipStream(s, CompressionLevel.Optimal), Ascii),
        ["gzip cut short"] = Compress(s => new GZipStream(s, CompressionLevel.Fastest), [.. Ascii, .. Random(100_000)])[..50_000],
        ["gzip in gzip"] = Compress(s => new GZipStream(s, CompressionLevel.Optimal), Compress(s => new GZipStream(s, CompressionLevel.Optimal), Ascii)),
        ["zlib"] = Compress(s => new ZLibStream(s, CompressionLevel.Optimal), Ascii),
        ["fast zlib"] = Compress(s => new ZLibStream(s, CompressionLevel.Fastest), Ascii),
        ["base64 in gzip"] = Compress(s => new GZipStream(s, CompressionLevel.Optimal), Base64("x", "")),
        ["ZIP"] = Zip(),
        ["Parquet, snappy"] = Parquet("snappy"),
        ["Parquet, zstd"] = Parquet("zstd"),
        ["Parquet, gzip"] = Parquet("gzip"),
        ["Parquet, not compressed"] = Parquet("uncompressed"),
        ["pglz, a control byte before every eight literals"] = [.. Ascii.Chunk(8).SelectMany(c => (byte[])[0, .. c])],
        ["pglz at another offset"] = [.. Ascii[..5], 0, .. Ascii[5..13], 0, .. Ascii[13..]],
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Finds_a_planted_copy(string form)
    {
        var folder = TestFolder.Create();
        try
        {
            var scan = new PlaintextScan(Canary);
            Directory.CreateDirectory(Path.Combine(folder, "deep", "down"));
            File.WriteAllBytes(Path.Combine(folder, "deep", "down", ".hidden"), [.. Random(70_001), .. Planted[form], .. Random(3_000)]);
            File.WriteAllBytes(Path.Combine(folder, "innocent"), Random(70_000));
            Assert.StartsWith(Path.Combine(folder, "deep", "down", ".hidden") + ": ", Assert.Single(scan.Folder(folder)), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Finds_a_file_named_so_and_nothing_where_nothing_is()
    {
        var folder = TestFolder.Create();
        try
        {
            var scan = new PlaintextScan(Canary);
            File.WriteAllBytes(Path.Combine(folder, "noise"), [.. Random(1 << 20), .. Compress(s => new GZipStream(s, CompressionLevel.Optimal), Random(1000))]);
            File.WriteAllText(Path.Combine(folder, "other"), "cNRy7Qk, wXz9TfB and 4mVd: pieces of less than eight");
            Assert.Empty(scan.Folder(folder));
            File.WriteAllText(Path.Combine(folder, Canary + ".txt"), "");
            Assert.StartsWith("the name of ", Assert.Single(scan.Folder(folder)), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Sees_arguments_and_environment_of_a_child()
    {
        var scan = new PlaintextScan(Canary);
        using var child = Process.Start(new ProcessStartInfo("sh", ["-c", "read line", "name", Canary]) { Environment = { ["CANARY"] = Canary }, RedirectStandardInput = true })!;
        Assert.Contains(child.Id, Processes.Tree(Environment.ProcessId));
        Assert.NotNull(scan.Find(Encoding.UTF8.GetBytes(Processes.Read(child.Id, "cmdline"))));
        Assert.NotNull(scan.Find(Encoding.UTF8.GetBytes(Processes.Read(child.Id, "environ"))));
        child.StandardInput.Close();
        child.WaitForExit();
    }

    private static byte[] Base64(string before, string after) => Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.ASCII.GetBytes(before + Canary + after)));

    private static byte[] Random(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Compress(Func<Stream, Stream> open, byte[] bytes)
    {
        using var target = new MemoryStream();
        using (var stream = open(target))
            stream.Write(bytes);
        return target.ToArray();
    }

    [Fact]
    public void Finds_a_raw_deflate_stream_and_what_was_left_since_a_moment()
    {
        var folder = TestFolder.Create();
        try
        {
            var scan = new PlaintextScan(Canary);
            var start = DateTime.UtcNow;
            var old = Path.Combine(folder, "old");
            File.WriteAllBytes(old, Ascii);
            File.SetLastWriteTimeUtc(old, start.AddMinutes(-1));
            Assert.Empty(scan.Since(start, _ => false, folder, Path.Combine(folder, "absent")));
            File.WriteAllBytes(Path.Combine(folder, "core.123"), Compress(s => new DeflateStream(s, CompressionLevel.Optimal), [.. Ascii, .. Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(" and so on", 50)))]));
            Assert.EndsWith("raw deflate", Assert.Single(scan.Since(start, _ => false, folder)), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static byte[] Parquet(string compression)
    {
        var folder = TestFolder.Create();
        try
        {
            var file = Path.Combine(folder, "parquet");
            using var duck = DuckDb.Open([]);
            duck.Execute($"COPY (SELECT i, 'a text that {Canary} is in the middle of' AS text FROM range(1000) t(i)) TO '{file}' (FORMAT parquet, COMPRESSION {compression})");
            return File.ReadAllBytes(file);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static byte[] Zip()
    {
        using var target = new MemoryStream();
        using (var zip = new ZipArchive(target, ZipArchiveMode.Create))
        using (var entry = zip.CreateEntry("some folder/comments.csv", CompressionLevel.Optimal).Open())
            entry.Write([.. Ascii, .. Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(" and so on", 50)))]);
        return target.ToArray();
    }
}
