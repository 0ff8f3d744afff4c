using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Trove.Models.Tokenization;

namespace Trove.Bench.Engine;

/// <summary>
/// Encoding against <c>ai-tokenizer</c> and <c>tiktoken</c> with the vocabulary cl100k_base for all, and training against Hugging Face's
/// <c>tokenizers</c> (Rust), each on one thread over the same documents. Peers are npm packages in node, whose time is what they measure of
/// the work itself; install them by <c>npm ci --ignore-scripts</c> in Engine/peers/tokenizers.
/// </summary>
public static class TokenizerBench
{
    private const string Vocabulary = "cl100k_base";
    private const int TrainedTokens = 30_000; // the peer's, which its npm package does not let one choose

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Runs all three; each pair is ours, then the peer's.</summary>
    /// <param name="megabytes">Size of the corpus in MB (10^6 bytes), where the machine has that much text.</param>
    /// <param name="pairs">Measured pairs, after one that only warms up.</param>
    public static IEnumerable<BenchLine> Run(int megabytes = 10, int pairs = 5)
    {
        var root = Root();
        var peers = root is null ? null : Path.Combine(root, "bench", "Trove.Bench", "Engine", "peers", "tokenizers");
        var folder = Directory.CreateTempSubdirectory("trove-tokenizer-bench-").FullName;
        try
        {
            var documents = TokenizerCorpus.Documents(megabytes * 1_000_000, root);
            var bytes = documents.Select(Encoding.UTF8.GetBytes).ToList();
            double size = bytes.Sum(b => (long)b.Length) / 1e6;
            string lines = Path.Combine(folder, "documents"), text = Path.Combine(folder, "text"), vocabulary = Path.Combine(folder, "tokenizer.json");
            File.WriteAllLines(lines, documents.Select(d => JsonSerializer.Serialize(d, Relaxed)));
            File.WriteAllText(text, string.Concat(documents));

            var tokenizer = Installed(peers, "tiktoken") is not null && Node(peers!, "vocabulary.mjs", Vocabulary, vocabulary) is not null ? Tokenizer.Load(vocabulary) : Trained(text);
            var encoder = tokenizer.CreateEncoder();
            var ids = new int[encoder.MaxTokens(bytes.Max(b => b.Length))];
            (double, long) Encode()
            {
                var watch = Stopwatch.StartNew();
                long tokens = 0;
                foreach (var document in bytes)
                    tokens += encoder.Encode(document, ids);
                return (watch.Elapsed.TotalSeconds, tokens);
            }
            foreach (var (peer, goal) in new[] { ("ai-tokenizer", 2.0), ("tiktoken", 8.0) })
                yield return Measure($"encode, {tokenizer.VocabularySize} tokens", size, peers, peer, Vocabulary, goal, pairs, Encode, "encode.mjs", peer, Vocabulary, lines);
            yield return Measure($"train {TrainedTokens} tokens", size, peers, "tokenizers", "one thread", 4, pairs, () =>
            {
                var watch = Stopwatch.StartNew();
                long tokens = Trained(text).VocabularySize;
                return (watch.Elapsed.TotalSeconds, tokens);
            }, "train.mjs", text);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static BenchLine Measure(string what, double size, string? peers, string peer, string how, double goal, int pairs, Func<(double Seconds, long Count)> ours, params string[] arguments)
    {
        var version = Installed(peers, peer);
        List<double> rates = [], theirs = [];
        string counts = "";
        for (int i = 0; i <= pairs; i++)
        {
            var (seconds, count) = ours();
            var other = version is null ? null : Node(peers!, arguments);
            if (i == 0)
                continue; // warm-up
            rates.Add(size / seconds);
            if (other?.Split(' ') is [var otherSeconds, var otherCount])
            {
                theirs.Add(size / double.Parse(otherSeconds, CultureInfo.InvariantCulture));
                counts = $", {count} tokens by us, {otherCount} by it";
            }
        }
        string label = string.Create(CultureInfo.InvariantCulture, $"{what}, {size:0.0} MB of mixed text, one thread");
        if (theirs.Count < pairs)
            return new BenchLine("tokenizer", label, Median(rates), "MB/s", null, version is null ? $"{peer}: not installed, or no node" : $"{peer} {version}: failed", null, goal, null);
        double ratio = Median(rates.Zip(theirs, (mine, other) => mine / other));
        return new BenchLine("tokenizer", label, Median(rates), "MB/s", Median(theirs), $"{peer} {version}, {how}{counts}", ratio, goal, ratio >= goal);
    }

    // The peer takes a file's lines, with their ends, as documents.
    private static Tokenizer Trained(string path)
    {
        var text = File.ReadAllBytes(path);
        return TokenizerTrainer.Train(Lines(text), new TrainerOptions(TrainedTokens) { MinFrequency = 0, AlphabetLimit = 256, PreTokenizer = PreTokenizer.Gpt2 });
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Lines(byte[] text)
    {
        for (int start = 0, end; start < text.Length; start = end)
        {
            int length = text.AsSpan(start).IndexOf((byte)'\n');
            end = length < 0 ? text.Length : start + length + 1;
            yield return text.AsMemory(start, end - start);
        }
    }

    private static string? Installed(string? peers, string package)
    {
        var path = peers is null ? "" : Path.Combine(peers, "node_modules", package, "package.json");
        if (!File.Exists(path) || Node(peers!, "--version") is null)
            return null;
        using var json = JsonDocument.Parse(File.ReadAllBytes(path));
        return json.RootElement.GetProperty("version").GetString();
    }

    // The last line a script prints; null where there is no node, or the script fails.
    private static string? Node(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("node", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["RAYON_NUM_THREADS"] = "1";
        try
        {
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output.TrimEnd().Split('\n')[^1] : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // not on the PATH
        }
    }

    private static string? Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Trove.slnx")))
            folder = folder.Parent;
        return folder?.FullName;
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
