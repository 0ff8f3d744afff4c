using System.Text;
using Trove.Exports;
using Trove.Exports.Bookmarks;
using static Trove.Tests.Exports.ExportFixture;

namespace Trove.Tests.Exports;

public class ExportsBookmarksTests
{
    [Fact]
    public void Bookmarks_of_every_browser_with_their_folders()
    {
        using var export = OpenFixture("bookmarks");
        var records = export.Records().ToList();
        Assert.Equal(("bookmarks", "bookmark 10"), (export.Platform, Kinds(export.Report)));
        Assert.All(records, record => Assert.True(record is { Own: true, Title: "", Text: "" }));
        Assert.Equal([
            "chrome.html Bookmarks bar: Oars & sculls", "chrome.html Bookmarks bar/Wood: Oak", "chrome.html Bookmarks bar: Tide tables", "chrome.html : Last",
            "firefox.html Caf\u00e9: Beans", "firefox.html Caf\u00e9: Run", "pocket.html Unread: https://example.org/long", "pocket.html Read Archive: Read it",
            "safari.html Favourites: Knots", "safari.html Reading List: Ropes",
        ], records.Select(record => $"{record.Source} {record.Meta.GetValueOrDefault("folder")}: {record.Meta["title"]}"));
        Assert.Equal("https://example.org/oars?a=1&b=2", records[0].Url);
        Assert.Equal([1583020801000, 1583020803000, null, 1583020805000, 1583020804000, 1583020805000, 1583020807000, 1583020808000, null, null], records.Select(record => record.Time));
    }

    [Fact]
    public void Descriptions_tags_and_keywords_are_kept_as_metadata()
    {
        using var export = OpenFixture("bookmarks", new ExportOptions { Me = "fen" });
        var beans = export.Records().Single(record => record.Url == "https://example.org/beans");
        Assert.Equal(("fen", "Where to buy them,\nand when <cheap>", "coffee to_read", "bean", "2020-03-02T00:00:04Z"),
            (beans.Author, beans.Meta["description"], beans.Meta["labels"], beans.Meta["keyword"], beans.Meta["modified"]));
    }

    [Fact]
    public void Queries_of_the_browser_and_bookmarks_without_address_are_passed_over()
    {
        using var export = OpenFixture("bookmarks");
        var file = export.Inspect().File("firefox.html");
        Assert.Equal((2L, 2L, FileStatus.Read), (file.Records, file.Skipped, file.Status));
        Assert.Equal("a query that the browser made by itself (bookmark 1); a bookmark without address, or with one longer than any is (bookmark 4)", file.Reason);
    }

    [Theory]
    [InlineData("1583020800", 1583020800000)]
    [InlineData("1583020800.5", 1583020800500)]
    [InlineData("1583020800123", 1583020800123)]
    [InlineData("1583020800123456", 1583020800123)]
    [InlineData("13227494400123456", 1583020800123)]
    [InlineData("0", null)]
    [InlineData("-1", null)]
    [InlineData("", null)]
    [InlineData("Sun Mar 1", null)]
    [InlineData("99999999999999999999", null)]
    public void The_unit_of_a_date_shows_in_its_size(string text, long? time) => Assert.Equal(time, BookmarkList.Time(text));

    [Theory]
    [InlineData("<DL><DT><A HREF=a>A<DT><A HREF=b>B<DD>about<DT><H3>F</H3><DL><DT><A HREF=c>C", "a//A/ b//B/about c/F/C/")]
    [InlineData("<H1>x</H1><DL><DT><A HREF=a>A</A></DL></DL></DL><DT><H3>F</H3><DL><p><DT><A HREF=c>C</A><DD>about", "a//A/ c/F/C/about")]
    [InlineData("<DL><p><DT><H3>F</H3><DL><p></DL><p><DT><A HREF=a>A</A></DL>", "a//A/")]
    [InlineData("<DL><DT><H3>a/b</H3><DL><DT><H3></H3><DL><DT><A HREF=c></A>", "c/a/b//")]
    public void End_tags_may_be_missing(string html, string found) => Assert.Equal(found,
        string.Join(' ', BookmarkList.Read(new MemoryStream(Encoding.UTF8.GetBytes(html))).Select(bookmark => $"{bookmark.Url}/{bookmark.Folder}/{bookmark.Title}/{bookmark.Description}")));

    [Fact]
    public void Folders_without_end_are_bounded()
    {
        var html = string.Concat(Enumerable.Repeat("<DT><H3>deep</H3><DL>", 100_000)) + "<DT><A HREF=a>A</A>" + string.Concat(Enumerable.Repeat("</DL>", 99_999)) + "<DT><A HREF=b>B</A>";
        var folders = BookmarkList.Read(new MemoryStream(Encoding.UTF8.GetBytes(html))).Select(bookmark => bookmark.Folder).ToList();
        Assert.Equal([string.Join('/', Enumerable.Repeat("deep", 64)), "deep"], folders);
    }

    [Theory]
    [InlineData("ADD_DATE=\"1583020804\"", "ADD_DATE=\"1593020804\"")]
    [InlineData("ADD_DATE=\"1583020805\"", "ADD_DATE=\"300000000\"")]
    public void Dates_that_cannot_be_fail_the_dates(string old, string changed)
    {
        Assert.Equal(new ExportCheck("bookmarks.dates", CheckOutcome.Passed, "9 bookmarks have dates that fit"), CheckOf(Files("bookmarks"), "bookmarks.dates"));
        Assert.StartsWith("1 of ", CheckOf(Edited("bookmarks", "firefox.html", old, changed), "bookmarks.dates").Detail, StringComparison.Ordinal);
        Assert.Equal(CheckOutcome.Failed, CheckOf(Edited("bookmarks", "firefox.html", old, changed), "bookmarks.dates").Outcome);
        Assert.Equal(CheckOutcome.Absent, CheckOf(Files("bookmarks").Where(file => file.Key == "safari.html").ToDictionary(), "bookmarks.dates").Outcome);
    }

    /// <summary>A platform's archive that has such a file among others is that platform's.</summary>
    [Fact]
    public void Bookmarks_among_other_files_are_not_taken_for_an_export_of_their_own()
    {
        var chrome = Encoding.UTF8.GetString(Files("bookmarks")["chrome.html"]);
        using var google = Open(Zip(("Takeout/Chrome/Bookmarks.html", chrome), ("Takeout/archive_browser.html", "<!DOCTYPE html><html></html>")));
        Assert.Equal("google", google.Platform);
        using var telegram = Open(Zip([.. Files("telegram"), .. Files("bookmarks")]));
        Assert.Equal("telegram", telegram.Platform);
    }

    [Theory]
    [InlineData("messages.html", "<!DOCTYPE html><title>Exported Data</title><a href='x'>y</a>")]
    [InlineData("bookmarks.html", "<!DOCTYPE html><title>Bookmarks</title><DL><DT><A HREF='x'>y</A></DL>")]
    [InlineData("bookmarks.json", "<!DOCTYPE NETSCAPE-Bookmark-file-1>")]
    public void Other_pages_are_no_bookmarks(string name, string html) => Assert.Throws<ExportException>(() => Open(Zip((name, html))));

    /// <summary>What the member keeps out must not change the names of the rest, or evidence would read otherwise.</summary>
    [Fact]
    public void A_wrapping_folder_stays_so_that_evidence_reads_the_same()
    {
        using var export = Open(Zip(Files("bookmarks").Select(file => KeyValuePair.Create("mine/" + file.Key, file.Value))));
        Assert.Contains("mine/chrome.html", export.Files);
        var evidence = new MemoryStream();
        export.WriteEvidence(evidence, name => name == "mine/chrome.html");
        using var again = Open(evidence.ToArray());
        Assert.Equal(export.Records().Where(record => record.Source == "mine/chrome.html"), again.Records());
    }
}
