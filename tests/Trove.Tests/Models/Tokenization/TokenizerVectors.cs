using System.Text.Json.Nodes;
using Trove.Models.Tokenization;
using Trove.Tests.Crypto;

namespace Trove.Tests.Models.Tokenization;

/// <summary>specs/vectors/tokenizer.json: what Hugging Face's own library trained and encoded.</summary>
internal static class TokenizerVectors
{
    public static readonly JsonNode All = Checkout.Vectors("tokenizer.json");

    public static IReadOnlyList<string> Names { get; } = [.. All["tokenizers"]!.AsArray().Select(t => (string)t!["name"]!)];

    public static IReadOnlyList<string> Texts { get; } = Strings(All["texts"]!);

    public static JsonNode Of(string name) => All["tokenizers"]!.AsArray().Single(t => (string)t!["name"]! == name)!;

    /// <summary>A whole <c>tokenizer.json</c>, to change.</summary>
    public static JsonObject File(string name)
    {
        var file = Of(name)["file"]!.DeepClone().AsObject();
        var vocab = new JsonObject();
        foreach (var token in Strings(All["vocab"]!))
            vocab[token] = vocab.Count;
        file["model"] = new JsonObject
        {
            ["type"] = "BPE", ["dropout"] = null, ["unk_token"] = null, ["continuing_subword_prefix"] = null, ["end_of_word_suffix"] = null, ["fuse_unk"] = false, ["byte_fallback"] = false,
            ["ignore_merges"] = (bool)Of(name)["ignore_merges"]!, ["vocab"] = vocab, ["merges"] = All["merges"]!.DeepClone(),
        };
        return file;
    }

    public static Tokenizer Tokenizer(string name) => Read(File(name));

    public static Tokenizer Read(JsonNode file) => Trove.Models.Tokenization.Tokenizer.Read(System.Text.Encoding.UTF8.GetBytes(file.ToJsonString()));

    public static byte[] Written(Tokenizer tokenizer)
    {
        using var stream = new MemoryStream();
        tokenizer.Write(stream);
        return stream.ToArray();
    }

    public static string[] Strings(JsonNode list) => [.. list.AsArray().Select(s => (string)s!)];

    public static int[] Ids(JsonNode list) => [.. list.AsArray().Select(i => (int)i!)];
}
