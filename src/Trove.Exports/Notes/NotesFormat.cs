using Trove.Exports.Source;

namespace Trove.Exports.Notes;

/// <summary>
/// A folder or ZIP of notes: an Obsidian vault, Notion's "Markdown &amp; CSV" or HTML, documents of Google Docs as web pages, Evernote's web
/// pages, plain texts:
/// <code>
/// Rowing/2024-03-01.md                                    a day's note
/// Tide tables 0123456789abcdef0123456789abcdef.md         Notion's
/// .obsidian/app.json                                      kept by the program
/// </code>
/// </summary>
internal sealed class NotesFormat : IExportFormat
{
    private const int OthersPerNote = 9, HeadsRead = 64;

    public string Platform => NotesFiles.Platform;

    public string Expects => "a folder or ZIP of Markdown, text or HTML notes";

    /// <summary>Of ten files that are neither attached nor hidden, nine must be notes.</summary>
    public int Recognise(ExportFiles files)
    {
        int notes = 0, others = 0, heads = 0;
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            bool isPage = Path.GetExtension(file.Name).StartsWith(".htm", StringComparison.OrdinalIgnoreCase);
            if (isPage && heads++ >= HeadsRead)
                continue;
            var sort = NotesFiles.Of(file);
            notes += NotesFiles.IsRead(sort) ? 1 : 0;
            others += sort == NoteSort.Other ? 1 : 0;
        }
        return notes > 0 && others * OthersPerNote <= notes ? ExportFormats.Enough : 0;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new NotesReader(files, options);
}
