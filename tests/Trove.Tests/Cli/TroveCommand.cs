using System.Diagnostics;
using System.Text;

namespace Trove.Tests.Cli;

/// <summary>The real program, as a process, in a folder of its own.</summary>
internal static class TroveCommand
{
    private static readonly string Program = Path.Combine(Vectors.Repository, "src", "Trove.Cli", "bin",
        new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, new DirectoryInfo(AppContext.BaseDirectory).Name, "trove.dll");

    /// <summary>A folder that no node has ever run in; the caller deletes it.</summary>
    public static string NewFolder() => Directory.CreateTempSubdirectory("trove-cli-").FullName;

    /// <summary>Runs it to its end.</summary>
    public static async Task<(int Code, string Output, string Error)> RunAsync(string folder, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", Program, .. arguments])
        {
            WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8, StandardErrorEncoding = Encoding.UTF8, Environment = { ["TROVE_DATA"] = folder },
        };
        start.Environment.Remove("TROVE_NODE");
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
