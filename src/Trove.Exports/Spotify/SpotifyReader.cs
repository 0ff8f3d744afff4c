using System.Globalization;
using System.Text.Json;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Spotify;

/// <summary>Reads a Spotify export. Addresses, devices and places of plays are never taken over.</summary>
internal sealed class SpotifyReader : ExportReader
{
    private readonly ExportFiles _files;
    private readonly ExportOptions _options;
    private readonly string _me;
    private bool _told;

    public SpotifyReader(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        Account = ReadAccount();
        _me = Account.Length > 0 ? Account : options.Me;
    }

    public override string Account { get; }

    public override string? WhyIgnored(ExportFile file)
    {
        var sort = SpotifyFiles.Of(file);
        return SpotifyFiles.IsRead(sort) ? null
            : sort == SpotifyFiles.Sort.Account ? "says whose the export is; holds no records"
            : "payments, inferences, devices or other data of the account itself; not read";
    }

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) => SpotifyFiles.Of(file) == SpotifyFiles.Sort.Account || includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => [new SpotifyChecks(_files, _options.Limits).Plays("spotify.plays")];

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        var sort = SpotifyFiles.Of(file);
        if (sort == SpotifyFiles.Sort.History && !_told && Has(SpotifyFiles.Sort.ExtendedHistory))
        {
            _told = true;
            log.Warn("plays of the last year are in the extended history too and count twice: keep one of the two out");
        }
        using var stream = file.Open();
        var elements = new JsonReader(stream, _options.Limits, "*[]", "*", "[]");
        while (elements.Read())
        {
            var element = elements.Value;
            var where = $"element {elements.Count}";
            if (sort == SpotifyFiles.Sort.Follows)
            {
                if (elements.Member == "userIsFollowing" && element.ValueKind == JsonValueKind.String)
                    yield return Act(RecordKind.Follow) with { Meta = Metadata.Of(("user", element.Text())) };
                continue;
            }
            if (element.ValueKind != JsonValueKind.Object)
            {
                log.Skip("an element is no object", where);
                continue;
            }
            if (sort == SpotifyFiles.Sort.Playlists)
            {
                foreach (var record in Playlist(element))
                    yield return record;
            }
            else if (ToRecord(sort, elements.Member, element) is { } record)
            {
                yield return record;
            }
            else
            {
                log.Skip("an element names nothing that was played, saved or searched", where);
            }
        }
    }

    private bool Has(SpotifyFiles.Sort sort) => _files.All.Any(file => file.IsReadable && SpotifyFiles.Of(file) == sort);

    private Record? ToRecord(SpotifyFiles.Sort sort, string member, JsonValue element) => sort switch
    {
        SpotifyFiles.Sort.History => Play(element),
        SpotifyFiles.Sort.ExtendedHistory => ExtendedPlay(element),
        SpotifyFiles.Sort.Searches => element.Text("searchQuery"u8) is not { Length: > 0 } words ? null : Act(RecordKind.Search) with
        {
            Time = SearchTime(element.Text("searchTime"u8)),
            Text = words,
            Meta = Metadata.Of(("opened", Metadata.List(element.Get("searchInteractionURIs"u8).Items().Select(uri => uri.Text())))),
        },
        _ => Saved(member, element),
    };

    /// <summary>A play of the last year: known to the minute, in UTC, when it ended.</summary>
    private Record? Play(JsonValue element)
    {
        var item = Metadata.Of(
            ("track", element.Text("trackName"u8)), ("artist", element.Text("artistName"u8)),
            ("episode", element.Text("episodeName"u8)), ("show", element.Text("podcastName"u8)),
            ("chapter", element.Text("chapterName"u8)), ("book", element.Text("audiobookName"u8)),
            ("milliseconds", Count(element, "msPlayed"u8)));
        return item.Count < 2 ? null : Act(RecordKind.Play) with { Time = Times.Exactly(element.Text("endTime"u8), "yyyy-MM-dd HH:mm"), Meta = item };
    }

    private Record? ExtendedPlay(JsonValue element)
    {
        var item = Metadata.Of(
            ("track", element.Text("master_metadata_track_name"u8)), ("artist", element.Text("master_metadata_album_artist_name"u8)),
            ("album", element.Text("master_metadata_album_album_name"u8)),
            ("episode", element.Text("episode_name"u8)), ("show", element.Text("episode_show_name"u8)),
            ("chapter", element.Text("audiobook_chapter_title"u8)), ("book", element.Text("audiobook_title"u8)),
            ("milliseconds", Count(element, "ms_played"u8)),
            ("began", element.Text("reason_start"u8)), ("ended", element.Text("reason_end"u8)),
            ("shuffle", element.IsTrue("shuffle"u8) ? "yes" : ""), ("skipped", element.IsTrue("skipped"u8) ? "yes" : ""));
        var uri = ((string[])[element.Text("spotify_track_uri"u8), element.Text("spotify_episode_uri"u8), element.Text("audiobook_chapter_uri"u8), element.Text("audiobook_uri"u8)])
            .FirstOrDefault(uri => uri.Length > 0, "");
        // What was deleted from the catalogue has no name, a private session no address.
        return element.Get("ms_played"u8).ValueKind != JsonValueKind.Number ? null : Act(RecordKind.Play) with { Time = element.Time("ts"u8), Url = uri, Meta = item };
    }

    private Record? Saved(string member, JsonValue element)
    {
        var item = Metadata.Of(
            ("of", member.TrimEnd('s')), ("track", element.Text("track"u8)), ("artist", element.Text("artist"u8)), ("album", element.Text("album"u8)),
            ("name", element.Text("name"u8)), ("show", element.Text("show"u8)), ("publisher", element.Text("publisher"u8)));
        var uri = element.Text("uri"u8);
        return uri.Length == 0 && item.Count < 2 ? null
            : member.StartsWith("banned", StringComparison.Ordinal) ? Act(RecordKind.Other) with { Url = uri, Meta = item.SetItem("what", "banned") }
            : member is "artists" or "shows" ? Act(RecordKind.Follow) with { Url = uri, Meta = item }
            : Act(RecordKind.Bookmark) with { Url = uri, Meta = item };
    }

    /// <summary>A playlist's name and description were written by the account; its entries are bookmarks in it, known to the day.</summary>
    private IEnumerable<Record> Playlist(JsonValue playlist)
    {
        var name = playlist.Text("name"u8);
        var thread = name.Length <= RecordRules.Name ? name : "";
        yield return Act(RecordKind.Other) with
        {
            Thread = thread,
            Title = name,
            Text = playlist.Text("description"u8),
            Meta = Metadata.Of(("what", "playlist"), ("changed", playlist.Text("lastModifiedDate"u8)), ("followers", Count(playlist, "numberOfFollowers"u8))),
        };
        foreach (var item in playlist.Get("items"u8).Items())
        {
            var track = item.Get("track"u8) is { ValueKind: JsonValueKind.Object } known ? known
                : item.Get("episode"u8) is { ValueKind: JsonValueKind.Object } episode ? episode : item.Get("localTrack"u8);
            yield return Act(RecordKind.Bookmark) with
            {
                Thread = thread,
                Time = Times.Exactly(item.Text("addedDate"u8), "yyyy-MM-dd"),
                Url = track.Text("trackUri"u8) is { Length: > 0 } uri ? uri : track.Text("episodeUri"u8) is { Length: > 0 } other ? other : track.Text("uri"u8),
                Meta = Metadata.Of(("of", "playlist"), ("precision", "day"), ("track", track.Text("trackName"u8)), ("artist", track.Text("artistName"u8)), ("album", track.Text("albumName"u8)),
                    ("episode", track.Text("episodeName"u8)), ("show", track.Text("showName"u8))),
            };
        }
    }

    private Record Act(RecordKind kind) => new() { Platform = SpotifyFiles.Platform, Kind = kind, Author = _me, Own = true };

    private static string Count(JsonValue element, ReadOnlySpan<byte> name) => element.Get(name).Number()?.ToString(CultureInfo.InvariantCulture) ?? "";

    /// <summary><c>2023-05-01T12:34:56.789Z[UTC]</c>.</summary>
    private static long? SearchTime(string text) => Times.Parse(text.EndsWith("[UTC]", StringComparison.Ordinal) ? text[..^5] : text);

    private string ReadAccount()
    {
        foreach (var file in _files.All.Where(file => file.IsReadable && SpotifyFiles.Of(file) == SpotifyFiles.Sort.Account))
        {
            if (Json.ReadSmall(file, _options.Limits).Text("username"u8) is { Length: > 0 and <= RecordRules.Name } name)
                return name;
        }
        return "";
    }
}
