using Trove.Exports.Source;

namespace Trove.Exports.Telegram;

/// <summary>
/// Telegram Desktop's export as JSON: <c>result.json</c>, of one chat or, with <c>chats.list</c>, of the whole account:
/// <code>
/// {"name":"…","type":"personal_chat","id":123,"messages":[
///   {"id":1,"type":"message","date":"2023-10-15T12:30:00","date_unixtime":"1697369400","from":"…","from_id":"user123",
///    "text":["see ",{"type":"link","text":"example.org"}],"text_entities":[…]},
///   {"id":2,"type":"service","date":"…","actor":"…","actor_id":"user123","action":"phone_call","text":""}]}
/// </code>
/// </summary>
internal sealed class TelegramFormat : IExportFormat
{
    private const int HeadBytes = 65_536, HeadsRead = 4;

    public string Platform => TelegramFiles.Platform;

    public string Expects => "result.json of Telegram Desktop, exported as machine-readable JSON";

    /// <summary>Keys that only Telegram has, in a <c>result.json</c>.</summary>
    public int Recognise(ExportFiles files)
    {
        int most = 0, heads = 0;
        foreach (var file in files.All.Where(file => file.IsReadable && TelegramFiles.IsResult(file)))
        {
            if (heads++ >= HeadsRead)
                break;
            var head = file.Head(HeadBytes).AsSpan();
            int signals = (head.IndexOf("\"from_id\""u8) >= 0 || head.IndexOf("\"actor_id\""u8) >= 0 ? 2 : 0) + (head.IndexOf("\"date_unixtime\""u8) >= 0 ? 2 : 0)
                + (head.IndexOf("\"messages\""u8) >= 0 ? 1 : 0) + (head.IndexOf("\"personal_information\""u8) >= 0 && head.IndexOf("\"user_id\""u8) >= 0 ? 3 : 0)
                + (head.IndexOf("\"text_entities\""u8) >= 0 ? 1 : 0);
            most = Math.Max(most, signals);
        }
        return most;
    }

    public ExportReader CreateReader(ExportFiles files, ExportOptions options) => new TelegramReader(files, options);
}
