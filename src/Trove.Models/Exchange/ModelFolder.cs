using System.Text.Json;

namespace Trove.Models.Exchange;

/// <summary>
/// A model in a folder as Hugging Face Transformers has it: <c>config.json</c> and <c>model.safetensors</c>, or several files that
/// <c>model.safetensors.index.json</c> names. Of the Llama family: Llama, SmolLM, Mistral, Qwen2.
/// </summary>
public static class ModelFolder
{
    private const int MaxConfig = 1 << 20, MaxIndex = 64 << 20, MaxFiles = 1000;
    private const string ConfigFile = "config.json", WeightsFile = "model.safetensors", IndexFile = WeightsFile + ".index.json";

    /// <summary>Writes a model.</summary>
    /// <param name="folder">Where to; created if need be.</param>
    /// <param name="parameters">The weights.</param>
    /// <param name="writer">Puts the files in their places.</param>
    /// <param name="type">How they are stored.</param>
    public static void Save(string folder, Parameters parameters, FileWriter writer, StoredType type = StoredType.F32)
    {
        Directory.CreateDirectory(folder);
        Safetensors.Write(Path.Combine(folder, WeightsFile), parameters, writer, type);
        writer(Path.Combine(folder, ConfigFile), file => WriteConfig(file, parameters.Config, type));
    }

    /// <summary>Reads a model. The caller disposes it.</summary>
    /// <inheritdoc cref="Open" path="/exception"/>
    public static Parameters Load(string folder)
    {
        using var file = Open(folder);
        return file.ReadAll();
    }

    /// <summary>Opens a model.</summary>
    /// <exception cref="ModelFileException">It is damaged, or not of the family.</exception>
    /// <exception cref="IOException">A file is missing.</exception>
    public static IModelFile Open(string folder)
    {
        var config = ReadConfig(Path.Combine(folder, ConfigFile));
        var files = Files(folder);
        try
        {
            // All shapes first: what the configuration claims is allocated when the files have it.
            return new Opened(config, files, Parameters.Layout(config).ToDictionary(t => t.Name, t => Find(files, t, folder), StringComparer.Ordinal));
        }
        catch
        {
            files.ForEach(f => f.Dispose());
            throw;
        }
    }

    /// <summary>Reads the configuration of a model of the Llama family.</summary>
    /// <exception cref="ModelFileException">It is damaged, or asks for something that this engine does not do.</exception>
    public static ModelConfig ReadConfig(string path) => ParseConfig(path, ReadSmall(path, MaxConfig));

    /// <summary>The same of its bytes.</summary>
    /// <exception cref="ModelFileException">It is damaged, or asks for something that this engine does not do.</exception>
    public static ModelConfig ParseConfig(string path, ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 16 });
            var root = document.RootElement;
            var family = Text("model_type") ?? "";
            if (family is not ("llama" or "mistral" or "qwen2"))
                throw new ModelFileException(path, $"a model of type \"{Shown(family)}\"; llama, mistral and qwen2 are run here");
            if (Text("hidden_act") is { } activation && activation != "silu")
                throw new ModelFileException(path, $"its activation is \"{Shown(activation)}\"; silu is run here");
            if (root.TryGetProperty("rope_scaling", out var scaling) && scaling.ValueKind != JsonValueKind.Null)
                throw new ModelFileException(path, "it scales its rotary embedding (rope_scaling), which is not run here");
            // Since Transformers 5 in an object of its own.
            var rope = root.TryGetProperty("rope_parameters", out var own) && own.ValueKind == JsonValueKind.Object ? own : root;
            if (rope.TryGetProperty("rope_type", out var kind) && !(kind.ValueKind == JsonValueKind.String && kind.ValueEquals("default")))
                throw new ModelFileException(path, "it scales its rotary embedding (rope_type), which is not run here");
            int context = Number("max_position_embeddings"), heads = Number("num_attention_heads"), width = Number("hidden_size");
            if (Optional("sliding_window") is { } window && Flag("use_sliding_window", family == "mistral"))
                context = Math.Min(context, window); // within it there is nothing to slide
            if (family == "llama" && Flag("attention_bias", false) || Flag("mlp_bias", false))
                throw new ModelFileException(path, "it has biases that are not run here (attention_bias, mlp_bias)");
            int head = Optional("head_dim") ?? (heads > 0 ? width / heads : 0);
            return new ModelConfig(Number("vocab_size"), width, Number("num_hidden_layers"), heads, Optional("num_key_value_heads") ?? heads, head, Number("intermediate_size"), Math.Min(context, 1 << 17))
            {
                RopeTheta = Real(rope, "rope_theta") ?? 10000, RmsEpsilon = (float)(Real(root, "rms_norm_eps") ?? 1e-6), TiedEmbeddings = Flag("tie_word_embeddings", false), AttentionBiases = family == "qwen2",
            }.Checked();

            string? Text(string name) => root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
            int? Optional(string name) => root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetInt32() : null;
            int Number(string name) => Optional(name) ?? throw new ModelFileException(path, $"it has no number \"{name}\"");
            double? Real(JsonElement from, string name) => from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
            bool Flag(string name, bool otherwise) => root.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False ? root.GetProperty(name).GetBoolean() : otherwise;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new ModelFileException(path, $"it is no configuration of a model ({e.Message})");
        }
    }

    private static void WriteConfig(Stream file, ModelConfig c, StoredType type)
    {
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteStartArray("architectures");
        json.WriteStringValue(c.AttentionBiases ? "Qwen2ForCausalLM" : "LlamaForCausalLM");
        json.WriteEndArray();
        json.WriteString("model_type", c.AttentionBiases ? "qwen2" : "llama");
        json.WriteString("hidden_act", "silu");
        json.WriteNumber("vocab_size", c.Vocabulary);
        json.WriteNumber("hidden_size", c.Width);
        json.WriteNumber("num_hidden_layers", c.Layers);
        json.WriteNumber("num_attention_heads", c.Heads);
        json.WriteNumber("num_key_value_heads", c.KeyValueHeads);
        json.WriteNumber("head_dim", c.HeadWidth);
        json.WriteNumber("intermediate_size", c.FeedForward);
        json.WriteNumber("max_position_embeddings", c.Context);
        json.WriteNumber("rope_theta", c.RopeTheta);
        json.WriteNumber("rms_norm_eps", c.RmsEpsilon);
        json.WriteBoolean("tie_word_embeddings", c.TiedEmbeddings);
        if (!c.AttentionBiases)
        {
            json.WriteBoolean("attention_bias", false);
            json.WriteBoolean("mlp_bias", false);
        }
        json.WriteString("torch_dtype", type switch { StoredType.F32 => "float32", StoredType.F16 => "float16", _ => "bfloat16" });
        json.WriteEndObject();
    }

    private static List<Safetensors> Files(string folder)
    {
        var index = Path.Combine(folder, IndexFile);
        if (!File.Exists(index))
            return [Safetensors.Open(Path.Combine(folder, WeightsFile))];
        var names = new SortedSet<string>(StringComparer.Ordinal);
        try
        {
            using var document = JsonDocument.Parse(ReadSmall(index, MaxIndex), new JsonDocumentOptions { MaxDepth = 4 });
            foreach (var entry in document.RootElement.GetProperty("weight_map").EnumerateObject())
                names.Add(entry.Value.GetString() ?? "");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new ModelFileException(index, $"it is no index of a model ({e.Message})");
        }
        // A name leads to no other folder.
        if (names.Count > MaxFiles || names.FirstOrDefault(n => n != Path.GetFileName(n) || !n.EndsWith(".safetensors", StringComparison.Ordinal)) is not null)
            throw new ModelFileException(index, $"it names more than {MaxFiles} files, or one that is no .safetensors file beside it");
        var files = new List<Safetensors>();
        try
        {
            foreach (var name in names)
                files.Add(Safetensors.Open(Path.Combine(folder, name)));
            return files;
        }
        catch
        {
            files.ForEach(f => f.Dispose());
            throw;
        }
    }

    private static Safetensors Find(List<Safetensors> files, Tensor tensor, string folder)
    {
        var file = files.FirstOrDefault(f => f.Tensors.ContainsKey(tensor.Name)) ?? throw new ModelFileException(folder, $"it has no tensor \"{tensor.Name}\", which its configuration asks for");
        return file.Tensors[tensor.Name].Shape.SequenceEqual(tensor.Shape.Select(d => (long)d))
            ? file
            : throw new ModelFileException(folder, $"\"{tensor.Name}\" has the shape [{string.Join(", ", file.Tensors[tensor.Name].Shape)}], and the configuration asks for [{string.Join(", ", tensor.Shape)}]");
    }

    internal static byte[] ReadSmall(string path, int most)
    {
        using var file = File.OpenRead(path);
        if (file.Length > most)
            throw new ModelFileException(path, $"it has {file.Length:N0} bytes; at most {most:N0} are read");
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    private static string Shown(string text) => text.Length > 40 ? text[..40] + "…" : text;

    private sealed class Opened(ModelConfig config, List<Safetensors> files, Dictionary<string, Safetensors> tensors) : IModelFile
    {
        public ModelConfig Config => config;

        public void Read(Tensor tensor, int row, Span<float> to)
        {
            var file = tensors[tensor.Name];
            file.Read(file.Tensors[tensor.Name], to, (long)row * tensor.Columns);
        }

        public void Dispose() => files.ForEach(f => f.Dispose());
    }
}
