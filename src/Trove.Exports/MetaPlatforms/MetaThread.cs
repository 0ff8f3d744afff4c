using System.Globalization;
using System.Text;
using System.Text.Json;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.MetaPlatforms;

/// <summary>
/// A conversation as Instagram, Facebook and Messenger write it, one file of at most 10,000 messages, newest first:
/// <code>
/// {"participants":[{"name":"Fen"},{"name":"Otter"}],
///  "messages":[{"sender_name":"Otter","timestamp_ms":1700000000123,"content":"caf\u00c3\u00a9?",
///    "reactions":[{"reaction":"\u00f0\u009f\u0091\u008d","actor":"Fen"}],"photos":[{"uri":"…"}]}, …],
///  "title":"Otter","thread_path":"inbox/otter_1234567"}
/// </code>
/// Messenger's download of encrypted chats has the same under other names (<c>senderName</c>, <c>timestamp</c>, <c>text</c>).
/// </summary>
internal sealed class MetaThread(string platform, IReadOnlySet<string> me, ExportLimits limits, bool sharesHaveSentences)
{
    private const int FewestDigits = 6;

    private static readonly byte[][] MediaKinds = [.. "photos videos audio_files gifs files media".Split(' ').Select(Encoding.UTF8.GetBytes)];

    /// <summary>Is it a file of a conversation, in a folder of any generation?</summary>
    public static bool Is(ExportFile file) => MetaFiles.Stem(file) == "message" && MetaFiles.Folders(file).Contains("/messages/", StringComparison.Ordinal);

    /// <summary>Is it a conversation of Messenger's download of encrypted chats? Those are named after people.</summary>
    public static bool IsEncrypted(ExportFile file)
    {
        if (!file.Name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || MetaFiles.Folders(file) is not ("/" or "/messages/"))
            return false;
        var head = file.Head(MetaFiles.HeadBytes).AsSpan();
        return head.IndexOf("\"threadName\""u8) >= 0 && head.IndexOf("\"participants\""u8) >= 0;
    }

    /// <summary>The records of a conversation's file.</summary>
    public IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        using var stream = file.Open();
        var elements = new JsonReader(stream, limits, "*[]", "*", "[]");
        var thread = ThreadOf(file);
        int participants = 0;
        bool any = false;
        while (elements.Read())
        {
            if (elements.Member == "participants")
                participants++;
            if (elements.Member != "messages")
                continue;
            any = true;
            var message = elements.Value;
            if (message.ValueKind != JsonValueKind.Object)
            {
                log.Skip("a message is no object", $"element {elements.Count}");
                continue;
            }
            var record = Message(message, thread, participants > 2);
            yield return record;
            foreach (var reaction in message.Get("reactions"u8).Items())
                yield return Reaction(record, message, reaction);
        }
        if (!any)
            log.Warn("it holds no message");
    }

    /// <summary>
    /// The conversation's number: its folder is <c>otter_1234567</c>, named after a person. The folder's name, marked as one, where it ends in none.
    /// </summary>
    public static string ThreadOf(ExportFile file)
    {
        var name = MetaFiles.Stem(file) == "message" ? Names.File(file.Name[..Math.Max(0, file.Name.LastIndexOf('/'))]) : Names.File(file.Name)[..^5];
        var number = name[(name.LastIndexOf('_') + 1)..];
        return number.Length >= FewestDigits && !number.AsSpan().ContainsAnyExceptInRange('0', '9') ? number : RecordRules.NamedThread(name);
    }

    private Record Message(JsonValue message, string thread, bool isGroup)
    {
        var sender = Either(message, "sender_name"u8, "senderName"u8);
        var text = Either(message, "content"u8, "text"u8);
        var type = message.Text("type"u8);
        var share = message.Get("share"u8);
        var link = share.Text("link"u8);
        bool isCall = message.Get("call_duration"u8).ValueKind == JsonValueKind.Number || type == "Call";
        bool isUnsent = message.IsTrue("is_unsent"u8) || message.IsTrue("isUnsent"u8);
        bool isNotice = isCall || IsNotice(type, text);
        bool isAttachment = !isNotice && IsAttachmentSentence(text, share, link);
        return new Record
        {
            Platform = platform,
            Kind = isNotice ? RecordKind.Other : RecordKind.Message,
            Thread = thread,
            Author = sender,
            Own = !isNotice && me.Contains(sender),
            Time = message.UnixMilliseconds("timestamp_ms"u8) ?? message.UnixMilliseconds("timestamp"u8),
            Text = isAttachment ? "" : text,
            Meta = Metadata.Of(
                ("what", isCall ? "call" : isNotice ? "notice" : ""),
                ("state", isUnsent ? "unsent" : ""),
                ("type", isGroup ? "group" : ""),
                ("link", link),
                ("shared", share.Repaired("share_text"u8) is { Length: <= RecordRules.MetaValue } shared ? shared : ""),
                ("user", share.Repaired("original_content_owner"u8)),
                ("media", Attached(message))),
        };
    }

    private static string Attached(JsonValue message)
    {
        var sticker = Names.File(message.Get("sticker"u8).Text("uri"u8));
        List<string>? names = sticker.Length > 0 ? [sticker] : null;
        foreach (var kind in MediaKinds)
        {
            foreach (var name in message.Get(kind).Media())
                (names ??= []).Add(name);
        }
        return names is null ? "" : Metadata.List(names);
    }

    private Record Reaction(Record to, JsonValue message, JsonValue reaction)
    {
        var actor = reaction.Repaired("actor"u8);
        var at = message.Get("timestamp_ms"u8).Number() ?? message.Get("timestamp"u8).Number();
        return new Record
        {
            Platform = platform,
            Kind = RecordKind.Vote,
            Thread = to.Thread,
            Author = actor,
            Own = me.Contains(actor),
            Time = reaction.UnixSeconds("timestamp"u8),
            Meta = Metadata.Of(("of", "message"), ("to", to.Author), ("reaction", reaction.Repaired("reaction"u8)),
                ("parent", at?.ToString(CultureInfo.InvariantCulture) ?? "")), // messages have no id but their time
        };
    }

    /// <summary>Joins, calls, payments, and the sentences that stand for a like or a reaction: nobody wrote them.</summary>
    private static bool IsNotice(string type, string text) =>
        type is not ("" or "Generic" or "Share" or "text" or "media" or "link")
        || text is "Liked a message" || (text.StartsWith("Reacted ", StringComparison.Ordinal) && text.TrimEnd().EndsWith(" to your message", StringComparison.Ordinal));

    /// <summary>
    /// The sentence that stands where something was shared without a word. Instagram's is localised, but a text of one's own
    /// beside a share holds its link there.
    /// </summary>
    private bool IsAttachmentSentence(string text, JsonValue share, string link) =>
        text.EndsWith(" sent an attachment.", StringComparison.Ordinal)
        || (sharesHaveSentences && share.ValueKind == JsonValueKind.Object && link.Length > 0 && !text.Contains(link, StringComparison.Ordinal));

    private static string Either(JsonValue element, ReadOnlySpan<byte> name, ReadOnlySpan<byte> otherwise) =>
        element.Repaired(name) is { Length: > 0 } text ? text : element.Repaired(otherwise);
}
