using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Trove.Exports.Source;

namespace Trove.Exports.Text;

/// <summary>
/// Reads hostile JSON values without exceptions: <c>JsonElement.GetString</c> throws on half a surrogate pair and on bytes
/// that are not UTF-8, both of which real exports hold; here they become U+FFFD (Unicode 3.9). A value that is missing or
/// of another type reads as empty.
/// </summary>
internal static class Json
{
    /// <summary>The most bytes that a profile or manifest may have.</summary>
    public const int SmallFile = 1 << 20;

    /// <summary>The member of an object; undefined when there is none. A repeated name gives the first.</summary>
    public static JsonElement Get(this JsonElement element, ReadOnlySpan<byte> name)
    {
        if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in element.EnumerateObject())
            {
                if (JsonMarshal.GetRawUtf8PropertyName(property).SequenceEqual(name))
                    return property.Value;
            }
        }
        return default;
    }

    /// <summary>A member's text; empty when it is missing or no string.</summary>
    public static string Text(this JsonElement element, ReadOnlySpan<byte> name) => element.Get(name).Text();

    /// <summary>The text of a string; empty for everything else.</summary>
    public static string Text(this JsonElement element) =>
        element.ValueKind == JsonValueKind.String ? Unescape(JsonMarshal.GetRawUtf8Value(element)[1..^1]) : "";

    /// <summary>A member that is an id: a number or a string, as it stands; empty for everything else. Ids of 64 bits do not survive as a double.</summary>
    public static string IdText(this JsonElement element, ReadOnlySpan<byte> name) => element.Get(name).IdText();

    /// <inheritdoc cref="IdText(JsonElement, ReadOnlySpan{byte})"/>
    public static string IdText(this JsonElement element) => element.ValueKind == JsonValueKind.Number ? element.GetRawText() : element.Text();

    /// <summary>A property's name.</summary>
    public static string Name(JsonProperty property) => Unescape(JsonMarshal.GetRawUtf8PropertyName(property));

    /// <summary>Is the member <c>true</c>?</summary>
    public static bool IsTrue(this JsonElement element, ReadOnlySpan<byte> name) => element.Get(name).ValueKind == JsonValueKind.True;

    /// <summary>Seconds since 1970 as a number, or as a string of one; null when it is anything else.</summary>
    public static long? UnixSeconds(this JsonElement element, ReadOnlySpan<byte> name) => element.Get(name).UnixSeconds();

    /// <inheritdoc cref="UnixSeconds(JsonElement, ReadOnlySpan{byte})"/>
    public static long? UnixSeconds(this JsonElement value) => value.Number() is { } seconds ? Times.FromUnixSeconds(seconds) : null;

    /// <summary>Milliseconds since 1970 as a number, or as a string of one; null when it is anything else.</summary>
    public static long? UnixMilliseconds(this JsonElement element, ReadOnlySpan<byte> name) =>
        element.Get(name).Number() is { } milliseconds ? Times.FromUnixMilliseconds(milliseconds) : null;

    /// <summary>A number, or a string of one without sign; null when it is anything else.</summary>
    public static decimal? Number(this JsonElement value)
    {
        decimal number;
        bool known = value.ValueKind == JsonValueKind.Number ? value.TryGetDecimal(out number)
            : decimal.TryParse(value.Text(), System.Globalization.NumberStyles.AllowDecimalPoint, System.Globalization.CultureInfo.InvariantCulture, out number);
        return known ? number : null;
    }

    /// <summary>The elements of an array; none for everything else.</summary>
    public static IEnumerable<JsonElement> Items(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : [];

    /// <summary>
    /// A small file (a profile, a manifest) as a whole, which the caller disposes; null when it is longer than
    /// <see cref="SmallFile"/> bytes or no JSON.
    /// </summary>
    public static JsonDocument? ReadSmall(ExportFile file, ExportLimits limits)
    {
        var bytes = file.Head(SmallFile).AsMemory();
        if (bytes.Span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
            bytes = bytes[3..];
        return TryParse(bytes.TrimEnd((byte)0), limits);
    }

    /// <summary>Parses a value; null when it is no JSON.</summary>
    public static JsonDocument? TryParse(ReadOnlyMemory<byte> utf8, ExportLimits limits)
    {
        try
        {
            return JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = limits.JsonDepth });
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Unescape(ReadOnlySpan<byte> raw)
    {
        var text = Encoding.UTF8.GetString(raw); // replaces what is not UTF-8
        if (!text.Contains('\\'))
            return text;
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                result.Append(text[i]);
                continue;
            }
            char escape = text[++i]; // the parser has checked that escapes are whole
            if (escape == 'u')
            {
                result.Append((char)Convert.ToUInt16(text.Substring(i + 1, 4), 16));
                i += 4;
                continue;
            }
            result.Append(escape switch { 'b' => '\b', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t', _ => escape });
        }
        return WellFormed(result.ToString());
    }

    private static string WellFormed(string text)
    {
        if (RecordRules.WellFormed(text))
            return text;
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) // gives U+FFFD for a lone surrogate
            result.Append(rune.ToString());
        return result.ToString();
    }
}
