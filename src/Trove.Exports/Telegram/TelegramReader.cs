using System.Text.Json;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Telegram;

/// <summary>Reads a Telegram export message by message.</summary>
internal sealed class TelegramReader : ExportReader
{
    // The account stands at the front of a full export, and shows within the first messages of a chat of two.
    private const int AccountBytes = 1 << 20;

    private const int MostLinks = 20, MostOptions = 32;

    private readonly ExportFiles _files;
    private readonly ExportOptions _options;
    private readonly string _me;

    public TelegramReader(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        var accounts = files.All.Where(file => file.IsReadable && TelegramFiles.IsResult(file)).Select(ReadAccount).Where(account => account.Length > 0)
            .Distinct(StringComparer.Ordinal).ToList();
        Account = accounts is [{ Length: <= 64 }] ? accounts[0] : "";
        _me = Account.Length > 0 ? Account : options.Me;
    }

    public override string Account { get; }

    public override string? WhyIgnored(ExportFile file) => TelegramFiles.IsResult(file) ? null
        : file.Name.EndsWith(".html", StringComparison.OrdinalIgnoreCase) ? "messages as pages: export them as machine-readable JSON instead"
        : "media or an attached file";

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) => includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => new TelegramChecks(_files, _options).Run();

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        using var stream = file.Open();
        var messages = new TelegramMessages(stream, _options.Limits);
        long local = 0, own = 0, records = 0;
        while (messages.Read())
        {
            bool isLocal = false;
            var record = messages.Value.ValueKind == JsonValueKind.Object ? ToRecord(messages.Value, messages, out isLocal) : null;
            if (record is null)
            {
                log.Skip("a message without text", $"message {messages.Count}");
                continue;
            }
            local += isLocal ? 1 : 0;
            own += record.Own ? 1 : 0;
            records++;
            yield return record;
        }
        if (local > 0)
            log.Warn($"{local} times are those of a computer's clock: no zone is given, so they are read as UTC and may be off by up to 14 hours");
        if (_me.Length > 0 && records > 0 && own == 0)
            log.Warn("no message is by the account, which is named as user and its number, or by its name in the chats");
    }

    private Record? ToRecord(JsonValue message, TelegramMessages chat, out bool isLocal)
    {
        bool service = message.Text("type"u8) == "service";
        string from = message.Text(service ? "actor"u8 : "from"u8), fromId = Id(message, service ? "actor_id"u8 : "from_id"u8);
        string forwarded = message.Text("forwarded_from"u8), bot = message.Text("via_bot"u8);
        bool isForwarded = message.Get("forwarded_from"u8).ValueKind != JsonValueKind.Undefined, isMine = IsMe(fromId, from), own = isMine && !isForwarded && bot.Length == 0;
        var links = new TextJoin(" ");
        var poll = message.Get("poll"u8);
        var text = service ? "" : Text(message, ref links);
        var question = poll.Text("question"u8);
        text = text.Length == 0 ? question : text;
        var media = Media(message);
        var time = message.UnixSeconds("date_unixtime"u8);
        isLocal = time is null && (time = Times.Parse(message.Text("date"u8) + "Z")) is not null;
        if (!service && text.Length == 0 && media.Length == 0)
            return null;
        bool isChannel = chat.Type.EndsWith("_channel", StringComparison.Ordinal);
        return new Record
        {
            Platform = TelegramFiles.Platform,
            Kind = service ? RecordKind.Other : chat.Type == "saved_messages" && own ? RecordKind.Note : isChannel ? RecordKind.Post : RecordKind.Message,
            Id = message.IdText("id"u8),
            Thread = chat.Id,
            Author = isForwarded ? forwarded : bot.Length > 0 ? bot : from.Length > 0 ? from : fromId,
            Own = own,
            Time = time,
            Text = text,
            Meta = Metadata.Of(
                ("type", chat.Type),
                ("chat", isChannel || chat.Type.EndsWith("group", StringComparison.Ordinal) ? Short(chat.Name) : ""),
                ("parent", message.Get("reply_to_peer_id"u8).ValueKind == JsonValueKind.Undefined ? message.IdText("reply_to_message_id"u8) : ""),
                ("what", service ? Short(message.Text("action"u8)) : isForwarded ? "forwarded" : bot.Length > 0 ? "bot" : poll.ValueKind == JsonValueKind.Object ? "poll" : ""),
                ("by", isForwarded || bot.Length > 0 ? fromId : ""),
                ("options", poll.ValueKind == JsonValueKind.Object ? Short(string.Join(" | ", poll.Get("answers"u8).Items().Take(MostOptions).Select(answer => answer.Text("text"u8)))) : ""),
                ("media", media),
                ("emoji", Short(message.Text("sticker_emoji"u8))),
                ("links", Short(links.ToString())),
                ("clock", isLocal ? "local" : ""),
                ("edited", message.Get("edited"u8).ValueKind == JsonValueKind.String ? "yes" : "")),
        };
    }

    /// <summary>By the id; by the name only where the export has no id or names no account.</summary>
    private bool IsMe(string id, string name) => _me.Length > 0
        && (id.Equals(_me, StringComparison.OrdinalIgnoreCase) || (Account.Length == 0 && (id == "user" + _me || name.Equals(_me, StringComparison.OrdinalIgnoreCase))));

    /// <summary>Exports before 2021 give a bare number.</summary>
    private static string Id(JsonValue message, ReadOnlySpan<byte> name) =>
        message.Get(name) is { ValueKind: JsonValueKind.Number } number ? "user" + number.IdText() : message.Text(name);

    /// <summary>A string, or a list of strings and of objects with a text and, for links behind words, an address.</summary>
    private static string Text(JsonValue message, ref TextJoin links)
    {
        var value = message.Get("text"u8);
        if (value.ValueKind == JsonValueKind.String)
            return value.Text();
        var text = new TextJoin("");
        int count = 0;
        foreach (var piece in (value.ValueKind == JsonValueKind.Array ? value : message.Get("text_entities"u8)).Items())
        {
            text.Add(piece.ValueKind == JsonValueKind.String ? piece.Text() : piece.Text("text"u8));
            if (count < MostLinks && piece.Text("href"u8) is { Length: > 0 and < 2048 } link)
            {
                count++;
                links.Add(link);
            }
        }
        return text.ToString();
    }

    /// <summary>What kind of thing was sent; never another person's contact or a place.</summary>
    private static string Media(JsonValue message)
    {
        var type = message.Text("media_type"u8);
        return type.Length > 0 ? Short(type)
            : Has("photo"u8) ? "photo"
            : Has("file"u8) ? "file"
            : Has("contact_information"u8) ? "contact"
            : Has("location_information"u8) ? "location"
            : Has("game_title"u8) ? "game"
            : Has("dice"u8) ? "dice" : "";

        bool Has(ReadOnlySpan<byte> name) => message.Get(name).ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);
    }

    private static string Short(string value) => value.Length <= RecordRules.Name ? value : "";

    /// <summary>
    /// The account of a full export; in one chat of two, who is not the person that the chat is called after; in saved messages, whose
    /// they are.
    /// </summary>
    private string ReadAccount(ExportFile file)
    {
        string type = "", id = "";
        var values = new JsonReader(new MemoryStream(file.Head(AccountBytes)), _options.Limits, "personal_information.user_id", "type", "id", "messages[]");
        try
        {
            while (values.Read())
            {
                var value = values.Value;
                switch (values.Path)
                {
                    case 0:
                        return value.IdText() is { Length: > 0 } user ? "user" + user : "";
                    case 1:
                        type = value.Text();
                        break;
                    case 2:
                        id = "user" + value.IdText();
                        break;
                    case 3 when type == "saved_messages" && id.Length > 4:
                        return id;
                    case 3 when type is "personal_chat" or "bot_chat" && Id(value, "from_id"u8) is var from && from.StartsWith("user", StringComparison.Ordinal) && from != id:
                        return from;
                }
            }
        }
        catch (InvalidDataException)
        {
            // The head ends somewhere inside; who is not named by then is not.
        }
        return "";
    }
}
