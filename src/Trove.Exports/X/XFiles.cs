using System.Collections.Frozen;
using Trove.Exports.Source;

namespace Trove.Exports.X;

/// <summary>The files of an X archive (specs/exports/x.md).</summary>
internal static class XFiles
{
    public const string Platform = "x";

    public const string Tweets = "tweets", Deleted = "deleted-tweets", Community = "community-tweets", Notes = "note-tweets", Likes = "likes",
        Messages = "direct-messages", GroupMessages = "direct-messages-group", Following = "following", Followers = "follower", Blocked = "block",
        Muted = "mute", SavedSearches = "saved-search", Lists = "lists-subscribed", OwnLists = "lists-created", Account = "account", Manifest = "manifest";

    private const int PrefixBytes = 128;

    // Singular until 2022, plural since.
    private static readonly FrozenDictionary<string, string> Types = new Dictionary<string, string>
    {
        ["tweet"] = Tweets, ["tweets"] = Tweets, ["deleted-tweet"] = Deleted, ["deleted-tweets"] = Deleted,
        ["community-tweet"] = Community, ["community-tweets"] = Community, ["note-tweet"] = Notes, ["note-tweets"] = Notes,
        ["like"] = Likes, ["likes"] = Likes, ["direct-message"] = Messages, ["direct-messages"] = Messages,
        ["direct-message-group"] = GroupMessages, ["direct-messages-group"] = GroupMessages, ["following"] = Following,
        ["follower"] = Followers, ["block"] = Blocked, ["mute"] = Muted, ["saved-search"] = SavedSearches,
        ["lists-subscribed"] = Lists, ["lists-created"] = OwnLists, ["account"] = Account, ["manifest"] = Manifest,
    }.ToFrozenDictionary();

    /// <summary>
    /// What a file holds, from its name in any folder: without <c>.js</c>, the number of a split file
    /// (<c>tweets-part1.js</c>) or of a repeated download; empty when it is none of these.
    /// </summary>
    public static string Type(ExportFile file)
    {
        var name = Names.File(file.Name).ToLowerInvariant();
        if (!name.EndsWith(".js", StringComparison.Ordinal))
            return "";
        name = name[..^3];
        if (name.EndsWith(')') && name.LastIndexOf('(') is > 0 and var open)
            name = name[..open].TrimEnd();
        int part = name.LastIndexOf("-part", StringComparison.Ordinal);
        if (part > 0 && name.AsSpan(part + 5) is { Length: > 0 } number && !number.ContainsAnyExceptInRange('0', '9'))
            name = name[..part];
        return Types.GetValueOrDefault(name, "");
    }

    /// <summary>Does the type give records?</summary>
    public static bool IsRead(string type) => type is not ("" or Account or Manifest);

    /// <summary>
    /// Opens a file behind its assignment, <c>window.YTD.tweets.part0 = </c> or <c>window.__THAR_CONFIG = </c>, which is not
    /// evaluated: what follows is JSON.
    /// </summary>
    /// <exception cref="InvalidDataException">It does not begin with one.</exception>
    public static Stream Open(ExportFile file)
    {
        var stream = file.Open();
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        int length = 0;
        while (length < PrefixBytes && stream.Read(prefix.Slice(length, 1)) == 1)
        {
            if (prefix[length++] == '=')
                break;
        }
        if (length > 0 && prefix[length - 1] == '=' && IsAssignment(prefix[..length]))
            return stream;
        stream.Dispose();
        throw new InvalidDataException("it does not begin with an assignment to window.YTD");
    }

    /// <summary>Does a file begin as those of the archive do?</summary>
    public static bool IsAssignment(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
            head = head[3..];
        head = head.TrimStart(" \t\r\n"u8);
        return head.StartsWith("window.YTD."u8) || head.StartsWith("window.__THAR_CONFIG"u8);
    }
}
