using System.Text.Json;

namespace Trove.Models.Tokenization;

/// <summary>A value of a file and where it stands, for messages.</summary>
internal readonly record struct JsonField(JsonElement Element, string Path)
{
    /// <summary>The field <c>type</c>.</summary>
    public string Type => Required("type").Text;

    public string Text => Element.ValueKind == JsonValueKind.String ? Element.GetString()! : throw Refuse("must be text");

    public bool Boolean => Element.ValueKind is JsonValueKind.True or JsonValueKind.False ? Element.GetBoolean() : throw Refuse("must be true or false");

    /// <summary>A whole number from 0 to <paramref name="max"/>.</summary>
    public int Integer(int max) => Element.ValueKind == JsonValueKind.Number && Element.TryGetInt32(out int value) && value >= 0 && value <= max ? value : throw Refuse($"must be a whole number from 0 to {max}");

    /// <summary>The entries of a list.</summary>
    public IEnumerable<JsonField> Items(int max)
    {
        if (Element.ValueKind != JsonValueKind.Array || Element.GetArrayLength() > max)
            throw Refuse($"must be a list of at most {max}");
        int i = 0;
        foreach (var item in Element.EnumerateArray())
            yield return new JsonField(item, $"{Path}[{i++}]");
    }

    public JsonField Required(string name) => Optional(name) ?? throw new TokenizerException($"{At(name)} is missing");

    /// <summary>A field of an object; null when it is not there, or null.</summary>
    public JsonField? Optional(string name) =>
        Element.ValueKind != JsonValueKind.Object ? throw Refuse("must be an object")
        : Element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? new JsonField(value, At(name))
        : null;

    /// <summary>An error about this field.</summary>
    public TokenizerException Refuse(string what) => new($"{Path} {what}");

    private string At(string name) => Path == "the file" ? TokenizerJsonReader.Short(name) : $"{Path}.{TokenizerJsonReader.Short(name)}";
}
