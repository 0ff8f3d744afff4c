using System.Text;
using Trove.Exports.Source;
using Trove.Exports.Text;

namespace Trove.Exports.Reddit;

/// <summary>Reads the tables of a Reddit export. Addresses (<c>ip</c>) are never taken over.</summary>
internal sealed class RedditReader : ExportReader
{
    private const int MostStatistics = 1000;

    private readonly ExportFiles _files;
    private readonly ExportOptions _options;
    private readonly string _me;

    public RedditReader(ExportFiles files, ExportOptions options)
    {
        _files = files;
        _options = options;
        Account = Statistic("account name");
        _me = Account.Length > 0 ? Account : options.Me;
    }

    public override string Account { get; }

    public override string? WhyIgnored(ExportFile file)
    {
        var table = RedditFiles.Table(file);
        return RedditFiles.Tables.ContainsKey(table) ? null
            : RedditFiles.IsCopy(table) ? "a copy without bodies, for the consistency checks"
            : table == RedditFiles.Checkfile ? "hashes of the other files, for the consistency checks"
            : table == RedditFiles.Statistics ? "says whose the export is; holds no records"
            : RedditFiles.AccountOnly.Contains(table) ? "settings and data of the account itself; never taken over"
            : "not a file of a Reddit export that is known";
    }

    public override bool IsEvidence(ExportFile file, Func<string, bool> includeFile)
    {
        var table = RedditFiles.Table(file);
        return table is RedditFiles.Statistics or RedditFiles.Checkfile || includeFile(file.Name)
            || (RedditFiles.IsCopy(table) && _files.All.Any(other => other.IsReadable && IsCopied(RedditFiles.Table(other), table) && includeFile(other.Name)));
    }

    private static bool IsCopied(string table, string copy) => RedditFiles.Headers.GetValueOrDefault(table) == copy
        || (table == RedditFiles.ArchivedMessages && copy == RedditFiles.MessageHeaders);

    public override IEnumerable<ExportCheck> Checks() => new RedditChecks(_files, _options, Statistic("created_utc"), Statistic("export time")).Run();

    public override IEnumerable<Record> Read(ExportFile file, FileLog log)
    {
        var table = RedditFiles.Table(file);
        using var rows = CsvTable.Open(file.Open(), _options.Limits, log, RedditFiles.Tables[table]);
        while (rows.Read())
            yield return ToRecord(table, rows, log);
    }

    private Record ToRecord(string table, CsvTable row, FileLog log) => table switch
    {
        RedditFiles.Comments => Written(RecordKind.Comment, row, log, thread: PostOf(row), title: "",
            Metadata.Of(("subreddit", row["subreddit"]), ("parent", row["parent"]), ("gildings", Count(row["gildings"])), ("media", row["media"]), State(row["body"]))),
        RedditFiles.Posts => Written(RecordKind.Post, row, log, thread: row["id"], title: Body(row["title"]),
            Metadata.Of(("subreddit", row["subreddit"]), ("gildings", Count(row["gildings"])), ("link", LinkOfPost(row)), State(row["body"]))),
        RedditFiles.Messages or RedditFiles.ArchivedMessages => Base(RecordKind.Message, row["id"]) with
        {
            Thread = row["thread_id"],
            Author = row["from"],
            Own = IsMe(row["from"]),
            Time = Time("date", row, log),
            Title = row["subject"],
            Text = Body(row["body"]),
            Url = row["permalink"],
            Meta = Metadata.Of(("to", row["to"]), State(row["body"])),
        },
        RedditFiles.Chats => Base(RecordKind.Message, row["message_id"]) with
        {
            Thread = row["channel_url"],
            Author = row["username"],
            Own = IsMe(row["username"]),
            Time = Time("created_at", row, log),
            Text = Body(row["message"]),
            Meta = Metadata.Of(("subreddit", row["subreddit"]), ("parent", row["thread_parent_message_id"]), ("channel", row["channel_name"]),
                ("type", row["conversation_type"]), State(row["message"])),
        },
        RedditFiles.PostVotes or RedditFiles.CommentVotes => Act(RecordKind.Vote, row) with
        {
            Meta = Metadata.Of(("direction", row["direction"]), ("of", table == RedditFiles.PostVotes ? "post" : "comment"), ("subreddit", Subreddit(row["permalink"]))),
        },
        RedditFiles.PollVotes => Base(RecordKind.Vote, "") with
        {
            Thread = row["post_id"],
            Own = true,
            Author = _me,
            Meta = Metadata.Of(("of", "poll"), ("selection", row["user_selection"]), ("option", row["text"])),
        },
        RedditFiles.SavedPosts or RedditFiles.SavedComments => Act(RecordKind.Bookmark, row) with
        {
            Meta = Metadata.Of(("of", table == RedditFiles.SavedPosts ? "post" : "comment"), ("subreddit", Subreddit(row["permalink"]))),
        },
        RedditFiles.HiddenPosts => Act(RecordKind.Other, row) with { Meta = Metadata.Of(("what", "hidden"), ("subreddit", Subreddit(row["permalink"]))) },
        RedditFiles.Gilded => Act(RecordKind.Other, row) with
        {
            Thread = PostId(row["content_link"]),
            Url = row["content_link"],
            Time = Time("date", row, log),
            Meta = Metadata.Of(("what", "award-given"), ("award", row["award"]), ("amount", row["amount"]), ("subreddit", Subreddit(row["content_link"]))),
        },
        RedditFiles.GoldReceived => Base(RecordKind.Other, "") with
        {
            Thread = PostId(row["content_link"]),
            Author = row["gilder_username"],
            Url = row["content_link"],
            Time = Time("date", row, log),
            Meta = Metadata.Of(("what", "award-received"), ("award", row["gold_received"]), ("subreddit", Subreddit(row["content_link"]))),
        },
        RedditFiles.Subscribed => Act(RecordKind.Follow, row) with { Meta = Metadata.Of(("subreddit", row["subreddit"])) },
        RedditFiles.Moderated => Act(RecordKind.Other, row) with { Meta = Metadata.Of(("what", "moderator"), ("subreddit", row["subreddit"])) },
        RedditFiles.Approved => Act(RecordKind.Other, row) with { Meta = Metadata.Of(("what", "approved-submitter"), ("subreddit", row["subreddit"])) },
        RedditFiles.Multireddits => Act(RecordKind.Other, row) with
        {
            Time = Time("date", row, log),
            Title = row["display_name"],
            Text = row["description"],
            Meta = Metadata.Of(("what", "multireddit"), ("subreddits", row["subreddits"]), ("privacy", row["privacy"])),
        },
        RedditFiles.Friends => Act(RecordKind.Follow, row) with { Text = row["note"], Meta = Metadata.Of(("user", row["username"])) },
        RedditFiles.Drafts => Act(RecordKind.Note, row) with
        {
            Time = Time("created", row, log),
            Title = row["title"],
            Text = row["body"],
            Meta = Metadata.Of(("what", "draft"), ("subreddit", row["subreddit"]), ("type", row["kind"])),
        },
        RedditFiles.Scheduled => Act(RecordKind.Note, row) with
        {
            Id = row["scheduled_post_id"],
            Time = Time("submission_time", row, log),
            Title = row["title"],
            Text = row["body"],
            Meta = Metadata.Of(("what", "scheduled"), ("subreddit", row["subreddit"]), ("link", row["url"]), ("recurrence", row["recurrence"])),
        },
        RedditFiles.Announcements => Base(RecordKind.Other, row["announcement_id"]) with
        {
            Author = row["from_username"],
            Time = Time("sent_at", row, log),
            Title = row["subject"],
            Text = row["body"],
            Url = row["url"],
            Meta = Metadata.Of(("what", "announcement")),
        },
        RedditFiles.Purchases => Act(RecordKind.Order, row) with
        {
            Id = row["transaction_id"],
            Time = Time("date", row, log),
            Meta = Metadata.Of(("product", row["product"]), ("cost", row["cost"]), ("currency", row["currency"]), ("status", row["status"])),
        },
        RedditFiles.Subscriptions => Act(RecordKind.Order, row) with
        {
            Id = row["subscription_id"],
            Time = Time("start_date", row, log),
            Meta = Metadata.Of(("product", row["product_name"].Length > 0 ? row["product_name"] : row["product"]), ("status", row["status"]), ("until", row["end_date"])),
        },
        _ => throw new InvalidOperationException($"no mapping for the table {table}"),
    };

    private static Record Base(RecordKind kind, string id) => new() { Platform = RedditFiles.Platform, Kind = kind, Id = id };

    /// <summary>A post or comment: this export holds the account's own only.</summary>
    private Record Written(RecordKind kind, CsvTable row, FileLog log, string thread, string title, Metadata meta) => new()
    {
        Platform = RedditFiles.Platform, Kind = kind, Id = row["id"], Thread = thread, Author = _me, Own = true, Time = Time("date", row, log),
        Title = title, Text = Body(row["body"]), Url = row["permalink"], Meta = meta,
    };

    /// <summary>Something that the account did, which Reddit exports without a date.</summary>
    private Record Act(RecordKind kind, CsvTable row) => Base(kind, row["id"]) with
    {
        Author = _me, Own = true, Thread = PostId(row["permalink"]), Url = row["permalink"],
    };

    private bool IsMe(string name) => _me.Length > 0 && name.Equals(_me, StringComparison.OrdinalIgnoreCase); // Reddit's names ignore case

    private static long? Time(string column, CsvTable row, FileLog log)
    {
        long? time = row.Time(column);
        if (time is null && !row.Bytes(column).IsEmpty)
            log.Warn($"line {row.Line}: the date is not in Reddit's form and was left out");
        return time;
    }

    // What Reddit puts in place of a text that its author or a moderator took down: nobody's words.
    private static string Body(string text) => text is "[deleted]" or "[removed]" ? "" : text;

    private static (string, string) State(string body) => ("state", body is "[deleted]" or "[removed]" ? body[1..^1] : "");

    private static string Count(string gildings) => gildings == "0" ? "" : gildings;

    /// <summary>The target of a link post; a text post's is its own address.</summary>
    private static string LinkOfPost(CsvTable row) => row["url"].Length > 0 && row["permalink"].Contains(row["url"], StringComparison.Ordinal) ? "" : row["url"];

    /// <summary>The post's id in a permalink, <c>…/comments/&lt;id&gt;/…</c>; the link itself when it has another form.</summary>
    private static string PostId(string link) => After(link, "/comments/") is { Length: > 0 } id ? id : link.Length <= RecordRules.Name ? link : "";

    /// <summary>The post that a comment is under, without making text of the whole link.</summary>
    private static string PostOf(CsvTable row)
    {
        var link = row.Bytes("link");
        int at = link.IndexOf("/comments/"u8);
        var id = at < 0 ? default : link[(at + "/comments/"u8.Length)..];
        int slash = id.IndexOf((byte)'/');
        return slash > 0 ? Encoding.UTF8.GetString(id[..slash]) : PostId(row["link"]);
    }

    private static string Subreddit(string link) => After(link, "/r/");

    private static string After(string link, string marker)
    {
        int at = link.IndexOf(marker, StringComparison.Ordinal);
        if (at < 0)
            return "";
        var rest = link.AsSpan(at + marker.Length);
        int slash = rest.IndexOf('/');
        return (slash < 0 ? rest : rest[..slash]).ToString();
    }

    /// <summary>A value of statistics.csv; empty when the export does not hold it.</summary>
    private string Statistic(string name)
    {
        if (_files.All.FirstOrDefault(file => file.IsReadable && RedditFiles.Table(file) == RedditFiles.Statistics) is not { } file)
            return "";
        try
        {
            using var rows = CsvTable.Open(file.Open(), _options.Limits, new FileLog(file.Name), "statistic", "value");
            for (int i = 0; i < MostStatistics && rows.Read(); i++)
            {
                if (rows["statistic"].Equals(name, StringComparison.OrdinalIgnoreCase) && rows["value"].Length <= RecordRules.Name)
                    return rows["value"];
            }
        }
        catch (Exception e) when (ExportFile.IsFault(e))
        {
            // Without it the account is unknown, and the report says so.
        }
        return "";
    }
}
