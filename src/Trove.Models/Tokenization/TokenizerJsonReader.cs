using System.Text;
using System.Text.Json;

namespace Trove.Models.Tokenization;

/// <summary>
/// Reads <c>tokenizer.json</c>. What would encode otherwise than the file says is refused, with the field's name. A sample:
/// <code>
/// { "version": "1.0", "truncation": null, "padding": null,
///   "added_tokens": [{ "id": 0, "content": "&lt;|endoftext|&gt;", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true }],
///   "normalizer": null,
///   "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
///   "post_processor": null,
///   "decoder": { "type": "ByteLevel" },
///   "model": { "type": "BPE", "vocab": { "&lt;|endoftext|&gt;": 0, "!": 1, "Ġthe": 300 }, "merges": ["Ġ t", ["Ġt", "he"]] } }
/// </code>
/// </summary>
internal static class TokenizerJsonReader
{
    /// <summary>Largest file, in bytes: Llama 3's has 17 million.</summary>
    public const int MaxFile = 1 << 26;

    private const int MaxDepth = 16, MaxAdded = 1 << 16; // added tokens: each has an entry in four tries

    private static readonly JsonDocumentOptions Options = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    public static Tokenizer Read(ReadOnlyMemory<byte> json, string name)
    {
        if (json.Length > MaxFile)
            throw new TokenizerException($"{name}: {json.Length} bytes are more than a tokenizer may have ({MaxFile})");
        try
        {
            using var document = JsonDocument.Parse(json, Options);
            return new Tokenizer(Read(new JsonField(document.RootElement, "the file")));
        }
        catch (TokenizerException e)
        {
            throw new TokenizerException($"{name}: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new TokenizerException($"{name} is no JSON of at most {MaxDepth} levels with each name once: {e.Message}", e);
        }
        catch (InvalidOperationException e) // a string that is half a surrogate pair
        {
            throw new TokenizerException($"{name} has text that is no Unicode: {e.Message}", e);
        }
    }

    private static TokenizerParts Read(JsonField file)
    {
        foreach (var unsupported in (ReadOnlySpan<string>)["truncation", "padding"])
            if (file.Optional(unsupported) is { } set)
                throw set.Refuse("must be null: cut and pad batches where they are made");
        var model = file.Required("model");
        CheckModel(model);

        var added = ReadAdded(file.Optional("added_tokens"));
        var vocabulary = VocabularyReader.Read(model.Required("vocab"), added);
        var merges = VocabularyReader.ReadMerges(model.Required("merges"), vocabulary, added);
        var parts = new TokenizerParts(vocabulary.Tokens, vocabulary.InModel, merges, added, PreTokenizerJson.Read(file.Required("pre_tokenizer")))
        {
            Nfc = ReadNormalizer(file.Optional("normalizer")),
            IgnoreMerges = model.Optional("ignore_merges")?.Boolean ?? false,
            Unknown = ReadUnknown(model, vocabulary),
        };
        if (file.Optional("decoder") is not { } decoder || decoder.Type != "ByteLevel")
            throw new TokenizerException("decoder must be of type ByteLevel");
        return file.Optional("post_processor") is { } processor ? ReadTemplate(processor, parts) : parts;
    }

    private static void CheckModel(JsonField model)
    {
        if (model.Optional("type") is { Text: not "BPE" } type) // old files have no type
            throw type.Refuse("must be BPE");
        foreach (var name in (ReadOnlySpan<string>)["continuing_subword_prefix", "end_of_word_suffix"])
            if (model.Optional(name) is { } affix && affix.Text != "")
                throw affix.Refuse("must be null: byte-level vocabularies have none");
        if (model.Optional("dropout") is { } dropout && !(dropout.Element.ValueKind == JsonValueKind.Number && dropout.Element.GetDouble() == 0))
            throw dropout.Refuse("must be null: encoding would be a matter of chance");
        if (model.Optional("byte_fallback") is { Boolean: true } fallback)
            throw fallback.Refuse("must be false: it belongs to vocabularies of characters, not of bytes");
    }

    private static int? ReadUnknown(JsonField model, Vocabulary vocabulary)
    {
        if (model.Optional("unk_token") is not { } unknown || unknown.Text == "")
            return null;
        int id = vocabulary.Ids.TryGetValue(unknown.Text, out int found) ? found : throw unknown.Refuse($"'{Short(unknown.Text)}' is not in model.vocab");
        bool complete = Enumerable.Range(0, 256).All(b => vocabulary.Ids.ContainsKey(ByteAlphabet.Of((byte)b).ToString()));
        return complete ? null
            : model.Optional("fuse_unk") is { Boolean: true } fuse ? throw fuse.Refuse("must be false where model.vocab does not have all 256 bytes")
            : id;
    }

    private static List<AddedToken> ReadAdded(JsonField? field)
    {
        var tokens = new List<AddedToken>();
        var ids = new HashSet<int>();
        var contents = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in field?.Items(MaxAdded) ?? [])
        {
            var content = entry.Required("content");
            bool special = entry.Optional("special")?.Boolean ?? false;
            if (content.Text == "" || Encoding.UTF8.GetByteCount(content.Text) > AddedToken.MaxContent)
                throw content.Refuse($"must have 1 to {AddedToken.MaxContent} bytes");
            var token = new AddedToken(entry.Required("id").Integer(MergeTable.MaxTokens - 1), content.Text, special)
            {
                SingleWord = entry.Optional("single_word")?.Boolean ?? false,
                LeftStrip = entry.Optional("lstrip")?.Boolean ?? false,
                RightStrip = entry.Optional("rstrip")?.Boolean ?? false,
                Normalized = entry.Optional("normalized")?.Boolean ?? !special,
            };
            if (!ids.Add(token.Id) || !contents.Add(token.Content))
                throw entry.Refuse("has an id or a content of another one");
            tokens.Add(token);
        }
        tokens.Sort((a, b) => a.Id.CompareTo(b.Id));
        return tokens;
    }

    // null, NFC, or a sequence of at most that.
    private static bool ReadNormalizer(JsonField? field)
    {
        if (field is not { } normalizer)
            return false;
        if (normalizer.Type == "NFC")
            return true;
        var inner = normalizer.Type == "Sequence" ? normalizer.Required("normalizers").Items(8).ToList() : null;
        return inner is not null && inner.TrueForAll(n => n.Type == "NFC") ? inner.Count > 0 : throw normalizer.Refuse("must be null or NFC");
    }

    // A post-processor says which ids stand around a text; of ByteLevel's nothing concerns ids.
    private static TokenizerParts ReadTemplate(JsonField processor, TokenizerParts parts)
    {
        switch (processor.Type)
        {
            case "ByteLevel":
                return parts;
            case "Sequence":
                var templates = processor.Required("processors").Items(8).Where(p => p.Type != "ByteLevel").ToList();
                return templates switch
                {
                    [] => parts,
                    [var single] when single.Type == "TemplateProcessing" => ReadTemplate(single, parts),
                    _ => throw processor.Refuse("may have ByteLevel and one TemplateProcessing"),
                };
            case "TemplateProcessing":
                break;
            default:
                throw processor.Refuse("must be null, ByteLevel, TemplateProcessing, or a Sequence of these");
        }
        List<int> prefix = [], suffix = [];
        bool text = false;
        var known = processor.Required("special_tokens");
        foreach (var piece in processor.Required("single").Items(64))
            if (piece.Optional("Sequence") is { } sequence)
                text = !text && sequence.Required("id").Text == "A" ? true : throw piece.Refuse("must stand for the text A once");
            else
                foreach (var id in known.Required(piece.Required("SpecialToken").Required("id").Text).Required("ids").Items(64))
                    (text ? suffix : prefix).Add(id.Integer(parts.Tokens.Count - 1));
        return text ? parts with { Prefix = [.. prefix], Suffix = [.. suffix] } : throw processor.Refuse("has a template without the text");
    }

    /// <summary>Text of a file as a message may show it.</summary>
    internal static string Short(string text) => text.Length <= 120 ? text : string.Concat(text.AsSpan(0, 120), "…");
}
