using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.MetaPlatforms;

/// <summary>Do the conversations of an export of Instagram or Facebook agree with themselves (specs/exports/facebook.md)?</summary>
internal sealed class MetaChecks(string platform, string opened, long first, ExportFiles files, ExportLimits limits)
{
    public IReadOnlyList<ExportCheck> Run()
    {
        long threads = 0, moved = 0, dated = 0, early = 0;
        string? wrong = null, unreadable = null;
        foreach (var file in files.All.Where(file => file.IsReadable && MetaThread.Is(file)))
        {
            try
            {
                using var stream = file.Open();
                var elements = new JsonReader(stream, limits, "*[]", "*", "[]");
                while (elements.Read())
                {
                    if (elements.Member == "messages" && elements.Value.UnixMilliseconds("timestamp_ms"u8) is { } time)
                    {
                        dated++;
                        early += time < first ? 1 : 0;
                    }
                    if (elements.Member != "thread_path" || Names.File(elements.Value.Text()) is not { Length: > 0 } folder)
                        continue;
                    threads++;
                    if (MetaFiles.Folders(file).EndsWith($"/{folder.ToLowerInvariant()}/", StringComparison.Ordinal))
                        continue;
                    moved++;
                    wrong ??= Names.Printable(Names.File(file.Name));
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                unreadable ??= $"a conversation cannot be read to its end: {ExportFile.Reason(e)}";
            }
        }
        var paths = $"{platform}.threads";
        var times = $"{platform}.times";
        return
        [
            unreadable is not null ? ExportCheck.Failed(paths, unreadable)
                : threads == 0 ? ExportCheck.Absent(paths, "no conversation says where it lies")
                : moved > 0 ? ExportCheck.Failed(paths, $"{moved} of {threads} files of conversations lie in another folder than they say, such as a {wrong}")
                : ExportCheck.Passed(paths, $"{threads} files of conversations lie where they say"),
            dated == 0 ? ExportCheck.Absent(times, "no message has a time")
                : early > 0 ? ExportCheck.Failed(times, $"{early} of {dated} messages are dated before {opened}")
                : ExportCheck.Passed(times, $"{dated} messages are dated after {opened}"),
        ];
    }
}
