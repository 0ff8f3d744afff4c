using System.Text.Encodings.Web;
using System.Text.Json;

namespace Trove.Models.Tokenization;

/// <summary>Writes <c>tokenizer.json</c> with all of Hugging Face's fields, two spaces deep as its own library does.</summary>
internal static class TokenizerJsonWriter
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" };

    public static void Write(TokenizerParts parts, Stream output)
    {
        var names = parts.Tokens.Select(t => ByteAlphabet.Write(t)).ToArray();
        foreach (var token in parts.Added)
            names[token.Id] = token.Content;
        using (var json = new Utf8JsonWriter(output, Options))
        {
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            json.WriteNull("truncation");
            json.WriteNull("padding");
            WriteAdded(parts, json);
            json.WritePropertyName("normalizer");
            WriteNormalizer(parts, json);
            json.WritePropertyName("pre_tokenizer");
            PreTokenizerJson.Write(parts.PreTokenizer, json);
            json.WritePropertyName("post_processor");
            WritePostProcessor(parts, names, json);
            json.WritePropertyName("decoder");
            PreTokenizerJson.WriteByteLevel(addPrefixSpace: true, useRegex: true, json);
            WriteModel(parts, names, json);
            json.WriteEndObject();
        }
        output.WriteByte((byte)'\n');
    }

    private static void WriteAdded(TokenizerParts parts, Utf8JsonWriter json)
    {
        json.WriteStartArray("added_tokens");
        foreach (var token in parts.Added)
        {
            json.WriteStartObject();
            json.WriteNumber("id", token.Id);
            json.WriteString("content", token.Content);
            json.WriteBoolean("single_word", token.SingleWord);
            json.WriteBoolean("lstrip", token.LeftStrip);
            json.WriteBoolean("rstrip", token.RightStrip);
            json.WriteBoolean("normalized", token.Normalized);
            json.WriteBoolean("special", token.Special);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteNormalizer(TokenizerParts parts, Utf8JsonWriter json)
    {
        if (!parts.Nfc)
        {
            json.WriteNullValue();
            return;
        }
        json.WriteStartObject();
        json.WriteString("type", "NFC");
        json.WriteEndObject();
    }

    private static void WritePostProcessor(TokenizerParts parts, string[] names, Utf8JsonWriter json)
    {
        if (parts.Prefix.IsEmpty && parts.Suffix.IsEmpty)
        {
            PreTokenizerJson.WriteByteLevel(addPrefixSpace: true, useRegex: true, json);
            return;
        }
        json.WriteStartObject();
        json.WriteString("type", "TemplateProcessing");
        json.WriteStartArray("single");
        WriteTemplate(parts, names, "A", 0, json);
        json.WriteEndArray();
        json.WriteStartArray("pair");
        WriteTemplate(parts, names, "A", 0, json);
        WriteTemplate(parts, names, "B", 1, json);
        json.WriteEndArray();
        json.WriteStartObject("special_tokens");
        foreach (int id in parts.Prefix.Concat(parts.Suffix).Distinct().Order())
        {
            var name = names[id];
            json.WriteStartObject(name);
            json.WriteString("id", name);
            json.WriteStartArray("ids");
            json.WriteNumberValue(id);
            json.WriteEndArray();
            json.WriteStartArray("tokens");
            json.WriteStringValue(name);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteTemplate(TokenizerParts parts, string[] names, string text, int type, Utf8JsonWriter json)
    {
        foreach (int id in parts.Prefix)
            WritePiece("SpecialToken", names[id], type, json);
        WritePiece("Sequence", text, type, json);
        foreach (int id in parts.Suffix)
            WritePiece("SpecialToken", names[id], type, json);
    }

    private static void WritePiece(string kind, string id, int type, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartObject(kind);
        json.WriteString("id", id);
        json.WriteNumber("type_id", type);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteModel(TokenizerParts parts, string[] names, Utf8JsonWriter json)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        if (parts.Unknown is { } unknown)
            json.WriteString("unk_token", names[unknown]);
        else
            json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", parts.IgnoreMerges);
        json.WriteStartObject("vocab");
        for (int id = 0; id < parts.Tokens.Count; id++)
            if (parts.InModel[id])
                json.WriteNumber(names[id], id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var merge in parts.Merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(names[merge.Left]);
            json.WriteStringValue(names[merge.Right]);
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
