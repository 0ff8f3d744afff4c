using System.Text.Json;
using Trove.Models.Tokenization;

namespace Trove.Models.Exchange;

/// <summary>What a model's folder says of text: its vocabulary, where texts end, and how conversations are written.</summary>
/// <param name="Tokenizer">Of <c>tokenizer.json</c>.</param>
/// <param name="Ends">Ids after which the model stops; may be none.</param>
public sealed record ModelText(Tokenizer Tokenizer, IReadOnlyList<int> Ends)
{
    private const string VocabularyFile = "tokenizer.json", ConfigFile = "tokenizer_config.json";
    private const int MaxConfig = 16 << 20, MaxEnds = 64;

    /// <summary>The token texts begin with; null for none.</summary>
    public string? Begin { get; init; }

    /// <summary>The token texts end with; null for none.</summary>
    public string? End { get; init; }

    /// <summary>The token batches are filled up with; null for none.</summary>
    public string? Pad { get; init; }

    /// <summary>How conversations are written, in Jinja; null for none.</summary>
    public string? Template { get; init; }

    /// <summary>How conversations are written, if it is a way known here, or if there is no other and the vocabulary has its tokens; else null.</summary>
    public ChatTemplate? Chat => (Template is null || Template == ChatTemplate.ChatMl.ToJinja()) && Special(ChatTemplate.ChatMl.Start) && Special(ChatTemplate.ChatMl.End) ? ChatTemplate.ChatMl : null;

    /// <summary>Has a folder a vocabulary?</summary>
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, VocabularyFile));

    /// <summary>Reads what a folder has; null when it has no <c>tokenizer.json</c>.</summary>
    /// <exception cref="ModelFileException">A file is damaged.</exception>
    /// <exception cref="TokenizerException">The vocabulary is damaged, or of a kind that is not supported.</exception>
    public static ModelText? Load(string folder)
    {
        if (!IsIn(folder))
            return null;
        var tokenizer = Tokenizer.Load(Path.Combine(folder, VocabularyFile));
        string? begin = null, end = null, pad = null, template = null;
        Read(ConfigFile, root =>
        {
            (begin, end, pad) = (Token(root, "bos_token"), Token(root, "eos_token"), Token(root, "pad_token"));
            template = root.TryGetProperty("chat_template", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
        });
        var ends = new SortedSet<int>();
        foreach (var file in (string[])["config.json", "generation_config.json"])
            Read(file, root =>
            {
                if (!root.TryGetProperty("eos_token_id", out var ids))
                    return;
                foreach (var id in ids.ValueKind == JsonValueKind.Array ? ids.EnumerateArray().Take(MaxEnds) : Enumerable.Repeat(ids, 1))
                    if (id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int token) && token >= 0 && token < tokenizer.VocabularySize)
                        ends.Add(token);
            });
        foreach (var token in (string?[])[end, ChatTemplate.ChatMl.End])
            if (token is not null && tokenizer.AddedId(token) is { } id)
                ends.Add(id);
        return new ModelText(tokenizer, [.. ends]) { Begin = begin, End = end, Pad = pad, Template = template };

        void Read(string name, Action<JsonElement> read)
        {
            var path = Path.Combine(folder, name);
            if (!File.Exists(path))
                return;
            try
            {
                using var document = JsonDocument.Parse(ModelFolder.ReadSmall(path, MaxConfig), new JsonDocumentOptions { MaxDepth = 32 });
                if (document.RootElement.ValueKind == JsonValueKind.Object)
                    read(document.RootElement);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                throw new ModelFileException(path, $"it is no valid JSON ({e.Message})");
            }
        }
    }

    /// <summary>Writes <c>tokenizer.json</c>, and <c>tokenizer_config.json</c> where an end is known.</summary>
    /// <param name="context">The longest text of the model, in tokens.</param>
    public void Save(string folder, int context, FileWriter writer)
    {
        writer(Path.Combine(folder, VocabularyFile), Tokenizer.Write);
        if (End is not null)
            writer(Path.Combine(folder, ConfigFile), file => new TokenizerConfig(context, End) { BeginToken = Begin, PadToken = Pad, ChatTemplate = Chat }.Write(Tokenizer, file));
    }

    private bool Special(string token) => Tokenizer.AddedId(token) is { } id && Tokenizer.IsSpecial(id);

    // A text, or in older files an object with its content.
    private static string? Token(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out var token))
            return null;
        if (token.ValueKind == JsonValueKind.Object)
            token.TryGetProperty("content", out token);
        return token.ValueKind == JsonValueKind.String ? token.GetString() : null;
    }
}
