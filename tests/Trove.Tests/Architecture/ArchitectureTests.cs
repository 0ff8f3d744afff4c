using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Trove.Tests.Architecture;

/// <summary>What keeps the code readable and its parts apart. Each failure says which line of the design it breaks.</summary>
public partial class ArchitectureTests
{
    // Who may use whom; nothing else.
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Trove.Core"] = [],
        ["Trove.Crypto"] = ["Trove.Core"],
        ["Trove.Exports"] = ["Trove.Core"],
        ["Trove.Models"] = ["Trove.Core"],
        ["Trove.Chain"] = ["Trove.Core", "Trove.Crypto"],
        ["Trove.Node"] = ["Trove.Core", "Trove.Crypto", "Trove.Exports", "Trove.Models", "Trove.Chain"],
        ["trove"] = ["Trove.Core", "Trove.Crypto", "Trove.Exports", "Trove.Models", "Trove.Chain", "Trove.Node", "Trove.Bench"],
    };

    // What may not be reached from projects that promise to be pure.
    private static readonly Dictionary<string, Regex> Forbidden = new(StringComparer.Ordinal)
    {
        ["Trove.Core"] = InputOutput(),
        ["Trove.Exports"] = Network(),
        ["Trove.Models"] = Network(),
    };

    public static TheoryData<string> Projects => [.. Directory.EnumerateFiles(Source, "*.csproj", SearchOption.AllDirectories).Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    private static string Source => Path.Combine(Vectors.Repository, "src");

    [Theory]
    [MemberData(nameof(Projects))]
    public void Dependencies_point_one_way(string project)
    {
        string assembly = project == "Trove.Cli" ? "trove" : project;
        Assert.True(Allowed.TryGetValue(assembly, out var allowed), $"{project} is new: say in Allowed whom it may use, and why it is a project");
        var declared = XDocument.Load(Path.Combine(Source, project, $"{project}.csproj")).Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(((string)r.Attribute("Include")!).Replace('\\', '/')));
        var compiled = UsedAssemblies(assembly).Where(n => n.StartsWith("Trove", StringComparison.Ordinal));
        foreach (var used in declared.Concat(compiled).Distinct())
            Assert.True(allowed.Contains(used), $"{project} uses {used}; the direction is Chain → Crypto → Core, Exports and Models → Core, Node and Cli → all");
    }

    [Theory]
    [InlineData("Trove.Core")]
    [InlineData("Trove.Exports")]
    [InlineData("Trove.Models")]
    public void Pure_projects_reach_no_outside(string project)
    {
        var types = UsedTypes(project);
        Assert.NotEmpty(types);
        Assert.DoesNotContain(types, Forbidden[project].IsMatch);
    }

    // The rule above is only worth something if its pattern catches what it is for.
    [Theory]
    [InlineData("System.IO.File", true, false)]
    [InlineData("System.Net.Sockets.Socket", true, true)]
    [InlineData("System.Net.Http.HttpClient", true, true)]
    [InlineData("System.Diagnostics.Process", true, true)]
    [InlineData("System.Net.IPAddress", true, false)]
    [InlineData("System.Net.WebUtility", true, false)]
    [InlineData("System.IO.Stream", false, false)]
    [InlineData("System.Text.StringBuilder", false, false)]
    public void Patterns_catch_what_they_are_for(string type, bool core, bool exports) =>
        Assert.Equal((core, exports), (InputOutput().IsMatch(type), Network().IsMatch(type)));

    [Theory]
    [InlineData("Trove.Core")]
    [InlineData("Trove.Crypto")]
    [InlineData("Trove.Exports")]
    [InlineData("Trove.Models")]
    [InlineData("Trove.Chain")]
    public void These_projects_need_no_package(string project) =>
        Assert.Empty(XDocument.Load(Path.Combine(Source, project, $"{project}.csproj")).Descendants("PackageReference"));

    [Fact]
    public void No_source_file_is_too_long_to_read()
    {
        var tooLong = Directory.EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal) && !f.Contains("/Generated/", StringComparison.Ordinal))
            .Select(f => (File: Path.GetRelativePath(Source, f), Lines: File.ReadLines(f).Count())).Where(f => f.Lines > 700);
        Assert.Empty(tooLong);
    }

    [Fact]
    public void Migrations_are_numbered_without_a_gap()
    {
        var names = Directory.EnumerateFiles(Path.Combine(Source, "Trove.Node", "Database", "Migrations")).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal).ToList();
        Assert.NotEmpty(names);
        Assert.All(names, (name, i) => Assert.Matches($@"^{i + 1:0000}_[a-z_]+\.sql$", name));
    }

    private static List<string> UsedAssemblies(string assembly) => Read(assembly, m =>
        m.AssemblyReferences.Select(r => m.GetString(m.GetAssemblyReference(r).Name)).ToList());

    private static List<string> UsedTypes(string assembly) => Read(assembly, m =>
        m.TypeReferences.Select(m.GetTypeReference).Select(t => $"{m.GetString(t.Namespace)}.{m.GetString(t.Name)}").ToList());

    private static T Read<T>(string assembly, Func<MetadataReader, T> read)
    {
        using var file = new PEReader(File.OpenRead(Path.Combine(AppContext.BaseDirectory, $"{assembly}.dll")));
        return read(file.GetMetadataReader());
    }

    [GeneratedRegex(@"^(System\.IO\.(File|Directory|Path|FileInfo|FileStream|DirectoryInfo|FileSystemWatcher)|System\.Net\..+|System\.Diagnostics\.Process.*|System\.Console|System\.Environment)$")]
    private static partial Regex InputOutput();

    // IPAddress and its family only read the text of an address, WebUtility the entities of HTML.
    [GeneratedRegex(@"^(System\.Net\.(?!(IPAddress|Sockets\.AddressFamily|WebUtility)$).+|System\.Diagnostics\.Process.*|System\.Console)$")]
    private static partial Regex Network();
}
