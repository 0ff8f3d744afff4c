using System.Diagnostics;

namespace Trove.SystemTests.Story;

/// <summary>A program that dies leaves no core dump, which would hold in a file what was in memory only.</summary>
public class CoreDumpTests
{
    [Fact]
    public async Task A_command_that_crashes_leaves_no_core_dump()
    {
        var folder = TestFolder.Create();
        try
        {
            // The control: on this machine something else that crashes does leave one, or the shell would not say so.
            if (!(await CrashAsync(folder, "sleep 100")).Contains("core dumped", StringComparison.Ordinal))
                Assert.Skip("no program leaves core dumps on this machine");
            foreach (var core in Directory.EnumerateFiles(folder))
                File.Delete(core);
            var said = await CrashAsync(folder, $"dotnet exec '{TroveCli.Program}' encrypt -r age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj < fifo > sealed");
            Assert.Contains("Bad system call", said, StringComparison.Ordinal); // a signal that .NET leaves alone, and that dumps core
            Assert.DoesNotContain("core dumped", said, StringComparison.Ordinal);
            Assert.Equal(["fifo", "sealed"], Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // The crash comes once the program has all its threads, and so has begun.
    private static async Task<string> CrashAsync(string folder, string command)
    {
        var start = new ProcessStartInfo("bash", ["-c", $$"""
            ulimit -c unlimited; [ -p fifo ] || mkfifo fifo; exec 9<>fifo
            ({{(command.StartsWith("sleep", StringComparison.Ordinal) ? "exec " + command : command)}}) & p=$!
            for i in $(seq 600); do
              t=$(pgrep -P $p | head -1); t=${t:-$p}
              [ "{{command[..5]}}" = sleep ] && break
              [ "$(ls /proc/$t/task 2>/dev/null | wc -l)" -gt 8 ] && break
              sleep 0.1
            done
            sleep 0.5; kill -SYS $t; wait $p
            """]) { WorkingDirectory = folder, RedirectStandardError = true, RedirectStandardOutput = true };
        using var bash = Process.Start(start)!;
        var output = bash.StandardOutput.ReadToEndAsync();
        var said = await bash.StandardError.ReadToEndAsync() + await output;
        await bash.WaitForExitAsync();
        return said;
    }
}
