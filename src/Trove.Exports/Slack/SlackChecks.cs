using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Slack;

/// <summary>Does a Slack export agree with itself (specs/exports/slack.md)?</summary>
internal sealed class SlackChecks(ExportFiles files, ExportOptions options, IReadOnlyCollection<string> folders)
{
    // The days are those of a time zone that the export does not tell.
    private const long Day = 86_400_000, Zone = 14 * 3_600_000;

    public IReadOnlyList<ExportCheck> Run()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        long dated = 0, off = 0;
        string? unreadable = null;
        foreach (var file in files.All.Where(file => file.IsReadable))
        {
            if (SlackFiles.Day(file) is not var (folder, date))
                continue;
            seen.Add(folder);
            long day = new DateTimeOffset(date, TimeOnly.MinValue, TimeSpan.Zero).ToUnixTimeMilliseconds();
            try
            {
                using var stream = file.Open();
                var stamps = new JsonReader(stream, options.Limits, "[].ts");
                while (stamps.Read())
                {
                    if (stamps.Value.UnixSeconds() is not { } time)
                        continue;
                    dated++;
                    off += time < day - Zone || time >= day + Day + Zone ? 1 : 0;
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                unreadable ??= $"{Names.Printable(file.Name)}: {ExportFile.Reason(e)}";
            }
        }
        int unlisted = seen.Count(folder => !folders.Contains(folder));
        const string conversations = "slack.conversations", times = "slack.times";
        return
        [
            seen.Count == 0 || folders.Count == 0 ? ExportCheck.Absent(conversations, "there is no list of conversations, or no conversation")
                : unlisted > 0 ? ExportCheck.Failed(conversations, $"{unlisted} of {seen.Count} folders belong to no conversation that is listed")
                : ExportCheck.Passed(conversations, $"{seen.Count} folders belong to conversations that are listed"),
            unreadable is not null ? ExportCheck.Failed(times, $"the messages cannot be read to their end; {unreadable}")
                : dated == 0 ? ExportCheck.Absent(times, "no message has a time")
                : off > 0 ? ExportCheck.Failed(times, $"{off} of {dated} messages are of another day than their file")
                : ExportCheck.Passed(times, $"{dated} messages are of the day of their file"),
        ];
    }
}
