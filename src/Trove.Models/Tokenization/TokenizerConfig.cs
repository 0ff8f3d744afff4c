using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Trove.Models.Tokenization;

/// <summary>What <c>tokenizer_config.json</c> says to those who load a model with Hugging Face's libraries.</summary>
/// <param name="MaxLength">The longest sequence the model takes, in tokens.</param>
/// <param name="EndToken">The token after which a model stops: an added token.</param>
public sealed record TokenizerConfig(int MaxLength, string EndToken)
{
    /// <summary>The token texts begin with; null for none.</summary>
    public string? BeginToken { get; init; }

    /// <summary>The token batches are filled up with; null for none.</summary>
    public string? PadToken { get; init; }

    /// <summary>How conversations are written; null when the model has none.</summary>
    public ChatTemplate? ChatTemplate { get; init; }

    /// <summary>Writes the file.</summary>
    /// <exception cref="TokenizerException">The tokenizer lacks one of the tokens.</exception>
    public void Write(Tokenizer tokenizer, Stream output)
    {
        foreach (var token in new[] { EndToken, BeginToken, PadToken, ChatTemplate?.Start, ChatTemplate?.End })
            if (token is not null && tokenizer.AddedId(token) is null)
                throw new TokenizerException($"the tokenizer has no added token '{token}', which its configuration names");
        using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteStartObject("added_tokens_decoder");
            foreach (var token in tokenizer.AddedTokens)
            {
                json.WriteStartObject(token.Id.ToString(CultureInfo.InvariantCulture));
                json.WriteString("content", token.Content);
                json.WriteBoolean("lstrip", token.LeftStrip);
                json.WriteBoolean("normalized", token.Normalized);
                json.WriteBoolean("rstrip", token.RightStrip);
                json.WriteBoolean("single_word", token.SingleWord);
                json.WriteBoolean("special", token.Special);
                json.WriteEndObject();
            }
            json.WriteEndObject();
            json.WriteString("bos_token", BeginToken);
            if (ChatTemplate is { } chat)
                json.WriteString("chat_template", chat.ToJinja());
            json.WriteBoolean("clean_up_tokenization_spaces", false);
            json.WriteString("eos_token", EndToken);
            json.WriteNumber("model_max_length", MaxLength);
            json.WriteString("pad_token", PadToken);
            json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
            json.WriteNull("unk_token");
            json.WriteEndObject();
        }
        output.WriteByte((byte)'\n');
    }
}
