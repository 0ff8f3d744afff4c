using System.Globalization;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Telegram;

/// <summary>Does a Telegram export agree with itself (specs/exports/telegram.md)?</summary>
internal sealed class TelegramChecks(ExportFiles files, ExportOptions options)
{
    // Zones differ from UTC by quarters of an hour, up to 14 hours.
    private const long Quarter = 900_000, MostOffset = 14 * 4 * Quarter;

    public IReadOnlyList<ExportCheck> Run()
    {
        long counted = 0, unordered = 0, dated = 0, off = 0;
        string? unreadable = null;
        foreach (var file in files.All.Where(file => file.IsReadable && TelegramFiles.IsResult(file)))
        {
            try
            {
                using var stream = file.Open();
                var messages = new TelegramMessages(stream, options.Limits);
                long last = long.MinValue;
                while (messages.Read())
                {
                    if (messages.IsFirst)
                        last = long.MinValue;
                    Look(messages.Value, ref last);
                }
            }
            catch (Exception e) when (ExportFile.IsFault(e))
            {
                unreadable ??= $"{Names.Printable(file.Name)}: {ExportFile.Reason(e)}";
            }
        }
        const string order = "telegram.order", times = "telegram.times";
        return
        [
            unreadable is not null ? ExportCheck.Failed(order, $"the messages cannot be read to their end; {unreadable}")
                : counted == 0 ? ExportCheck.Absent(order, "there is no message")
                : unordered > 0 ? ExportCheck.Failed(order, $"the numbers of {unordered} of {counted} messages do not rise within their chat")
                : ExportCheck.Passed(order, $"the numbers of {counted} messages rise within their chats"),
            dated == 0 ? ExportCheck.Absent(times, "no message has its time twice, as in exports before 2022")
                : off > 0 ? ExportCheck.Failed(times, $"{off} of {dated} messages have two times that no time zone makes equal")
                : ExportCheck.Passed(times, $"the two times of {dated} messages agree"),
        ];

        void Look(JsonValue message, ref long last)
        {
            if (!long.TryParse(message.IdText("id"u8), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long id))
                return;
            counted++;
            unordered += id <= last ? 1 : 0;
            last = id;
            if (message.UnixSeconds("date_unixtime"u8) is not { } utc || Times.Parse(message.Text("date"u8) + "Z") is not { } local)
                return;
            dated++;
            off += Math.Abs(local - utc) > MostOffset || (local - utc) % Quarter != 0 ? 1 : 0;
        }
    }
}
