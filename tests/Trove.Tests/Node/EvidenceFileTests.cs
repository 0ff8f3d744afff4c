using System.Buffers.Binary;
using System.Text;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Tests.Node;

public class EvidenceFileTests
{
    private static readonly byte[] Zip = Encoding.ASCII.GetBytes("PK: what follows is the export, whatever it is");
    private static readonly Hash32[] Headers = [.. Enumerable.Range(1, 3).Select(i => new Hash32(Enumerable.Repeat((byte)i, 32).ToArray()))];
    private static readonly string[] Mails = ["To: maya\r\n\r\n", ""];
    private static readonly PublicPages Pages = new(Profile: true, Permalinks: false, ["https://www.reddit.com/r/a/1/"]);
    private const int Magic = 17, MailCount = Magic + 4 + 2, FirstMail = MailCount + 4, Flags = FirstMail + 4 + 12 + 4, PostCount = Flags + 4, FirstPost = PostCount + 4, OpeningCount = FirstPost + 4 + 29;

    [Theory]
    [InlineData("")]
    [InlineData("Zoë 世界")]
    public void What_is_written_is_read(string me)
    {
        using var file = EvidenceFile.Read(Write(me));
        Assert.Equal(me, file.Me);
        Assert.Equal(Zip, file.Export.ToArray());
        for (int i = 0; i < Headers.Length; i++)
            Assert.Equal(Enumerable.Repeat((byte)(0x40 + i), 32), file.Opening(Headers[i])!.Span.ToArray());
        Assert.Null(file.Opening(new Hash32(new byte[32])));
        Assert.Equal((true, false), (file.Pages.Profile, file.Pages.Permalinks));
        Assert.Equal(Pages.Posts, file.Pages.Posts);
        Assert.Equal(Mails, file.Mails.Select(m => Encoding.ASCII.GetString(m.Span)));
    }

    [Fact]
    public void CutShortAnywhereBeforeTheExport()
    {
        var bytes = Write("me");
        for (int length = 0; length < bytes.Length - Zip.Length; length++)
            Assert.Throws<FormatException>(() => EvidenceFile.Read(bytes.AsMemory(0, length)));
        using var empty = EvidenceFile.Read(bytes.AsMemory(0, bytes.Length - Zip.Length));
        Assert.Equal(0, empty.Export.Length);
    }

    // The bounds hold before anything of the claimed length is taken.
    [Theory]
    [InlineData(Magic, 1025, "too long")]
    [InlineData(Magic, int.MaxValue, "too long")]
    [InlineData(Magic, -1, "too long")]
    [InlineData(MailCount, 5, "too many mails")]
    [InlineData(MailCount, -1, "too many mails")]
    [InlineData(FirstMail, (1 << 20) + 1, "a mail in the evidence file is too long")]
    [InlineData(FirstMail, int.MinValue, "a mail in the evidence file is too long")]
    [InlineData(FirstMail, 1 << 20, "cut short")]
    [InlineData(Flags, 4, "asks for pages that there are not")]
    [InlineData(Flags, -1, "asks for pages that there are not")]
    [InlineData(PostCount, 5, "too many posts")]
    [InlineData(PostCount, -1, "too many posts")]
    [InlineData(FirstPost, 513, "a post's address in the evidence file is too long")]
    [InlineData(FirstPost, int.MinValue, "a post's address in the evidence file is too long")]
    [InlineData(FirstPost, 512, "cut short")]
    [InlineData(OpeningCount, 513, "opens too many parts")]
    [InlineData(OpeningCount, int.MaxValue, "opens too many parts")]
    [InlineData(OpeningCount, int.MinValue, "opens too many parts")]
    [InlineData(OpeningCount, 512, "cut short")]
    public void LengthOutOfBounds(int at, int length, string problem)
    {
        var bytes = Write("me");
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at), length);
        Assert.Contains(problem, Assert.Throws<FormatException>(() => EvidenceFile.Read(bytes)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ChangedBytesNeverBreakTheReader()
    {
        var good = Write("me");
        var chance = new Random(7);
        for (int round = 0; round < 5_000; round++)
        {
            var bytes = good[..chance.Next(good.Length + 1)];
            for (int i = chance.Next(4); i > 0 && bytes.Length > 0; i--)
                bytes[chance.Next(bytes.Length)] = (byte)chance.Next(256);
            try
            {
                using var file = EvidenceFile.Read(bytes);
                Assert.True(file.Export.Length < bytes.Length);
            }
            catch (FormatException)
            {
                // The one way to say no.
            }
        }
    }

    [Fact]
    public void The_pages_example_is_what_is_written()
    {
        var page = File.ReadAllText(Path.Combine(Vectors.Repository, "specs", "evidence.md")).Split("```")[1];
        using var head = new MemoryStream();
        using var secret = Secret(0x99);
        EvidenceFile.WriteHead(head, "maya", ["To: maya\r\n\r\n"u8.ToArray()], new PublicPages(true, true, ["https://www.reddit.com/r/a/comments/1/b/"]), [(new Hash32(Enumerable.Repeat((byte)0x32, 32).ToArray()), secret)]);
        Assert.Equal(165, head.Length);
        Assert.Equal(string.Concat(page.Where(char.IsAsciiHexDigitLower)), Convert.ToHexStringLower(head.ToArray()));
    }

    [Fact]
    public void TheSameHeaderTwiceKeepsTheFirstSecret()
    {
        using var head = new MemoryStream();
        using SecretBytes first = Secret(0x40), second = Secret(0x41);
        EvidenceFile.WriteHead(head, "", [], PublicPages.None, [(Headers[0], first), (Headers[0], second)]);
        using var file = EvidenceFile.Read(head.ToArray());
        Assert.True(file.Opening(Headers[0])!.FixedTimeEquals(first.Span));
    }

    private static byte[] Write(string me)
    {
        using var file = new MemoryStream();
        var secrets = Headers.Select((_, i) => Secret((byte)(0x40 + i))).ToList();
        EvidenceFile.WriteHead(file, me, [.. Mails.Select(m => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(m))], Pages, [.. Headers.Zip(secrets)]);
        file.Write(Zip);
        secrets.ForEach(s => s.Dispose());
        return file.ToArray();
    }

    private static SecretBytes Secret(byte value) => new(Enumerable.Repeat(value, 32).ToArray());
}
