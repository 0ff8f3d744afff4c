using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Trove.Chain.Durability;
using Trove.Models;
using Trove.Models.Exchange;
using Trove.Models.Kernels;
using Trove.Models.Tokenization;
using Trove.Models.Training;
using Trove.Tests.Models.Tokenization;
using static Trove.Tests.Fuzz.FuzzCheckException;
using static Trove.Tests.Fuzz.FuzzTarget;

namespace Trove.Tests.Fuzz;

/// <summary>Files of models, and text they are given.</summary>
internal static class ModelTargets
{
    private static readonly Lazy<IReadOnlyList<Tokenizer>> Tokenizers = new(() => [.. TokenizerVectors.Names.Select(TokenizerVectors.Tokenizer)]);
    private static readonly Lazy<IReadOnlyList<TokenEncoder>> Encoders = new(() => [.. Tokenizers.Value.Select(t => t.CreateEncoder())]);

    public static IEnumerable<FuzzTarget> All() =>
    [
        new("tokenizer-json", ["Tokenizer.Read", "TokenizerJsonReader.Read", "VocabularyReader.Read", "VocabularyReader.ReadMerges", "PreTokenizerJson.Read", "ByteAlphabet.TryRead"],
            [Small("GPT-2"), Small("Llama 3"), Small("Tekken"), Small("Qwen2")], File, o => o is Tokenizer { VocabularySize: > 4 } t && t.AddedTokens.Any(a => a is { LeftStrip: true, RightStrip: true }), typeof(TokenizerException))
        {
            Json = true, Cost = 4, Memory = 4 << 20, MemoryPerByte = 2048,
            Tokens = Text("\"Sequence\"", "\"ByteLevel\"", "\"Digits\"", "\"individual_digits\": true", "\"lstrip\": true", "\"rstrip\": true", "\"single_word\": true", "\"normalized\": true", "\"unk_token\": \"a\"", "\"t i\"", "[\"t\", \"i\"]", "\"\\ud800\"", "\"Ġ\"", "true", "null", "4294967296"),
        },
        new("tokenizer-text", ["Nfc.Normalize"], [.. TokenizerVectors.Texts.Take(12).Select(Encoding.UTF8.GetBytes)], Encode, o => o is Encoded { Special: > 2 })
        {
            Cost = 4, Memory = 1 << 21, MemoryPerByte = 4096,
            Tokens = Text("<|im_start|>", "<|im_end|>", " <pad> ", "</s>", "tidepool", "'s", "'LL", "\r\n", "\u00a0", "\u0301", "e\u0301", "\u1100\u1161", "漢", "😀", "\u200d", "1234"),
        },
        new("safetensors-header", ["Safetensors.ReadHeader"], [Header(0, 24), Header(24, 40)], input => Safetensors.ReadHeader("file", input, 8, 8 + 40), o => o is IReadOnlyDictionary<string, StoredTensor> { Count: 1 }, typeof(ModelFileException))
        {
            Json = true, Memory = 1 << 17, Tokens = Text("\"__metadata__\"", "\"F16\"", "\"BF16\"", "\"I8\"", "[0,40]", "[40,40]", "[]", "[0]", "[4611686018427387903]", "[0,9223372036854775806]", "9223372036854775807", "-1", "1e3", "0.5"),
        },
        new("model-config", ["ModelFolder.ParseConfig"], [Config("llama"), Config("qwen2"), Config("mistral")], input => Parameters.Layout(ModelFolder.ParseConfig("file", input)).Count,
            o => o is > 30 and < 200, typeof(ModelFileException))
        {
            Json = true, Memory = 4 << 20, Tokens = Text("\"llama\"", "\"silu\"", "null", "true", "16", "1024", "1025", "2147483648", "-1", "1e400"),
        },
        new("gguf-header", ["GgufHeader.Read", "GgufModel.ReadConfig", "GgufVocabulary.Read"], [Gguf("llama", GgufType.F32), Gguf("qwen2", GgufType.Q8_0)], input =>
        {
            var header = GgufHeader.Read("file", input, input.Length)!;
            Require(header.Tensors.Values.All(t => t.Offset >= 0 && t.Offset < input.Length), "a tensor is not in the file");
            Parameters.Layout(GgufModel.ReadConfig("file", header));
            _ = GgufVocabulary.Read("file", header.Metadata);
            return header;
        }, o => o is GgufHeader header && header.Metadata.Values.Any(v => v is false), typeof(ModelFileException))
        {
            Cost = 2, Memory = 4 << 20, MemoryPerByte = 256,
            Tokens = [.. Text("GGUF", "general.alignment", "tokenizer.ggml.pre", "llama.", "qwen2.", "smollm", "a b"), .. ((ReadOnlySpan<ulong>)[0, 1, 2, 8, 9, 12, 30, 32, 64, 1UL << 32, 1UL << 62, ulong.MaxValue]).ToArray().Select(BitConverter.GetBytes)],
        },
        new("checkpoint-head", ["CheckpointHead.Read"], [HeadOf(1), HeadOf(3)], input =>
        {
            var head = CheckpointHead.Read("file", input);
            Require(head.Write().AsSpan().SequenceEqual(input), "what was written again is other bytes");
            return new Head(head.Facts, head.Step, head.Curve.Count, head.Sections);
        }, o => o is Head { Step: > 1 << 20, Sections: [> 1 << 20, ..] }, typeof(ModelFileException))
        {
            Memory = 1 << 18, Tokens = HeadTokens,
        },
        new("checkpoint", ["Checkpoint.Read"], [Run(1), Run(3)], input =>
        {
            var (weights, moments) = (new float[3], new float[2]);
            FloatSection[] sections = [() => weights, () => moments];
            byte[] file = [.. input, .. SHA256.HashData(input)]; // who damages one on purpose makes the hash fit
            var head = Checkpoint.Read("file", new MemoryStream(file), _ => { }, sections);
            using var again = new MemoryStream();
            Checkpoint.Write(again, head, sections);
            Require(again.ToArray().AsSpan().SequenceEqual(file), "what was written again is other bytes");
            return new Head(head.Facts, head.Step, head.Curve.Count, head.Sections);
        }, o => o is Head { Step: > 1 << 20 }, typeof(ModelFileException))
        {
            Memory = 1 << 18, Tokens = HeadTokens,
        },
        new("model-folder", ["ModelFolder.Open", "ModelFolder.Load", "ModelFolder.ReadConfig", "ModelFolder.ReadSmall", "ModelFiles.ReadAll", "Safetensors.Open", "Safetensors.ReadAll"],
            [Weights(StoredType.BF16), Weights(StoredType.F16)], input => InFolder([("config.json", TinyConfig.Value), ("model.safetensors", input)], folder =>
            {
                using var read = ModelFolder.Load(folder);
                return Floats(read);
            }), o => o is Values { NotFinite: > 2 }, typeof(ModelFileException))
        {
            Cost = 10, Memory = 4 << 20, Tokens = [.. Text("\"F16\" ", "\"BF16\"", "\"F32\"", "[16]", "[32]", "[2,32]"), [.. Enumerable.Repeat((byte)0x7F, 16)], [.. Enumerable.Repeat((byte)0xFF, 16)]],
        },
        new("gguf-model", ["GgufFile.Open", "GgufModel.Open", "ModelFiles.Open", "ModelFiles.OpenWithoutText"], [Whole(GgufType.F16), Whole(GgufType.Q8_0)], input => InFolder([("model.gguf", input)], folder =>
        {
            var (file, _) = ModelFiles.Open(Path.Combine(folder, "model.gguf"));
            using (file)
            using (var read = file.ReadAll())
                return Floats(read);
        }), o => o is Values { NotFinite: > 2 }, typeof(ModelFileException), typeof(TokenizerException))
        {
            Cost = 10, Memory = 8 << 20, MemoryPerByte = 1024, Tokens = [[1, 0, 0, 0], [8, 0, 0, 0], [30, 0, 0, 0], [.. Enumerable.Repeat((byte)0x7F, 16)], [.. Enumerable.Repeat((byte)0xFF, 16)], .. Text("token_embd.weight", "blk.0.")],
        },
        new("model-text", ["ModelText.Load", "Tokenizer.Load"], Text(
                """{"bos_token":"<s>","eos_token":{"content":"</s>"},"pad_token":"<pad>","chat_template":"{% for message in messages %}","eos_token_id":[1,2]}""",
                """{"bos_token":null,"eos_token":"<|im_end|>","chat_template":["a"],"eos_token_id":3}"""), input =>
            InFolder([("tokenizer.json", TinyVocabulary.Value), ("tokenizer_config.json", input), ("generation_config.json", input)], folder =>
            {
                var text = ModelText.Load(folder)!;
                Require(text.Ends.All(id => id >= 0 && id < text.Tokenizer.VocabularySize), "a model ends with a token that there is not");
                return new Words(text.Begin, text.End, text.Pad, text.Template, text.Ends.Count, text.Chat is not null);
            }), o => o is Words { Begin: null, Template: null, End: not null, Ends: > 1 }, typeof(ModelFileException))
        {
            Json = true, Cost = 10, Memory = 4 << 20, MemoryPerByte = 1024, Tokens = Text("\"bos_token\"", "\"eos_token\"", "\"pad_token\"", "\"chat_template\"", "\"eos_token_id\"", "\"content\"", "\"</s>\"", "\"<|im_end|>\"", "\"\\ud800\"", "4294967296", "-1", "1e3"),
        },
        new("q8-0", ["QuantizedGemmMatrix.Decode"], [Blocks(2), Blocks(3)], Decoded, o => o is Rows { Count: > 6 }, typeof(ArgumentException), typeof(FormatException))
        {
            Record = QuantizedGemmMatrix.EncodedBlockBytes, Memory = 1 << 17, Tokens = [[0, 0x7C], [0xFF, 0x7B], [1, 0], [0, 0x80]],
        },
    ];

    private static readonly Lazy<byte[]> TinyConfig = new(() => Saved(StoredType.F32).Config), TinyVocabulary = new(() => Small("GPT-2"));

    private static IReadOnlyList<byte[]> HeadTokens =>
        [[0, 0, 0, 0], [2, 0, 0, 0], [0xFF, 0xFF], [0, 0, 0, 0, 0, 0, 0, 0x80], [0, 0, 0, 0, 0, 0, 0xF8, 0x7F], .. Text("seed")];

    private static byte[] Run(int count)
    {
        using var file = new MemoryStream();
        float[] weights = [1, -0.5f, 3], moments = [0, 2];
        Checkpoint.Write(file, new CheckpointHead([.. Enumerable.Range(0, count).Select(i => KeyValuePair.Create($"seed{i}", "42"))], 12, 1, 11, 2.5, 48, [.. Enumerable.Range(0, count).Select(i => new CurvePoint(i, 3.5, 3))], [3, 2]),
            [() => weights, () => moments]);
        return file.ToArray()[..^SHA256.HashSizeInBytes];
    }

    // A whole model of three kilobytes.
    private static Parameters Tiny()
    {
        var parameters = new Parameters(new ModelConfig(2, 32, 1, 1, 1, 16, 1, 16));
        foreach (var tensor in parameters.Tensors)
            parameters.Values(tensor).Fill(0.25f);
        return parameters;
    }

    private static byte[] Weights(StoredType type) => Saved(type).Weights;

    private static (byte[] Config, byte[] Weights) Saved(StoredType type) => InFolder([], folder =>
    {
        using var model = Tiny();
        ModelFolder.Save(folder, model, Write, type);
        return (System.IO.File.ReadAllBytes(Path.Combine(folder, "config.json")), System.IO.File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
    });

    private static byte[] Whole(GgufType type) => InFolder([], folder =>
    {
        using var model = Tiny();
        GgufModel.Save(Path.Combine(folder, "model.gguf"), model, null, Write, type);
        return System.IO.File.ReadAllBytes(Path.Combine(folder, "model.gguf"));
    });

    private static void Write(string path, Action<Stream> write) => DurableFile.Write(path, write);

    private static T InFolder<T>(IEnumerable<(string Name, byte[] Bytes)> files, Func<string, T> read)
    {
        var folder = Directory.CreateTempSubdirectory("trove-fuzz-");
        try
        {
            foreach (var (name, bytes) in files)
                System.IO.File.WriteAllBytes(Path.Combine(folder.FullName, name), bytes);
            return read(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Values Floats(Parameters read)
    {
        int count = 0, notFinite = 0;
        foreach (var tensor in read.Tensors)
            foreach (float value in read.Values(tensor))
            {
                count++;
                notFinite += float.IsFinite(value) ? 0 : 1;
            }
        return new Values(count, notFinite);
    }

    private static byte[] Blocks(int rows) => [.. Enumerable.Range(0, rows).SelectMany(row => (byte[])[0, 0x3C, .. Enumerable.Range(0, QuantizedGemmMatrix.BlockSize).Select(i => (byte)(row * 7 + i))])];

    private static unsafe Rows? Decoded(byte[] input)
    {
        int rows = input.Length / QuantizedGemmMatrix.EncodedBlockBytes;
        if (rows == 0)
            return null; // a matrix has a row: its caller's promise
        using var matrix = QuantizedGemmMatrix.Decode(input, rows, QuantizedGemmMatrix.BlockSize);
        var values = stackalloc float[QuantizedGemmMatrix.BlockSize];
        for (int row = 0; row < rows; row++)
        {
            matrix.Row(row, values);
            var block = input.AsSpan(row * QuantizedGemmMatrix.EncodedBlockBytes, QuantizedGemmMatrix.EncodedBlockBytes);
            for (int i = 0; i < QuantizedGemmMatrix.BlockSize; i++)
                Require(values[i] == (float)BinaryPrimitives.ReadHalfLittleEndian(block) * unchecked((sbyte)block[2 + i]), "a weight is another one than in the file");
        }
        return new Rows(rows);
    }

    private static byte[] Gguf(string family, GgufType type)
    {
        using var file = new MemoryStream();
        GgufWriter.Write(file,
        [
            ("general.architecture", family), (family + ".context_length", 16u), (family + ".embedding_length", 32u), (family + ".block_count", 1u), (family + ".feed_forward_length", 32u), (family + ".attention.head_count", 2u),
            (family + ".rope.freq_base", 10000f), ("tokenizer.ggml.model", "gpt2"), ("tokenizer.ggml.pre", "gpt-2"), ("tokenizer.ggml.tokens", (string[])["a", "b", "ab", "<e>"]), ("tokenizer.ggml.token_type", (int[])[1, 1, 1, 3]),
            ("tokenizer.ggml.merges", (string[])["a b"]), ("tokenizer.ggml.eos_token_id", 3u), ("tokenizer.ggml.add_bos_token", true),
        ],
        [new GgufOutput("token_embd.weight", type, 4, 32, false, _ => new float[32]), new GgufOutput("output_norm.weight", GgufType.F32, 1, 32, true, _ => new float[32])]);
        return file.ToArray();
    }

    private static byte[] HeadOf(int count) =>
        new CheckpointHead([.. Enumerable.Range(0, count).Select(i => KeyValuePair.Create($"seed{i}", "42"))], 12, 1, 11, 2.5, 48, [.. Enumerable.Range(0, count).Select(i => new CurvePoint(i, 3.5, double.NaN))], [96, 32]).Write();

    private static byte[] Header(int split, int end) => Encoding.UTF8.GetBytes(
        "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[" + split / 4 + "],\"data_offsets\":[0," + split + "]},\"b\":{\"dtype\":\"BF16\",\"shape\":[2," + (40 - split) / 4 + "],\"data_offsets\":[" + split + ",40]}}");

    private static byte[] Config(string family) => Encoding.UTF8.GetBytes(
        "{\"model_type\":\"" + family + "\",\"hidden_act\":\"silu\",\"vocab_size\":64,\"hidden_size\":32,\"num_hidden_layers\":2,\"num_attention_heads\":2,\"num_key_value_heads\":1,\"head_dim\":16,\"intermediate_size\":48,\"max_position_embeddings\":64,\"sliding_window\":32,\"rope_theta\":10000.0,\"rms_norm_eps\":1e-5,\"tie_word_embeddings\":true}");

    // Without the curve's numbers, which may be NaN.
    private sealed record Head(IReadOnlyList<KeyValuePair<string, string>> Facts, long Step, int Curve, IReadOnlyList<long> Sections);

    private sealed record Values(int Count, int NotFinite);

    private sealed record Rows(int Count);

    private sealed record Words(string? Begin, string? End, string? Pad, string? Template, int Ends, bool Chat);

    private sealed record Encoded(int Count, int Special, bool Utf8);

    // A vocabulary small enough that a change of any of its parts is likely.
    private static byte[] Small(string kind)
    {
        var file = TokenizerVectors.File(kind);
        string[] tokens = ["a", "t", "i", "Ġ", "d", "e", "ti", "de", "tide", "Ġtide"];
        file["model"]!["vocab"] = new JsonObject(tokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id)));
        file["model"]!["merges"] = new JsonArray("t i", new JsonArray("d", "e"), "ti de", "Ġ tide");
        file["model"]!["unk_token"] = "a";
        int next = tokens.Length;
        foreach (var added in file["added_tokens"]!.AsArray())
            added!["id"] = next++;
        if (file["post_processor"]?["special_tokens"] is { } special)
            (special["<|im_start|>"]!["ids"], special["<|im_end|>"]!["ids"]) = (new JsonArray(tokens.Length), new JsonArray(tokens.Length + 1));
        if (kind == "Llama 3")
            file["post_processor"] = null;
        return Encoding.UTF8.GetBytes(file.ToJsonString());
    }

    private static Tokenizer File(byte[] input)
    {
        var tokenizer = Tokenizer.Read(input);
        var written = TokenizerVectors.Written(tokenizer);
        var again = Tokenizer.Read(written);
        Require(TokenizerVectors.Written(again).AsSpan().SequenceEqual(written), "what was written reads as another tokenizer");
        foreach (var options in (ReadOnlySpan<EncodeOptions>)[EncodeOptions.None, EncodeOptions.SpecialTokens | EncodeOptions.Template])
        {
            int[]? ids = Ids(tokenizer, options), others = Ids(again, options);
            Require(ids is null == others is null && ids.AsSpan().SequenceEqual(others), "what was written encodes otherwise");
            Require(ids is null || options != EncodeOptions.None || !ids.Any(tokenizer.IsSpecial) || tokenizer.Parts.Unknown is not null, "a text has special tokens");
            _ = ids is null ? "" : tokenizer.Decode(ids);
        }
        return tokenizer;
    }

    private static int[]? Ids(Tokenizer tokenizer, EncodeOptions options)
    {
        try
        {
            return tokenizer.Encode(" tide 12 <|im_start|> a\u0301 </s>\n tidepool", options);
        }
        catch (TokenizerException)
        {
            return null; // a byte without a token
        }
    }

    private static Encoded Encode(byte[] input)
    {
        bool utf8 = System.Text.Unicode.Utf8.IsValid(input);
        int count = 0, special = 0;
        for (int i = 0; i < Tokenizers.Value.Count; i++)
        {
            var (tokenizer, encoder) = (Tokenizers.Value[i], Encoders.Value[i]);
            var ids = new int[encoder.MaxTokens(input.Length)];
            count = encoder.Encode(input, ids);
            var decoded = tokenizer.DecodeBytes(ids.AsSpan(0, count));
            Require(!ids.AsSpan(0, count).ToArray().Any(tokenizer.IsSpecial), "a text has special tokens");
            if (!tokenizer.Parts.Nfc && !tokenizer.Parts.PreTokenizer.AddPrefixSpace)
                Require(decoded.AsSpan().SequenceEqual(input), "decoded to another text");
            else if (tokenizer.Parts.Nfc && utf8)
                Require(Encoding.UTF8.GetString(decoded) == Nfc.Normalize(Encoding.UTF8.GetString(input)), "decoded to another text than the normalised one");
            special = Math.Max(special, ids.AsSpan(0, encoder.Encode(input, ids, EncodeOptions.SpecialTokens)).ToArray().Count(tokenizer.IsSpecial));
        }
        return new Encoded(count, special, utf8);
    }
}
