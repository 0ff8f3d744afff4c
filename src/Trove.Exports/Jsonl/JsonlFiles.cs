using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Jsonl;

/// <summary>What a line holds, by the names of its object (specs/exports/jsonl.md).</summary>
internal enum JsonlShape
{
    /// <summary>Nothing that is known.</summary>
    None,

    /// <summary>A canonical record.</summary>
    Record,

    /// <summary><c>messages</c>, each with a role and content.</summary>
    Messages,

    /// <summary><c>conversations</c>, each turn from somebody with a value.</summary>
    Conversations,

    /// <summary><c>prompt</c> with <c>completion</c> or <c>response</c>.</summary>
    Completion,

    /// <summary><c>instruction</c> and <c>output</c>, perhaps with <c>input</c>.</summary>
    Instruction,

    /// <summary><c>text</c>.</summary>
    Text,
}

/// <summary>The files with one JSON object a line.</summary>
internal static class JsonlFiles
{
    public const string Platform = "jsonl";

    private static ReadOnlySpan<byte> CanonicalFront => "{\"platform\":\""u8;

    public static bool Is(ExportFile file) =>
        file.Name.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase) || file.Name.EndsWith(".ndjson", StringComparison.OrdinalIgnoreCase);

    /// <summary>The shape of the first line.</summary>
    public static JsonlShape FirstShape(ExportFile file)
    {
        var limits = new ExportLimits();
        try
        {
            using var stream = file.Open();
            var lines = new LineReader(stream, limits.JsonValueBytes);
            while (lines.Read(out var line))
            {
                if (!IsBlank(line))
                    return ShapeOf(line, new JsonTape(limits));
            }
        }
        catch (Exception e) when (ExportFile.IsFault(e))
        {
            // UTF-16, or damaged: none that is known.
        }
        return JsonlShape.None;
    }

    /// <summary>White space only?</summary>
    public static bool IsBlank(ReadOnlySpan<byte> line) => line.IndexOfAnyExcept(" \t\r"u8) < 0;

    /// <summary>Does it begin as a canonical record does, byte for byte?</summary>
    public static bool IsCanonical(ReadOnlySpan<byte> line) => line.StartsWith(CanonicalFront) && line[CanonicalFront.Length..].IndexOf("\",\"kind\":\""u8) is >= 0 and <= RecordRules.Platform;

    /// <summary>The shape of a line.</summary>
    public static JsonlShape ShapeOf(ReadOnlySpan<byte> line, JsonTape tape) => IsCanonical(line) ? JsonlShape.Record : ShapeOf(tape.Parse(line));

    /// <summary>The shape of a line that is no canonical record.</summary>
    public static JsonlShape ShapeOf(JsonValue line) =>
        line.Has("messages"u8) ? JsonlShape.Messages
        : line.Has("conversations"u8) ? JsonlShape.Conversations
        : line.Has("prompt"u8) && (line.Has("completion"u8) || line.Has("response"u8)) ? JsonlShape.Completion
        : line.Has("instruction"u8) && line.Has("output"u8) ? JsonlShape.Instruction
        : line.Has("text"u8) ? JsonlShape.Text : JsonlShape.None;
}
