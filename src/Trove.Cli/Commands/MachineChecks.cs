using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Trove.Chain.Durability;

namespace Trove.Cli.Commands;

/// <summary>How a check ended: <c>ok</c>, <c>warn</c> or <c>fail</c>.</summary>
internal sealed record Check(string Name, string Status, string Found, string? NextStep = null);

/// <summary>What a machine needs to run a node, guardian, verifier or runner.</summary>
internal static class MachineChecks
{
    private const int GiB = 30;
    private static readonly TimeSpan ToolWait = TimeSpan.FromSeconds(10);

    /// <summary>All of them, each on its own: one that fails hides no other.</summary>
    public static async Task<List<Check>> RunAsync(string data, CancellationToken ct) =>
    [
        Environment.Version.Major >= 10
            ? new Check("dotnet", "ok", Environment.Version.ToString())
            : new Check("dotnet", "fail", Environment.Version.ToString(), "install the .NET 10 runtime"),
        await NodeJsAsync(ct),
        Library("libsodium", "libsodium.so.23", "libsodium23"),
        Library("libsecp256k1", "libsecp256k1.so.1", "libsecp256k1-1"),
        Postgres(),
        await ToolAsync("setpriv", ["setpriv", "--pdeathsig", "KILL", "--", "true"], "fail", "install util-linux: children must die with their parent", ct),
        await ToolAsync("setsid", ["setsid", "true"], "fail", "install util-linux", ct),
        await ToolAsync("unshare -n", Environment.IsPrivilegedProcess ? ["unshare", "-n", "--", "true"] : ["unshare", "-r", "-n", "--", "true"], "warn",
            "needed by runners only: allow network namespaces (sysctl kernel.unprivileged_userns_clone=1), or run the runner elsewhere", ct),
        Space(data),
        Synced(data),
        Reachable(data),
        OpenFiles(),
        Memory(),
    ];

    private static async Task<Check> NodeJsAsync(CancellationToken ct)
    {
        var (code, output) = await TryAsync(["node", "--version"], ct);
        return code == 0 && int.TryParse(output.TrimStart('v').Split('.')[0], CultureInfo.InvariantCulture, out int major) && major >= 20
            ? new Check("node", "ok", output)
            : new Check("node", "warn", code == 0 ? output : "not found", "install Node.js 20 or newer: it fetches the native packages at set-up, and does not run afterwards");
    }

    private static Check Library(string name, string file, string package)
    {
        if (!NativeLibrary.TryLoad(file, out nint library))
            return new Check(name, "fail", $"{file} cannot be loaded", $"apt-get install {package}");
        NativeLibrary.Free(library);
        return new Check(name, "ok", file);
    }

    private static Check Postgres()
    {
        const string root = "/usr/lib/postgresql";
        var newest = Directory.Exists(root)
            ? Directory.GetDirectories(root).Where(d => File.Exists(Path.Combine(d, "bin", "pg_dump"))).Select(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out int v) ? v : 0).DefaultIfEmpty().Max()
            : 0;
        return newest >= 15
            ? new Check("postgresql", "ok", $"version {newest}")
            : new Check("postgresql", "fail", newest == 0 ? $"none under {root}" : $"version {newest}", "apt-get install postgresql (15 or newer); only a node with --db-file can do without its server");
    }

    private static async Task<Check> ToolAsync(string name, string[] command, string otherwise, string nextStep, CancellationToken ct)
    {
        var (code, output) = await TryAsync(command, ct);
        return code == 0 ? new Check(name, "ok", "it works") : new Check(name, otherwise, output.Length == 0 ? $"it ends with {code}" : output, nextStep);
    }

    private static Check Space(string data)
    {
        long free = new DriveInfo(Existing(data)).AvailableFreeSpace;
        var found = $"{free / (double)(1L << GiB):0.0} GiB free under {data}";
        return free >= 5L << GiB ? new Check("disk", "ok", found)
            : new Check("disk", free >= 1L << GiB ? "warn" : "fail", found, "make space: a node takes nothing new below 1 GiB (--keep-free)");
    }

    // What a node acknowledges is what fsync says is on the disk.
    private static Check Synced(string data)
    {
        var folder = Existing(data);
        var file = Path.Combine(folder, $".doctor-{Environment.ProcessId}");
        try
        {
            var watch = Stopwatch.StartNew();
            DurableFile.Write(file, stream => stream.WriteByte(1));
            var took = watch.Elapsed;
            return took < TimeSpan.FromMilliseconds(250)
                ? new Check("fsync", "ok", $"{took.TotalMilliseconds:0.0} ms")
                : new Check("fsync", "warn", $"{took.TotalMilliseconds:0} ms", "a slow disk makes each acknowledgement slow: use a local SSD");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new Check("fsync", "fail", e.Message, $"let this user write to {folder}, on a file system that can sync");
        }
        finally
        {
            if (File.Exists(file))
                File.Delete(file);
        }
    }

    private static Check Reachable(string data)
    {
        if (!Environment.IsPrivilegedProcess)
            return new Check("data folder", "ok", "PostgreSQL runs as this user");
        for (var folder = Existing(data); folder is not null; folder = Path.GetDirectoryName(folder))
            if (!File.GetUnixFileMode(folder).HasFlag(UnixFileMode.OtherExecute))
                return new Check("data folder", "fail", $"the user postgres may not enter {folder}", $"use a folder that it can reach, such as /var/lib/trove, or run: chmod o+x {folder}");
        return new Check("data folder", "ok", "the user postgres can reach it");
    }

    private static Check OpenFiles()
    {
        const string line = "Max open files";
        var words = File.ReadLines("/proc/self/limits").First(l => l.StartsWith(line, StringComparison.Ordinal))[line.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words[1] == "unlimited" || (long.TryParse(words[1], CultureInfo.InvariantCulture, out long hard) && hard >= 16_384)
            ? new Check("open files", "ok", words[1])
            : new Check("open files", "warn", words[1], "raise it to 65536 (LimitNOFILE= of the service): each member's connection is a file");
    }

    private static Check Memory()
    {
        long bytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var found = $"{bytes / (double)(1L << GiB):0.0} GiB";
        return bytes >= 3L << GiB ? new Check("memory", "ok", found)
            : new Check("memory", bytes >= 1L << GiB ? "warn" : "fail", found, "a node wants 3 GiB; a verifier can need 6 for a hostile contribution");
    }

    // The folder may not be there yet: where it would be made.
    private static string Existing(string folder)
    {
        while (!Directory.Exists(folder))
            folder = Path.GetDirectoryName(folder) ?? "/";
        return folder;
    }

    private static async Task<(int Code, string Output)> TryAsync(string[] command, CancellationToken ct)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
            limit.CancelAfter(ToolWait);
            var (output, error) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, (await output + await error).Trim());
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return (-1, e is OperationCanceledException ? "it does not end" : "not found");
        }
    }
}
