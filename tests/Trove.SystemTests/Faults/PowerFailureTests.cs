using Trove.Chain.Durability;

namespace Trove.SystemTests.Faults;

/// <summary>The power failure takes what was not synced and nothing else; the tests that use it mean nothing otherwise.</summary>
public sealed class PowerFailureTests
{
    [Fact]
    public void Takes_what_was_not_synced_and_nothing_else()
    {
        var folder = TestFolder.Create();
        try
        {
            string File(string name, string content)
            {
                var path = Path.Combine(folder, name);
                System.IO.File.WriteAllText(path, content);
                return path;
            }
            string whole = File("whole", "12345"), longer = File("longer", "1234567"), unnamed = File("unnamed", "12345"), never = File("never", "12345"), moved = File("moved", "12345"), lost = File("lost", "12345");
            var kept = File("database", "12345");
            var log = Path.Combine(folder, "log");
            System.IO.File.WriteAllLines(log,
            [
                $"file 5 {whole}", $"file 5 {longer}", $"file 5 {moved}.new", $"move {moved}.new\t{moved}", $"folder {folder}",
                $"file 5 {unnamed}", $"file 5 {lost}.new", $"move {lost}.new\t{lost}", "", "folder",
            ]);
            Directory.CreateDirectory(Path.Combine(folder, "postgres"));
            System.IO.File.Move(kept, Path.Combine(folder, "postgres", "database"));
            Assert.Equal(5, PowerFailure.DropUnsynced(log, [folder], Path.Combine(folder, "postgres"))); // the log itself is one
            Assert.Equal(["12345", "12345", "12345"], new[] { whole, longer, moved }.Select(System.IO.File.ReadAllText));
            Assert.DoesNotContain(new[] { unnamed, never, lost }, System.IO.File.Exists);
            Assert.True(System.IO.File.Exists(Path.Combine(folder, "postgres", "database")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Names_are_reached_somewhere_and_once_named()
    {
        var source = string.Concat(Directory.EnumerateFiles(Path.Combine(Story.TroveCli.Repository, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.EndsWith("FaultPoint.cs", StringComparison.Ordinal)).Select(File.ReadAllText));
        Assert.Equal(FaultPoint.Names.Count, FaultPoint.Names.Distinct().Count());
        Assert.All(FaultPoint.Names, name => Assert.Contains('"' + (name.StartsWith("upload.", StringComparison.Ordinal) ? name["upload.".Length..]
            : name.EndsWith(".mined", StringComparison.Ordinal) ? name[..^".mined".Length] : name) + '"', source, StringComparison.Ordinal));
    }
}
