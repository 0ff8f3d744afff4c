using System.Collections.Frozen;
using System.Text;
using Trove.Exports.Bookmarks;
using Trove.Exports.Source;
using Trove.Exports.WhatsApp;

namespace Trove.Exports.Notes;

/// <summary>What a file in a folder of notes is (specs/exports/notes.md).</summary>
internal enum NoteSort
{
    /// <summary>Anything that is no note's business.</summary>
    Other,

    /// <summary>Markdown.</summary>
    Markdown,

    /// <summary>Plain text.</summary>
    Text,

    /// <summary>HTML that a program for notes wrote.</summary>
    Html,

    /// <summary>A database of Notion's as a table; its rows are notes too.</summary>
    Table,

    /// <summary>A picture, a recording, a document.</summary>
    Attachment,

    /// <summary>What a program keeps for itself, or was thrown away.</summary>
    Hidden,
}

/// <summary>The files of a folder of notes.</summary>
internal static class NotesFiles
{
    public const string Platform = "notes";

    // Google Docs and Notion begin with their styles.
    private const int HeadBytes = 65_536;

    private static readonly FrozenSet<string> Attachments = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".bmp", ".heic", ".tif", ".tiff", ".mp3", ".m4a", ".wav", ".ogg", ".flac", ".mp4", ".mov", ".webm", ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx",
        ".canvas", ".base", ".excalidraw", ".drawio");

    /// <summary>Decided by the file alone, so that it stays the same whatever else the member keeps out.</summary>
    public static NoteSort Of(ExportFile file)
    {
        if (file.Name[0] == '.' || file.Name.Contains("/.", StringComparison.Ordinal))
            return NoteSort.Hidden;
        var extension = Path.GetExtension(file.Name).ToLowerInvariant();
        return extension switch
        {
            ".md" or ".markdown" => NoteSort.Markdown,
            ".txt" => WhatsAppFiles.IsNamed(file) || WhatsAppFiles.ChatHead(file, new ExportLimits()).Length > 0 ? NoteSort.Other : NoteSort.Text, // others' words
            ".html" or ".htm" => IsNote(file) ? NoteSort.Html : NoteSort.Other,
            ".csv" => NoteName.Of(file.Name).Id.Length > 0 ? NoteSort.Table : NoteSort.Other,
            _ => Attachments.Contains(extension) ? NoteSort.Attachment : NoteSort.Other,
        };
    }

    /// <summary>Is it read for records?</summary>
    public static bool IsRead(NoteSort sort) => sort is NoteSort.Markdown or NoteSort.Text or NoteSort.Html;

    /// <summary>Any page may end in <c>.html</c>, and most were written by others: only what Notion, Google Docs and Evernote wrote is a note.</summary>
    private static bool IsNote(ExportFile file)
    {
        var head = Encoding.Latin1.GetString(file.Head(HeadBytes));
        return !BookmarksFiles.IsBookmarks(file) && (
            (head.Contains("<article id=\"", StringComparison.Ordinal) && head.Contains("class=\"page-title\"", StringComparison.Ordinal))
            || head.Contains("themes.googleusercontent.com", StringComparison.Ordinal) || head.Contains("ol{margin:0;padding:0}table td,table th{padding:0}", StringComparison.Ordinal)
            || head.Contains("<meta name=\"exporter-version\" content=\"Evernote", StringComparison.Ordinal));
    }
}
