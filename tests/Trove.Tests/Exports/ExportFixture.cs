using System.IO.Compression;
using System.Text;
using Trove.Exports;

namespace Trove.Tests.Exports;

/// <summary>Builds exports in memory out of the fixtures and of text written in a test.</summary>
internal static class ExportFixture
{
    public static readonly string Root = FindRoot();

    /// <summary>A member's key of pseudonyms.</summary>
    public static readonly byte[] Key = [.. Enumerable.Range(0, Redaction.KeySize).Select(i => (byte)i)];

    /// <summary>The files of a fixture folder and of the folders in it.</summary>
    public static Dictionary<string, byte[]> Files(string fixture)
    {
        var folder = Path.Combine(Root, "tests", "Trove.Tests", "Exports", "Fixtures", fixture);
        return Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .ToDictionary(path => Path.GetRelativePath(folder, path).Replace('\\', '/'), System.IO.File.ReadAllBytes);
    }

    public static byte[] Zip(IEnumerable<KeyValuePair<string, byte[]>> files, CompressionLevel level = CompressionLevel.Fastest)
    {
        var buffer = new MemoryStream();
        using (var archive = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, bytes) in files)
            {
                using var entry = archive.CreateEntry(name, level).Open();
                entry.Write(bytes);
            }
        }
        return buffer.ToArray();
    }

    public static byte[] Zip(params (string Name, string Text)[] files) =>
        Zip(files.Select(file => KeyValuePair.Create(file.Name, Encoding.UTF8.GetBytes(file.Text))));

    public static byte[] ZipFixture(string fixture) => Zip(Files(fixture));

    public static Export Open(byte[] zip, ExportOptions? options = null) => Export.Open("export.zip", zip, options);

    public static Export OpenFixture(string fixture, ExportOptions? options = null) => Open(ZipFixture(fixture), options);

    /// <summary>As Reddit writes it: a byte order mark and CRLF.</summary>
    public static byte[] AsReddit(string csv) => [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(csv.Replace("\n", "\r\n"))];

    public static FileReport File(this ExportReport report, string name) => report.Files.Single(file => file.Name == name);

    /// <summary>How many records of each kind a report counts, in the vocabulary's order.</summary>
    public static string Kinds(ExportReport report) => string.Join(", ", report.Kinds.OrderBy(kind => kind.Key).Select(kind => $"{kind.Key.Name()} {kind.Value}"));

    /// <summary>One check of an export made of these files.</summary>
    public static ExportCheck CheckOf(Dictionary<string, byte[]> files, string name)
    {
        using var export = Open(Zip(files));
        return export.Checks().Single(check => check.Name == name);
    }

    /// <summary>The files with one text of one of them changed, which must occur.</summary>
    public static Dictionary<string, byte[]> Edited(string fixture, string file, string old, string changed)
    {
        var files = Files(fixture);
        var text = Encoding.UTF8.GetString(files[file]);
        Assert.Contains(old, text, StringComparison.Ordinal);
        files[file] = Encoding.UTF8.GetBytes(text.Replace(old, changed, StringComparison.Ordinal));
        return files;
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!System.IO.File.Exists(Path.Combine(folder, "Trove.slnx")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("the tests run from within the repository");
        return folder;
    }
}
