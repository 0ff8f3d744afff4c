using System.Diagnostics;
using System.Text.RegularExpressions;
using Trove.Crypto;

namespace Trove.Node.Runners;

/// <summary>
/// What keeps an executor's plaintext in: no network (a network namespace of its own), no file of any size (RLIMIT_FSIZE 0, so
/// no spill, log or dump can be written), no core dumps, no diagnostics port, no capabilities, no environment; it dies with its
/// broker. Files of the host that its user may read it can read. It looks for itself and refuses to start otherwise.
/// </summary>
internal static partial class Isolation
{
    private const long HeapLimit = 2L << 30;

    /// <summary>How to start an executor so that <see cref="Problem"/> finds none.</summary>
    public static ProcessStartInfo StartInfo(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("setpriv") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        // unshare -r: who is not root gets a user namespace, in which a network namespace may be made.
        string[] unshare = Environment.IsPrivilegedProcess ? ["unshare", "-n", "--"] : ["unshare", "-r", "-n", "--"];
        string[] powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]; // root among its own files, and no more
        foreach (var argument in (string[])["--pdeathsig", "KILL", "--no-new-privs", "--", "prlimit", "--core=0", "--fsize=0", "--", .. unshare, .. powerless, program, .. arguments])
            start.ArgumentList.Add(argument);
        var path = Environment.GetEnvironmentVariable("PATH");
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_ROOT");
        start.Environment.Clear();
        start.Environment["PATH"] = path;
        if (dotnet is not null)
            start.Environment["DOTNET_ROOT"] = dotnet;
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0"; // it maps code through a file, which has no size to grow to here
        start.Environment["DOTNET_GCHeapHardLimit"] = HeapLimit.ToString("x", System.Globalization.CultureInfo.InvariantCulture);
        start.Environment["HOME"] = "/nonexistent";
        start.Environment["TMPDIR"] = "/nonexistent";
        return start;
    }

    /// <summary>What is missing of the isolation of this process; null when nothing is.</summary>
    public static string? Problem()
    {
        if (!ProcessMemory.ForbidDumps())
            return "dumpable";
        // Two lines of headings, then one for each interface: only loopback may be there.
        if (File.ReadAllLines("/proc/self/net/dev").Skip(2).Any(line => !line.TrimStart().StartsWith("lo:", StringComparison.Ordinal)))
            return "network";
        var limits = File.ReadAllText("/proc/self/limits");
        if (!NoFiles().IsMatch(limits) || !NoCores().IsMatch(limits))
            return "limits";
        var status = File.ReadAllText("/proc/self/status");
        if (!status.Contains("NoNewPrivs:\t1", StringComparison.Ordinal) || !status.Contains("CapEff:\t0000000000000000", StringComparison.Ordinal))
            return "privileges";
        return Environment.GetEnvironmentVariable("DOTNET_EnableDiagnostics") == "0" ? null : "diagnostics";
    }

    [GeneratedRegex(@"^Max file size +0 +0 ", RegexOptions.Multiline)]
    private static partial Regex NoFiles();

    [GeneratedRegex(@"^Max core file size +0 +0 ", RegexOptions.Multiline)]
    private static partial Regex NoCores();
}
