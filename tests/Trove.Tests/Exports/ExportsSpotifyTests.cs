using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class ExportsSpotifyTests
{
    [Fact]
    public void Every_file_of_the_account_data_gives_its_kind()
    {
        using var export = OpenFixture("spotify");
        var report = export.Inspect();
        Assert.Equal(("spotify", "fen_walker"), (report.Platform, report.Account));
        Assert.Equal("search 1, play 3, follow 3, bookmark 4, other 2", Kinds(report));
        Assert.Equal(0, report.Files.Sum(file => file.Skipped));
        Assert.Equal(2, report.Files.Count(file => file.Status == FileStatus.Ignored));
        Assert.Empty(report.Warnings);
    }

    [Fact]
    public void Plays_of_the_last_year_are_known_to_the_minute_they_ended()
    {
        using var export = OpenFixture("spotify");
        var plays = export.Records().Where(record => record.Kind == RecordKind.Play).ToList();
        Assert.Equal((1682944440000, "Low Water", "The Reeds", "201000"), (plays[0].Time, plays[0].Meta["track"], plays[0].Meta["artist"], plays[0].Meta["milliseconds"]));
        Assert.Equal("0", plays[1].Meta["milliseconds"]);
        Assert.Equal(("Oak", "Boat talk"), (plays[2].Meta["episode"], plays[2].Meta["show"]));
        Assert.All(plays, play => Assert.True(play is { Own: true, Text: "", Title: "" }));
    }

    [Fact]
    public void The_extended_history_of_both_names_without_addresses_and_devices()
    {
        using var export = OpenFixture("spotify-extended", new ExportOptions { Me = "fen" });
        var plays = export.Records().ToList();
        Assert.Equal(("play 4", 0L), (Kinds(export.Report), export.Report.Files.Sum(file => file.Skipped)));
        var song = plays.Single(play => play.Url == "spotify:track:1");
        Assert.Equal((1556714096000, "Estuary", "yes"), (song.Time, song.Meta["album"], song.Meta["shuffle"]));
        var episode = plays.Single(play => play.Url == "spotify:episode:2");
        Assert.Equal(("Oak", "yes"), (episode.Meta["episode"], episode.Meta["skipped"]));
        Assert.Single(plays, play => play.Url.Length == 0); // no longer in the catalogue
        Assert.DoesNotContain(plays, play => play.Meta.Values.Any(value => value.StartsWith("192.0.2", StringComparison.Ordinal) || value is "ios" or "GB"));
    }

    [Fact]
    public void Both_histories_together_are_told_to_repeat()
    {
        using var export = Open(Zip([.. Files("spotify"), .. Files("spotify-extended")]));
        Assert.Contains("count twice", Assert.Single(export.Inspect().Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Playlists_libraries_and_searches()
    {
        using var export = OpenFixture("spotify");
        var records = export.Records().ToList();
        var playlist = records.Single(record => record.Meta.GetValueOrDefault("what") == "playlist");
        Assert.Equal(("Rowing", "For long pulls", true), (playlist.Title, playlist.Text, playlist.Own));
        Assert.Equal([("spotify:track:1", "day"), ("spotify:episode:2", "day")],
            records.Where(record => record.Thread == "Rowing" && record.Kind == RecordKind.Bookmark).Select(record => (record.Url, record.Meta["precision"])));
        Assert.Equal(["show", "artist", ""], records.Where(record => record.Kind == RecordKind.Follow).Select(record => record.Meta.GetValueOrDefault("of", "")).OrderDescending(StringComparer.Ordinal));
        Assert.Equal("Loud", records.Single(record => record.Meta.GetValueOrDefault("what") == "banned").Meta["track"]);
        var search = records.Single(record => record.Kind == RecordKind.Search);
        Assert.Equal(("sea shanty", 1683277811123, "spotify:track:3"), (search.Text, search.Time, search.Meta["opened"]));
    }

    [Theory]
    [InlineData("201000,", "99999999,")]
    [InlineData("2019-05-01T12:34:56Z", "2001-05-01T12:34:56Z")]
    public void A_play_that_cannot_have_been_fails_the_plays(string old, string changed)
    {
        const string file = "MyData/Streaming_History_Audio_2019_0.json";
        Assert.Equal(CheckOutcome.Passed, CheckOf(Files("spotify-extended"), "spotify.plays").Outcome);
        Assert.Contains(" of 4 plays", CheckOf(Edited("spotify-extended", file, old, changed), "spotify.plays").Detail, StringComparison.Ordinal);
        Assert.Equal(CheckOutcome.Failed, CheckOf(Edited("spotify-extended", file, old, changed), "spotify.plays").Outcome);
    }

    [Theory]
    [InlineData("Playlist1.json", "{\"playlists\":[]}")]
    [InlineData("endsong_0.json", "[{\"song\":\"x\"}]")]
    [InlineData("Follow.json", "{\"userIsFollowing\":[]}")]
    public void Files_of_others_with_Spotifys_names_are_not_Spotifys(string name, string json) => Assert.Throws<ExportException>(() => Open(Zip((name, json))));

    [Fact]
    public void An_entry_without_a_play_is_reported()
    {
        using var export = Open(Zip(("StreamingHistory0.json", "[{\"endTime\":\"2023-05-01 12:34\",\"msPlayed\":1},{\"endTime\":\"soon\",\"trackName\":\"x\",\"msPlayed\":1},7]")));
        var file = export.Inspect().File("StreamingHistory0.json");
        Assert.Equal((1L, 2L), (file.Records, file.Skipped));
        Assert.Null(Assert.Single(export.Records()).Time);
        Assert.Contains("no object (element 3)", file.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("soon", file.Reason, StringComparison.Ordinal);
    }
}
