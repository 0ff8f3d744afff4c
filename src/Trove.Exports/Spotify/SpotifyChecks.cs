using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Spotify;

/// <summary>Does a Spotify export agree with itself (specs/exports/spotify.md)?</summary>
internal sealed class SpotifyChecks(ExportFiles files, ExportLimits limits)
{
    // 2008-10-06, a day before Spotify opened.
    private const long Opened = 1_223_251_200_000;

    /// <summary>No play ended before Spotify opened or lasted longer than a day.</summary>
    public ExportCheck Plays(string name)
    {
        const long day = 86_400_000;
        long plays = 0, wrong = 0;
        foreach (var file in files.All.Where(file => file.IsReadable && SpotifyFiles.Of(file) is SpotifyFiles.Sort.History or SpotifyFiles.Sort.ExtendedHistory))
        {
            try
            {
                using var stream = file.Open();
                var elements = new JsonReader(stream, limits, "*[]", "*", "[]");
                while (elements.Read())
                {
                    var play = elements.Value;
                    long? time = play.Time("ts"u8) ?? Times.Exactly(play.Text("endTime"u8), "yyyy-MM-dd HH:mm");
                    var length = play.Get("ms_played"u8).Number() ?? play.Get("msPlayed"u8).Number();
                    if (time is null && length is null)
                        continue;
                    plays++;
                    wrong += time < Opened || length is < 0 or > day ? 1 : 0;
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                return ExportCheck.Failed(name, $"{Names.Printable(file.Name)} cannot be read to its end: {ExportFile.Reason(e)}");
            }
        }
        return plays == 0 ? ExportCheck.Absent(name, "there is no play")
            : wrong > 0 ? ExportCheck.Failed(name, $"{wrong} of {plays} plays ended before Spotify opened or lasted longer than a day")
            : ExportCheck.Passed(name, $"{plays} plays ended after Spotify opened and lasted at most a day");
    }
}
