using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Trove.Crypto;

namespace Trove.Bench;

/// <summary>Encrypting and decrypting one large file, file to file in memory-backed storage, against the <c>age</c> tool.</summary>
public static class AgeBench
{
    private const double Goal = 1.5;

    /// <summary>Runs both directions; each pair is ours, then the peer's, on the same files.</summary>
    /// <param name="megabytes">Size of the file in MB (10^6 bytes).</param>
    /// <param name="pairs">Measured pairs, after one that only warms up.</param>
    /// <param name="folder">Where the files go; some three times the size is used. Default: /dev/shm, else the temporary folder.</param>
    public static IEnumerable<BenchLine> Run(int megabytes = 512, int pairs = 5, string? folder = null)
    {
        folder = Path.Combine(folder ?? (Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath()), $"trove-bench-{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        try
        {
            string plain = Path.Combine(folder, "plain"), cipher = Path.Combine(folder, "cipher"), output = Path.Combine(folder, "output"), key = Path.Combine(folder, "key");
            using var identity = X25519Identity.Generate();
            using (var text = identity.ExportText())
                File.WriteAllBytes(key, text.Span);
            WriteRandom(plain, megabytes);
            string? peer = PeerVersion();

            yield return Measure("encrypt", peer, pairs, megabytes,
                () => Ours(plain, output, (i, o) => AgeFile.EncryptAsync(i, o, [identity.Recipient])),
                () => RunAge("-r", identity.Recipient.ToString(), "-o", output, plain), output);
            Ours(plain, cipher, (i, o) => AgeFile.EncryptAsync(i, o, [identity.Recipient]));
            yield return Measure("decrypt", peer, pairs, megabytes,
                () => Ours(cipher, output, (i, o) => AgeFile.DecryptAsync(i, o, [identity])),
                () => RunAge("-d", "-i", key, "-o", output, cipher), output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static BenchLine Measure(string what, string? peerVersion, int pairs, int megabytes, Action ours, Action peer, string output)
    {
        var ourRates = new List<double>();
        var peerRates = new List<double>();
        for (int i = 0; i <= pairs; i++)
        {
            double mine = megabytes / Time(ours, output), other = peerVersion is null ? 0 : megabytes / Time(peer, output);
            if (i == 0)
                continue; // warm-up
            ourRates.Add(mine);
            peerRates.Add(other);
        }
        string label = $"{what} {megabytes} MB file to file, {Environment.ProcessorCount} cores";
        if (peerVersion is null)
            return new BenchLine("age", label, Median(ourRates), "MB/s", null, "age: not installed", null, Goal, null);
        double ratio = Median(ourRates.Zip(peerRates, (mine, other) => mine / other));
        return new BenchLine("age", label, Median(ourRates), "MB/s", Median(peerRates), $"age {peerVersion}", ratio, Goal, ratio >= Goal);
    }

    // Each run writes a new file: overwriting pages that are already there would favour whoever comes second.
    private static double Time(Action action, string output)
    {
        File.Delete(output);
        var watch = Stopwatch.StartNew();
        action();
        return watch.Elapsed.TotalSeconds;
    }

    private static void Ours(string from, string to, Func<Stream, Stream, Task> work)
    {
        using var input = new FileStream(from, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        using var output = new FileStream(to, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        work(input, output).GetAwaiter().GetResult();
    }

    private static void WriteRandom(string path, int megabytes)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var block = new byte[1_000_000];
        for (int i = 0; i < megabytes; i++)
        {
            RandomNumberGenerator.Fill(block);
            file.Write(block);
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static string? PeerVersion()
    {
        try
        {
            return RunAge("--version").Trim();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // not on the PATH
        }
    }

    private static string RunAge(params string[] arguments)
    {
        var start = new ProcessStartInfo("age", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.UTF8 };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"age {arguments[0]} failed: {error.Result}");
    }
}
