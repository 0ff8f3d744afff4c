using System.Text.Json;
using Trove.Exports;

namespace Trove.Node.Verification.Pages;

/// <summary>A post or comment as a platform shows it.</summary>
/// <param name="Author">Who wrote it, by the platform's own word; empty when it was deleted or removed.</param>
/// <param name="Text">Its words.</param>
internal readonly record struct PublicText(string Author, string Text);

/// <summary>What an app is let in with. No record, which would print it.</summary>
internal sealed class RedditToken(string value, TimeSpan life)
{
    /// <summary>Characters of a header's token only (RFC 6750, section 2.1).</summary>
    public string Value => value;

    /// <summary>How long it is good for.</summary>
    public TimeSpan Life => life;
}

/// <summary>
/// Reddit's public answers, and the addresses of its posts (specs/public-pages.md; www.reddit.com/dev/api, "GET /user/username/about" and "GET
/// /api/info"). A thing is named by its kind and id, such as <c>t1_ei92zg4</c>; a listing of them reads
/// <code>
/// {"kind":"Listing","data":{"children":[{"kind":"t1","data":{"name":"t1_ei92zg4","author":"fen_walker","body":"Looks like …"}}]}}
/// </code>
/// and an account <c>{"kind":"t2","data":{"name":"fen_walker","subreddit":{"public_description":"…"}}}</c>.
/// </summary>
internal static class RedditPages
{
    public const string Platform = "reddit", Host = "www.reddit.com", AppHost = "oauth.reddit.com";

    /// <summary>Where an app asks for a token.</summary>
    public static readonly Uri TokenPage = new($"https://{Host}/api/v1/access_token");

    private const string Comment = "t1_", Post = "t3_", Account = "t2";
    private const int MaxId = 13; // of a 64-bit number in base 36
    private const int MaxToken = 4096; // characters, of a header
    private const int MaxLife = 7 * 86_400; // seconds; an hour is documented, and what would never end is no answer of Reddit's
    private static readonly JsonDocumentOptions Bounds = new() { MaxDepth = 64 };
    private static readonly string[] Hosts = [Host, "reddit.com", "old.reddit.com", "new.reddit.com", "np.reddit.com"];

    /// <summary>Can an account be called so? Names are compared without case, like nullifiers.</summary>
    public static bool IsName(string name) => name.Length is >= 3 and <= 20 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-');

    /// <summary>Where an account's profile is.</summary>
    public static Uri ProfileOf(string name) => new($"https://{Host}/user/{name}/about.json?raw_json=1"); // raw: else &, < and > come escaped

    /// <summary>Where posts and comments are, all of them in one answer.</summary>
    public static Uri Things(IEnumerable<string> names) => new($"https://{Host}/api/info.json?raw_json=1&id={string.Join(',', names)}");

    /// <summary>Where an app finds the same page: at a host of its own, which answers in JSON without being told.</summary>
    public static Uri ForApp(Uri page) => new($"https://{AppHost}{page.AbsolutePath.Replace(".json", "", StringComparison.Ordinal)}{page.Query}");

    /// <summary>The name of the post or comment that an address leads to: <c>…/comments/POST/title/</c> or <c>…/comments/POST/title/COMMENT/</c>; null when it is no such address.</summary>
    public static string? ParsePost(string address)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri is not { Scheme: "https", IsDefaultPort: true, UserInfo: "" } || !Hosts.Contains(uri.Host))
            return null;
        return uri.AbsolutePath.Trim('/').Split('/') switch
        {
            ["r" or "user" or "u", _, "comments", var post] when IsId(post) => Post + post,
            ["r" or "user" or "u", _, "comments", var post, _] when IsId(post) => Post + post,
            ["r" or "user" or "u", _, "comments", var post, _, var comment] when IsId(post) && IsId(comment) => Comment + comment,
            _ => null,
        };
    }

    /// <summary>The name of the post or comment that a record of an export is of; null when its id is none.</summary>
    public static string? NameOf(Record record) => !IsId(record.Id) ? null : record.Kind == RecordKind.Post ? Post + record.Id : record.Kind == RecordKind.Comment ? Comment + record.Id : null;

    /// <summary>Name and public text of an account; null when this is no such answer.</summary>
    public static PublicText? ReadProfile(ReadOnlyMemory<byte> answer) => Read(answer, root =>
        Text(root, "kind") == Account && Get(root, "data") is { } data ? new PublicText(Text(data, "name"), Get(data, "subreddit") is { } page ? Text(page, "public_description") : "") : (PublicText?)null);

    /// <summary>Posts and comments by their names; null when this is no such answer.</summary>
    public static IReadOnlyDictionary<string, PublicText>? ReadThings(ReadOnlyMemory<byte> answer) => Read(answer, root =>
    {
        if (Text(root, "kind") != "Listing" || Get(root, "data") is not { } data || !data.TryGetProperty("children", out var children) || children.ValueKind != JsonValueKind.Array)
            return null;
        var things = new Dictionary<string, PublicText>(StringComparer.Ordinal);
        foreach (var child in children.EnumerateArray())
            if (child.ValueKind == JsonValueKind.Object && Get(child, "data") is { } thing)
                things.TryAdd(Text(thing, "name"), Text(child, "kind") + "_" == Post ? Of(thing, Text(thing, "title") + "\n" + Text(thing, "selftext"), Text(thing, "selftext")) : Of(thing, Text(thing, "body"), Text(thing, "body")));
        return things;
    });

    /// <summary>A token out of the answer to who asked for one, <c>{"access_token":"…","token_type":"bearer","expires_in":3600,"scope":"*"}</c>; null when there is none that can be used.</summary>
    public static RedditToken? ReadToken(ReadOnlyMemory<byte> answer) => Read(answer, root =>
        IsToken(Text(root, "access_token")) && Text(root, "token_type").Equals("bearer", StringComparison.OrdinalIgnoreCase)
        && root.TryGetProperty("expires_in", out var life) && life.ValueKind == JsonValueKind.Number && life.TryGetDecimal(out decimal seconds) && seconds is > 0 and <= MaxLife
            ? new RedditToken(Text(root, "access_token"), TimeSpan.FromSeconds((double)seconds)) : null);

    // What a moderator removed still has its author, and what a member deleted may have its title.
    private static PublicText Of(JsonElement thing, string text, string body) =>
        Text(thing, "author") is var author && (author == "[deleted]" || body is "[deleted]" or "[removed]") ? new PublicText("", "") : new PublicText(author, text);

    private static T? Read<T>(ReadOnlyMemory<byte> answer, Func<JsonElement, T?> read)
    {
        try
        {
            using var document = JsonDocument.Parse(answer, Bounds);
            return document.RootElement.ValueKind == JsonValueKind.Object ? read(document.RootElement) : default;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return default; // no JSON, or a name in it with half of a surrogate pair
        }
    }

    private static JsonElement? Get(JsonElement of, string name) => of.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value : null;

    private static string Text(JsonElement of, string name)
    {
        if (!of.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.String)
            return "";
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return ""; // half of a surrogate pair, or no UTF-8
        }
    }

    private static bool IsToken(string text) => text.Length is > 0 and <= MaxToken && text.TrimEnd('=') is { Length: > 0 } body && body.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '~' or '+' or '/');

    private static bool IsId(string text) => text.Length is > 0 and <= MaxId && text.All(c => char.IsAsciiDigit(c) || char.IsAsciiLetterLower(c));
}
