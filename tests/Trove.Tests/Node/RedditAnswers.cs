using System.Text.Json;

namespace Trove.Tests.Node;

/// <summary>Answers in the form of Reddit's, about accounts that do not exist, with more around what is read, as Reddit sends it.</summary>
internal static class RedditAnswers
{
    public static string Profile(string name, string description) => JsonSerializer.Serialize(new
    {
        kind = "t2",
        data = new
        {
            is_employee = false, icon_img = "https://styles.redditmedia.com/t5_x/styles/icon.png", name, created_utc = 1519984800.0, comment_karma = 41, has_verified_email = true,
            subreddit = new { default_set = true, display_name = "u_" + name, title = "", public_description = description, subscribers = 0, over_18 = false, user_is_banned = (bool?)null },
        },
    });

    public static string Token(string token, long seconds = 3600) => JsonSerializer.Serialize(new { access_token = token, token_type = "bearer", expires_in = seconds, scope = "*" });

    public static string Listing(params object[] children) =>
        JsonSerializer.Serialize(new { kind = "Listing", data = new { after = (string?)null, dist = children.Length, modhash = "", geo_filter = "", children, before = (string?)null } });

    public static object Comment(string id, string author, string body) => new
    {
        kind = "t1",
        data = new { subreddit_id = "t5_2qh3l", author_is_blocked = false, replies = "", id, author, author_fullname = "t2_1", score = 1, name = "t1_" + id, body, body_html = $"<div class=\"md\"><p>{body}</p></div>", created_utc = 1556761445.0 },
    };

    public static object Post(string id, string author, string title, string selftext) => new
    {
        kind = "t3",
        data = new { subreddit = "intertidal", selftext, author_fullname = "t2_1", title, name = "t3_" + id, id, author, is_self = true, selftext_html = $"<div class=\"md\">{selftext}</div>", crosspost_parent_list = Array.Empty<object>() },
    };
}
