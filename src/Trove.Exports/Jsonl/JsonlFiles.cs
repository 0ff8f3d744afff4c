using System.Text.Json;
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

    private const int HeadBytes = 65_536;

    private static ReadOnlySpan<byte> CanonicalFront => "{\"platform\":\""u8;

    public static bool Is(ExportFile file) =>
        file.Name.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase) || file.Name.EndsWith(".ndjson", StringComparison.OrdinalIgnoreCase);

    /// <summary>The shape of the first line, as far as the head of the file shows it.</summary>
    public static JsonlShape FirstShape(ExportFile file)
    {
        try
        {
            var lines = new LineReader(new MemoryStream(file.Head(HeadBytes)), HeadBytes);
            while (lines.Read(out var line))
            {
                if (!IsBlank(line))
                    return ShapeOf(line);
            }
        }
        catch (InvalidDataException)
        {
            // UTF-16: none that is known.
        }
        return JsonlShape.None;
    }

    /// <summary>White space only?</summary>
    public static bool IsBlank(ReadOnlySpan<byte> line) => line.IndexOfAnyExcept(" \t\r"u8) < 0;

    /// <summary>Does it begin as a canonical record does, byte for byte?</summary>
    public static bool IsCanonical(ReadOnlySpan<byte> line) => line.StartsWith(CanonicalFront) && line[CanonicalFront.Length..].IndexOf("\",\"kind\":\""u8) is >= 0 and <= RecordRules.Platform;

    /// <summary>The shape of a line, or of its front.</summary>
    public static JsonlShape ShapeOf(ReadOnlySpan<byte> line)
    {
        if (IsCanonical(line))
            return JsonlShape.Record;
        bool prompt = false, answer = false, instruction = false, output = false, text = false;
        var json = new Utf8JsonReader(line, isFinalBlock: false, default);
        try
        {
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
                return JsonlShape.None;
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var name = json.ValueSpan;
                if (name.SequenceEqual("messages"u8))
                    return JsonlShape.Messages;
                if (name.SequenceEqual("conversations"u8))
                    return JsonlShape.Conversations;
                prompt |= name.SequenceEqual("prompt"u8);
                answer |= name.SequenceEqual("completion"u8) || name.SequenceEqual("response"u8);
                instruction |= name.SequenceEqual("instruction"u8);
                output |= name.SequenceEqual("output"u8);
                text |= name.SequenceEqual("text"u8);
                if (!json.Read() || !json.TrySkip())
                    break;
            }
        }
        catch (JsonException)
        {
            return JsonlShape.None;
        }
        return prompt && answer ? JsonlShape.Completion : instruction && output ? JsonlShape.Instruction : text ? JsonlShape.Text : JsonlShape.None;
    }
}
