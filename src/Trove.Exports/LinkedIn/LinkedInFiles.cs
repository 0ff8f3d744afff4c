using System.Collections.Frozen;
using Trove.Exports.Source;

namespace Trove.Exports.LinkedIn;

/// <summary>The tables of a LinkedIn export and their columns (specs/exports/linkedin.md).</summary>
internal static class LinkedInFiles
{
    public const string Platform = "linkedin";

    public const string Shares = "shares", Comments = "comments", Messages = "messages", Connections = "connections", Reactions = "reactions",
        Invitations = "invitations", Votes = "votes", Searches = "searchqueries", Saved = "saveditems", Companies = "companyfollows",
        Members = "memberfollows", Hashtags = "hashtagfollows", Reposts = "instantreposts", Given = "recommendationsgiven",
        Received = "recommendationsreceived", Profile = "profile";

    /// <summary>The tables that give records, with the columns they cannot do without; the first finds the header.</summary>
    public static readonly FrozenDictionary<string, string[]> Tables = new Dictionary<string, string[]>
    {
        [Shares] = ["Date", "ShareLink", "ShareCommentary"],
        [Comments] = ["Date", "Link", "Message"],
        [Messages] = ["CONVERSATION ID", "FROM", "DATE", "CONTENT"],
        [Connections] = ["First Name", "Last Name", "Connected On"],
        [Reactions] = ["Date", "Type", "Link"],
        [Invitations] = ["From", "To", "Sent At", "Direction"],
        [Votes] = ["Date", "VoteLink", "OptionText"],
        [Searches] = ["Time", "Search Query"],
        [Saved] = ["savedItem", "CreatedTime"],
        [Companies] = ["Organization", "Followed On"],
        [Members] = ["Date", "FullName"],
        [Hashtags] = ["HashTag", "CreatedTime"],
        [Reposts] = ["Date", "Link"],
        [Given] = ["First Name", "Last Name", "Text"],
        [Received] = ["First Name", "Last Name", "Text"],
    }.ToFrozenDictionary();

    /// <summary>Columns of LinkedIn's alone: such a table is enough to recognise an export.</summary>
    public static bool IsDistinctive(string table) => table is Shares or Messages or Connections or Votes;

    /// <summary>The columns that say whose the export is.</summary>
    public static readonly string[] ProfileColumns = ["First Name", "Last Name", "Maiden Name"];

    /// <summary>
    /// The table that a file holds, from its name in any folder, in lower case and without spaces, underscores and the number of
    /// a repeated download; empty for what is no CSV.
    /// </summary>
    public static string Table(ExportFile file)
    {
        var name = Names.File(file.Name).ToLowerInvariant();
        if (!name.EndsWith(".csv", StringComparison.Ordinal))
            return "";
        name = name[..^4];
        if (name.EndsWith(')') && name.LastIndexOf('(') is > 0 and var open)
            name = name[..open];
        return name.Replace(" ", "").Replace("_", "");
    }
}
