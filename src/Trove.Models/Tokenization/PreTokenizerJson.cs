using System.Text.Json;

namespace Trove.Models.Tokenization;

/// <summary>The field <c>pre_tokenizer</c>.</summary>
internal static class PreTokenizerJson
{
    private const int MaxSplits = 8;

    /// <summary>Reads <c>ByteLevel</c>, alone or at the end of a sequence with splits before it.</summary>
    public static PreTokenizer Read(JsonField field)
    {
        var steps = field.Type == "Sequence" ? field.Required("pretokenizers").Items(MaxSplits + 1).ToList() : [field];
        if (steps.Count == 0 || steps[^1] is not { Type: "ByteLevel" } bytes)
            throw field.Refuse("must be ByteLevel, or a Sequence that ends with it; other vocabularies than byte-level ones are not supported");
        return new PreTokenizer([.. steps.SkipLast(1).Select(Splitter)], bytes.Optional("add_prefix_space")?.Boolean ?? true, bytes.Optional("use_regex")?.Boolean ?? true);
    }

    /// <summary>Writes what <see cref="Read"/> reads.</summary>
    public static void Write(PreTokenizer value, Utf8JsonWriter json)
    {
        if (value.Splits.IsEmpty)
        {
            WriteByteLevel(value.AddPrefixSpace, value.UseRegex, json);
            return;
        }
        json.WriteStartObject();
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        foreach (var splitter in value.Splits)
        {
            json.WriteStartObject();
            if (splitter is DigitSplitter digits)
            {
                json.WriteString("type", "Digits");
                json.WriteBoolean("individual_digits", digits.Individual);
            }
            else
            {
                json.WriteString("type", "Split");
                json.WriteStartObject("pattern");
                json.WriteString("Regex", splitter.Pattern);
                json.WriteEndObject();
                json.WriteString("behavior", "Isolated");
                json.WriteBoolean("invert", false);
            }
            json.WriteEndObject();
        }
        WriteByteLevel(value.AddPrefixSpace, value.UseRegex, json);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Writes a step, decoder or post-processor of this type: they have the same fields.</summary>
    public static void WriteByteLevel(bool addPrefixSpace, bool useRegex, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", addPrefixSpace);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", useRegex);
        json.WriteEndObject();
    }

    private static Splitter Splitter(JsonField step)
    {
        if (step.Type == "Digits")
            return new DigitSplitter(step.Optional("individual_digits")?.Boolean ?? false);
        if (step.Type != "Split")
            throw step.Refuse($"is of type {TokenizerJsonReader.Short(step.Type)}; Split and Digits are supported before ByteLevel");
        var pattern = step.Required("pattern").Required("Regex");
        var splitter = Tokenization.Splitter.Of(pattern.Text)
            ?? throw pattern.Refuse($"is a pattern that is not known: {TokenizerJsonReader.Short(pattern.Text)} (known are those of GPT-2, Llama 3 or cl100k_base, Qwen2, Tekken and o200k_base)");
        // The known patterns leave nothing between two matches, so that to keep matches alone, or gaps apart too, is the same.
        return (step.Required("behavior").Text, step.Optional("invert")?.Boolean ?? false) is ("Isolated", false) or ("Isolated", true) or ("Removed", true) ? splitter
            : throw step.Refuse("must have the behavior Isolated, or Removed with invert");
    }
}
