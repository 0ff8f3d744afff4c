using Trove.Exports.Source;

namespace Trove.Exports.Spotify;

/// <summary>The files of a Spotify export (specs/exports/spotify.md).</summary>
internal static class SpotifyFiles
{
    public const string Platform = "spotify";

    /// <summary>What a file holds.</summary>
    public enum Sort { None, History, ExtendedHistory, Playlists, Searches, Library, Follows, Account }

    /// <summary>What a file holds, from its name in any folder and without numbers.</summary>
    public static Sort Of(ExportFile file)
    {
        var name = Names.File(file.Name).ToLowerInvariant();
        if (!name.EndsWith(".json", StringComparison.Ordinal))
            return Sort.None;
        name = name[..^5];
        return name.StartsWith("streaming_history_", StringComparison.Ordinal) || IsNumbered(name, "endsong") ? Sort.ExtendedHistory
            : IsNumbered(name, "streaminghistory") || IsNumbered(name, "streaminghistory_music") || IsNumbered(name, "streaminghistory_podcast")
                || IsNumbered(name, "streaminghistory_audiobook") || IsNumbered(name, "streaminghistory_video") ? Sort.History
            : IsNumbered(name, "playlist") ? Sort.Playlists
            : IsNumbered(name, "searchqueries") ? Sort.Searches
            : IsNumbered(name, "yourlibrary") ? Sort.Library
            : IsNumbered(name, "follow") ? Sort.Follows
            : name is "userdata" or "identity" ? Sort.Account : Sort.None;
    }

    /// <summary>Does the sort give records?</summary>
    public static bool IsRead(Sort sort) => sort is not (Sort.None or Sort.Account);

    private static bool IsNumbered(string name, string stem) =>
        name.StartsWith(stem, StringComparison.Ordinal) && !name.AsSpan(stem.Length).ContainsAnyExcept("0123456789_() ");
}
