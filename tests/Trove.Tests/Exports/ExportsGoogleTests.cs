using Trove.Exports;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class ExportsGoogleTests
{
    [Fact]
    public void Takeout_in_another_language_gives_every_kind()
    {
        using var export = OpenFixture("google");
        var report = export.Inspect();
        Assert.Equal(("google", "ida@example.org"), (report.Platform, report.Account));
        Assert.Equal("comment 2, message 1, mail 1, note 4, prompt 3, answer 3, search 2, view 6, play 1, follow 1, bookmark 2, other 3", Kinds(report));
        Assert.Equal(FileStatus.Ignored, report.File("Takeout/Drive/Saved page.html").Status);
        Assert.Contains("export documents as HTML", report.File("Takeout/Drive/Old.docx").Reason, StringComparison.Ordinal);
        Assert.Contains("same note", report.File("Takeout/Keep/List.html").Reason, StringComparison.Ordinal);
        Assert.Contains("account itself", report.File("Takeout/Profil/Profil.json").Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(export.Records(), record => record.Meta.Values.Any(value => value.Contains("51.501", StringComparison.Ordinal))); // where a search was made
    }

    [Fact]
    public void Browser_history_counts_microseconds()
    {
        using var export = OpenFixture("google");
        var pages = Of(export, "History.json");
        Assert.Equal((1581373967123, "https://example.org/tides", "Tide tables"), (pages[0].Time, pages[0].Url, pages[0].Meta["title"]));
        Assert.Null(pages[1].Time);
        Assert.Equal(1L, export.Report.Files.Single(file => file.Name.EndsWith("History.json", StringComparison.Ordinal)).Skipped);
    }

    [Fact]
    public void Activities_are_told_by_their_addresses_and_not_by_their_sentences()
    {
        using var export = OpenFixture("google");
        var acts = Of(export, "MeineAktivitäten.json");
        Assert.Equal((RecordKind.Search, "ebbe & flüt", 1581372767123), (acts[0].Kind, acts[0].Text, acts[0].Time));
        Assert.Equal((RecordKind.View, "https://example.org/tides?a=1", ""), (acts[1].Kind, acts[1].Url, acts[1].Text));
        Assert.Equal((RecordKind.Prompt, "how deep is the estuary?", true), (acts[2].Kind, acts[2].Text, acts[2].Own));
        Assert.Equal((RecordKind.Answer, "About four metres.", false), (acts[3].Kind, acts[3].Text, acts[3].Own));
        Assert.Equal((RecordKind.Other, "activity"), (acts[6].Kind, acts[6].Meta["what"]));
        Assert.Contains(export.Report.Warnings, warning => warning.Contains("1 prompts begin with words that Google put there", StringComparison.Ordinal));
    }

    [Fact]
    public void Activity_pages_are_told_by_their_classes()
    {
        using var export = OpenFixture("google");
        var acts = Of(export, "Suchverlauf.html");
        Assert.Equal((RecordKind.Search, "sea shanty", 1581372767000), (acts[0].Kind, acts[0].Text, acts[0].Time)); // a narrow space before PM
        Assert.Equal((RecordKind.View, 1581372767000, "Reed Films", "Watched Tides & boats"), (acts[1].Kind, acts[1].Time, acts[1].Meta["below"], acts[1].Meta["activity"]));
        Assert.Equal((null, "10. helmik. 2020 klo 23:12:47 EET"), (acts[2].Time, acts[2].Meta["date"]));
        Assert.Equal((RecordKind.Prompt, "when is low water?", 1707685967000), (acts[3].Kind, acts[3].Text, acts[3].Time));
        Assert.Equal((RecordKind.Answer, "At six.\n\nAnd at noon: 12:30:01"), (acts[4].Kind, acts[4].Text));
    }

    [Fact]
    public void Tables_of_YouTube_are_told_by_their_values()
    {
        using var export = OpenFixture("google");
        var comments = Of(export, "Kommentare.csv");
        Assert.Equal(("Lovely tide, @bob!", "dQw4w9WgXcQ", 1682944496789), (comments[0].Text, comments[0].Thread, comments[0].Time));
        Assert.Equal(("And reeds", "UgyAbCdEfGhIjKlMnOp4AaABAg"), (comments[1].Text, comments[1].Meta["parent"]));
        Assert.Equal((RecordKind.Message, "hello from the boat"), (Of(export, "Livechats.csv")[0].Kind, Of(export, "Livechats.csv")[0].Text));
        Assert.Equal("Reed Films", Assert.Single(Of(export, "Abos.csv")).Meta["channel"]);
        Assert.Equal(("dQw4w9WgXcQ", 1683203696000), (Of(export, "Rudern-Videos.csv")[0].Id, Of(export, "Rudern-Videos.csv")[0].Time));
        Assert.Equal("Rudern", Assert.Single(Of(export, "Playlists.csv")).Title);
        Assert.Equal([RecordKind.View, RecordKind.Play, RecordKind.Other], Of(export, "Wiedergabeverlauf.json").Select(record => record.Kind));
    }

    [Fact]
    public void Notes_lists_and_what_others_shared()
    {
        using var export = OpenFixture("google");
        var notes = export.Records().Where(record => record.Meta.GetValueOrDefault("product") == "Keep").ToList();
        Assert.Equal(("Boat", "Buy oars", 1581372767123, "Rowing,To do", "https://example.org/oars"), (notes[0].Title, notes[0].Text, notes[0].Time, notes[0].Meta["labels"], notes[0].Meta["links"]));
        Assert.Equal(("oars\nrope", "1", "trashed"), (notes[1].Text, notes[1].Meta["checked"], notes[1].Meta["state"]));
        Assert.Equal((false, "bob@example.org"), (notes[2].Own, notes[2].Author));
        var document = export.Records().Single(record => record.Meta.GetValueOrDefault("product") == "Docs");
        Assert.Equal(("Log of the boat", "We left at dawn."), (document.Title, document.Text));
        Assert.Contains(export.Report.Warnings, warning => warning.Contains("does not say who wrote it", StringComparison.Ordinal));
    }

    [Fact]
    public void Places_of_four_generations()
    {
        using var export = OpenFixture("google-places", new ExportOptions { Me = "ida" });
        Assert.Equal("place 7, other 3", Kinds(export.Inspect()));
        var points = Of(export, "Records.json");
        Assert.Equal((1581372767123, "51.501", "-0.142"), (points[0].Time, points[0].Meta["latitude"], points[0].Meta["longitude"]));
        Assert.Equal((1381372767123, "-0.142"), (points[1].Time, points[1].Meta["longitude"])); // written as 32 bits without sign
        var visit = Of(export, "2020_FEBRUARY.json");
        Assert.Equal(("Boat house", "2020-02-10T09:00:00Z", 1581321600000), (visit[0].Meta["place"], visit[0].Meta["end"], visit[0].Time));
        Assert.Equal(("51.501,-0.142 51.502,-0.143", "812", "WALKING"), (visit[1].Meta["location"], visit[1].Meta["meters"], visit[1].Meta["type"]));
        var android = Of(export, "Timeline.json");
        Assert.Equal([1704161400000, 1704164645000, 1704168245000], android.Select(record => record.Time));
        Assert.Equal(("ChIJy", "51.501"), (android[1].Id, android[1].Meta["latitude"]));
        var ios = Of(export, "location-history.json");
        Assert.Equal([1709348645000, 1709352965000, 1709355845000], ios.Select(record => record.Time));
        Assert.Equal("51.502,-0.143", ios[2].Meta["location"]); // it did not begin beyond the pole
    }

    [Fact]
    public void Several_parts_and_mail_alone_are_one_Takeout()
    {
        var files = Files("google").Where(file => file.Key.EndsWith(".mbox", StringComparison.Ordinal)).ToDictionary();
        using var mail = Open(Zip(files));
        Assert.Equal(("google", "ida@example.org", 1L), (mail.Platform, mail.Account, mail.Inspect().Records));
        Assert.Contains(mail.Report.Warnings, warning => warning.Contains("Sent are from", StringComparison.Ordinal));
        using var loose = Open(Zip(files.Select(file => KeyValuePair.Create("a.mbox", file.Value))));
        Assert.Equal("mbox", loose.Platform);
    }

    [Theory]
    [InlineData("History.json", "[{\"url\":\"https://example.org\"}]")]
    [InlineData("Records.json", "{\"locations\":[{\"lat\":1}]}")]
    [InlineData("MyActivity.json", "[{\"title\":\"x\",\"time\":\"y\"}]")]
    [InlineData("comments.csv", "Comment ID,Channel ID,Text\n1,2,3\n")]
    [InlineData("list.csv", "id,time\nabcdefghijk,2023-05-04T12:34:56+00:00\n")]
    [InlineData("Keep/a.json", "{\"title\":\"a\",\"textContent\":\"b\"}")]
    public void Files_of_others_with_Googles_names_are_not_Googles(string name, string text) => Assert.Throws<ExportException>(() => Open(Zip((name, text))));

    [Fact]
    public void Other_platforms_are_not_Google()
    {
        foreach (var fixture in (ReadOnlySpan<string>)["claude", "chatgpt", "spotify", "instagram", "reddit"])
        {
            using var export = OpenFixture(fixture);
            Assert.StartsWith(export.Platform, fixture, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("google", "Takeout/Chrome/History.json", "\"time_usec\": 1581373967123456},\n", "\"time_usec\": 81373967123456},\n", "google.times")]
    [InlineData("google-places", "Timeline.json", "\"endTime\": \"2024-01-02T05:04:05", "\"endTime\": \"2024-01-02T03:04:05", "google.places")]
    [InlineData("google", "Takeout/Mail/Alle.mbox", "Date: Mon, 10 Feb 2020", "Date: Mon, 17 Feb 2020", "google.dates")]
    public void What_Takeout_says_twice_must_agree(string fixture, string file, string old, string changed, string check)
    {
        Assert.Equal(CheckOutcome.Passed, CheckOf(Files(fixture), check).Outcome);
        Assert.Equal(CheckOutcome.Failed, CheckOf(Edited(fixture, file, old, changed), check).Outcome);
    }

    [Fact]
    public void A_note_without_its_page_fails_the_notes()
    {
        var files = Files("google");
        Assert.Equal(CheckOutcome.Passed, CheckOf(files, "google.notes").Outcome);
        files.Remove("Takeout/Keep/List.html");
        Assert.Equal(CheckOutcome.Failed, CheckOf(files, "google.notes").Outcome);
        using var export = Open(Zip(Files("google")));
        Assert.True(export.IsEvidence("Takeout/Keep/List.html", name => name == "Takeout/Keep/List.json"));
        Assert.False(export.IsEvidence("Takeout/Keep/List.html", name => name == "Takeout/Keep/Shared.json"));
        Assert.True(export.IsEvidence("Takeout/Profil/Profil.json", _ => false));
    }

    private static List<Trove.Exports.Record> Of(Export export, string file) => [.. export.Records().Where(record => record.Source.EndsWith(file, StringComparison.Ordinal))];
}
