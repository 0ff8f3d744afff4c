using System.Globalization;
using Trove.Exports.Source;

namespace Trove.Exports.Notes;

/// <summary>Reads notes, one record a file. Never takes a time from the file system: it is that of copying or unpacking.</summary>
internal sealed class NotesReader(ExportFiles files, ExportOptions options) : ExportReader
{
    private bool _told, _toldClock;

    public override string Account => "";

    public override string? WhyIgnored(ExportFile file) => NotesFiles.Of(file) switch
    {
        NoteSort.Table => "a database as a table; its pages are read where they are notes of their own",
        NoteSort.Attachment => "a picture, a recording or a document",
        NoteSort.Hidden => "kept by a program for itself, or thrown away",
        NoteSort.Other => Path.GetExtension(file.Name).ToLowerInvariant() switch
        {
            ".zip" => "another archive, which is not opened: unpack it once and pass what is in it",
            ".txt" => "a chat or a log; pass a chat on its own",
            ".html" or ".htm" => "a page that no program for notes wrote, as far as is known",
            _ => "not a note",
        },
        _ => null,
    };

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) => includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => new NotesChecks(files).Run();

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        var note = Note.Read(file, NotesFiles.Of(file));
        if (note.IsDrawing)
        {
            log.Ignore("a drawing");
            yield break;
        }
        if (note.Text.Length == 0)
            yield break;
        if (options.Me.Length > 0 && !_told)
        {
            _told = true;
            log.Warn("notes do not say who wrote them: all that name no other author and no page they were taken from count as the account's own; keep out what others wrote");
        }
        if (note.Created.IsLocal && !_toldClock)
        {
            _toldClock = true;
            log.Warn("times of this note, and perhaps of others, have no zone: they are read as UTC and may be off by up to 14 hours");
        }
        if (note.IsDamaged)
            log.Warn("it holds characters that are not of its charset, replaced by U+FFFD");
        yield return ToRecord(note);
    }

    private Record ToRecord(Note note)
    {
        bool isOther = note.Clipped.Length > 0 || (note.Author.Length > 0 && !note.Author.Equals(options.Me, StringComparison.OrdinalIgnoreCase));
        return new Record
        {
            Platform = NotesFiles.Platform,
            Kind = RecordKind.Note,
            Id = note.Name.Id,
            Thread = note.Name.Parent,
            Author = note.Author.Length > 0 ? note.Author : isOther ? "" : options.Me,
            Own = !isOther && options.Me.Length > 0,
            Time = note.Created.Time,
            Title = note.Title,
            Text = note.Text,
            Url = note.Clipped,
            Meta = Metadata.Of(("folder", note.Name.Folder), ("labels", note.Labels), ("aliases", note.Aliases), ("clock", note.Created.IsLocal ? "local" : ""),
                ("precision", note.Created.IsDay ? "day" : ""),
                ("modified", note.Modified.Time is { } time ? DateTimeOffset.FromUnixTimeMilliseconds(time).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) : "")),
        };
    }
}
