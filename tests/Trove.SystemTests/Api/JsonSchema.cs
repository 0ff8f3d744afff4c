using System.Text.Json;
using System.Text.RegularExpressions;

namespace Trove.SystemTests.Api;

/// <summary>
/// As much of JSON Schema 2020-12 as the API's description uses. Two things are stricter than the standard: an object with named
/// members has no others, and a keyword that is not known here is an error instead of nothing.
/// </summary>
internal sealed class JsonSchema(JsonElement document)
{
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "$ref", "type", "properties", "required", "items", "additionalProperties", "enum", "oneOf", "pattern", "minimum", "maximum", "minLength",
        "description", "format",
    };

    private readonly List<string> _errors = [];

    /// <summary>What is wrong with a value; empty when nothing is.</summary>
    public IReadOnlyList<string> Check(JsonElement schema, JsonElement value)
    {
        _errors.Clear();
        Check(schema, value, "$");
        return [.. _errors];
    }

    private void Check(JsonElement schema, JsonElement value, string at)
    {
        if (schema.TryGetProperty("$ref", out var reference))
        {
            schema = document;
            foreach (var step in reference.GetString()!.Split('/').Skip(1))
                schema = schema.GetProperty(step);
        }
        foreach (var keyword in schema.EnumerateObject().Where(k => !Known.Contains(k.Name)))
            _errors.Add($"{at}: this check does not know {keyword.Name}");
        if (schema.TryGetProperty("oneOf", out var choices))
        {
            var tried = choices.EnumerateArray().Select(c => new JsonSchema(document).Check(c, value)).ToList();
            if (tried.Count(t => t.Count == 0) is var fits && fits != 1)
                _errors.Add($"{at}: fits {fits} of the choices ({string.Join("; ", tried.SelectMany(t => t).Take(5))})");
            return;
        }
        if (schema.TryGetProperty("type", out var type) && !Types(type).Contains(TypeOf(value)) && !(TypeOf(value) == "integer" && Types(type).Contains("number")))
        {
            _errors.Add($"{at}: is {TypeOf(value)}, not {type}");
            return;
        }
        if (schema.TryGetProperty("enum", out var values) && !values.EnumerateArray().Any(v => v.ValueKind == value.ValueKind && v.ToString() == value.ToString()))
            _errors.Add($"{at}: is none of {values}");
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                CheckObject(schema, value, at);
                break;
            case JsonValueKind.Array:
                if (!schema.TryGetProperty("items", out var items))
                    _errors.Add($"{at}: nothing says what this list is of");
                int i = 0;
                foreach (var item in items.ValueKind == JsonValueKind.Object ? value.EnumerateArray() : default)
                    Check(items, item, $"{at}[{i++}]");
                break;
            case JsonValueKind.String:
                var text = value.GetString()!;
                if (schema.TryGetProperty("pattern", out var pattern) && !Regex.IsMatch(text, pattern.GetString()!, RegexOptions.ECMAScript))
                    _errors.Add($"{at}: does not match {pattern}");
                if (schema.TryGetProperty("minLength", out var length) && text.Length < length.GetInt32())
                    _errors.Add($"{at}: is shorter than {length}");
                if (schema.TryGetProperty("format", out var format) && format.GetString() == "byte" && !System.Buffers.Text.Base64.IsValid(text))
                    _errors.Add($"{at}: is no base64");
                break;
            case JsonValueKind.Number:
                if (schema.TryGetProperty("minimum", out var least) && value.GetDecimal() < least.GetDecimal())
                    _errors.Add($"{at}: is below {least}");
                if (schema.TryGetProperty("maximum", out var most) && value.GetDecimal() > most.GetDecimal())
                    _errors.Add($"{at}: is above {most}");
                break;
        }
    }

    private void CheckObject(JsonElement schema, JsonElement value, string at)
    {
        if (schema.TryGetProperty("required", out var required))
            foreach (var name in required.EnumerateArray().Select(n => n.GetString()!).Where(n => !value.TryGetProperty(n, out _)))
                _errors.Add($"{at}: has no {name}");
        bool named = schema.TryGetProperty("properties", out var members);
        foreach (var member in value.EnumerateObject())
            if (named && members.TryGetProperty(member.Name, out var known))
                Check(known, member.Value, $"{at}.{member.Name}");
            else if (schema.TryGetProperty("additionalProperties", out var others) && others.ValueKind == JsonValueKind.Object)
                Check(others, member.Value, $"{at}.{member.Name}");
            else
                _errors.Add($"{at}: {member.Name} is not described");
    }

    private static string[] Types(JsonElement type) => type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray().Select(t => t.GetString()!)] : [type.GetString()!];

    private static string TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => value.TryGetInt64(out _) || value.TryGetUInt64(out _) ? "integer" : "number",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => "null",
    };
}
