using System.Text;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.GoogleTakeout;

/// <summary>
/// YouTube's tables. Their names and columns are in the member's language, so that a row is told by its values: ids of channels, videos, comments
/// and playlists have forms of their own.
/// <code>
/// Comment ID,Channel ID,Comment Create Timestamp,Price,Parent Comment ID,Post ID,Video ID,Comment Text,Top-Level Comment ID
/// UgyAbCdEfGhIjKlMnOp4AaABAg,UC0123456789012345678901,2023-05-01T12:34:56.789+00:00,0,,,dQw4w9WgXcQ,"{""text"":""hello""},{""text"":"" all""}",
/// </code>
/// </summary>
internal static class GoogleTables
{
    private const int ChannelId = 24, VideoId = 11;

    /// <summary>What a row is.</summary>
    private enum Row { None, Comment, LiveChat, Subscription, PlaylistVideo, Playlist }

    /// <summary>Does the beginning of a table have a row that is known?</summary>
    public static bool IsKnown(byte[] head)
    {
        using var rows = new CsvReader(new MemoryStream(head), new ExportLimits());
        return rows.Read() && rows.Read() && Of(rows) != Row.None;
    }

    /// <summary>The records of a table.</summary>
    public static IEnumerable<Record> Read(ExportFile file, ExportLimits limits, FileLog log, string me)
    {
        using var rows = new CsvReader(file.Open(), limits);
        var list = Names.File(file.Name)[..^4];
        rows.Read();
        int width = rows.Count, title = rows.Fields.ToList().FindIndex(column => column.Contains("tit", StringComparison.OrdinalIgnoreCase)); // in most languages
        while (rows.Read())
        {
            var row = rows.Problem is null && rows.Count == width ? Of(rows) : Row.None;
            if (row == Row.None)
            {
                log.Skip(rows.Problem ?? "a row that is no comment, playlist or subscription", $"line {rows.Line}");
                continue;
            }
            yield return ToRecord(rows, row, list, title) with { Author = me, Own = true };
        }
    }

    private static Row Of(CsvReader rows) => rows.Count switch
    {
        2 when IsVideo(rows[0]) && Times.Parse(rows[1]) is not null => Row.PlaylistVideo,
        3 when IsChannel(rows[0]) && rows[1].Contains("/channel/", StringComparison.Ordinal) => Row.Subscription,
        >= 5 when IsChannel(rows[1]) && Times.Parse(rows[2]) is not null && Words(rows) >= 0 => rows[0].StartsWith("Ug", StringComparison.Ordinal) ? Row.Comment : Row.LiveChat,
        >= 5 when rows[0].Length is >= 13 and <= 64 && rows[0][..2] is "PL" or "FL" && Column(rows, text => Times.Parse(text) is not null) >= 0 => Row.Playlist,
        _ => Row.None,
    };

    private static Record ToRecord(CsvReader rows, Row row, string list, int title)
    {
        var record = new Record { Platform = GoogleFiles.Platform, Kind = RecordKind.Other };
        switch (row)
        {
            case Row.Comment or Row.LiveChat:
                int words = Words(rows), video = Column(rows, IsVideo, from: 3);
                // The comment that is answered stands before what it is about, the topmost of the thread behind.
                var parent = row == Row.Comment && rows.Count > 4 && rows[4].StartsWith("Ug", StringComparison.Ordinal) ? rows[4] : "";
                return record with
                {
                    Kind = row == Row.Comment ? RecordKind.Comment : RecordKind.Message,
                    Id = Short(rows[0], RecordRules.Id),
                    Thread = video >= 0 ? rows[video] : row == Row.Comment && rows.Count > 5 ? Short(rows[5], RecordRules.Name) : "",
                    Time = Times.Parse(rows[2]),
                    Text = Text(rows[words]),
                    Url = video >= 0 ? Watch(rows[video]) : "",
                    Meta = Metadata.Of(("parent", Short(parent, RecordRules.Id)), ("product", "YouTube"), ("what", row == Row.LiveChat ? "live chat" : "")),
                };
            case Row.Subscription:
                return record with { Kind = RecordKind.Follow, Id = rows[0], Url = Short(rows[1], RecordRules.Url), Meta = Metadata.Of(("channel", Short(rows[2], RecordRules.MetaValue)), ("product", "YouTube")) };
            case Row.PlaylistVideo:
                return record with { Kind = RecordKind.Bookmark, Id = rows[0], Time = Times.Parse(rows[1]), Url = Watch(rows[0]), Meta = Metadata.Of(("of", Short(list, RecordRules.MetaValue)), ("product", "YouTube")) };
            default:
                return record with
                {
                    Id = rows[0],
                    Time = Times.Parse(rows[Column(rows, text => Times.Parse(text) is not null)]),
                    Title = title >= 0 ? Short(rows[title], RecordRules.Title) : "",
                    Meta = Metadata.Of(("product", "YouTube"), ("what", "playlist")),
                };
        }
    }

    /// <summary>
    /// The text of a cell of JSON: objects with commas between and no brackets around, <c>{"text":"a"},{"text":"b"}</c>, or one of
    /// <c>takeoutSegments</c>. Of a mention the name is part of the text.
    /// </summary>
    internal static string Text(string cell)
    {
        var text = new StringBuilder();
        foreach (var part in Json.Parse(Encoding.UTF8.GetBytes($"[{cell}]"), new ExportLimits()).Items())
        {
            text.Append(part.Text("text"u8));
            foreach (var segment in part.Get("takeoutSegments"u8).Items())
                text.Append(segment.Text("text"u8));
        }
        return text.ToString();
    }

    private static int Words(CsvReader rows) => Column(rows, text => text.StartsWith("{\"", StringComparison.Ordinal), from: 3);

    private static int Column(CsvReader rows, Func<string, bool> fits, int from = 0)
    {
        for (int i = from; i < rows.Count; i++)
            if (fits(rows[i]))
                return i;
        return -1;
    }

    private static bool IsChannel(string text) => text.Length == ChannelId && text.StartsWith("UC", StringComparison.Ordinal);

    private static bool IsVideo(string text) => text.Length == VideoId && !text.AsSpan().ContainsAnyExcept("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private static string Watch(string video) => "https://www.youtube.com/watch?v=" + video;

    private static string Short(string value, int longest) => value.Length <= longest ? value : "";
}
