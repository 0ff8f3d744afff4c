using System.Globalization;
using Trove.Exports.Text;

namespace Trove.Exports.Bookmarks;

/// <summary>One bookmark of a file, as it stands there; what is missing is empty.</summary>
internal sealed class Bookmark
{
    /// <summary>Where it leads.</summary>
    public string Url { get; init; } = "";

    /// <summary>What the page, or the member, called it.</summary>
    public string Title { get; set; } = "";

    /// <summary>The names of the folders it lies in, outermost first, with slashes between them.</summary>
    public string Folder { get; init; } = "";

    /// <summary>The text under it.</summary>
    public string Description { get; set; } = "";

    /// <summary>Its tags, with spaces between them; within one a space is <c>_</c>.</summary>
    public string Labels { get; init; } = "";

    /// <summary>The word that opens it in the address bar.</summary>
    public string Keyword { get; init; } = "";

    /// <summary>When it was made, milliseconds since 1970 UTC.</summary>
    public long? Added { get; init; }

    /// <summary>When it was changed last.</summary>
    public long? Modified { get; init; }

    /// <summary>A query of Firefox's own, such as "most visited": nobody saved it.</summary>
    public bool IsQuery => Url.StartsWith("place:", StringComparison.OrdinalIgnoreCase);

    /// <summary>The member's act; titles and descriptions are mostly the page's words, so that they are metadata.</summary>
    public Record ToRecord(string platform, string me) => new()
    {
        Platform = platform, Kind = RecordKind.Bookmark, Author = me, Own = true, Time = Added, Url = Url,
        Meta = Metadata.Of(("title", Title), ("folder", Folder), ("description", Description), ("labels", Labels), ("keyword", Keyword),
            ("modified", Modified is { } time ? DateTimeOffset.FromUnixTimeMilliseconds(time).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) : "")),
    };
}

/// <summary>
/// Reads the bookmarks of a file as browsers do, tag by tag: there has never been a grammar, end tags are missing at will, and
/// <c>&lt;p&gt;</c> stands where it means nothing.
/// </summary>
internal static class BookmarkList
{
    private const int DeepestFolder = 64;

    private enum Part { None, Title, Heading, Description }

    /// <summary>The bookmarks in the file's order, those without an address too.</summary>
    public static IEnumerable<Bookmark> Read(Stream stream)
    {
        var html = HtmlReader.Open(stream);
        var text = new HtmlText(RecordRules.MetaValue);
        var folders = new List<string>();
        var (part, heading, level, passed) = (Part.None, "", "", 0L);
        Bookmark? open = null;
        while (html.Read())
        {
            bool isStart = html.Token == HtmlToken.Start, ends = html.Token != HtmlToken.Text && html.Name is "a" or "h1" or "h2" or "h3" or "dl" or "ul" or "dt" or "dd" or "li" or "hr";
            if (!ends)
            {
                if (part != Part.None)
                    text.Add(html);
                continue;
            }
            switch (part)
            {
                case Part.Title:
                    open!.Title = text.ToString();
                    break;
                case Part.Description when open is not null:
                    open.Description = text.ToString();
                    break;
                case Part.Heading:
                    heading = level == "h1" && folders.Count == 0 && html.Name == "dl" ? "" : text.ToString();
                    break;
            }
            part = Part.None;
            text.Clear();
            if (open is not null && (isStart ? html.Name is not "dd" : html.Name is "dl" or "ul"))
            {
                yield return open;
                open = null;
            }
            switch (html.Name)
            {
                case "a" when isStart:
                    open = Begin(html, string.Join('/', folders.Where(folder => folder.Length > 0)));
                    part = Part.Title;
                    break;
                case "h1" or "h2" or "h3" when isStart:
                    (part, level) = (Part.Heading, html.Name);
                    break;
                case "dd" when isStart:
                    part = Part.Description;
                    break;
                case "dl" or "ul" when isStart:
                    if (folders.Count < DeepestFolder)
                        folders.Add(level == "h1" && html.Name == "dl" ? "" : heading); // the heading of a whole file names no folder
                    else
                        passed++;
                    heading = "";
                    break;
                case "dl" or "ul" when passed > 0:
                    passed--;
                    break;
                case "dl" or "ul" when folders.Count > 0:
                    folders.RemoveAt(folders.Count - 1);
                    break;
            }
        }
        if (open is null)
            yield break;
        if (part == Part.Title)
            open.Title = text.ToString();
        else if (part == Part.Description)
            open.Description = text.ToString();
        yield return open;
    }

    private static Bookmark Begin(HtmlReader html, string folder) => new()
    {
        Url = html.Attribute("href"),
        Folder = folder.Length <= RecordRules.MetaValue ? folder : "",
        Labels = Metadata.List(html.Attribute("tags").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(tag => tag.Replace(' ', '_'))),
        Keyword = html.Attribute("shortcuturl"),
        Added = Time(html.Attribute("add_date") is { Length: > 0 } added ? added : html.Attribute("time_added")),
        Modified = Time(html.Attribute("last_modified")),
    };

    /// <summary>Seconds since 1970, as the form has it; or in the unit of <see cref="Times.FromUnix"/>, as some programs write.</summary>
    internal static long? Time(string text) =>
        text.Length <= 20 && decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? Times.FromUnix(number) : null;
}
