using System.Collections.Frozen;

namespace Trove.Exports;

/// <summary>What a record is: one vocabulary for all platforms (specs/records.md).</summary>
public enum RecordKind
{
    /// <summary>Something published on its own: a Reddit submission, a tweet, a status.</summary>
    Post,

    /// <summary>An answer to a post, below it.</summary>
    Comment,

    /// <summary>A chat or private message.</summary>
    Message,

    /// <summary>An e-mail.</summary>
    Mail,

    /// <summary>Written for oneself: a note, a draft, custom instructions.</summary>
    Note,

    /// <summary>What was asked of an assistant.</summary>
    Prompt,

    /// <summary>What an assistant answered.</summary>
    Answer,

    /// <summary>Words typed into a search box.</summary>
    Search,

    /// <summary>A page or video seen.</summary>
    View,

    /// <summary>Music or a video played.</summary>
    Play,

    /// <summary>A vote, like or rating.</summary>
    Vote,

    /// <summary>A subscription to a person, group or channel.</summary>
    Follow,

    /// <summary>Something saved for later.</summary>
    Bookmark,

    /// <summary>A purchase.</summary>
    Order,

    /// <summary>A place visited.</summary>
    Place,

    /// <summary>Everything else, and every line the system wrote: joins, calls, notices, tool output.</summary>
    Other,
}

/// <summary>The names of <see cref="RecordKind"/> as they are written in records.</summary>
public static class RecordKinds
{
    private static readonly string[] Text = [.. Enum.GetNames<RecordKind>().Select(name => name.ToLowerInvariant())];
    private static readonly FrozenDictionary<string, RecordKind> Kinds =
        Enum.GetValues<RecordKind>().ToFrozenDictionary(kind => Text[(int)kind], StringComparer.Ordinal);

    /// <summary>The lower-case name.</summary>
    public static string Name(this RecordKind kind) => Text[(int)kind];

    /// <summary>Parses a lower-case name.</summary>
    public static bool TryParse(string? name, out RecordKind kind)
    {
        kind = default;
        return name is not null && Kinds.TryGetValue(name, out kind);
    }
}

/// <summary>
/// One thing that a person did or received on a platform (specs/records.md). A text that is not known is empty and a
/// time that is not known is null: nothing is ever invented. Compared by everything but <see cref="Source"/>.
/// </summary>
public sealed record Record
{
    /// <summary>The platform's short name, such as <c>reddit</c>.</summary>
    public required string Platform { get; init; }

    /// <summary>What it is.</summary>
    public required RecordKind Kind { get; init; }

    /// <summary>The platform's opaque id; never a person's name.</summary>
    public string Id { get; init; } = "";

    /// <summary>What it belongs to: the conversation, or the post a comment is under.</summary>
    public string Thread { get; init; } = "";

    /// <summary>Who wrote <see cref="Title"/> and <see cref="Text"/>.</summary>
    public string Author { get; init; } = "";

    /// <summary>Are title and text the words of the account whose export this is? Without text: was it the account's act?</summary>
    public bool Own { get; init; }

    /// <summary>Milliseconds since 1970-01-01 UTC; null when the export does not say.</summary>
    public long? Time { get; init; }

    /// <summary>A title or subject that the author wrote.</summary>
    public string Title { get; init; } = "";

    /// <summary>What the author wrote.</summary>
    public string Text { get; init; } = "";

    /// <summary>The address of the thing on the platform, as the export gives it.</summary>
    public string Url { get; init; } = "";

    /// <summary>All else worth keeping, in ordinal order of the keys.</summary>
    public Metadata Meta { get; init; } = Metadata.Empty;

    /// <summary>The file of the export that it was read from. Never serialised.</summary>
    public string Source { get; internal set; } = "";

    /// <summary>The UTC year of <see cref="Time"/>; 0 when that is unknown.</summary>
    public int Year => Time is { } time ? DateTimeOffset.FromUnixTimeMilliseconds(time).Year : 0;

    /// <inheritdoc/>
    public bool Equals(Record? other) => other is not null
        && Platform == other.Platform && Kind == other.Kind && Id == other.Id && Thread == other.Thread
        && Author == other.Author && Own == other.Own && Time == other.Time && Title == other.Title && Text == other.Text
        && Url == other.Url && Meta.Equals(other.Meta);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Platform, Kind, Id, Thread, Time, Title, Text);

    /// <summary>Platform, kind and id only: a record's text does not belong in logs.</summary>
    public override string ToString() => $"{Platform} {Kind.Name()} {Id}";
}
