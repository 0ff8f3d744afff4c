using System.Globalization;
using Trove.Exports.Mbox;
using Trove.Exports.Source;

namespace Trove.Exports.GoogleTakeout;

/// <summary>Does Takeout agree with itself (specs/exports/google.md)?</summary>
internal sealed class GoogleChecks(ExportFiles files, GoogleReader reader, IReadOnlyList<ExportFile> mails, string me, ExportLimits limits)
{
    // 1998-09-01, the month in which Google was founded.
    private const long Founded = 904_608_000_000;

    public IEnumerable<ExportCheck> Run()
    {
        const string times = "google.times", places = "google.places", notes = "google.notes";
        long dated = 0, early = 0, stays = 0, backward = 0, paired = 0, alone = 0;
        string? unreadable = null;
        var pages = files.All.Where(file => file.IsReadable && file.Name.EndsWith(".html", StringComparison.OrdinalIgnoreCase)).Select(file => file.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var file in files.All.Where(file => file.IsReadable && reader.WhyIgnored(file) is null))
        {
            var sort = reader.SortOf(file);
            if (sort is GoogleFiles.Sort.Mail or GoogleFiles.Sort.Document or GoogleFiles.Sort.Bookmarks)
                continue;
            if (sort == GoogleFiles.Sort.Keep)
            {
                paired++;
                alone += pages.Contains(Path.ChangeExtension(file.Name, ".html")) ? 0 : 1;
            }
            try
            {
                foreach (var record in reader.Read(file, new FileLog(file.Name)))
                {
                    if (record.Time is not { } time)
                        continue;
                    dated++;
                    early += time < Founded ? 1 : 0;
                    if (!record.Meta.TryGetValue("end", out var end))
                        continue;
                    stays++;
                    backward += DateTimeOffset.Parse(end, CultureInfo.InvariantCulture).ToUnixTimeMilliseconds() < time - 1000 ? 1 : 0;
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                unreadable ??= $"{Names.Printable(file.Name)}: {ExportFile.Reason(e)}";
            }
        }
        return
        [
            unreadable is not null ? ExportCheck.Failed(times, $"a file cannot be read to its end; {unreadable}")
                : dated == 0 ? ExportCheck.Absent(times, "nothing but mail has a time")
                : early > 0 ? ExportCheck.Failed(times, $"{early} of {dated} acts are dated before there was Google")
                : ExportCheck.Passed(times, $"{dated} acts are dated after Google began"),
            stays == 0 ? ExportCheck.Absent(places, "there is no visit with an end")
                : backward > 0 ? ExportCheck.Failed(places, $"{backward} of {stays} visits and ways end before they begin")
                : ExportCheck.Passed(places, $"{stays} visits and ways end after they begin"),
            paired == alone ? ExportCheck.Absent(notes, "no note of Keep has its page")
                : alone > 0 ? ExportCheck.Failed(notes, $"{alone} of {paired} notes of Keep lack the page that Takeout puts beside each")
                : ExportCheck.Passed(notes, $"{paired} notes of Keep have their page beside them"),
            .. new MailChecks(mails, me, limits).Run(GoogleFiles.Platform),
        ];
    }
}
