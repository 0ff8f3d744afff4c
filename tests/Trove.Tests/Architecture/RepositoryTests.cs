using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Trove.Chain.Embedded;
using Trove.Node.Operations;

namespace Trove.Tests.Architecture;

/// <summary>What lies in the repository speaks of Trove and of nobody's machine; each mutation still applies.</summary>
public partial class RepositoryTests
{
    private static string Mutations => Path.Combine(Vectors.Repository, "tests", "mutations");

    public static TheoryData<string> Patches => [.. Directory.EnumerateFiles(Mutations, "*.patch").Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];

    [Fact]
    public void No_file_speaks_of_the_machine_it_was_written_on()
    {
        var found = new List<string>();
        foreach (var file in TrackedFiles())
        {
            var bytes = File.ReadAllBytes(Path.Combine(Vectors.Repository, file));
            if (bytes.AsSpan(0, Math.Min(bytes.Length, 8000)).Contains((byte)0))
                continue; // no text
            if (Machine().Match(Encoding.UTF8.GetString(bytes)) is { Success: true } match)
                found.Add($"{file}: {match.Value}");
        }
        Assert.Empty(found);
    }

    [Theory]
    [InlineData("see /wor" + "k/wt/chain/notes", true)]
    [InlineData("/hom" + "e/somebody/trove", true)]
    [InlineData("\"resolved\": \"https://registry.npm" + "js.org/x\"", true)]
    [InlineData("PostgreSQL runs as another user there and cannot enter /root", false)]
    [InlineData("/api/v1/verifier/work", false)]
    public void Pattern_catches_what_it_is_for(string text, bool caught) => Assert.Equal(caught, Machine().IsMatch(text));

    [Fact]
    public void Lock_files_are_there()
    {
        var projects = TrackedFiles().Where(f => f.EndsWith(".csproj", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(projects);
        Assert.All(projects, project => Assert.True(File.Exists(Path.Combine(Vectors.Repository, Path.GetDirectoryName(project)!, "packages.lock.json")), $"{project} has no packages.lock.json: restore it once and commit that"));
    }

    // Of one version at a time: whoever writes these bytes reads the tag here.
    [Fact]
    public void Every_domain_tag_stands_in_the_list_of_them()
    {
        var listed = File.ReadAllText(Path.Combine(Vectors.Repository, "specs", "canonical.md"));
        var tags = TrackedFiles().Where(f => f.StartsWith("src/", StringComparison.Ordinal) && f.EndsWith(".cs", StringComparison.Ordinal))
            .SelectMany(f => Regex.Matches(File.ReadAllText(Path.Combine(Vectors.Repository, f)), @"new CanonicalWriter\(""(?<tag>trove/[^""]*)""").Select(m => m.Groups["tag"].Value)).Distinct().ToList();
        Assert.True(tags.Count > 15, $"only {tags.Count} tags found");
        Assert.All(tags, tag => Assert.True(listed.Contains($"`{tag}`", StringComparison.Ordinal) || Wildcards(listed).Any(w => tag.StartsWith(w, StringComparison.Ordinal)), $"{tag} is not in specs/canonical.md"));
        Assert.All(Regex.Matches(listed, @"`(trove/[^`…]*/\d+)`").Select(m => m.Groups[1].Value), tag => Assert.True(Sources.Value.Contains(tag, StringComparison.Ordinal), $"nothing in src writes {tag}"));

        static IEnumerable<string> Wildcards(string listed) => Regex.Matches(listed, @"`(trove/[^`…]*)…").Select(m => m.Groups[1].Value);
    }

    private static readonly Lazy<string> Sources = new(() => string.Concat(TrackedFiles().Where(f => f.StartsWith("src/", StringComparison.Ordinal) && f.EndsWith(".cs", StringComparison.Ordinal))
        .Select(f => File.ReadAllText(Path.Combine(Vectors.Repository, f)))));

    // Alerts go by the numbers.
    [Fact]
    public void Every_log_line_has_an_event_id_of_its_own()
    {
        var calls = TrackedFiles().Where(f => f.StartsWith("src/", StringComparison.Ordinal) && f.EndsWith(".cs", StringComparison.Ordinal))
            .SelectMany(f => Regex.Matches(File.ReadAllText(Path.Combine(Vectors.Repository, f)), @"\.Log(Trace|Debug|Information|Warning|Error|Critical)\(\s*(?<first>[A-Za-z.]*)").Select(m => (File: f, First: m.Groups["first"].Value))).ToList();
        Assert.True(calls.Count > 40, $"only {calls.Count} calls found");
        Assert.All(calls, c => Assert.True(Regex.IsMatch(c.First, @"^(Chain)?LogEvents\."), $"{c.File} logs without an event id: add one to LogEvents, or to ChainLogEvents in Trove.Chain"));
        var ids = new[] { typeof(LogEvents), typeof(ChainLogEvents) }.SelectMany(t => t.GetFields()).Select(f => (Microsoft.Extensions.Logging.EventId)f.GetValue(null)!).ToList();
        Assert.Equal(ids.Select(i => i.Id).Distinct(), ids.Select(i => i.Id));
        Assert.Equal(ids.Select(i => i.Name).Distinct(), ids.Select(i => i.Name));
    }

    /// <summary>A mutation breaks one promise; the test it names must fail with it. Here: it still applies, and the test is there.</summary>
    [Theory]
    [MemberData(nameof(Patches))]
    public async Task Mutation_applies_and_names_a_test(string patch)
    {
        var path = Path.Combine(Mutations, patch);
        var first = File.ReadLines(path).First();
        Assert.Matches("^# test: [A-Za-z0-9_.]+$", first);
        var parts = first["# test: ".Length..].Split('.');
        var tests = TrackedFiles().Where(f => f.StartsWith("tests/", StringComparison.Ordinal) || f.StartsWith("contracts/tests/", StringComparison.Ordinal))
            .Where(f => f.EndsWith(".cs", StringComparison.Ordinal) || f.EndsWith(".sol", StringComparison.Ordinal)).Select(f => File.ReadAllText(Path.Combine(Vectors.Repository, f))).ToList();
        Assert.True(tests.Any(text => parts.TakeLast(2).All(part => Regex.IsMatch(text, $@"\b(class|Task|void|function) {part}\b"))), $"{patch}: no test {first[8..]}");
        var (code, output) = await GitAsync("apply", "--check", path);
        Assert.True(code == 0, $"{patch} does not apply any more: make it anew. {output}");
        Assert.All(File.ReadLines(path).Where(l => l.StartsWith("+++ ", StringComparison.Ordinal)), l => Assert.Matches(@"^\+\+\+ b/(contracts/)?src/", l));
    }

    private static List<string> TrackedFiles()
    {
        var (code, output) = GitAsync("ls-files", "-z", "--cached", "--others", "--exclude-standard").GetAwaiter().GetResult();
        Assert.True(code == 0, output);
        return [.. output.Split('\0', StringSplitOptions.RemoveEmptyEntries).Where(f => File.Exists(Path.Combine(Vectors.Repository, f)))];
    }

    private static async Task<(int Code, string Output)> GitAsync(params string[] arguments)
    {
        // -c safe.directory: the tests may run as another user than who checked out.
        var start = new ProcessStartInfo("git", ["-c", $"safe.directory={Vectors.Repository}", .. arguments])
        {
            WorkingDirectory = Vectors.Repository, RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.UTF8,
        };
        using var git = Process.Start(start)!;
        var (output, error) = (git.StandardOutput.ReadToEndAsync(), git.StandardError.ReadToEndAsync());
        await git.WaitForExitAsync();
        return (git.ExitCode, await output + await error);
    }

    // In pieces, or this file would be found.
    [GeneratedRegex(@"(?<![\w.~/-])/wor" + "k/|/ho" + "me/[a-z]|/Us" + @"ers/[A-Za-z]|registry\.npm" + @"js\.org/")]
    private static partial Regex Machine();
}
