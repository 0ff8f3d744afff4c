using System.IO.Compression;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Exports;

public class PartsTests
{
    [Fact]
    public void Every_record_is_in_the_part_of_its_kind_and_year()
    {
        using var export = OpenFixture("reddit");
        var (summaries, parts) = Write(export.Records());
        var back = summaries.SelectMany(part => PartReader.Read(part.Key, new MemoryStream(parts[part.Key]))).ToList();

        Assert.Equal(export.Records().OrderBy(PartKey.Of), back);
        Assert.Equal(27, summaries.Sum(part => part.Records));
        Assert.Equal(export.Report.OwnWords, summaries.Sum(part => part.OwnWords));
        Assert.Equal(export.Report.OwnWords + export.Report.OtherWords, summaries.Sum(part => part.Words));
        Assert.Contains(new PartKey(RecordKind.Comment, 2021), parts.Keys);
        Assert.Contains(new PartKey(RecordKind.Comment, 0), parts.Keys);
        Assert.Equal(parts.Keys.Order(), summaries.Select(part => part.Key));
    }

    [Fact]
    public void The_same_records_give_the_same_bytes_without_a_time()
    {
        using var export = OpenFixture("reddit");
        var (_, first) = Write(export.Records());
        var (_, second) = Write(export.Records());
        Assert.All(first, part => Assert.Equal(part.Value, second[part.Key]));
        Assert.All(first, part => Assert.Equal(new byte[5], part.Value[3..8])); // no flags, no name, no time: RFC 1952 section 2.3
    }

    [Fact]
    public void Random_records_survive() =>
        Check.QuickThrowOnFailure(Prop.ForAll(RecordGen.Any.ListOf(6).ToArbitrary(), records =>
        {
            var (summaries, parts) = Write(records);
            Assert.Equal(records.OrderBy(PartKey.Of), summaries.SelectMany(part => PartReader.Read(part.Key, new MemoryStream(parts[part.Key]))));
        }));

    [Fact]
    public void A_line_longer_than_the_first_buffer()
    {
        var record = Comment(new string('x', 3_000_000) + "😀");
        var (_, parts) = Write([record, Comment("y")]);
        Assert.Equal([record, Comment("y")], PartReader.Read(new PartKey(RecordKind.Comment, 0), new MemoryStream(parts.Single().Value)));
    }

    [Fact]
    public void GzipBomb()
    {
        var bomb = Gzip(new byte[8 << 20]);
        var error = Assert.Throws<ExportException>(() => Read(bomb, maxBytes: 1 << 20));
        Assert.Contains("inflates to more than", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LineWithoutEnd() => Assert.Contains("line 1 is longer", Assert.Throws<ExportException>(() => Read(Gzip(new byte[64 << 20]))).Message, StringComparison.Ordinal);

    [Fact]
    public void TruncatedPart()
    {
        var (_, parts) = Write([Comment("one"), Comment("two")]);
        var bytes = parts.Single().Value;
        for (int length = 0; length < bytes.Length; length++)
            Assert.Throws<ExportException>(() => Read(bytes[..length]));
    }

    [Fact]
    public void SomethingAfterThePart()
    {
        var (_, parts) = Write([Comment("one")]);
        Assert.Throws<ExportException>(() => Read([.. parts.Single().Value, 0]));
    }

    [Fact]
    public void TruncatedLastLine() => Assert.Throws<ExportException>(() => Read(Gzip(RecordJsonTests.Write(Comment("one"))[..^1])));

    [Fact]
    public void RecordOfAnotherKindOrYear()
    {
        Assert.Throws<ExportException>(() => Read(Gzip(RecordJsonTests.Write(Comment("one") with { Kind = RecordKind.Note }))));
        Assert.Throws<ExportException>(() => Read(Gzip(RecordJsonTests.Write(Comment("one") with { Time = 1681758131000 }))));
    }

    [Fact]
    public void LineThatIsNotCanonical() =>
        Assert.Throws<ExportException>(() => Read(Gzip(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(RecordJsonTests.Write(Comment("one"))).Replace(":", ": ")))));

    [Fact]
    public void Evidence_holds_the_chosen_files_byte_for_byte_and_is_the_same_each_time()
    {
        var files = RedditTests.WithCheckfile(Files("reddit"));
        using var export = Open(Zip(files.Reverse()));
        byte[] Evidence()
        {
            var zip = new MemoryStream();
            export.WriteEvidence(zip, name => name is "comments.csv" or "posts.csv");
            return zip.ToArray();
        }
        var bytes = Evidence();
        Assert.Equal(bytes, Evidence());
        using (var archive = new ZipArchive(new MemoryStream(bytes)))
        {
            Assert.Equal(["checkfile.csv", "comment_headers.csv", "comments.csv", "post_headers.csv", "posts.csv", "statistics.csv"],
                archive.Entries.Select(entry => entry.FullName));
            Assert.All(archive.Entries, entry =>
            {
                Assert.Equal(1980, entry.LastWriteTime.Year);
                using var content = new MemoryStream();
                using (var stream = entry.Open())
                    stream.CopyTo(content);
                Assert.Equal(files[entry.FullName], content.ToArray());
            });
        }
        using var evidence = Open(bytes);
        Assert.Equal("Fen_Walker", evidence.Account);
        Assert.Equal(export.Records().Where(record => record.Kind is RecordKind.Comment or RecordKind.Post), evidence.Records());
        Assert.Equal(CheckOutcome.Passed, evidence.Checks()[0].Outcome);
    }

    [Fact]
    public void Evidence_of_a_damaged_file_names_it()
    {
        var zip = Zip([.. Files("reddit")], CompressionLevel.NoCompression);
        int at = zip.AsSpan().IndexOf("Reed beds in winter"u8);
        zip[at] ^= 1;
        using var export = Open(zip);
        var error = Assert.Throws<ExportException>(() => export.WriteEvidence(new MemoryStream(), _ => true));
        Assert.Contains("posts.csv", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Part_writer_streams_without_holding_what_it_wrote()
    {
        using var writer = new PartWriter(_ => Stream.Null);
        writer.Add(Comment(new string('x', 1000)));
        long before = GC.GetAllocatedBytesForCurrentThread();
        var record = Comment(new string('x', 10_000));
        for (int i = 0; i < 2_000; i++)
            writer.Add(record);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 2 << 20, "writing 20 MB of records allocates");
        Assert.Equal(2_001, writer.Complete().Single().Records);
    }

    private static Record Comment(string text) => new() { Platform = "reddit", Kind = RecordKind.Comment, Id = "1", Text = text };

    private static (IReadOnlyList<PartSummary>, Dictionary<PartKey, byte[]>) Write(IEnumerable<Record> records)
    {
        var streams = new Dictionary<PartKey, MemoryStream>();
        using var writer = new PartWriter(key => streams[key] = new MemoryStream());
        foreach (var record in records)
            writer.Add(record);
        return (writer.Complete(), streams.ToDictionary(part => part.Key, part => part.Value.ToArray()));
    }

    private static int Read(byte[] gzip, long maxBytes = PartReader.MaxBytes) =>
        PartReader.Read(new PartKey(RecordKind.Comment, 0), new MemoryStream(gzip), maxBytes).Count();

    private static byte[] Gzip(byte[] content)
    {
        var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(content);
        return buffer.ToArray();
    }
}
