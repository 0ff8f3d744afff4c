using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Trove.Models.Tokenization;
using Trove.Tests.Crypto;

namespace Trove.Tests.Models.Tokenization;

/// <summary>Against another implementation over a large mixed corpus; skipped where node or the packages of tests/interop are missing.</summary>
public class TokenizerInteropTests(ITestOutputHelper output)
{
    private static readonly string Folder = Path.Combine(Checkout.Root, "tests", "interop");

    // Its \s is JavaScript's where ByteLevel cuts (U+FEFF, not U+0085), its Unicode newer than ours, and its long s no s. Its Digits know no others than 0 to 9.
    private static readonly System.Buffers.SearchValues<char> Apart = System.Buffers.SearchValues.Create("\u0085\ufeff\u017f");

    [Fact]
    public void Ids_are_those_of_the_npm_package()
    {
        Assert.SkipUnless(File.Exists(Path.Combine(Folder, "node_modules", "@huggingface", "tokenizers", "package.json")), "@huggingface/tokenizers is not installed; run npm ci --ignore-scripts in tests/interop");
        var documents = Corpus().Select(Plain).ToList();
        var trained = TokenizerTrainer.Train(documents.Where((_, i) => i % 2 == 0).Select(d => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(d)), new TrainerOptions(5000) { SpecialTokens = ["<|im_start|>", "<|im_end|>"] });
        Tokenizer With(PreTokenizer how, bool nfc = false, bool ignoreMerges = false) => new(trained.Parts with { PreTokenizer = how, Nfc = nfc, IgnoreMerges = ignoreMerges });
        Tokenizer[] tokenizers = [trained, With(PreTokenizer.Gpt2), With(PreTokenizer.Qwen2, nfc: true), With(PreTokenizer.Tekken, ignoreMerges: true), With(PreTokenizer.O200k)];

        var folder = Directory.CreateTempSubdirectory("trove-tokenizer-").FullName;
        try
        {
            var files = tokenizers.Select((tokenizer, i) => WriteTokenizer(tokenizer, Path.Combine(folder, $"{i}.json"))).ToList();
            var theirs = Run(["encode", WriteDocuments(documents, folder), .. files]);
            long bytes = documents.Sum(d => (long)Encoding.UTF8.GetByteCount(d)), tokens = 0;
            for (int i = 0; i < theirs.Length; i++)
            {
                var ids = tokenizers[i / documents.Count].Encode(documents[i % documents.Count], EncodeOptions.SpecialTokens);
                tokens += ids.Length;
                Assert.True(theirs[i] == string.Join(' ', ids), $"tokenizer {i / documents.Count}, document {i % documents.Count}");
            }
            Assert.Equal(tokenizers.Length * documents.Count, theirs.Length);
            output.WriteLine($"{tokenizers.Length} tokenizers, {documents.Count} documents of {bytes} bytes, {tokens} ids: all the same");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Normalised_text_is_that_of_icu()
    {
        var random = new Random(5);
        var all = Enumerable.Range(0, 0x110000).Where(c => Rune.IsValid(c) && CharUnicodeInfo.GetUnicodeCategory(c) != UnicodeCategory.OtherNotAssigned).Select(c => new Rune(c).ToString()).ToList();
        var changing = all.Where(c => !Nfc.IsNormalized(Encoding.UTF8.GetBytes(c))).Concat((string[])["a", "e", "o", "A", "가", "한", "\u1100", "\u1112", "\u0915", "漢"]).ToList();
        var documents = all.Chunk(64).Select(c => string.Concat(c)).Concat(all.Chunk(1).Select(c => $"a{c[0]}\u0301")) // each alone, and next to others
            .Concat(Enumerable.Range(0, 50_000).Select(_ => string.Concat(Enumerable.Range(0, 8).Select(_ => changing[random.Next(changing.Count)])))).ToList();
        var folder = Directory.CreateTempSubdirectory("trove-nfc-").FullName;
        try
        {
            var theirs = Run(["nfc", WriteDocuments(documents, folder)]);
            Assert.Equal(documents.Count, theirs.Length);
            for (int i = 0; i < theirs.Length; i++)
                Assert.True(JsonSerializer.Deserialize<string>(theirs[i]) == Nfc.Normalize(documents[i]), string.Join(' ', documents[i].EnumerateRunes().Select(r => $"{r.Value:X4}")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // This repository's prose and code, and text of many scripts that no one wrote.
    private static IEnumerable<string> Corpus()
    {
        foreach (var folder in new[] { "specs", "src/Trove.Core", "src/Trove.Crypto" })
            foreach (var file in Directory.EnumerateFiles(Path.Combine(Checkout.Root, folder), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
                if (Path.GetExtension(file) is ".md" or ".cs" && !file.Contains("/obj/", StringComparison.Ordinal))
                    yield return File.ReadAllText(file);
        (int First, int Last)[] scripts = [(0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x52F), (0x5D0, 0x6FF), (0x900, 0x97F), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x1F300, 0x1F6FF), (0x10000, 0x10FFFF), (0x30, 0x39), (0x300, 0x36F)];
        string[] pieces = ["\u200d", "\ufe0f", "👩", "👨", "🏽", "🇩🇪", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "'s", "'LL", "'ve", "<|im_start|>", "<|im_end|>", "<|im_", "größe ", "潮汐 ", "शब्द ", "كلمة "];
        var random = new Random(11);
        for (int document = 0; document < 60; document++)
        {
            var text = new StringBuilder();
            for (int word = 0; word < 700; word++)
            {
                if (random.Next(3) == 0)
                    text.Append(pieces[random.Next(pieces.Length)]);
                var (first, last) = scripts[random.Next(scripts.Length)];
                for (int length = random.Next(1, 9); length > 0; length--)
                    if (Rune.TryCreate(random.Next(first, last + 1), out var rune) && Rune.GetUnicodeCategory(rune) != UnicodeCategory.OtherNotAssigned)
                        text.Append(rune);
                text.Append(random.Next(4) == 0 ? "" : " ");
            }
            yield return text.ToString();
        }
        for (int document = 0; document < 30; document++) // bytes
        {
            var bytes = new byte[2000];
            random.NextBytes(bytes);
            yield return Encoding.UTF8.GetString(bytes);
        }
    }

    private static string Plain(string text) => string.Concat(text.Where(c => !Apart.Contains(c)));

    private static string WriteTokenizer(Tokenizer tokenizer, string path)
    {
        File.WriteAllBytes(path, TokenizerVectors.Written(tokenizer));
        return path;
    }

    private static string WriteDocuments(IEnumerable<string> documents, string folder)
    {
        var options = new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        var path = Path.Combine(folder, "documents");
        File.WriteAllLines(path, documents.Select(d => JsonSerializer.Serialize(d, options)));
        return path;
    }

    private static string[] Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("node", ["tokenizer.mjs", .. arguments]) { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.UTF8 };
        Process? process = null;
        try
        {
            process = Process.Start(start);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("node is not installed");
        }
        using (process)
        {
            var error = process!.StandardError.ReadToEndAsync();
            var lines = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, error.Result);
            return lines.TrimEnd('\n').Split('\n');
        }
    }
}
