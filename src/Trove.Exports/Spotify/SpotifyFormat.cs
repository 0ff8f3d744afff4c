using Trove.Exports.Source;

namespace Trove.Exports.Spotify;

/// <summary>
/// Spotify's account data, with the plays of a year, and its extended streaming history, with all of them:
/// <code>
/// StreamingHistory_music_0.json      [{"endTime":"2023-05-01 12:34","artistName":"…","trackName":"…","msPlayed":201000}]
/// Streaming_History_Audio_2019_0.json [{"ts":"2019-05-01T12:34:56Z","ms_played":201000,"master_metadata_track_name":"…","ip_addr":"…"}]
/// </code>
/// </summary>
internal sealed class SpotifyFormat : IExportFormat
{
    private const int HeadBytes = 4096, HeadsRead = 32;

    public string Platform => SpotifyFiles.Platform;

    public string Expects => "a ZIP of StreamingHistory_music_0.json or Streaming_History_Audio_….json, Playlist1.json, YourLibrary.json and others";

    /// <summary>A file of Spotify's name with Spotify's members is enough.</summary>
    public int Recognise(ExportFiles files)
    {
        int heads = 0;
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            var sort = SpotifyFiles.Of(file);
            if (!SpotifyFiles.IsRead(sort) || heads++ >= HeadsRead)
                continue;
            var head = file.Head(HeadBytes).AsSpan();
            bool known = sort switch
            {
                SpotifyFiles.Sort.History => head.IndexOf("\"endTime\""u8) >= 0 && head.IndexOf("\"msPlayed\""u8) >= 0,
                SpotifyFiles.Sort.ExtendedHistory => head.IndexOf("\"ms_played\""u8) >= 0 && head.IndexOf("\"ts\""u8) >= 0,
                SpotifyFiles.Sort.Playlists => head.IndexOf("\"playlists\""u8) >= 0 && head.IndexOf("\"lastModifiedDate\""u8) >= 0,
                SpotifyFiles.Sort.Searches => head.IndexOf("\"searchQuery\""u8) >= 0,
                SpotifyFiles.Sort.Library => head.IndexOf("\"spotify:"u8) >= 0,
                _ => false,
            };
            if (known)
                return ExportFormats.Enough;
        }
        return 0;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new SpotifyReader(files, options);
}
