using System.Text;
using System.Text.Json.Nodes;
using Trove.Models;
using Trove.Models.Exchange;
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
        new("safetensors-header", ["Safetensors.ReadHeader", "Safetensors.Open"], [Header(0, 24), Header(24, 40)], input => Safetensors.ReadHeader("file", input, 8, 8 + 40), o => o is IReadOnlyDictionary<string, StoredTensor> { Count: 1 }, typeof(ModelFileException))
        {
            Json = true, Memory = 1 << 17, Tokens = Text("\"__metadata__\"", "\"F16\"", "\"BF16\"", "\"I8\"", "[0,40]", "[40,40]", "[]", "[0]", "9223372036854775807", "-1", "1e3", "0.5"),
        },
        new("model-config", ["ModelFolder.ParseConfig", "ModelFolder.ReadConfig", "ModelFolder.Load"], [Config("llama"), Config("qwen2"), Config("mistral")], input => Parameters.Layout(ModelFolder.ParseConfig("file", input)).Count,
            o => o is > 30 and < 200, typeof(ModelFileException))
        {
            Json = true, Memory = 4 << 20, Tokens = Text("\"llama\"", "\"silu\"", "null", "true", "16", "1024", "1025", "2147483648", "-1", "1e400"),
        },
        new("gguf-header", ["GgufHeader.Read", "GgufModel.ReadConfig", "GgufVocabulary.Read", "GgufFile.Open", "GgufModel.Open", "ModelFiles.Open", "ModelFiles.OpenWithoutText"], [Gguf("llama", GgufType.F32), Gguf("qwen2", GgufType.Q8_0)], input =>
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
        new("checkpoint-head", ["CheckpointHead.Read"], [Checkpoint(1), Checkpoint(3)], input =>
        {
            var head = CheckpointHead.Read("file", input);
            Require(head.Write().AsSpan().SequenceEqual(input), "what was written again is other bytes");
            return new Head(head.Facts, head.Step, head.Curve.Count, head.Sections);
        }, o => o is Head { Step: > 1 << 20, Sections: [> 1 << 20, ..] }, typeof(ModelFileException))
        {
            Memory = 1 << 18, Tokens = [[0, 0, 0, 0], [2, 0, 0, 0], [0xFF, 0xFF], [0, 0, 0, 0, 0, 0, 0, 0x80], [0, 0, 0, 0, 0, 0, 0xF8, 0x7F], .. Text("seed")],
        },
    ];

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

    private static byte[] Checkpoint(int count) =>
        new CheckpointHead([.. Enumerable.Range(0, count).Select(i => KeyValuePair.Create($"seed{i}", "42"))], 12, 1, 11, 2.5, 48, [.. Enumerable.Range(0, count).Select(i => new CurvePoint(i, 3.5, double.NaN))], [96, 32]).Write();

    private static byte[] Header(int split, int end) => Encoding.UTF8.GetBytes(
        "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[" + split / 4 + "],\"data_offsets\":[0," + split + "]},\"b\":{\"dtype\":\"BF16\",\"shape\":[2," + (40 - split) / 4 + "],\"data_offsets\":[" + split + ",40]}}");

    private static byte[] Config(string family) => Encoding.UTF8.GetBytes(
        "{\"model_type\":\"" + family + "\",\"hidden_act\":\"silu\",\"vocab_size\":64,\"hidden_size\":32,\"num_hidden_layers\":2,\"num_attention_heads\":2,\"num_key_value_heads\":1,\"head_dim\":16,\"intermediate_size\":48,\"max_position_embeddings\":64,\"sliding_window\":32,\"rope_theta\":10000.0,\"rms_norm_eps\":1e-5,\"tie_word_embeddings\":true}");

    // Without the curve's numbers, which may be NaN.
    private sealed record Head(IReadOnlyList<KeyValuePair<string, string>> Facts, long Step, int Curve, IReadOnlyList<long> Sections);

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
