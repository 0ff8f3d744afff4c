using Trove.Exports.Source;

namespace Trove.Exports.Reddit;

/// <summary>The files of a Reddit export and their columns (specs/exports/reddit.md).</summary>
internal static class RedditFiles
{
    public const string Platform = "reddit";

    public const string Comments = "comments", Posts = "posts", Messages = "messages", ArchivedMessages = "messages_archive", Chats = "chat_history",
        PostVotes = "post_votes", CommentVotes = "comment_votes", PollVotes = "poll_votes", SavedPosts = "saved_posts", SavedComments = "saved_comments",
        HiddenPosts = "hidden_posts", Gilded = "gilded_content", GoldReceived = "gold_received", Subscribed = "subscribed_subreddits",
        Moderated = "moderated_subreddits", Approved = "approved_submitter_subreddits", Multireddits = "multireddits", Friends = "friends",
        Drafts = "drafts", Scheduled = "scheduled_posts", Announcements = "announcements", Purchases = "purchases", Subscriptions = "subscriptions",
        CommentHeaders = "comment_headers", PostHeaders = "post_headers", MessageHeaders = "message_headers",
        ArchivedMessageHeaders = "messages_archive_headers", Checkfile = "checkfile", Statistics = "statistics";

    /// <summary>The tables that give records, with the columns they cannot do without.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Tables = new Dictionary<string, string[]>(StringComparer.Ordinal)
    {
        [Comments] = ["id", "permalink", "date", "subreddit", "link", "body"],
        [Posts] = ["id", "permalink", "date", "subreddit", "title", "body"],
        [Messages] = ["id", "date", "from", "to", "body"],
        [ArchivedMessages] = ["id", "date", "from", "to", "body"],
        [Chats] = ["message_id", "created_at", "username", "message"],
        [PostVotes] = ["id", "permalink", "direction"],
        [CommentVotes] = ["id", "permalink", "direction"],
        [PollVotes] = ["post_id", "user_selection"],
        [SavedPosts] = ["id", "permalink"],
        [SavedComments] = ["id", "permalink"],
        [HiddenPosts] = ["id", "permalink"],
        [Gilded] = ["content_link", "award"],
        [GoldReceived] = ["content_link", "gold_received"],
        [Subscribed] = ["subreddit"],
        [Moderated] = ["subreddit"],
        [Approved] = ["subreddit"],
        [Multireddits] = ["id", "display_name", "subreddits"],
        [Friends] = ["username"],
        [Drafts] = ["id", "title", "body"],
        [Scheduled] = ["scheduled_post_id", "title", "body"],
        [Announcements] = ["announcement_id", "sent_at", "body"],
        [Purchases] = ["transaction_id", "product"],
        [Subscriptions] = ["subscription_id", "product"],
    };

    /// <summary>Tables that come with a copy without bodies, and that copy.</summary>
    public static readonly IReadOnlyDictionary<string, string> Headers = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        [Comments] = CommentHeaders,
        [Posts] = PostHeaders,
        [Messages] = MessageHeaders,
        [ArchivedMessages] = ArchivedMessageHeaders,
    };

    /// <summary>Is the table such a copy?</summary>
    public static bool IsCopy(string table) => table is CommentHeaders or PostHeaders or MessageHeaders or ArchivedMessageHeaders;

    /// <summary>Tables of the account alone: settings, addresses, payments. They give no records.</summary>
    public static readonly IReadOnlySet<string> AccountOnly = new HashSet<string>(StringComparer.Ordinal)
    {
        "account_gender", "birthdate", "gold_information", "reddit_gold_information", "ip_logs", "linked_identities", "linked_phone_number",
        "live_stream_posts", "payouts", "persona", "sensitive_ads_preferences", "stripe", "twitter", "user_preferences",
    };

    /// <summary>
    /// The table that a file holds: its name in lower case without extension, without the number of a split file
    /// (<c>post_votes_2.csv</c>) or of a repeated download (<c>comments (1).csv</c>).
    /// </summary>
    public static string Table(ExportFile file)
    {
        var name = file.Name.ToLowerInvariant();
        int dot = name.IndexOf('.');
        name = (dot < 0 ? name : name[..dot]).TrimEnd();
        if (name.EndsWith(')') && name.LastIndexOf('(') is > 0 and var open && name[(open + 1)..^1].All(char.IsAsciiDigit))
            name = name[..open].TrimEnd();
        int underscore = name.LastIndexOf('_');
        return underscore > 0 && underscore < name.Length - 1 && name[(underscore + 1)..].All(char.IsAsciiDigit) ? name[..underscore] : name;
    }

    /// <summary>Does the table belong to a Reddit export?</summary>
    public static bool IsKnown(string table) =>
        Tables.ContainsKey(table) || IsCopy(table) || AccountOnly.Contains(table) || table is Checkfile or Statistics;
}
