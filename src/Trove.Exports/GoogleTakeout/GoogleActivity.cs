using Trove.Exports.Text;

namespace Trove.Exports.GoogleTakeout;

/// <summary>
/// One line of My Activity or of YouTube's history. What it says ("Searched for …") is Google's sentence in the member's language; what
/// was searched or seen is taken from its address, which is the same in all.
/// </summary>
internal sealed record GoogleActivity
{
    private const int MostNames = 16;

    // The one verb of this kind that was seen; prompts have no address to take them from.
    private const string Prompted = "Prompted ";

    public string Product { get; init; } = "";
    public string Title { get; init; } = "";
    public string Url { get; init; } = "";
    public long? Time { get; init; }

    /// <summary>The date as it stands where it could not be read.</summary>
    public string Date { get; init; } = "";

    /// <summary>What stands below: channels, descriptions.</summary>
    public string Below { get; init; } = "";

    /// <summary>What an assistant answered; empty for everything else.</summary>
    public string Answer { get; init; } = "";

    /// <summary>Without the member's words.</summary>
    public override string ToString() => $"activity in {Product}";

    /// <summary>Is a sentence of Google's in front of the prompt, which could not be told from it?</summary>
    public bool IsPromptMixed => IsPrompt && !Title.StartsWith(Prompted, StringComparison.Ordinal);

    private bool IsPrompt => Answer.Length > 0;

    /// <summary>Reads an element of <c>MyActivity.json</c> or <c>watch-history.json</c>.</summary>
    public static GoogleActivity Of(JsonValue element) => new()
    {
        Product = element.Text("header"u8),
        Title = element.Text("title"u8),
        Url = element.Text("titleUrl"u8),
        Time = element.Time("time"u8),
        Below = Metadata.List(element.Get("subtitles"u8).Items().Take(MostNames).Select(subtitle => subtitle.Text("name"u8)), '\n'),
        Answer = string.Join("\n\n", element.Get("safeHtmlItem"u8).Items().Select(item => HtmlText.Of(item.Text("html"u8)))),
    };

    /// <summary>The records: two for a question to an assistant with its answer. None when there is nothing to tell.</summary>
    public IEnumerable<Record> ToRecords(string me)
    {
        if (Title.Length == 0 && Url.Length == 0)
            yield break;
        var record = new Record { Platform = GoogleFiles.Platform, Kind = RecordKind.Other, Author = me, Own = true, Time = Time, Meta = Metadata.Of(("product", Short(Product)), ("date", Time is null ? Short(Date) : "")) };
        if (IsPrompt)
        {
            yield return record with { Kind = RecordKind.Prompt, Text = IsPromptMixed ? Title : Title[Prompted.Length..] };
            yield return record with { Kind = RecordKind.Answer, Author = "assistant", Own = false, Text = Answer };
            yield break;
        }
        var rest = record.Meta.SetItem("activity", Short(Title));
        if (Below.Length > 0)
            rest = rest.SetItem("below", Below);
        var (host, path) = Split(Url);
        var query = path.StartsWith("/search", StringComparison.Ordinal) && (IsGoogle(host) || host == "music.youtube.com") ? Parameter("q")
            : path.StartsWith("/results", StringComparison.Ordinal) && IsYouTube(host) ? Parameter("search_query") : "";
        if (query.Length > 0)
        {
            yield return record with { Kind = RecordKind.Search, Text = query };
            yield break;
        }
        var url = IsGoogle(host) && path.StartsWith("/url?", StringComparison.Ordinal) && Parameter("q") is { Length: > 0 } target ? target : Url;
        var kind = host == "music.youtube.com" ? RecordKind.Play
            : IsYouTube(host) && (path.StartsWith("/watch", StringComparison.Ordinal) || path.StartsWith("/shorts/", StringComparison.Ordinal)) ? RecordKind.View
            : url.Length > 0 && (url != Url || !(IsGoogle(host) || IsYouTube(host))) ? RecordKind.View : RecordKind.Other;
        yield return record with { Kind = kind, Url = url.Length <= RecordRules.Url ? url : "", Meta = kind == RecordKind.Other ? rest.SetItem("what", "activity") : rest };
    }

    private static bool IsGoogle(string host) => host.StartsWith("google.", StringComparison.Ordinal) || host.Contains(".google.", StringComparison.Ordinal);

    private static bool IsYouTube(string host) => host == "youtube.com" || host.EndsWith(".youtube.com", StringComparison.Ordinal);

    // Not System.Uri, which refuses much of what stands in histories.
    private static (string Host, string Path) Split(string url)
    {
        int start = url.IndexOf("://", StringComparison.Ordinal);
        if (start is < 0 or > 8)
            return ("", "");
        var rest = url[(start + 3)..];
        int slash = rest.IndexOf('/');
        return slash < 0 ? (rest.ToLowerInvariant(), "") : (rest[..slash].ToLowerInvariant(), rest[slash..]);
    }

    /// <summary>A parameter of the address, decoded (<c>application/x-www-form-urlencoded</c>).</summary>
    private string Parameter(string name)
    {
        int at = Url.IndexOf('?');
        foreach (var part in at < 0 ? [] : Url[(at + 1)..].Split('#')[0].Split('&'))
        {
            if (part.StartsWith(name + "=", StringComparison.Ordinal))
                return Uri.UnescapeDataString(part[(name.Length + 1)..].Replace('+', ' '));
        }
        return "";
    }

    private static string Short(string value) => value.Length <= RecordRules.MetaValue ? value : "";
}
