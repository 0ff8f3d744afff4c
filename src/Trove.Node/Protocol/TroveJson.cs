using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Trove.Core;

namespace Trove.Node.Protocol;

/// <summary>
/// How Trove's values look in JSON: hashes and addresses as <c>0x</c> text, amounts as text of atomic units (JSON
/// numbers lose digits), enums as lower-case words, bytes as base64.
/// </summary>
public static class TroveJson
{
    /// <summary>Used by the API, its clients and the stored documents alike.</summary>
    public static readonly JsonSerializerOptions Options = Configure(new JsonSerializerOptions(JsonSerializerDefaults.Web));

    /// <summary>The same, over several lines for people.</summary>
    public static readonly JsonSerializerOptions Indented = new(Options) { WriteIndented = true };

    /// <summary>Adds the converters and bounds to options that exist already.</summary>
    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.MaxDepth = 16; // nothing of ours nests deeper; a bracket bomb does
        options.NumberHandling = JsonNumberHandling.Strict;
        options.RespectNullableAnnotations = true; // a stranger's null or missing field is refused here, not met later
        options.RespectRequiredConstructorParameters = true;
        options.Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping; // never put into HTML
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false));
        options.Converters.Add(new TextConverter<Hash32>(Hash32.TryParse, v => v.ToString(), "0x and 64 hex digits"));
        options.Converters.Add(new TextConverter<Address>(Address.TryParse, v => v.ToString(), "0x and 40 hex digits"));
        options.Converters.Add(new TextConverter<Money>(TryMoney, v => v.Units.ToString(CultureInfo.InvariantCulture), "atomic units as decimal text"));
        options.Converters.Add(new TextConverter<Shares>(TryShares, v => v.Units.ToString(CultureInfo.InvariantCulture), "units of 10^-18 as decimal text"));
        return options;
    }

    private static bool TryMoney(string? text, out Money value)
    {
        bool ok = TryUnits(text, out var units);
        value = new Money(units);
        return ok;
    }

    private static bool TryShares(string? text, out Shares value)
    {
        bool ok = TryUnits(text, out var units);
        value = new Shares(units);
        return ok;
    }

    // .NET's parsers take NUL characters behind a number for its end.
    private static bool TryUnits(string? text, out UInt128 units) =>
        UInt128.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out units) && !text!.Contains('\0');

    private delegate bool TryParse<T>(string? text, out T value);

    private sealed class TextConverter<T>(TryParse<T> parse, Func<T, string> format, string expected) : JsonConverter<T>
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && parse(reader.GetString(), out var value)
                ? value
                : throw new JsonException($"expected {expected}");

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
            writer.WriteStringValue(format(value));
    }
}
