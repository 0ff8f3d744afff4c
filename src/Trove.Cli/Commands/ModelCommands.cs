using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using Trove.Chain.Durability;
using Trove.Cli.Models;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Exchange;
using Trove.Models.Generation;
using Trove.Models.Tokenization;

namespace Trove.Cli.Commands;

/// <summary>Models as files, and the vectors of texts.</summary>
internal static class ModelCommands
{
    private const int Batch = 512;

    private static readonly Dictionary<string, GgufType> Types = new() { ["f32"] = GgufType.F32, ["f16"] = GgufType.F16, ["bf16"] = GgufType.BF16, ["q8_0"] = GgufType.Q8_0 };

    public static Command Model()
    {
        var command = new Command("model", "Models as files: those of Hugging Face and of llama.cpp.");
        command.Subcommands.Add(Export());
        command.Subcommands.Add(Import());
        command.Subcommands.Add(Info());
        return command;
    }

    public static Command Embed()
    {
        var model = Source();
        var texts = new Argument<string[]>("TEXT") { Description = "Texts, or files with one text each", Arity = ArgumentArity.OneOrMore };
        var command = new Command("embed", """
            A vector for each text: the mean of the model's last hidden states. JSON, one line a text.

            Example: trove embed bard "To be, or not to be" scene.txt
            """) { model, texts };
        command.SetAction((r, ct) =>
        {
            var (opened, reading) = ModelPath.OpenWithText(r.GetValue(model)!);
            using var source = opened;
            using var pool = new WorkPool(Environment.ProcessorCount);
            using var weights = ModelPath.Do(() => new DecoderWeights(source, pool));
            var text = reading.GetAwaiter().GetResult();
            using var decoder = new Decoder(weights, pool, Batch);
            foreach (var item in r.GetValue(texts)!)
            {
                ct.ThrowIfCancellationRequested();
                int[] tokens = ModelPath.Do(() => text.Tokenizer.Encode(File.Exists(item) ? File.ReadAllText(item) : item, EncodeOptions.Template));
                if (tokens.Length == 0 || tokens.Length > weights.Config.Context)
                    throw new CommandException($"'{Shared.Safe(item)}' has {tokens.Length} tokens", $"give texts from 1 token to the model's context of {weights.Config.Context}");
                using var cache = new KeyValueCache(weights.Config, tokens.Length);
                var vector = new float[weights.Config.Width];
                decoder.Embed(cache, tokens, vector);
                Console.Out.WriteLine(JsonSerializer.Serialize(new { text = item, tokens = tokens.Length, embedding = vector }));
            }
            return Task.FromResult(0);
        });
        return command;
    }

    private static Argument<string> Source() => new("MODEL") { Description = "Folder with config.json, model.safetensors and tokenizer.json, or a GGUF file" };

    private static Command Export()
    {
        var model = Source();
        var to = new Option<string>("--to") { Description = "gguf (llama.cpp and what is built on it) or safetensors (Hugging Face)", Required = true };
        to.AcceptOnlyFromAmong("gguf", "safetensors");
        var type = new Option<string>("--type") { Description = "How numbers are stored: f32, f16, bf16, or for gguf q8_0", DefaultValueFactory = _ => "f32" };
        type.AcceptOnlyFromAmong([.. Types.Keys]);
        var output = new Option<string>("--out") { Description = "File for gguf, folder for safetensors", Required = true };
        var command = new Command("export", """
            Writes a model for other programs.

            Example: trove model export bard --to gguf --type q8_0 --out bard.gguf
            """) { model, to, type, output };
        command.SetAction((r, ct) =>
        {
            var stored = Types[r.GetValue(type)!];
            if (stored == GgufType.Q8_0 && r.GetValue(to) == "safetensors")
                throw new CommandException("safetensors has no q8_0", "give --type f32, f16 or bf16");
            var path = r.GetValue(output)!;
            var (source, text) = ModelPath.Open(r.GetValue(model)!);
            using (source)
            {
                using var parameters = ModelPath.Load(source);
                if (r.GetValue(to) == "gguf")
                    ModelPath.Do(() =>
                    {
                        GgufModel.Save(path, parameters, text, (p, w) => DurableFile.Write(p, w), stored, Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(r.GetValue(model)!))));
                        return path;
                    });
                else
                    Save(path, parameters, text, stored);
            }
            Print(r, path);
            return Task.FromResult(0);
        });
        return command;
    }

    private static Command Import()
    {
        var model = new Argument<string>("MODEL") { Description = "GGUF file, or folder of safetensors: Llama, SmolLM, Mistral, Qwen2" };
        var output = new Option<string>("--out") { Description = "Folder to write", Required = true };
        var command = new Command("import", """
            Takes a model of others: checks all of it, and writes it in float32 as Trove trains and runs it.

            Example: trove model import smollm-135m-f16.gguf --out smollm
            """) { model, output };
        command.SetAction((r, ct) =>
        {
            var (source, text) = ModelPath.Open(r.GetValue(model)!);
            using (source)
            {
                using var parameters = ModelPath.Load(source);
                foreach (var tensor in parameters.Tensors)
                    if (parameters.Values(tensor).ContainsAnyExceptFinite())
                        throw new CommandException($"{tensor.Name} has numbers that are infinite or none", "get the model anew: its file is damaged");
                Save(r.GetValue(output)!, parameters, text, GgufType.F32);
            }
            Print(r, r.GetValue(output)!);
            return Task.FromResult(0);
        });
        return command;
    }

    private static Command Info()
    {
        var model = Source();
        var command = new Command("info", """
            What a model is: its shape, parameters, vocabulary, and its files with their SHA-256.

            Example: trove model info bard
            """) { model };
        command.SetAction((r, ct) =>
        {
            Print(r, r.GetValue(model)!);
            return Task.FromResult(0);
        });
        return command;
    }

    private static void Save(string folder, Parameters parameters, ModelText? text, GgufType type)
    {
        ModelFolder.Save(folder, parameters, (p, w) => DurableFile.Write(p, w), type switch { GgufType.F16 => StoredType.F16, GgufType.BF16 => StoredType.BF16, _ => StoredType.F32 });
        text?.Save(folder, parameters.Config.Context, (p, w) => DurableFile.Write(p, w));
    }

    private static void Print(ParseResult r, string path)
    {
        var (source, text) = ModelPath.Open(path);
        using var opened = source;
        var c = source.Config;
        long parameters = Parameters.Layout(c).Sum(t => t.Length);
        string[] files = File.Exists(path) ? [path] : [.. Directory.EnumerateFiles(path).Where(f => Path.GetExtension(f) is ".json" or ".safetensors").Order(StringComparer.Ordinal)];
        var listed = files.Select(f => new FileLine(Path.GetFileName(f), new FileInfo(f).Length, Hash(f))).ToList();
        if (r.GetValue(Shared.Json))
        {
            Shared.PrintJson(new ModelInfo(path, parameters, c.Vocabulary, c.Width, c.Layers, c.Heads, c.KeyValueHeads, c.HeadWidth, c.FeedForward, c.Context, c.RopeTheta, c.RmsEpsilon, c.TiedEmbeddings, c.AttentionBiases, text?.Tokenizer.VocabularySize, text?.Chat is not null, listed));
            return;
        }
        Console.WriteLine($"{Shared.Safe(path)}: {parameters:N0} parameters");
        Console.WriteLine($"  {c.Layers} layers of width {c.Width}, {c.Heads} heads of {c.HeadWidth} with {c.KeyValueHeads} for keys and values, feed-forward {c.FeedForward}, context {c.Context:N0}");
        Console.WriteLine($"  vocabulary {c.Vocabulary:N0}, {(c.TiedEmbeddings ? "tied" : "untied")} embeddings, {(c.AttentionBiases ? "biases as in Qwen2, " : "")}{(text is null ? "no tokenizer" : $"tokenizer of {text.Tokenizer.VocabularySize:N0}{(text.Chat is null ? "" : ", conversations")}")}");
        foreach (var file in listed)
            Console.WriteLine($"  {file.Sha256[..16]}  {file.Bytes,15:N0}  {Shared.Safe(file.Name)}");
    }

    private static string Hash(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    private static bool ContainsAnyExceptFinite(this Span<float> values)
    {
        foreach (float value in values)
            if (!float.IsFinite(value))
                return true;
        return false;
    }

    private sealed record FileLine(string Name, long Bytes, string Sha256);

    private sealed record ModelInfo(string Path, long Parameters, int Vocabulary, int Width, int Layers, int Heads, int KeyValueHeads, int HeadWidth, int FeedForward, int Context, double RopeTheta, float RmsEpsilon,
        bool TiedEmbeddings, bool AttentionBiases, int? Tokens, bool Conversations, IReadOnlyList<FileLine> Files);
}
