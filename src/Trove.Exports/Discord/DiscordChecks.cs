using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Discord;

/// <summary>Does a Discord package agree with itself (specs/exports/discord.md)?</summary>
internal sealed class DiscordChecks(ExportFiles files, ExportOptions options)
{
    // A message's id is made when the message is: seconds are all that rounding explains.
    private const long Tolerance = 2000;

    public IReadOnlyList<ExportCheck> Run()
    {
        long channels = 0, mismatched = 0, unlisted = 0, indexed = 0, dated = 0, off = 0;
        string? unreadable = null;
        foreach (var file in files.All.Where(file => file.IsReadable && DiscordFiles.IsMessages(file)))
        {
            var folder = DiscordFiles.Folder(file.Name);
            var id = DiscordFiles.ChannelId(file);
            if (files.Find(folder + DiscordFiles.Channel) is { } channel)
            {
                channels++;
                mismatched += Json.ReadSmall(channel, options.Limits).IdText("id"u8) != id ? 1 : 0;
            }
            if (files.Find(DiscordFiles.Folder(folder.TrimEnd('/')) + DiscordFiles.Index) is { } listing)
            {
                indexed++;
                unlisted += Listed(listing).Contains(id) ? 0 : 1;
            }
            try
            {
                foreach (var message in DiscordReader.Messages(file, new FileLog(file.Name), options.Limits))
                {
                    var text = message.Timestamp;
                    if (DiscordFiles.Created(message.Id) is not { } made || (Times.Parse(text) ?? Times.Parse(text + "Z")) is not { } time)
                        continue;
                    dated++;
                    off += Math.Abs(time - made) > Tolerance ? 1 : 0;
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                unreadable ??= $"{Names.Printable(file.Name)}: {ExportFile.Reason(e)}";
            }
        }
        const string ids = "discord.channels", index = "discord.index", times = "discord.times";
        return
        [
            channels == 0 ? ExportCheck.Absent(ids, "no channel.json is here")
                : mismatched > 0 ? ExportCheck.Failed(ids, $"{mismatched} of {channels} channels have another id in channel.json than in their folder's name")
                : ExportCheck.Passed(ids, $"{channels} channels have the id of their folder"),
            indexed == 0 ? ExportCheck.Absent(index, "no index.json lies beside the channels")
                : unlisted > 0 ? ExportCheck.Failed(index, $"{unlisted} of {indexed} channels are not listed in index.json")
                : ExportCheck.Passed(index, $"{indexed} channels are listed in index.json"),
            unreadable is not null ? ExportCheck.Failed(times, $"the messages cannot be read to their end; {unreadable}")
                : dated == 0 ? ExportCheck.Absent(times, "no message has an id and a time")
                : off > 0 ? ExportCheck.Failed(times, $"{off} of {dated} messages have another time than is in their id")
                : ExportCheck.Passed(times, $"the times of {dated} messages are those in their ids"),
        ];
    }

    private readonly Dictionary<string, HashSet<string>> _listed = new(StringComparer.Ordinal);

    private HashSet<string> Listed(ExportFile listing)
    {
        if (_listed.TryGetValue(listing.Name, out var known))
            return known;
        return _listed[listing.Name] = [.. Json.ReadSmall(listing, options.Limits).Members().Select(channel => channel.Name)];
    }
}
