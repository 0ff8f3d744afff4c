using System.Buffers;
using System.IO.Compression;
using FsCheck;
using FsCheck.Fluent;
using Trove.Core;
using Trove.Exports;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Exports;

public class CopyFileTests
{
    private static readonly PartKey Key = new(RecordKind.Comment, 2020);

    [Fact]
    public void Code_is_what_the_terms_of_a_copy_name() =>
        Assert.Equal(Keccak256.Hash("COPY records"u8), CopyFile.CodeHash);

    [Fact]
    public void What_was_added_is_read_in_order_with_its_members() => Prop.ForAll(
        Gen.Choose(0, 5).SelectMany(n => Gen.Choose(1, 3).ArrayOf(n)).ToArbitrary(), counts =>
        {
            using var file = new MemoryStream();
            CopyFile.Begin(file);
            var expected = new List<(int, string)>();
            for (int member = 0; member < counts.Length; member++)
            {
                Assert.True(CopyFile.TryAdd(file, member, Key, Part([.. Enumerable.Range(0, counts[member]).Select(i => $"{member} says {i}")])));
                expected.AddRange(Enumerable.Range(0, counts[member]).Select(i => (member, $"{member} says {i}")));
            }
            Assert.Equal(expected, CopyFile.Read(file.ToArray()).Select(r => (r.Member, r.Record.Text)));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void File_that_is_cut_or_names_what_cannot_be_is_refused_and_never_taken_for_a_shorter_one()
    {
        using var file = new MemoryStream();
        CopyFile.Begin(file);
        int start = (int)file.Length;
        CopyFile.TryAdd(file, 7, Key, Part("tide", "pool"));
        int first = (int)file.Length;
        CopyFile.TryAdd(file, 8, Key, Part("reef"));
        var whole = file.ToArray();
        Assert.Equal(3, CopyFile.Read(whole).Count());
        for (int length = 0; length < whole.Length; length++)
            if (length != start && length != first)
                Assert.Throws<ExportException>(() => CopyFile.Read(whole.AsMemory(0, length)).Count());
        foreach (var (at, value) in new (int, byte)[] { (0, (byte)'T'), (start, 0x80), (start + 4, 0xFF), (start + 6, 0xFF), (start + 10, 0), (start + 10, 200), (start + 11, (byte)'x') })
        {
            var other = whole.ToArray();
            other[at] = value;
            Assert.Throws<ExportException>(() => CopyFile.Read(other).Count());
        }
    }

    [Fact]
    public void Copy_is_no_longer_than_its_bound()
    {
        using var file = new MemoryStream();
        CopyFile.Begin(file);
        var part = new byte[10 << 20];
        int parts = 0;
        while (CopyFile.TryAdd(file, 0, Key, part))
            parts++;
        Assert.Equal(3, parts);
        Assert.True(file.Length <= CopyFile.MaxBytes);
    }

    private static byte[] Part(params string[] texts)
    {
        using var file = new MemoryStream();
        var line = new ArrayBufferWriter<byte>();
        using (var gzip = new GZipStream(file, CompressionLevel.Optimal))
            foreach (var (text, i) in texts.Select((t, i) => (t, i)))
            {
                line.ResetWrittenCount();
                RecordJson.Write(line, new Record { Platform = "reddit", Kind = RecordKind.Comment, Id = $"c{i}", Time = 1_590_000_000_000, Text = text });
                gzip.Write(line.WrittenSpan);
            }
        return file.ToArray();
    }
}
