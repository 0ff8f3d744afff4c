using System.Globalization;
using System.Text.Json;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.X;

/// <summary>Does an X archive agree with itself (specs/exports/x.md)?</summary>
internal sealed class XChecks(ExportFiles files, ExportOptions options, string account, string created)
{
    // Ids hold the time since then in their upper 42 bits, in milliseconds; the first such id is of 2010-11-04.
    private const long SnowflakeEpoch = 1_288_834_974_657, FirstSnowflake = 29_700_859_247;
    private const int MostListed = 10_000;

    public IReadOnlyList<ExportCheck> Run()
    {
        var counts = new Dictionary<string, long>(StringComparer.OrdinalIgnoreCase);
        long dated = 0, outside = 0, timed = 0, disagreeing = 0;
        string? unreadable = null;
        var root = files.All.FirstOrDefault(file => file.IsReadable && XFiles.Type(file) == XFiles.Manifest) is { } listing
            ? XReader.ReadSmall(listing, options.Limits) : default;
        long? first = Times.Parse(created), last = Times.Parse(root.Get("archiveInfo"u8).Text("generationDate"u8));
        foreach (var file in files.All.Where(file => file.IsReadable && XFiles.IsRead(XFiles.Type(file))))
        {
            bool hasTweets = XFiles.Type(file) is XFiles.Tweets or XFiles.Deleted or XFiles.Community;
            try
            {
                using var stream = XFiles.Open(file);
                var elements = new JsonReader(stream, options.Limits, "[]");
                while (elements.Read())
                {
                    if (hasTweets)
                        Look(XReader.Unwrap(elements.Value));
                }
                counts[file.Name] = elements.Count;
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                unreadable ??= $"{Names.Printable(file.Name)}: {ExportFile.Reason(e)}";
            }
        }
        const string ids = "x.ids", times = "x.times";
        return
        [
            Manifest("x.manifest", root, counts, unreadable),
            timed == 0 ? ExportCheck.Absent(ids, "no tweet has a date and an id that holds one")
                : disagreeing > 0 ? ExportCheck.Failed(ids, $"{disagreeing} of {timed} tweets have another date than their id holds")
                : ExportCheck.Passed(ids, $"{timed} tweets have the date that their id holds"),
            dated == 0 || (first is null && last is null) ? ExportCheck.Absent(times, "no tweet has a date, or the archive gives neither the account's first day nor its own date")
                : outside > 0 ? ExportCheck.Failed(times, $"{outside} of {dated} tweets are dated before the account existed or after the archive was made")
                : ExportCheck.Passed(times, $"{dated} tweets are dated within the account's life"),
        ];

        void Look(JsonValue tweet)
        {
            if (XReader.Time(tweet) is not { } time)
                return;
            dated++;
            outside += time + 999 < first || time > last ? 1 : 0;
            if (!long.TryParse(XReader.Id(tweet), NumberStyles.None, CultureInfo.InvariantCulture, out long id) || id < FirstSnowflake)
                return;
            timed++;
            disagreeing += Math.Abs((id >> 22) + SnowflakeEpoch - time) > 1999 ? 1 : 0; // the date is cut to seconds
        }
    }

    /// <summary>
    /// Every file that is here is listed, with as many objects as the manifest counts; listed files that are not here were left
    /// out. The account is the manifest's.
    /// </summary>
    private ExportCheck Manifest(string name, JsonValue root, Dictionary<string, long> counts, string? unreadable)
    {
        if (root.Get("dataTypes"u8) is not { ValueKind: JsonValueKind.Object } types)
            return ExportCheck.Absent(name, "there is no manifest.js, or it lists nothing");
        if (unreadable is not null)
            return ExportCheck.Failed(name, unreadable);
        if (root.Get("userInfo"u8).Text("accountId"u8) is { Length: > 0 } id && id != account)
            return ExportCheck.Failed(name, "the manifest names another account than account.js");
        var listed = new Dictionary<string, decimal?>(StringComparer.OrdinalIgnoreCase);
        foreach (var file in types.Members().SelectMany(type => type.Get("files"u8).Items()).Take(MostListed))
            listed[Names.File(Names.Normalise(file.Text("fileName"u8)))] = file.Get("count"u8).Number();
        long agreed = 0;
        foreach (var (file, count) in counts)
        {
            if (!listed.TryGetValue(Names.File(file), out var claimed))
                return ExportCheck.Failed(name, $"{Names.Printable(file)} is not listed");
            if ((claimed ?? count) != count)
                return ExportCheck.Failed(name, $"{Names.Printable(file)} holds {count} objects where the manifest counts {claimed}");
            agreed++;
        }
        var partial = root.Get("archiveInfo"u8).IsTrue("isPartialArchive"u8) ? "; the archive calls itself partial" : "";
        return agreed == 0 ? ExportCheck.Absent(name, "none of the listed files is here")
            : ExportCheck.Passed(name, $"{agreed} files hold as many objects as the manifest counts{partial}");
    }
}
