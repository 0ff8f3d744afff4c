using System.Text;

namespace Trove.Exports.Slack;

/// <summary>
/// Slack's marked-up text as its reader sees it (Slack, "Formatting text for app surfaces"): links by their label, mentions by id, since names
/// are other people's; <c>&amp;amp;</c>, <c>&amp;lt;</c> and <c>&amp;gt;</c> decoded.
/// </summary>
internal static class SlackText
{
    private const int MostLinks = 20;

    /// <param name="raw">As the export has it.</param>
    /// <param name="links">Gets the addresses behind labels.</param>
    public static string Render(string raw, List<string> links)
    {
        if (raw.AsSpan().IndexOfAny('<', '&') < 0)
            return raw;
        var text = new StringBuilder(raw.Length);
        int at = 0;
        while (at < raw.Length)
        {
            int next = raw.AsSpan(at).IndexOfAny('<', '&');
            if (next < 0)
                break;
            text.Append(raw, at, next);
            at += next;
            // The end of a mark is looked for once: after one that has none, no other has one either.
            int end = raw[at] == '<' ? raw.IndexOf('>', at) : -1;
            if (end > 0)
            {
                Mark(raw.AsSpan(at + 1, end - at - 1), text, links);
                at = end + 1;
            }
            else if (raw[at] == '<')
            {
                return text.Append(Decode(raw[at..])).ToString();
            }
            else
            {
                var (character, length) = Entity(raw.AsSpan(at));
                text.Append(character);
                at += length;
            }
        }
        return text.Append(raw, at, raw.Length - at).ToString();
    }

    /// <summary><c>@U1</c>, <c>#C1|general</c>, <c>!here</c>, <c>!subteam^S1|@team</c>, <c>!date^…|fallback</c>, or an address with or without a label.</summary>
    private static void Mark(ReadOnlySpan<char> mark, StringBuilder text, List<string> links)
    {
        int bar = mark.IndexOf('|');
        var target = bar < 0 ? mark : mark[..bar];
        var label = bar < 0 ? "" : Decode(mark[(bar + 1)..].ToString());
        if (target is ['@', ..])
        {
            text.Append(target);
        }
        else if (target is ['#', ..])
        {
            text.Append('#').Append(label.Length > 0 ? label : target[1..].ToString());
        }
        else if (target.StartsWith("!subteam^"))
        {
            text.Append('@').Append(target[9..]);
        }
        else if (target is ['!', ..])
        {
            text.Append(label.Length > 0 ? label : "@" + target[1..].ToString());
        }
        else
        {
            var address = Decode(target.ToString());
            text.Append(label.Length > 0 ? label : address);
            if (label.Length > 0 && label != address && !address.EndsWith("://" + label, StringComparison.Ordinal) && links.Count < MostLinks && address.Length < 512)
                links.Add(address);
        }
    }

    private static string Decode(string text) => text.Contains('&')
        ? text.Replace("&lt;", "<", StringComparison.Ordinal).Replace("&gt;", ">", StringComparison.Ordinal).Replace("&amp;", "&", StringComparison.Ordinal) : text;

    private static (char Character, int Length) Entity(ReadOnlySpan<char> text) => text.StartsWith("&amp;") ? ('&', 5) : text.StartsWith("&lt;") ? ('<', 4) : text.StartsWith("&gt;") ? ('>', 4) : ('&', 1);
}
