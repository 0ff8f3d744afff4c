using System.Buffers;
using System.Collections.Frozen;
using System.Text;

namespace Trove.Exports;

/// <summary>The bounds of a record (specs/records.md), in UTF-16 units. Writer, reader and parsers share them.</summary>
public static class RecordRules
{
    /// <summary>Longest platform name.</summary>
    public const int Platform = 32;

    /// <summary>Longest id.</summary>
    public const int Id = 512;

    /// <summary>Longest thread and author.</summary>
    public const int Name = 1024;

    /// <summary>Longest title.</summary>
    public const int Title = 65_536;

    /// <summary>Longest text.</summary>
    public const int Text = 4 << 20;

    /// <summary>Longest address.</summary>
    public const int Url = 16_384;

    /// <summary>Most keys of the metadata.</summary>
    public const int MetaKeys = 32;

    /// <summary>Longest key.</summary>
    public const int MetaKey = 64;

    /// <summary>Longest value.</summary>
    public const int MetaValue = 16_384;

    /// <summary>Longest line in bytes: every unit of the longest record written as a six-byte escape.</summary>
    public const int LineBytes = 6 * (Text + Title + Url + 2 * Name + Id + Platform + MetaKeys * (MetaKey + MetaValue)) + 1024;

    /// <summary>First and last time, milliseconds: the years 1 to 9999.</summary>
    public const long FirstTime = -62_135_596_800_000, LastTime = 253_402_300_799_999;

    /// <summary>Keys of the metadata whose values are names of people.</summary>
    internal static readonly FrozenSet<string> PersonKeys = FrozenSet.Create(StringComparer.Ordinal, "to", "from", "by", "user", "users", "members", "mentions", "tags", "chat", "author");

    /// <summary>Keys of the metadata whose values say where.</summary>
    internal static readonly FrozenSet<string> PlaceKeys = FrozenSet.Create(StringComparer.Ordinal, "latitude", "longitude", "place", "location");

    // Begins a thread that has no id but a name, which can be a person's.
    private const string Named = "name:";

    /// <summary>A thread that the export names only: <c>name:</c> and the name, so that <see cref="RedactionClasses.Person"/> hides it.</summary>
    internal static string NamedThread(string name) => Named + (name.Length <= Name - Named.Length ? name : name[..(Name - Named.Length)]);

    /// <summary>The name that such a thread has; empty when it has an id.</summary>
    internal static string ThreadName(Record record) => record.Thread.StartsWith(Named, StringComparison.Ordinal) ? record.Thread[Named.Length..] : "";

    // What software calls itself where it writes.
    private static readonly FrozenSet<string> Programs = FrozenSet.Create(StringComparer.Ordinal, "assistant", "system", "tool", "user", "unknown");

    /// <summary>Is the author somebody else, whose name is not the member's to give away?</summary>
    internal static bool IsPerson(Record record) => !record.Own && record.Author.Length > 0 && record.Kind != RecordKind.Answer && !Programs.Contains(record.Author);

    private static readonly SearchValues<char> PlatformCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>What is wrong with a record, without quoting it; null when it is fine.</summary>
    public static string? Problem(Record record)
    {
        if (record.Platform.Length == 0 || record.Platform.AsSpan().ContainsAnyExcept(PlatformCharacters))
            return "its platform is not lower-case letters, digits and hyphens";
        if (!Enum.IsDefined(record.Kind))
            return "its kind is unknown";
        if (record.Time is < FirstTime or > LastTime)
            return "its time is outside the years 1 to 9999";
        if (record.Meta.Count > MetaKeys)
            return $"it has more than {MetaKeys} metadata keys";
        foreach (var (key, value) in record.Meta)
        {
            if (key.Length == 0 || Wrong("a metadata key", key, MetaKey) is not null)
                return "a metadata key is empty, too long or not well-formed";
            if (Wrong("a metadata value", value, MetaValue) is { } bad)
                return bad;
        }
        return Wrong("platform", record.Platform, Platform) ?? Wrong("id", record.Id, Id) ?? Wrong("thread", record.Thread, Name)
            ?? Wrong("author", record.Author, Name) ?? Wrong("title", record.Title, Title) ?? Wrong("text", record.Text, Text)
            ?? Wrong("url", record.Url, Url);
    }

    private static string? Wrong(string field, string value, int longest) =>
        value.Length > longest ? $"its {field} is longer than {longest} characters"
        : WellFormed(value) ? null : $"its {field} has half a surrogate pair";

    /// <summary>Has the text no lone surrogate, so that it survives UTF-8?</summary>
    internal static bool WellFormed(ReadOnlySpan<char> text)
    {
        int at = text.IndexOfAnyInRange('\uD800', '\uDFFF');
        while (at >= 0)
        {
            if (Rune.DecodeFromUtf16(text[at..], out _, out int length) != OperationStatus.Done)
                return false;
            text = text[(at + length)..];
            at = text.IndexOfAnyInRange('\uD800', '\uDFFF');
        }
        return true;
    }
}
