using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Trove.Tests.Cli;

/// <summary>
/// The pages of Manual/ are read as a person would: after each <c>$ trove …</c> stands what it prints, lines of
/// standard error after <c>!</c>, and the exit code in brackets unless it is 0. The program must do exactly that.
/// </summary>
public partial class ManualTests
{
    private static readonly string Folder = Path.Combine(Vectors.Repository, "tests", "Trove.Tests", "Cli", "Manual");

    public static TheoryData<string> Pages => [.. Directory.EnumerateFiles(Folder, "*.txt").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Page_says_what_happens(string page)
    {
        var folder = TroveCommand.NewFolder();
        try
        {
            Copy(Path.Combine(Folder, "files"), folder);
            Copy(Path.Combine(Vectors.Repository, "tests", "Trove.Tests", "Exports", "Fixtures", "chatgpt-parts"), Path.Combine(folder, "chatgpt-parts"));
            var happened = new StringBuilder();
            var said = await File.ReadAllLinesAsync(Path.Combine(Folder, page + ".txt"));
            int commands = 0;
            for (int i = 0; i < said.Length; i++)
            {
                happened.Append(said[i]).Append('\n');
                if (!said[i].StartsWith("$ trove ", StringComparison.Ordinal))
                    continue;
                commands++;
                var (code, output, error) = await TroveCommand.RunAsync(folder, Words().Matches(said[i]["$ trove ".Length..]).Select(m => m.Value.Trim('"')));
                happened.Append(output.Replace("\n\n", "\n.\n", StringComparison.Ordinal)); // a blank line ends what the page says of a command
                foreach (var line in error.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                    happened.Append("! ").Append(line.Replace(folder, "FOLDER", StringComparison.Ordinal)).Append('\n');
                if (code != 0)
                    happened.Append(CultureInfo.InvariantCulture, $"[{code}]\n");
                while (i + 1 < said.Length && said[i + 1].Length > 0 && !said[i + 1].StartsWith('$'))
                    i++; // what the page says instead of what happened
            }
            Assert.True(commands > 2);
            Assert.Equal(string.Join('\n', said) + "\n", happened.ToString());
            Assert.Empty(Directory.EnumerateFiles(folder, "*.partial"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [GeneratedRegex("\"[^\"]*\"|\\S+")]
    private static partial Regex Words();

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}
