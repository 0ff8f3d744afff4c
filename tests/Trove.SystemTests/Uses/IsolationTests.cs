using System.Diagnostics;
using System.Text;
using Trove.Node.Runners;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Uses;

/// <summary>What a process that sees plaintext cannot do, tried from within; and that it does not start without these walls.</summary>
public sealed class IsolationTests
{
    [Theory]
    [InlineData("echo plain > $0/file", "a file")]
    [InlineData("echo plain > /dev/shm/trove-$$", "a file in shared memory")]
    [InlineData("exec 3<>/dev/tcp/127.0.0.1/22", "a connection")]
    [InlineData("ulimit -f 1", "its own limit back")]
    [InlineData("ulimit -c 1", "a core dump")]
    public async Task Neither_files_nor_network_can_be_had(string command, string what)
    {
        var folder = TestFolder.Create();
        try
        {
            var (code, _) = await RunAsync("/bin/bash", "-c", command, folder);
            Assert.True(code != 0, $"it got {what}");
            Assert.All(Directory.GetFiles(folder), file => Assert.Equal(0, new FileInfo(file).Length));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
            foreach (var file in Directory.GetFiles("/dev/shm", "trove-*"))
                File.Delete(file);
        }
    }

    [Fact]
    public async Task There_is_only_loopback_and_no_environment_of_the_broker()
    {
        Environment.SetEnvironmentVariable("TROVE_CANARY", "secret of the broker");
        try
        {
            var (code, output) = await RunAsync("/bin/bash", "-c", "cat /proc/self/net/dev; env");
            Assert.Equal(0, code);
            Assert.Equal(["lo"], output.Split('\n').Where(l => l.Contains(':', StringComparison.Ordinal)).Select(l => l.Split(':')[0].Trim()).Where(n => !n.Contains('=', StringComparison.Ordinal)));
            Assert.DoesNotContain("secret of the broker", output, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable("TROVE_CANARY", null);
        }
    }

    [Fact]
    public async Task An_executor_without_its_walls_refuses_to_start()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [TroveCli.Program, "execute-use"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        try
        {
            var (tag, bytes) = Frames.Read(process.StandardOutput.BaseStream, 1000);
            Assert.Equal(Frames.Failed, tag);
            Assert.StartsWith("not-isolated-", Encoding.ASCII.GetString(bytes), StringComparison.Ordinal);
            await process.WaitForExitAsync();
            Assert.Equal(1, process.ExitCode);
        }
        finally
        {
            process.Kill();
        }
    }

    private static async Task<(int Code, string Output)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(Isolation.StartInfo(program, arguments))!;
        process.StandardInput.Close();
        process.BeginErrorReadLine();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }
}
