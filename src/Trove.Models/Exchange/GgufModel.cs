namespace Trove.Models.Exchange;

/// <summary>
/// A model as one GGUF file, as llama.cpp reads and writes them: architectures <c>llama</c> and, for models with biases of queries, keys and values, <c>qwen2</c>.
/// </summary>
/// <remarks>llama.cpp's llama turns neighbouring elements of a head, ours (and Hugging Face's) element i with i + width/2: rows of q and k change places,
/// as in its <c>convert_hf_to_gguf.py</c>. Its qwen2 turns as we do. Vectors are float32 in any file.</remarks>
public static class GgufModel
{
    /// <summary>Writes a model.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="parameters">The weights.</param>
    /// <param name="text">Its vocabulary; without one llama.cpp reads the file, but no text.</param>
    /// <param name="writer">Puts the file in its place.</param>
    /// <param name="type">How matrices are stored; with Q8_0 those whose rows do not divide into blocks of 32 as F16.</param>
    /// <param name="name">What the model calls itself.</param>
    /// <exception cref="ModelFileException">The vocabulary is none that llama.cpp knows.</exception>
    public static void Save(string path, Parameters parameters, ModelText? text, FileWriter writer, GgufType type = GgufType.F32, string name = "trove")
    {
        var config = parameters.Config;
        string architecture = config.AttentionBiases ? "qwen2" : "llama";
        var metadata = new List<(string, object)>
        {
            ("general.architecture", architecture), ("general.name", name), ("general.file_type", type switch { GgufType.F32 => 0u, GgufType.F16 => 1u, GgufType.Q8_0 => 7u, _ => 32u }),
            ("general.quantization_version", 2u),
        };
        foreach (var (key, value) in Shape(config))
            metadata.Add(($"{architecture}.{key}", value));
        metadata.AddRange(GgufVocabulary.Write(path, text, config.Vocabulary));
        var tensors = parameters.Tensors.Select(t => Output(parameters, t, type)).ToList();
        writer(path, file => GgufWriter.Write(file, metadata, tensors));
    }

    /// <summary>Opens a model.</summary>
    /// <returns>The model, and its vocabulary if it has one.</returns>
    /// <exception cref="ModelFileException">It is damaged, or not of the family.</exception>
    /// <exception cref="IOException">The file is missing.</exception>
    public static (IModelFile File, ModelText? Text) Open(string path)
    {
        var file = GgufFile.Open(path);
        try
        {
            var config = ReadConfig(path, file.Header);
            var text = GgufVocabulary.Read(path, file.Header.Metadata);
            if (text?.Tokenizer.VocabularySize > config.Vocabulary)
                throw new ModelFileException(path, $"its vocabulary has {text.Tokenizer.VocabularySize} tokens, and the model {config.Vocabulary}");
            // All shapes first: what the metadata claims is allocated when the file has it.
            return (new Opened(file, config, Parameters.Layout(config).ToDictionary(t => t.Name, t => Find(path, file.Header, t), StringComparer.Ordinal)), text);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The shape that a file's metadata says.</summary>
    /// <exception cref="ModelFileException">It asks for something that this engine does not do.</exception>
    public static ModelConfig ReadConfig(string path, GgufHeader header)
    {
        var architecture = header.Metadata.TryGetValue("general.architecture", out var named) ? named as string ?? "" : "";
        if (architecture is not ("llama" or "qwen2"))
            throw new ModelFileException(path, $"a model of the architecture \"{Safetensors.Shown(architecture)}\"; llama and qwen2 are run here");
        if (Value("rope.scaling.type") is string scaling && scaling != "none" || header.Tensors.ContainsKey("rope_freqs.weight"))
            throw new ModelFileException(path, "it scales its rotary embedding, which is not run here");
        if (Whole("expert_count") is > 0)
            throw new ModelFileException(path, "it has several experts, which are not run here");
        int width = Number("embedding_length"), heads = Number("attention.head_count"), head = Optional("attention.key_length") ?? (heads > 0 ? width / heads : 0);
        if ((Optional("attention.value_length") ?? head) != head || (Optional("rope.dimension_count") ?? head) != head)
            throw new ModelFileException(path, "its values have another width than its keys, or it turns only a part of them, which is not run here");
        if (!header.Tensors.TryGetValue("token_embd.weight", out var embedding) || embedding.Shape is not [var vocabulary and <= 1 << 20, _])
            throw new ModelFileException(path, "it has no token_embd.weight of a vocabulary of at most 2^20");
        try
        {
            return new ModelConfig((int)vocabulary, width, Number("block_count"), heads, Optional("attention.head_count_kv") ?? heads, head, Number("feed_forward_length"), Math.Min(Number("context_length"), 1 << 17))
            {
                RopeTheta = Value("rope.freq_base") is double theta ? theta : 10000, RmsEpsilon = Value("attention.layer_norm_rms_epsilon") is double epsilon ? (float)epsilon : 1e-5f,
                TiedEmbeddings = !header.Tensors.ContainsKey("output.weight"), AttentionBiases = architecture == "qwen2",
            }.Checked();
        }
        catch (ArgumentException e)
        {
            throw new ModelFileException(path, $"its metadata is no model's ({e.Message})");
        }

        object? Value(string key) => header.Metadata.TryGetValue($"{architecture}.{key}", out var value) ? value : null;
        long? Whole(string key) => Value(key) as long?;
        int? Optional(string key) => Whole(key) switch { null => null, >= 0 and <= int.MaxValue and var value => (int)value, _ => -1 };
        int Number(string key) => Optional(key) ?? throw new ModelFileException(path, $"it has no number \"{architecture}.{key}\"");
    }

    private static IEnumerable<(string, object)> Shape(ModelConfig c) =>
    [
        ("vocab_size", (uint)c.Vocabulary), ("context_length", (uint)c.Context), ("embedding_length", (uint)c.Width), ("block_count", (uint)c.Layers), ("feed_forward_length", (uint)c.FeedForward),
        ("attention.head_count", (uint)c.Heads), ("attention.head_count_kv", (uint)c.KeyValueHeads), ("attention.key_length", (uint)c.HeadWidth), ("attention.value_length", (uint)c.HeadWidth),
        ("rope.dimension_count", (uint)c.HeadWidth), ("rope.freq_base", (float)c.RopeTheta), ("attention.layer_norm_rms_epsilon", c.RmsEpsilon),
    ];

    private static GgufOutput Output(Parameters parameters, Tensor tensor, GgufType type)
    {
        bool vector = tensor.Role is TensorRole.Norm or TensorRole.Bias;
        if (vector)
            type = GgufType.F32;
        else if (type == GgufType.Q8_0 && tensor.Columns % 32 != 0)
            type = GgufType.F16;
        int head = Permuted(parameters.Config, tensor);
        var row = new float[tensor.Columns];
        return new GgufOutput(Name(tensor.Name), type, tensor.Rows, tensor.Columns, vector, i =>
        {
            parameters.Values(tensor).Slice((head == 0 ? i : Source(i, head)) * tensor.Columns, tensor.Columns).CopyTo(row);
            return row;
        });
    }

    private static GgufTensor Find(string path, GgufHeader header, Tensor tensor)
    {
        var name = Name(tensor.Name);
        if (!header.Tensors.TryGetValue(name, out var found))
            throw new ModelFileException(path, $"it has no tensor \"{name}\", which its metadata asks for");
        return found.Shape.SequenceEqual(tensor.Shape.Select(d => (long)d))
            ? found
            : throw new ModelFileException(path, $"\"{name}\" has the shape [{string.Join(", ", found.Shape)}], and the metadata asks for [{string.Join(", ", tensor.Shape)}]");
    }

    // The width of the heads whose rows change places; 0 for tensors that stay as they are.
    private static int Permuted(ModelConfig config, Tensor tensor) =>
        !config.AttentionBiases && (tensor.Name.EndsWith("q_proj.weight", StringComparison.Ordinal) || tensor.Name.EndsWith("k_proj.weight", StringComparison.Ordinal)) ? config.HeadWidth : 0;

    // Ours of the file's row: there elements i and i + width/2 are neighbours.
    private static int Source(int row, int head) => row / head * head + row % head / 2 + row % 2 * (head / 2);

    // The file's of our row.
    private static int Target(int row, int head) => row / head * head + row % head % (head / 2) * 2 + row % head / (head / 2);

    private static string Name(string name)
    {
        if (!name.StartsWith("model.layers.", StringComparison.Ordinal))
            return name switch { "model.embed_tokens.weight" => "token_embd.weight", "model.norm.weight" => "output_norm.weight", _ => "output.weight" };
        var parts = name.Split('.');
        return $"blk.{parts[2]}." + parts[^2] switch
        {
            "input_layernorm" => "attn_norm", "q_proj" => "attn_q", "k_proj" => "attn_k", "v_proj" => "attn_v", "o_proj" => "attn_output",
            "post_attention_layernorm" => "ffn_norm", "gate_proj" => "ffn_gate", "up_proj" => "ffn_up", _ => "ffn_down",
        } + "." + parts[^1];
    }

    private sealed class Opened(GgufFile file, ModelConfig config, Dictionary<string, GgufTensor> tensors) : IModelFile
    {
        public ModelConfig Config => config;

        public void Read(Tensor tensor, int row, Span<float> to)
        {
            int head = Permuted(config, tensor);
            if (head == 0)
                file.Read(tensors[tensor.Name], to, row);
            else
                for (; to.Length > 0; row++, to = to[tensor.Columns..])
                    file.Read(tensors[tensor.Name], to[..tensor.Columns], Target(row, head));
        }

        public void Dispose() => file.Dispose();
    }
}
