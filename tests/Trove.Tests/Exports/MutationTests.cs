using System.Text;
using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

/// <summary>
/// Damages exports at random, with fixed seeds, and does with them all that a verifier does. Whatever the damage: only
/// <see cref="ExportException"/> gets out, what was accepted keeps the rules, and the memory used stays small.
/// </summary>
public class MutationTests
{
    private const int Rounds = 60;

    [Theory]
    [InlineData("reddit", true)]
    [InlineData("reddit", false)]
    [InlineData("reddit-split", true)]
    [InlineData("chatgpt", true)]
    [InlineData("chatgpt", false)]
    [InlineData("chatgpt-parts", false)]
    [InlineData("x", false)]
    [InlineData("claude", true)]
    [InlineData("discord-csv", false)]
    [InlineData("slack", false)]
    [InlineData("telegram", true)]
    [InlineData("whatsapp-ios", true)]
    [InlineData("whatsapp-many", false)]
    [InlineData("mbox-gmail", false)]
    public void A_damaged_export_is_read_or_refused(string fixture, bool stored)
    {
        var level = stored ? System.IO.Compression.CompressionLevel.NoCompression : System.IO.Compression.CompressionLevel.Fastest;
        var zip = Zip(Files(fixture), level);
        int opened = 0, refused = 0;
        for (int seed = 0; seed < Rounds; seed++)
            Count(() => Mutate(zip, new Random(seed)), ref opened, ref refused);
        Assert.True(opened > 0 && refused > 0, $"{opened} opened, {refused} refused: the damage is not varied enough");
    }

    /// <summary>Damage below the archive: its checksums would find it, so the files are damaged before they are packed.</summary>
    [Theory]
    [InlineData("reddit")]
    [InlineData("reddit-split")]
    [InlineData("chatgpt")]
    [InlineData("chatgpt-parts")]
    [InlineData("x")]
    [InlineData("x-2019")]
    [InlineData("instagram")]
    [InlineData("instagram-2021")]
    [InlineData("facebook")]
    [InlineData("facebook-2019")]
    [InlineData("messenger-encrypted")]
    [InlineData("linkedin")]
    [InlineData("spotify")]
    [InlineData("spotify-extended")]
    [InlineData("amazon")]
    [InlineData("claude")]
    [InlineData("discord-csv")]
    [InlineData("discord-json")]
    [InlineData("slack")]
    [InlineData("telegram")]
    [InlineData("telegram-chat")]
    [InlineData("whatsapp-ios")]
    [InlineData("whatsapp-android")]
    [InlineData("whatsapp-many")]
    [InlineData("mbox-gmail")]
    [InlineData("mbox-eml")]
    [InlineData("mbox-folders")]
    [InlineData("google")]
    [InlineData("google-places")]
    [InlineData("bookmarks")]
    [InlineData("notes-obsidian")]
    [InlineData("notes-notion")]
    [InlineData("notes-documents")]
    [InlineData("jsonl")]
    public void Damaged_files_in_a_sound_archive_are_read_or_refused(string fixture)
    {
        var files = Files(fixture);
        int opened = 0, refused = 0;
        for (int seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var damaged = files.ToDictionary(file => file.Key, file => random.Next(3) == 0 ? Mutate(file.Value, random) : file.Value);
            Count(() => Zip(damaged), ref opened, ref refused);
        }
        Assert.True(opened > Rounds / 2, $"{opened} opened, {refused} refused");
    }

    private static void Count(Func<byte[]> make, ref int opened, ref int refused)
    {
        var bytes = make();
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using var export = Export.Open("mutant.zip", bytes);
            Exercise(export);
            opened++;
        }
        catch (ExportException)
        {
            refused++;
        }
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 256L << 20, "a damaged export used too much memory");
    }

    internal static void Exercise(Export export)
    {
        using var parts = new PartWriter(_ => Stream.Null);
        var redaction = new Redaction(RedactionClasses.All, ExportFixture.Key, ["hide"]);
        long records = 0;
        foreach (var record in export.Records())
        {
            records++;
            Assert.Equal(record, RecordJson.Read(RecordJsonTests.Write(record))); // what was accepted is checked again
            var redacted = redaction.Apply(record);
            Assert.True(Redaction.IsRedactionOf(record, redacted));
            parts.Add(redacted);
        }
        var report = export.Report;
        Assert.Equal(records, report.Records);
        Assert.Equal(records, report.Files.Sum(file => file.Records));
        Assert.NotEmpty(report.ToJson());
        Assert.NotEmpty(export.Checks());
        var sound = report.Files.Where(file => file.Status is FileStatus.Read or FileStatus.Empty).Select(file => file.Name).ToHashSet();
        try
        {
            export.WriteEvidence(Stream.Null, sound.Contains);
        }
        catch (ExportException)
        {
            // A damaged account or check file, which always comes along.
        }
    }

    private static byte[] Mutate(byte[] input, Random random)
    {
        var bytes = input.ToList();
        for (int times = random.Next(1, 4); times > 0 && bytes.Count > 1; times--)
        {
            int at = random.Next(bytes.Count), length = random.Next(1, Math.Min(64, bytes.Count - at) + 1);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes.RemoveRange(at, length);
                    break;
                case 2:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 3:
                    bytes.RemoveRange(at, random.Next(4) == 0 ? bytes.Count - at : length);
                    break;
                case 4:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Hostile[random.Next(Hostile.Length)]));
                    break;
                default:
                    for (int i = 0; i < Math.Min(8, length); i++)
                        bytes[at + i] = 0xFF;
                    break;
            }
        }
        return [.. bytes];
    }

    private static readonly string[] Hostile = ["\"", ",", "\n", "\0", "{", "[", "}", "]", "\\ud800", "\\u0000", "null", "-1e999", "😀", "\u202E", "\r", "../"];
}
