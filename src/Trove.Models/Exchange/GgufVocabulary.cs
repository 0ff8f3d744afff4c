using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Trove.Models.Tokenization;

namespace Trove.Models.Exchange;

/// <summary>The vocabulary in a GGUF file: <c>tokenizer.ggml.*</c> of the model <c>gpt2</c>, llama.cpp's name for byte-level BPE.</summary>
internal static class GgufVocabulary
{
    private const string Prefix = "tokenizer.ggml.", TemplateKey = "tokenizer.chat_template";

    // llama_token_type of llama.cpp.
    private const int Normal = 1, Control = 3, UserDefined = 4, Unused = 5;

    // llama.cpp knows a way to cut text by the name of the first model that had it; llama-bpe and tekken take words that are tokens whole.
    private static readonly ImmutableArray<(string Name, PreTokenizer Cut, bool Whole)> Names =
    [
        ("gpt-2", PreTokenizer.Gpt2, false), ("smollm", PreTokenizer.SmolLm, false), ("llama-bpe", PreTokenizer.Llama3, true), ("dbrx", PreTokenizer.Llama3, false),
        ("qwen2", PreTokenizer.Qwen2, false), ("tekken", PreTokenizer.Tekken, true), ("gpt-4o", PreTokenizer.O200k, false),
    ];

    /// <summary>The metadata of a vocabulary; without one llama.cpp takes ids only.</summary>
    /// <param name="size">Ids of the model, at least as many as the vocabulary's.</param>
    /// <exception cref="ModelFileException">llama.cpp has no name for how it cuts text.</exception>
    public static IEnumerable<(string Key, object Value)> Write(string file, ModelText? text, int size)
    {
        if (text is null)
            return [(Prefix + "model", "no_vocab")];
        var parts = text.Tokenizer.Parts;
        if (parts.Tokens.Count > size)
            throw new ModelFileException(file, $"its vocabulary has {parts.Tokens.Count} tokens, and the model {size}");
        var names = new string[size];
        var types = new int[size];
        for (int id = 0; id < size; id++)
            (names[id], types[id]) = id < parts.Tokens.Count ? (ByteAlphabet.Write(parts.Tokens[id]), Normal) : ($"[PAD{id}]", Unused);
        foreach (var added in parts.Added)
            (names[added.Id], types[added.Id]) = (added.Content, added.Special ? Control : UserDefined);
        string cut = Signature(parts.PreTokenizer);
        var found = Names.Where(n => Signature(n.Cut) == cut && !parts.PreTokenizer.AddPrefixSpace).OrderBy(n => n.Whole != parts.IgnoreMerges).Select(n => n.Name).FirstOrDefault()
            ?? throw new ModelFileException(file, "llama.cpp has no name for the way its vocabulary cuts text");
        var metadata = new List<(string, object)>
        {
            (Prefix + "model", "gpt2"), (Prefix + "pre", found), (Prefix + "tokens", names), (Prefix + "token_type", types),
            (Prefix + "merges", parts.Merges.Select(m => $"{names[m.Left]} {names[m.Right]}").ToArray()), (Prefix + "add_bos_token", !parts.Prefix.IsEmpty),
        };
        int? begin = parts.Prefix.IsEmpty ? Id(text.Begin) : parts.Prefix[0];
        foreach (var (key, id) in (ReadOnlySpan<(string, int?)>)[("bos", begin), ("eos", Id(text.End) ?? (text.Ends.Count > 0 ? text.Ends[0] : null)), ("padding", Id(text.Pad))])
            if (id is { } known)
                metadata.Add(($"{Prefix}{key}_token_id", (uint)known));
        if ((text.Template ?? text.Chat?.ToJinja()) is { } template)
            metadata.Add((TemplateKey, template));
        return metadata;

        int? Id(string? token) => token is null ? null : text.Tokenizer.AddedId(token);
    }

    /// <summary>The vocabulary of a file; null when it has none.</summary>
    /// <exception cref="ModelFileException">It is of another kind, or damaged.</exception>
    public static ModelText? Read(string file, IReadOnlyDictionary<string, object> metadata)
    {
        var model = Value<string>("model");
        if (model is null or "no_vocab" or "none")
            return null;
        if (model != "gpt2")
            throw new ModelFileException(file, $"its vocabulary is of the kind \"{Safetensors.Shown(model)}\"; byte-level ones (gpt2) are read here");
        string cut = Value<string>("pre") ?? "";
        var known = Names.FirstOrDefault(n => n.Name == cut);
        if (known.Cut is null)
            throw new ModelFileException(file, $"its vocabulary cuts text as \"{Safetensors.Shown(cut)}\"; read here are {string.Join(", ", Names.Select(n => n.Name))}");
        if (Value<string[]>("tokens") is not { } names || Value<int[]>("token_type") is not { } types || types.Length != names.Length || Value<string[]>("merges") is not { } merges)
            throw new ModelFileException(file, "its vocabulary has no tokens, types or merges, or not as many of one as of the other");
        try
        {
            var tokenizer = Tokenizer.Read(Json(known.Cut, known.Whole, cut == "qwen2", names, types, merges), file);
            string? begin = Name("bos"), end = Name("eos");
            if (metadata.TryGetValue(Prefix + "add_bos_token", out var add) && add is true && begin is not null && tokenizer.AddedId(begin) is { } first)
                tokenizer = tokenizer.WithTemplate([first], []);
            int[] ends = [.. ((string?[])[end, Name("eot"), ChatTemplate.ChatMl.End]).Select(t => t is null ? null : tokenizer.AddedId(t)).OfType<int>().Distinct()];
            return new ModelText(tokenizer, ends) { Begin = begin, End = end, Pad = Name("padding"), Template = metadata.TryGetValue(TemplateKey, out var template) ? template as string : null };
        }
        catch (TokenizerException e)
        {
            throw new ModelFileException(file, $"its vocabulary is damaged ({e.Message})");
        }

        T? Value<T>(string key) where T : class => metadata.TryGetValue(Prefix + key, out var value) ? value as T : null;

        // Only an added token may steer the model.
        string? Name(string key) => metadata.TryGetValue($"{Prefix}{key}_token_id", out var id) && id is long at && at >= 0 && at < names.Length && types[at] is Control or UserDefined ? names[at] : null;
    }

    // As tokenizer.json, whose reader checks everything.
    private static byte[] Json(PreTokenizer cut, bool whole, bool nfc, string[] names, int[] types, string[] merges)
    {
        int count = names.Length;
        while (count > 0 && types[count - 1] == Unused && names[count - 1] == string.Create(CultureInfo.InvariantCulture, $"[PAD{count - 1}]"))
            count--; // what fills a vocabulary up to the model's
        using var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteStartArray("added_tokens");
            for (int id = 0; id < count; id++)
                if (types[id] is not Normal)
                {
                    json.WriteStartObject();
                    json.WriteNumber("id", id);
                    json.WriteString("content", names[id]);
                    json.WriteBoolean("special", types[id] != UserDefined);
                    json.WriteBoolean("normalized", false);
                    json.WriteEndObject();
                }
            json.WriteEndArray();
            if (nfc)
            {
                json.WriteStartObject("normalizer");
                json.WriteString("type", "NFC");
                json.WriteEndObject();
            }
            json.WritePropertyName("pre_tokenizer");
            PreTokenizerJson.Write(cut, json);
            json.WriteStartObject("decoder");
            json.WriteString("type", "ByteLevel");
            json.WriteEndObject();
            json.WriteStartObject("model");
            json.WriteString("type", "BPE");
            json.WriteBoolean("ignore_merges", whole);
            json.WriteStartObject("vocab");
            for (int id = 0; id < count; id++)
                json.WriteNumber(names[id], id);
            json.WriteEndObject();
            json.WriteStartArray("merges");
            foreach (var merge in merges)
                json.WriteStringValue(merge);
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return output.ToArray();
    }

    private static string Signature(PreTokenizer cut) => string.Join('\0', cut.Stages.Select(s => s.Pattern)) + cut.UseRegex;
}
