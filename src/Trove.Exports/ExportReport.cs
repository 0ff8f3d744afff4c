using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Trove.Exports;

/// <summary>What became of a file.</summary>
public enum FileStatus
{
    /// <summary>It was read and gave records.</summary>
    Read,

    /// <summary>It was read and holds none.</summary>
    Empty,

    /// <summary>It was not read for records; the reason says why.</summary>
    Ignored,

    /// <summary>It could not be read, or only in part; the reason says why. Records read before the fault count.</summary>
    Failed,
}

/// <summary>What became of one file of an export.</summary>
/// <param name="Name">As in the export.</param>
/// <param name="Status">What became of it.</param>
/// <param name="Records">Records it gave.</param>
/// <param name="Skipped">Rows, messages or values that were passed over.</param>
/// <param name="Reason">Why it was ignored or failed, or why parts of it were skipped; never a member's text.</param>
public sealed record FileReport(string Name, FileStatus Status, long Records, long Skipped, string Reason);

/// <summary>What an import found: complete once <see cref="Export.Records"/> was enumerated to its end.</summary>
public sealed record ExportReport
{
    /// <summary>The platform's short name.</summary>
    public required string Platform { get; init; }

    /// <summary>The account as the export names it, or <see cref="ExportOptions.Me"/>; empty when neither says.</summary>
    public required string Account { get; init; }

    /// <summary>Every file, in ordinal order of the names.</summary>
    public required IReadOnlyList<FileReport> Files { get; init; }

    /// <summary>Records in all.</summary>
    public required long Records { get; init; }

    /// <summary>Records of each kind that occurs, in the vocabulary's order.</summary>
    public required IReadOnlyDictionary<RecordKind, long> Kinds { get; init; }

    /// <summary>Words of the titles and texts that are the account's own.</summary>
    public required long OwnWords { get; init; }

    /// <summary>Words of the titles and texts of others.</summary>
    public required long OtherWords { get; init; }

    /// <summary>The earliest time, milliseconds since 1970 UTC; null when no record has one.</summary>
    public required long? From { get; init; }

    /// <summary>The latest time.</summary>
    public required long? To { get; init; }

    /// <summary>What the member should know.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>Writes the members of specs/records.md into the object that is being written.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteString("platform", Platform);
        json.WriteString("account", Account);
        json.WriteStartArray("files");
        foreach (var file in Files)
        {
            json.WriteStartObject();
            json.WriteString("name", file.Name);
            json.WriteString("status", file.Status.ToString().ToLowerInvariant());
            json.WriteNumber("records", file.Records);
            json.WriteNumber("skipped", file.Skipped);
            json.WriteString("reason", file.Reason);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNumber("records", Records);
        json.WriteStartObject("kinds");
        foreach (var (kind, count) in Kinds.OrderBy(pair => pair.Key))
            json.WriteNumber(kind.Name(), count);
        json.WriteEndObject();
        json.WriteNumber("ownWords", OwnWords);
        json.WriteNumber("otherWords", OtherWords);
        WriteTime(json, "from", From);
        WriteTime(json, "to", To);
        json.WriteStartArray("warnings");
        foreach (var warning in Warnings)
            json.WriteStringValue(warning);
        json.WriteEndArray();
    }

    /// <summary>The JSON object on one line.</summary>
    public string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            WriteJson(json);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteTime(Utf8JsonWriter json, string name, long? time)
    {
        if (time is { } known)
            json.WriteNumber(name, known);
        else
            json.WriteNull(name);
    }
}
