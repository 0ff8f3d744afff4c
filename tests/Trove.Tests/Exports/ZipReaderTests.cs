using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Trove.Exports;
using Trove.Exports.Source;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

/// <summary>What a hostile or damaged archive can try, each test named after it.</summary>
public class ZipReaderTests
{
    private const string Comments = "id,permalink,date,ip,subreddit,gildings,link,parent,body,media\na,u,2021-04-17 19:02:11 UTC,,s,0,l,,hello,\n";

    [Theory]
    [InlineData("../comments.csv")]
    [InlineData("/comments.csv")]
    [InlineData("C:/comments.csv")]
    [InlineData("a/../../comments.csv")]
    [InlineData("a\\..\\comments.csv")]
    [InlineData("./../comments.csv")]
    [InlineData("a//comments.csv")]
    [InlineData("comm\u0000ents.csv")]
    public void NameThatLeadsOutside(string name)
    {
        using var export = Open(Zip(("comments.csv", Comments), (name, Comments)));
        var report = export.Inspect();
        Assert.Equal(1, report.Records);
        Assert.Equal(FileStatus.Failed, report.Files.Single(file => file.Name != "comments.csv").Status);
        Assert.Equal(["comments.csv"], export.Files);
    }

    [Fact]
    public void TwoEntriesOfOneName()
    {
        using var export = Open(Zip(("comments.csv", Comments), ("comments.csv", Comments.Replace("hello", "forged"))));
        Assert.Equal("hello", Assert.Single(export.Records()).Text);
        Assert.Contains(export.Report.Files, file => file.Status == FileStatus.Failed && file.Reason.Contains("same name", StringComparison.Ordinal));
    }

    [Fact]
    public void NestedBeyondTheDepth()
    {
        using var export = Open(Zip(("comments.csv", Comments), (string.Concat(Enumerable.Repeat("d/", 100)) + "posts.csv", "x")));
        Assert.Contains(export.Inspect().Files, file => file.Status == FileStatus.Failed && file.Reason.Contains("folders", StringComparison.Ordinal));
    }

    [Fact]
    public void MoreEntriesThanTheLimit()
    {
        var options = new ExportOptions { Limits = new ExportLimits { Entries = 3 } };
        var zip = Zip(("a", ""), ("b", ""), ("c", ""), ("comments.csv", Comments));
        Assert.Contains("4 files, more than 3", Assert.Throws<ExportException>(() => Open(zip, options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BombInflatesBeyondTheRatio()
    {
        using var export = Open(Zip([KeyValuePair.Create("posts.csv", Encoding.UTF8.GetBytes(PostsOf(new string('a', 3 << 20))))], CompressionLevel.SmallestSize));
        var file = export.Inspect().File("posts.csv");
        Assert.Equal(FileStatus.Failed, file.Status);
        Assert.Contains("zip bombs", file.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void EntryLongerThanTheLimit()
    {
        var options = new ExportOptions { Limits = new ExportLimits { EntryBytes = 500 } };
        using var export = Open(Zip(("comments.csv", Comments), ("posts.csv", PostsOf(new string('a', 1000)))), options);
        Assert.Contains("longer than 500 bytes", export.Inspect().File("posts.csv").Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void FilesBeyondTheTotal()
    {
        var options = new ExportOptions { Limits = new ExportLimits { TotalBytes = 3000 } };
        using var export = Open(Zip(("comments.csv", Comments), ("posts.csv", PostsOf(new string('a', 2000))), ("drafts.csv", new string('b', 2000))), options);
        Assert.Throws<ExportException>(() => export.Inspect());
    }

    [Fact]
    public void ReadingAFileTwiceCountsOnce()
    {
        var options = new ExportOptions { Limits = new ExportLimits { TotalBytes = Comments.Length } };
        using var export = Open(Zip(("comments.csv", Comments)), options);
        Assert.Equal(1, export.Inspect().Records);
        Assert.Equal(1, export.Inspect().Records);
    }

    [Theory]
    [InlineData(24, 10)] // the directory claims ten bytes
    [InlineData(24, int.MaxValue)] // and two gigabytes
    [InlineData(16, 0x12345678)] // and another checksum
    public void DirectoryLiesAboutTheContent(int field, int value)
    {
        var zip = Zip(("comments.csv", Comments), ("posts.csv", PostsOf("x")));
        BinaryPrimitives.WriteInt32LittleEndian(zip.AsSpan(DirectoryAt(zip) + field), value);
        long before = GC.GetAllocatedBytesForCurrentThread();
        using var export = Open(zip, new ExportOptions());
        var file = export.Inspect().File("comments.csv");
        Assert.Equal(FileStatus.Failed, file.Status);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4 << 20, "a claimed size was allocated");
    }

    [Fact]
    public void ClaimOfTenGigabytesAllocatesNothing()
    {
        var zip = Zip64Claim("comments.csv", Comments, 10L << 30);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ExportException>(() => Open(zip)); // its only file cannot be opened
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4 << 20, "a claimed size was allocated");
    }

    [Fact]
    public void OverlappingEntries()
    {
        var zip = Zip(("comments.csv", Comments), ("comments.txt", Comments));
        int second = DirectoryAt(zip) + 46 + "comments.csv".Length;
        BinaryPrimitives.WriteInt32LittleEndian(zip.AsSpan(second + 42), 0); // both point at the first entry
        Assert.Contains("overlap", Assert.Throws<ExportException>(() => Open(zip)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LocalHeaderNamesAnotherFile()
    {
        var zip = Zip(("comments.csv", Comments), ("posts.csv", "x"));
        zip[30] = (byte)'x'; // the first local header's name
        Assert.Contains("not recognised", Assert.Throws<ExportException>(() => Open(zip)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EncryptedEntry()
    {
        var zip = Zip(("comments.csv", Comments), ("posts.csv", PostsOf("x")));
        zip[DirectoryAt(zip) + 8] |= 1;
        using var export = Open(zip);
        Assert.Contains("encrypted", export.Inspect().File("comments.csv").Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void TruncatedDownload()
    {
        var zip = ZipFixture("reddit");
        for (int length = 4; length < zip.Length; length += 97)
            Assert.Throws<ExportException>(() => Open(zip[..length]));
    }

    [Fact]
    public void SomethingBeforeTheArchive()
    {
        Assert.Throws<ExportException>(() => Open([.. "PK\u0003\u0004 prefix"u8, .. Zip(("comments.csv", Comments))]));
    }

    [Fact]
    public void Zip64AndStoredEntriesAreRead()
    {
        using var stored = Open(Zip([KeyValuePair.Create("comments.csv", Encoding.UTF8.GetBytes(Comments))], CompressionLevel.NoCompression));
        Assert.Equal(1, stored.Inspect().Records);
        using var zip64 = Open(Zip64Claim("comments.csv", Comments, Comments.Length));
        Assert.Equal(1, zip64.Inspect().Records);
    }

    private static string PostsOf(string body) => $"id,permalink,date,ip,subreddit,gildings,title,url,body\na,u,,,s,0,t,,{body}\n";

    private static int DirectoryAt(byte[] zip) => BinaryPrimitives.ReadInt32LittleEndian(zip.AsSpan(zip.Length - 22 + 16));

    /// <summary>One stored entry whose sizes and end of directory are in ZIP64 form, claiming <paramref name="bytes"/>.</summary>
    private static byte[] Zip64Claim(string name, string text, long bytes)
    {
        var plain = Zip([KeyValuePair.Create(name, Encoding.UTF8.GetBytes(text))], CompressionLevel.NoCompression);
        int at = DirectoryAt(plain);
        var header = plain.AsSpan(at, 46).ToArray();
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(10), 8); // deflate may claim any size
        if (bytes == text.Length)
            BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(10), 0);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(24), uint.MaxValue);
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(30), 12);
        var extra = new byte[12];
        extra[0] = 1;
        extra[2] = 8;
        BinaryPrimitives.WriteInt64LittleEndian(extra.AsSpan(4), bytes);
        var directory = (byte[])[.. header, .. Encoding.UTF8.GetBytes(name), .. extra];
        var end = new byte[56];
        BinaryPrimitives.WriteUInt32LittleEndian(end, 0x06064b50);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(4), 44);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(24), 1);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(32), 1);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(40), directory.Length);
        BinaryPrimitives.WriteInt64LittleEndian(end.AsSpan(48), at);
        var locator = new byte[20];
        BinaryPrimitives.WriteUInt32LittleEndian(locator, 0x07064b50);
        BinaryPrimitives.WriteInt64LittleEndian(locator.AsSpan(8), at + directory.Length);
        BinaryPrimitives.WriteInt32LittleEndian(locator.AsSpan(16), 1);
        var last = plain.AsSpan(plain.Length - 22).ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(last.AsSpan(12), directory.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(last.AsSpan(16), uint.MaxValue);
        return [.. plain[..at], .. directory, .. end, .. locator, .. last];
    }

    [Fact]
    public void The_checksum_is_that_of_the_standard_in_pieces_of_every_length()
    {
        var check = new Crc32();
        check.Append("123456789"u8);
        Assert.Equal(0xCBF43926, check.Value); // the check value of CRC-32/ISO-HDLC
        var data = new byte[100];
        new Random(1).NextBytes(data);
        var whole = new Crc32();
        whole.Append(data);
        for (int length = 1; length < data.Length; length++)
        {
            var pieces = new Crc32();
            pieces.Append(data.AsSpan(0, length));
            pieces.Append(data.AsSpan(length));
            Assert.Equal(whole.Value, pieces.Value);
        }
    }
}
