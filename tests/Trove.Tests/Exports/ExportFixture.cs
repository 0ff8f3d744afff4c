using System.IO.Compression;
using System.Text;
using Trove.Exports;

namespace Trove.Tests.Exports;

/// <summary>Builds exports in memory out of the fixtures and of text written in a test.</summary>
internal static class ExportFixture
{
    public static readonly string Root = FindRoot();

    /// <summary>The files of a fixture folder, and of the folders in it.</summary>
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

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!System.IO.File.Exists(Path.Combine(folder, "Trove.slnx")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("the tests run from within the repository");
        return folder;
    }
}
