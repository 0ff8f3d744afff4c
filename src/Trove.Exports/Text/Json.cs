using System.Text.Json;
using Trove.Exports.Source;

namespace Trove.Exports.Text;

/// <summary>Reads whole files of JSON: large ones that are lists of objects, and those that are small enough to be held at once.</summary>
internal static class Json
{
    /// <summary>The most bytes that a profile or manifest may have.</summary>
    public const int SmallFile = 1 << 20;

    /// <summary>The objects of a file that is an array of them, each with its place from 1; what else stands in it is passed over and noted.</summary>
    /// <exception cref="InvalidDataException">While enumerating: it is no array, is cut short, or an element breaks a limit.</exception>
    public static IEnumerable<(long Number, JsonValue Element)> Objects(Stream stream, ExportLimits limits, FileLog log)
    {
        var elements = new JsonReader(stream, limits, "[]");
        while (elements.Read())
        {
            if (elements.Value.ValueKind == JsonValueKind.Object)
                yield return (elements.Count, elements.Value);
            else
                log.Skip("an element is no object", $"element {elements.Count}");
        }
    }

    /// <summary>
    /// A small file (a profile, a manifest) as a whole; undefined when it is longer than <see cref="SmallFile"/> bytes or no JSON.
    /// </summary>
    public static JsonValue ReadSmall(ExportFile file, ExportLimits limits)
    {
        var bytes = file.Head(SmallFile).AsSpan();
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
            bytes = bytes[3..];
        return Parse(bytes.TrimEnd((byte)0), limits);
    }

    /// <summary>Parses a value; undefined when it is no JSON.</summary>
    public static JsonValue Parse(ReadOnlySpan<byte> utf8, ExportLimits limits) => new JsonTape(limits).Parse(utf8);
}
