using Trove.Chain.Embedded;

namespace Trove.SystemTests.Chain;

public class ChildProcessTests
{
    [Fact]
    public async Task Exit_code_and_last_output_are_kept_and_input_is_empty()
    {
        await using var child = await ShellAsync("cat; echo to-output; echo to-error >&2; exit 7");
        await child.Exited;
        Assert.Equal(7, child.ExitCode);
        Assert.Contains("to-output", child.OutputTail);
        Assert.Contains("to-error", child.Describe());
    }

    [Fact]
    public async Task A_child_that_writes_without_end_fills_no_memory()
    {
        await using var child = await ShellAsync("head -c 20000000 /dev/zero | tr '\\0' x; echo END");
        await child.Exited;
        Assert.EndsWith("END\n", child.OutputTail);
        Assert.True(child.OutputTail.Length <= 16 * 1024);
    }

    [Fact]
    public async Task The_environment_is_what_was_given_and_the_folder_too()
    {
        await using var child = await ChildProcess.StartAsync(new ChildProcessOptions
        {
            Program = "/bin/sh", Arguments = ["-c", "pwd; env"], WorkingDirectory = "/usr/lib", Environment = new Dictionary<string, string> { ["TROVE_GIVEN"] = "a b;c" },
        });
        await child.Exited;
        var lines = child.OutputTail.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("/usr/lib", lines[0]);
        Assert.Contains("TROVE_GIVEN=a b;c", lines);
        Assert.DoesNotContain(lines, l => l.StartsWith("HOME=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_child_outlives_the_thread_that_asked_for_it()
    {
        ChildProcess? child = null;
        var thread = new Thread(() => child = ShellAsync("echo up; exec sleep 600").GetAwaiter().GetResult());
        thread.Start();
        thread.Join();
        while (!child!.OutputTail.Contains("up", StringComparison.Ordinal) && !child.HasExited)
            await Task.Delay(10);
        GC.Collect();
        Assert.False(child.HasExited);
        await child.StopAsync(ChildSignal.Terminate, TimeSpan.FromMinutes(1));
        Assert.Equal(128 + 15, child.ExitCode);
    }

    [Fact]
    public async Task A_child_that_ignores_the_signal_is_killed()
    {
        await using var child = await ShellAsync("trap '' INT TERM; echo up; while :; do sleep 1; done");
        while (!child.OutputTail.Contains("up", StringComparison.Ordinal))
            await Task.Delay(10);
        await child.StopAsync(ChildSignal.Interrupt, TimeSpan.FromMilliseconds(200));
        Assert.Equal(128 + 9, child.ExitCode);
        await child.StopAsync(ChildSignal.Interrupt, TimeSpan.FromMilliseconds(200)); // again: nothing happens
    }

    [Fact]
    public async Task A_child_can_run_as_another_user()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root");
        await using var child = await ChildProcess.StartAsync(new ChildProcessOptions
        {
            Program = "/bin/sh", Arguments = ["-c", "id -un; id -G; exec sleep 600"], WorkingDirectory = "/", User = "nobody", Group = "nogroup",
        });
        while (child.OutputTail.Count(c => c == '\n') < 2 && !child.HasExited)
            await Task.Delay(10);
        Assert.StartsWith("nobody\n65534\n", child.OutputTail);
        await child.KillAsync();
        Assert.Equal(128 + 9, child.ExitCode);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("nobody")]
    public async Task A_child_dies_with_its_parent_even_by_sigkill(string? user)
    {
        Assert.SkipUnless(user is null || Environment.UserName == "root", "needs root");
        await using var owner = await Host.StartAsync(nameof(Host.Starts_a_sleeping_child), new Dictionary<string, string> { ["TROVE_HOST_USER"] = user ?? "" });
        int child = int.Parse(await owner.LineAsync("child "), System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(Directory.Exists($"/proc/{child}"));
        owner.KillOnlyIt();
        for (int i = 0; i < 500 && Alive(child); i++)
            await Task.Delay(20);
        Assert.False(Alive(child));
    }

    [Fact]
    public async Task A_missing_program_or_folder_is_said()
    {
        await using var child = await ChildProcess.StartAsync(new ChildProcessOptions { Program = "/nowhere/tool", WorkingDirectory = "/" });
        await child.Exited;
        Assert.Contains("/nowhere/tool", child.Describe());
        Assert.NotEqual(0, child.ExitCode);
        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => ChildProcess.StartAsync(new ChildProcessOptions { Program = "/bin/true", WorkingDirectory = "/nowhere" }));
        Assert.Contains("/nowhere", e.Message);
    }

    internal static bool Alive(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static Task<ChildProcess> ShellAsync(string script) =>
        ChildProcess.StartAsync(new ChildProcessOptions { Program = "/bin/sh", Arguments = ["-c", script], WorkingDirectory = "/" });
}
