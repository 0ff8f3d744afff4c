using System.Net;
using System.Text.Json;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.X;

/// <summary>Reads the files of an X archive, object by object.</summary>
internal sealed class XReader : ExportReader
{
    private readonly ExportFiles _files;
    private readonly ExportOptions _options;
    private readonly string _me, _created;

    public XReader(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        (Account, _created) = ReadAccount();
        _me = Account.Length > 0 ? Account : options.Me;
    }

    /// <summary>The account's id, which stays when its name is changed.</summary>
    public override string Account { get; }

    public override string? WhyIgnored(ExportFile file)
    {
        var type = XFiles.Type(file);
        return XFiles.IsRead(type) ? null
            : type == XFiles.Account ? "says whose the export is; holds no records"
            : type == XFiles.Manifest ? "counts the other files, for the consistency checks"
            : "settings, advertising, media or data of the account itself; not read";
    }

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile) =>
        XFiles.Type(file) is XFiles.Account or XFiles.Manifest || includeFile(file.Name);

    public override IEnumerable<ExportCheck> Checks() => new XChecks(_files, _options, Account, _created).Run();

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        var type = XFiles.Type(file);
        using var stream = XFiles.Open(file);
        var elements = new JsonReader(stream, _options.Limits, "[]");
        while (elements.Read())
        {
            var element = Unwrap(elements.Value);
            var where = $"element {elements.Count}";
            if (element.ValueKind != JsonValueKind.Object)
            {
                log.Skip("an element is no object", where);
                continue;
            }
            if (type is XFiles.Messages or XFiles.GroupMessages)
            {
                foreach (var record in Conversation(element, where, log))
                    yield return record;
            }
            else if (ToRecord(type, element, where, log) is { } record)
            {
                yield return record;
            }
        }
    }

    /// <summary>The object itself: since January 2020 it is the only member of another, named after its type.</summary>
    public static JsonValue Unwrap(JsonValue element)
    {
        var members = element.Members().GetEnumerator();
        return members.MoveNext() && members.Current is { ValueKind: JsonValueKind.Object } inner && !members.MoveNext() ? inner : element;
    }

    /// <summary>When a tweet was made.</summary>
    public static long? Time(JsonValue tweet) => Times.ParseDated(tweet.Text("created_at"u8));

    private Record? ToRecord(string type, JsonValue element, string where, FileLog log)
    {
        switch (type)
        {
            case XFiles.Tweets or XFiles.Deleted or XFiles.Community:
                return Tweet(type, element, where, log);
            case XFiles.Notes:
                return Note(element, where, log);
            case XFiles.Likes:
                var liked = Unescape(element.Text("fullText"u8));
                return Act(RecordKind.Vote, "") with
                {
                    Thread = element.Text("tweetId"u8),
                    Url = element.Text("expandedUrl"u8),
                    Meta = Metadata.Of(("of", "post"), ("direction", "up"), ("liked", liked.Length <= RecordRules.MetaValue ? liked : "")),
                };
            case XFiles.Following:
                return Act(RecordKind.Follow, "") with { Url = element.Text("userLink"u8), Meta = Metadata.Of(("user", element.Text("accountId"u8))) };
            case XFiles.Followers:
                var follower = element.Text("accountId"u8);
                return Base(RecordKind.Other, "") with { Author = follower, Url = element.Text("userLink"u8), Meta = Metadata.Of(("what", "follower")) };
            case XFiles.Blocked or XFiles.Muted:
                return Act(RecordKind.Other, "") with
                {
                    Url = element.Text("userLink"u8),
                    Meta = Metadata.Of(("what", type == XFiles.Blocked ? "blocked" : "muted"), ("user", element.Text("accountId"u8))),
                };
            case XFiles.SavedSearches:
                return Act(RecordKind.Search, element.Text("savedSearchId"u8)) with { Text = element.Text("query"u8), Meta = Metadata.Of(("what", "saved")) };
            case XFiles.Lists:
                return Act(RecordKind.Follow, "") with { Url = element.Text("url"u8), Meta = Metadata.Of(("of", "list")) };
            case XFiles.OwnLists:
                return Act(RecordKind.Other, "") with { Url = element.Text("url"u8), Meta = Metadata.Of(("what", "list")) };
            default:
                throw new InvalidOperationException($"no mapping for the type {type}");
        }
    }

    private Record? Tweet(string type, JsonValue tweet, string where, FileLog log)
    {
        var id = Id(tweet);
        var text = Unescape(tweet.Text("full_text"u8) is { Length: > 0 } full ? full : tweet.Text("text"u8));
        if (id.Length == 0)
        {
            log.Skip("a tweet has no id", where);
            return null;
        }
        long? time = Time(tweet);
        if (time is null && tweet.Text("created_at"u8).Length > 0)
            log.Warn($"{where}: the date is not in X's form and was left out");
        var retweeted = Retweeted(text);
        var parent = tweet.Text("in_reply_to_status_id_str"u8);
        var repliedTo = tweet.Text("in_reply_to_user_id_str"u8);
        var entities = tweet.Get("entities"u8);
        var media = tweet.Get("extended_entities"u8).Get("media"u8) is { ValueKind: JsonValueKind.Array } all ? all : entities.Get("media"u8);
        bool isReply = parent.Length > 0 || repliedTo.Length > 0;
        var record = Base(retweeted.Length > 0 ? RecordKind.Other : isReply ? RecordKind.Comment : RecordKind.Post, id) with
        {
            Thread = parent.Length > 0 ? parent : id,
            Author = retweeted.Length > 0 ? retweeted : _me,
            Own = retweeted.Length == 0,
            Time = time,
            Text = retweeted.Length > 0 ? text[(retweeted.Length + 5)..] : text,
            Meta = Metadata.Of(
                ("what", retweeted.Length > 0 ? "retweet" : ""),
                ("parent", parent),
                ("to", repliedTo),
                ("links", Metadata.List(entities.Get("urls"u8).Items().Select(url => url.Text("expanded_url"u8)))),
                ("media", Metadata.List(media.Items().Select(item => item.Text("media_url_https"u8)))),
                ("lang", tweet.Text("lang"u8)),
                ("community", tweet.Text("community_id_str"u8)),
                ("state", type == XFiles.Deleted ? "deleted" : text.EndsWith('…') ? "cut" : ""),
                ("deleted", tweet.Text("deleted_at"u8))),
        };
        return record;
    }

    /// <summary>
    /// The account that a retweet repeats, with its <c>@</c>; empty for other tweets. X writes <c>RT @name: …</c>, cut at 140
    /// characters, as people did before there were retweets: either way the words are another's.
    /// </summary>
    private static string Retweeted(string text)
    {
        if (!text.StartsWith("RT @", StringComparison.Ordinal))
            return "";
        int end = 4;
        while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end]) || text[end] == '_'))
            end++;
        return end > 4 && text.AsSpan(end).StartsWith(": ") ? text[3..end] : "";
    }

    /// <summary>A post of more than 280 characters; <c>tweets.js</c> has its beginning only, under another id.</summary>
    private Record? Note(JsonValue note, string where, FileLog log)
    {
        var core = note.Get("core"u8);
        if (core.ValueKind != JsonValueKind.Object)
        {
            log.Skip("a long post has no text", where);
            return null;
        }
        return Act(RecordKind.Post, note.Text("noteTweetId"u8)) with
        {
            Time = note.Time("createdAt"u8),
            Text = Unescape(core.Text("text"u8)),
            Meta = Metadata.Of(("what", "note"), ("links", Metadata.List(core.Get("urls"u8).Items().Select(url => Text(url, "expandedUrl"u8, "expanded_url"u8))))),
        };
    }

    private IEnumerable<Record> Conversation(JsonValue conversation, string where, FileLog log)
    {
        var thread = conversation.Text("conversationId"u8);
        foreach (var element in conversation.Get("messages"u8).Items())
        {
            if (element.ValueKind != JsonValueKind.Object)
            {
                log.Skip("a message is no object", where);
                continue;
            }
            foreach (var member in element.Members().Take(1))
            {
                var what = member.Name;
                if (what != "messageCreate")
                {
                    yield return Event(thread, what, member);
                    continue;
                }
                yield return Message(thread, member);
                foreach (var reaction in member.Get("reactions"u8).Items())
                    yield return Reaction(thread, member, reaction);
            }
        }
    }

    private Record Message(string thread, JsonValue message)
    {
        var sender = message.Text("senderId"u8);
        return Base(RecordKind.Message, message.Text("id"u8)) with
        {
            Thread = thread,
            Author = sender,
            Own = IsMe(sender),
            Time = message.Time("createdAt"u8),
            Text = Unescape(message.Text("text"u8)),
            Meta = Metadata.Of(
                ("to", message.Text("recipientId"u8)),
                ("links", Metadata.List(message.Get("urls"u8).Items().Select(url => url.Text("expanded"u8)))),
                ("media", Metadata.List(message.Get("mediaUrls"u8).Items().Select(url => url.Text())))),
        };
    }

    private Record Reaction(string thread, JsonValue message, JsonValue reaction)
    {
        var sender = reaction.Text("senderId"u8);
        return Base(RecordKind.Vote, reaction.Text("eventId"u8)) with
        {
            Thread = thread,
            Author = sender,
            Own = IsMe(sender),
            Time = reaction.Time("createdAt"u8),
            Meta = Metadata.Of(("of", "message"), ("parent", message.Text("id"u8)), ("reaction", reaction.Text("reactionKey"u8))),
        };
    }

    /// <summary>What happened to a group: joins, leaves, a new name.</summary>
    private Record Event(string thread, string what, JsonValue happening)
    {
        var by = Text(happening, "initiatingUserId"u8, "senderId"u8);
        return Base(RecordKind.Other, happening.Text("id"u8)) with
        {
            Thread = thread,
            Author = by,
            Own = IsMe(by),
            Time = happening.Time("createdAt"u8),
            Meta = Metadata.Of(
                ("what", what.Length <= RecordRules.MetaKey ? what : "event"),
                ("name", happening.Text("name"u8)),
                ("users", Metadata.List(happening.Get("userIds"u8).Items().Concat(happening.Get("participantsSnapshot"u8).Items()).Select(id => id.Text())))),
        };
    }

    private static Record Base(RecordKind kind, string id) => new() { Platform = XFiles.Platform, Kind = kind, Id = id };

    private Record Act(RecordKind kind, string id) => Base(kind, id) with { Author = _me, Own = true };

    private bool IsMe(string id) => _me.Length > 0 && id == _me;

    /// <summary>The id of a tweet.</summary>
    public static string Id(JsonValue tweet) => Text(tweet, "id_str"u8, "id"u8);

    private static string Text(JsonValue element, ReadOnlySpan<byte> name, ReadOnlySpan<byte> otherwise) =>
        element.Text(name) is { Length: > 0 } text ? text : element.Text(otherwise);

    /// <summary>X escapes <c>&amp;</c>, <c>&lt;</c> and <c>&gt;</c> for its pages, once.</summary>
    private static string Unescape(string text) => text.Contains('&') ? WebUtility.HtmlDecode(text) : text;

    private (string Account, string Created) ReadAccount()
    {
        foreach (var type in (string[])[XFiles.Account, XFiles.Manifest])
        {
            if (_files.All.FirstOrDefault(file => file.IsReadable && XFiles.Type(file) == type) is not { } file)
                continue;
            var root = ReadSmall(file, _options.Limits);
            var account = type == XFiles.Manifest ? root.Get("userInfo"u8) : Unwrap(root.Items().FirstOrDefault());
            if (account.Text("accountId"u8) is { Length: > 0 and <= RecordRules.Name } id)
                return (id, account.Text("createdAt"u8));
        }
        return ("", "");
    }

    /// <summary>A small file behind its assignment; undefined when it cannot be read so.</summary>
    public static JsonValue ReadSmall(ExportFile file, ExportLimits limits)
    {
        ReadOnlySpan<byte> bytes = file.Head(Json.SmallFile);
        int at = bytes[..Math.Min(bytes.Length, 128)].IndexOf((byte)'=');
        return at > 0 && XFiles.IsAssignment(bytes) ? Json.Parse(bytes[(at + 1)..].TrimEnd(" \t\r\n;\0"u8), limits) : default;
    }
}
