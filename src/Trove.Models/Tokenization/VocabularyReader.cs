using System.Text;
using System.Text.Json;

namespace Trove.Models.Tokenization;

/// <summary>The tokens of a file.</summary>
/// <param name="Tokens">Bytes by id.</param>
/// <param name="InModel">By id: is the token in <c>model.vocab</c>?</param>
/// <param name="Ids">Ids by the text in <c>model.vocab</c>.</param>
internal sealed record Vocabulary(byte[][] Tokens, bool[] InModel, Dictionary<string, int> Ids);

/// <summary>Reads <c>model.vocab</c> and <c>model.merges</c>.</summary>
internal static class VocabularyReader
{
    /// <summary>Reads a vocabulary; with the added tokens every id from 0 on is there once.</summary>
    public static Vocabulary Read(JsonField field, IReadOnlyList<AddedToken> added)
    {
        if (field.Element.ValueKind != JsonValueKind.Object)
            throw field.Refuse("must be an object of tokens and ids");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var contents = added.ToDictionary(t => t.Content, t => t.Id, StringComparer.Ordinal);
        int count = field.Element.GetPropertyCount() + added.Count; // an upper bound; ids are dense
        var tokens = new byte[]?[count];
        var inModel = new bool[count];
        foreach (var property in field.Element.EnumerateObject())
        {
            string name = property.Name; // each call makes a text of it
            if (property.Value.ValueKind != JsonValueKind.Number || !property.Value.TryGetInt32(out int id) || (uint)id >= MergeTable.MaxTokens)
                throw Token().Refuse($"must be a whole number from 0 to {MergeTable.MaxTokens - 1}");
            if (id >= count)
                throw Token().Refuse($"has id {id} among {count} tokens; ids must be dense");
            if (inModel[id])
                throw Token().Refuse($"has the id {id} of another token");
            if (contents.TryGetValue(name, out int addedId))
                tokens[id] = addedId == id ? Encoding.UTF8.GetBytes(name) : throw Token().Refuse($"has another id than in added_tokens, {addedId}");
            else
            {
                var bytes = new byte[name.Length];
                tokens[id] = bytes.Length > 0 && ByteAlphabet.TryRead(name, bytes) ? bytes
                    : throw Token().Refuse("is no token of a byte-level vocabulary; vocabularies of characters are not supported");
            }
            inModel[id] = true;
            ids.Add(name, id);

            JsonField Token() => new(property.Value, $"{field.Path}['{TokenizerJsonReader.Short(name)}']");
        }
        foreach (var token in added)
        {
            if (token.Id >= count)
                throw new TokenizerException($"added_tokens has id {token.Id} among {count} tokens; ids must be dense");
            if (inModel[token.Id] && !ids.ContainsKey(token.Content))
                throw new TokenizerException($"added_tokens has '{TokenizerJsonReader.Short(token.Content)}' with id {token.Id}, which in {field.Path} is another token's");
            tokens[token.Id] ??= Encoding.UTF8.GetBytes(token.Content);
        }
        int size = count - contents.Keys.Count(ids.ContainsKey);
        int missing = Array.IndexOf(tokens, null);
        if (size == 0 || (missing >= 0 && missing < size))
            throw new TokenizerException($"{field.Path} has {size} tokens with added_tokens, but none with id {Math.Max(0, missing)}; ids must be dense");
        return new Vocabulary(tokens.AsSpan(0, size).ToArray()!, inModel[..size], ids);
    }

    /// <summary>Reads merges: <c>"a b"</c> or <c>["a", "b"]</c>.</summary>
    public static List<Merge> ReadMerges(JsonField field, Vocabulary vocabulary, IReadOnlyList<AddedToken> added)
    {
        if (field.Element.ValueKind != JsonValueKind.Array || field.Element.GetArrayLength() > MergeTable.MaxMerges)
            throw field.Refuse($"must be a list of at most {MergeTable.MaxMerges} merges");
        var special = added.Where(t => t.Special).Select(t => t.Id).ToHashSet();
        var merges = new List<Merge>(field.Element.GetArrayLength());
        var seen = new HashSet<(int, int)>(field.Element.GetArrayLength());
        foreach (var entry in field.Element.EnumerateArray())
        {
            var (left, right) = Pair(entry) ?? throw Refuse("must be two tokens, as \"a b\" or [\"a\", \"b\"]");
            if (!vocabulary.Ids.TryGetValue(left, out int leftId) || !vocabulary.Ids.TryGetValue(right, out int rightId) || !vocabulary.Ids.TryGetValue(left + right, out int id))
                throw Refuse("has a token, or makes one, that is not in model.vocab");
            byte[] a = vocabulary.Tokens[leftId], b = vocabulary.Tokens[rightId], both = vocabulary.Tokens[id];
            if (both.Length != a.Length + b.Length || !both.AsSpan().StartsWith(a) || !both.AsSpan().EndsWith(b) || special.Contains(id))
                throw Refuse("makes an added token; those stand for themselves");
            if (!seen.Add((leftId, rightId)))
                throw Refuse("is listed before");
            merges.Add(new Merge(leftId, rightId, id));

            TokenizerException Refuse(string what) => new($"{field.Path}[{merges.Count}] ({TokenizerJsonReader.Short(entry.GetRawText())}) {what}");
        }
        return merges;
    }

    private static (string, string)? Pair(JsonElement entry)
    {
        if (entry.ValueKind == JsonValueKind.String)
            return entry.GetString()!.Split(' ') is [var left, var right] ? (left, right) : null;
        return entry.ValueKind == JsonValueKind.Array && entry.GetArrayLength() == 2 && entry[0].ValueKind == JsonValueKind.String && entry[1].ValueKind == JsonValueKind.String
            ? (entry[0].GetString()!, entry[1].GetString()!) : null;
    }
}
