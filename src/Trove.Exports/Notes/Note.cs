using System.Text;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Notes;

/// <summary>One note, as its file has it.</summary>
internal sealed class Note
{
    /// <summary>What the name tells.</summary>
    public required NoteName Name { get; init; }

    /// <summary>The title that the text or its properties give; else the name's.</summary>
    public string Title { get; private set; } = "";

    /// <summary>Without properties and without the title.</summary>
    public string Text { get; private set; } = "";

    /// <summary>When it was made.</summary>
    public WrittenTime Created { get; private set; }

    /// <summary>When it was changed last.</summary>
    public WrittenTime Modified { get; private set; }

    /// <summary>The page it was taken from; else empty.</summary>
    public string Clipped { get; private set; } = "";

    /// <summary>Whom it names as its author; else empty.</summary>
    public string Author { get; private set; } = "";

    /// <summary>Its tags, with spaces between them.</summary>
    public string Labels { get; private set; } = "";

    /// <summary>Its other names, one a line.</summary>
    public string Aliases { get; private set; } = "";

    /// <summary>Is it a drawing that a plug-in packed into Markdown?</summary>
    public bool IsDrawing { get; private set; }

    /// <summary>Did its bytes hold what is not in its charset?</summary>
    public bool IsDamaged { get; private set; }

    /// <summary>Reads a note as a whole.</summary>
    /// <exception cref="InvalidDataException">It is longer than a text may be, or a fault of the file.</exception>
    public static Note Read(ExportFile file, NoteSort sort)
    {
        var note = new Note { Name = NoteName.Of(file.Name) };
        using var stream = file.Open();
        if (sort == NoteSort.Html)
            note.ReadHtml(stream);
        else
            note.ReadText(stream, sort == NoteSort.Markdown);
        if (note.Created.Time is null && note.Name.Day is { } day)
            note.Created = new WrittenTime(day, false, true);
        note.TakeTitle(sort);
        return note;
    }

    private void ReadText(Stream stream, bool isMarkdown)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
        var content = new StringBuilder();
        var buffer = new char[16_384];
        for (int read; (read = reader.ReadBlock(buffer)) > 0;)
        {
            if (content.Length + read > RecordRules.Text)
                throw TooLong();
            content.Append(buffer, 0, read);
        }
        var text = content.Replace("\r\n", "\n").ToString();
        IsDamaged = text.Contains('\uFFFD');
        if (isMarkdown)
        {
            var properties = FrontMatter.Parse(text, out int body);
            text = text[body..];
            Title = properties.First("title");
            Created = WrittenTime.Parse(properties.First("created", "createdat", "createdtime", "datecreated", "creationdate", "date"));
            Modified = WrittenTime.Parse(properties.First("modified", "modifiedat", "updated", "updatedat", "datemodified", "lastmodified", "lasteditedtime"));
            Clipped = properties.First("source", "url", "sourceurl") is var from && from.StartsWith("http", StringComparison.OrdinalIgnoreCase) ? from : "";
            Author = properties.First("author", "authors");
            Labels = List(properties.All("tags"));
            Aliases = Metadata.List(properties.All("aliases"), '\n');
            IsDrawing = properties.Has("excalidrawplugin");
        }
        Text = text.Trim('\n').TrimEnd();
        if (Name.Id.Length > 0 && Created.Time is null)
            ReadProperties();
    }

    /// <summary>Notion writes the properties of a page of a database as lines <c>Created: March 1, 2024 10:00 AM</c> below its title.</summary>
    private void ReadProperties()
    {
        const int most = 32;
        int lines = 0;
        foreach (var line in Text.AsSpan().EnumerateLines())
        {
            if (lines++ > most)
                return;
            int colon = line.IndexOf(": ");
            if (colon > 0 && line[..colon] is "Created" or "Created time" or "Date created")
                Created = WrittenTime.Parse(line[(colon + 2)..].ToString());
            else if (colon > 0 && line[..colon] is "Last edited" or "Last edited time" or "Updated")
                Modified = WrittenTime.Parse(line[(colon + 2)..].ToString());
        }
    }

    private void ReadHtml(Stream stream)
    {
        var html = HtmlReader.Open(stream);
        var text = new HtmlText();
        string property = "";
        while (html.Read())
        {
            text.Add(html);
            if (html is { Token: HtmlToken.Start, Name: "tr" })
                property = html.Attribute("class");
            else if (html is { Token: HtmlToken.Start, Name: "meta" })
                ReadMeta(html.Attribute("name"), html.Attribute("content"));
            else if (html.Token == HtmlToken.Text && property.EndsWith("property-row-created_time", StringComparison.Ordinal) && html.Text.StartsWith("@"))
                Created = WrittenTime.Parse(html.Text.ToString());
            else if (html.Token == HtmlToken.Text && property.EndsWith("property-row-last_edited_time", StringComparison.Ordinal) && html.Text.StartsWith("@"))
                Modified = WrittenTime.Parse(html.Text.ToString());
        }
        if (text.IsCut)
            throw TooLong();
        (Title, Text) = (text.Title, text.ToString());
        IsDamaged = Text.Contains('\uFFFD');
    }

    /// <summary>What Evernote writes into a page's head.</summary>
    private void ReadMeta(string name, string content)
    {
        switch (name)
        {
            case "created":
                Created = WrittenTime.Parse(content);
                break;
            case "updated":
                Modified = WrittenTime.Parse(content);
                break;
            case "source-url":
                Clipped = content;
                break;
            case "author":
                Author = content;
                break;
            case "keywords":
                Labels = List(content.Split(','));
                break;
        }
    }

    /// <summary>
    /// The title stands once: a first line that repeats it is taken off. The heading of a page of Notion's is its title, as names are shortened;
    /// in HTML a picture may stand before it.
    /// </summary>
    private void TakeTitle(NoteSort sort)
    {
        const int most = 3;
        if (Title.Length == 0)
            Title = Name.Id.Length > 0 && Text.StartsWith("# ", StringComparison.Ordinal) ? Heading(Text.AsSpan()[..End(0)]).ToString() : Name.Title;
        for (int lines = 0, at = 0; at < Text.Length && lines < (sort == NoteSort.Html ? most : 1); lines++)
        {
            int end = End(at);
            if (Title.Length > 0 && Heading(Text.AsSpan()[at..end]).SequenceEqual(Title))
            {
                Text = Text[end..].TrimStart('\n');
                return;
            }
            at = end + 1;
        }

        int End(int from) => Text.IndexOf('\n', from) is >= 0 and var end ? end : Text.Length;
    }

    private static ReadOnlySpan<char> Heading(ReadOnlySpan<char> line) => (line.StartsWith("# ") ? line[2..] : line).Trim();

    private static string List(IEnumerable<string> tags) => Metadata.List(tags.Select(tag => tag.Trim().TrimStart('#').Replace(' ', '_')));

    private static InvalidDataException TooLong() => new($"it is longer than {RecordRules.Text} characters: split it");
}
