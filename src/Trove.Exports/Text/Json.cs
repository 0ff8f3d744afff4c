using System.Text.Json;
using Trove.Exports.Source;

namespace Trove.Exports.Text;

/// <summary>Reads JSON that is small enough to be held as a whole.</summary>
internal static class Json
{
    /// <summary>The most bytes that a profile or manifest may have.</summary>
    public const int SmallFile = 1 << 20;

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
    public static JsonValue Parse(ReadOnlySpan<byte> utf8, ExportLimits limits)
    {
        var json = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = limits.JsonDepth });
        var tape = new JsonTape(limits);
        try
        {
            if (!json.Read())
                return default;
            int start = (int)json.TokenStartIndex;
            return tape.Begin(ref json, -start) && !json.Read() ? tape.Complete(utf8.ToArray(), start) : default;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            return default;
        }
    }
}
