using Trove.Exports.Source;

namespace Trove.Exports.Notes;

/// <summary>Do notes agree with themselves (specs/exports/notes.md)?</summary>
internal sealed class NotesChecks(ExportFiles files)
{
    private const long Day = 86_400_000;

    public IReadOnlyList<ExportCheck> Run()
    {
        long dated = 0, back = 0, named = 0, repeated = 0;
        string? unreadable = null;
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            var sort = NotesFiles.Of(file);
            if (!NotesFiles.IsRead(sort))
                continue;
            if (NoteName.Of(file.Name).Id is { Length: > 0 } id)
            {
                named++;
                repeated += ids.Add(id) ? 0 : 1;
            }
            try
            {
                var note = Note.Read(file, sort);
                if (note.Created.Time is not { } created || note.Modified.Time is not { } modified)
                    continue;
                dated++;
                back += modified < created - Day ? 1 : 0;
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                unreadable ??= $"{Names.Printable(file.Name)}: {ExportFile.Reason(e)}";
            }
        }
        const string dates = "notes.dates", pages = "notes.ids";
        return
        [
            unreadable is not null ? ExportCheck.Failed(dates, $"a note cannot be read to its end; {unreadable}")
                : dated == 0 ? ExportCheck.Absent(dates, "no note says both when it was made and when it was changed")
                : back > 0 ? ExportCheck.Failed(dates, $"{back} of {dated} notes were changed more than a day before they were made")
                : ExportCheck.Passed(dates, $"{dated} notes were changed after they were made"),
            named == 0 ? ExportCheck.Absent(pages, "no note's name ends with an id, as Notion's do")
                : repeated > 0 ? ExportCheck.Failed(pages, $"{repeated} of {named} notes have the id of another")
                : ExportCheck.Passed(pages, $"{named} notes have ids of their own"),
        ];
    }
}
