using System.Globalization;
using System.Text;
using Trove.Core;
using Trove.Node.Protocol;

namespace Trove.Node.Requests;

/// <summary>Proposals that are open, as a calendar that members' own programs follow (RFC 5545).</summary>
public static class ProposalCalendar
{
    /// <summary>The media type (RFC 5545, section 8.1).</summary>
    public const string MediaType = "text/calendar; charset=utf-8";

    private const int MaxLine = 75; // octets without the line break, section 3.1

    /// <summary>
    /// Writes an event for the end of each vote and one for its earliest effect. Their identifiers stay, so that what is read again
    /// replaces what was there; the same proposals make the same bytes.
    /// </summary>
    public static string Write(Address asset, string symbol, IEnumerable<ProposalInfo> proposals)
    {
        var text = new StringBuilder();
        Line(text, "BEGIN:VCALENDAR");
        Line(text, "VERSION:2.0");
        Line(text, "PRODID:-//Trove//Votes//EN");
        foreach (var p in proposals)
            if (p.Outlook is { } outlook)
            {
                string name = $"{p.Action} {p.Proposal.ToHex()[..12]}";
                if (p.State == "active")
                    Event(text, p, asset, "vote", p.VoteEnd, $"{symbol}: the vote on {name} ends");
                Event(text, p, asset, "effect", outlook.EffectAt, $"{symbol}: {name} can take effect");
            }
        Line(text, "END:VCALENDAR");
        return text.ToString();
    }

    private static void Event(StringBuilder text, ProposalInfo p, Address asset, string what, long at, string summary)
    {
        Line(text, "BEGIN:VEVENT");
        Line(text, $"UID:{what}-{p.Proposal.ToHex()}@{asset}");
        Line(text, $"DTSTAMP:{Time(p.VoteStart)}");
        Line(text, $"DTSTART:{Time(at)}");
        Line(text, $"SUMMARY:{Escape(summary)}");
        Line(text, $"DESCRIPTION:{Escape(p.Description)}");
        Line(text, "TRANSP:TRANSPARENT");
        Line(text, "END:VEVENT");
    }

    // 3.3.5, form 2. A chain may name any second; calendars end with the year 9999.
    private static string Time(long seconds) =>
        DateTimeOffset.FromUnixTimeSeconds(Math.Clamp(seconds, 0, 253402300799)).ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    // 3.3.11. Whoever proposes wrote it, so nothing of it begins a line.
    private static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (char c in text)
            escaped.Append(c switch { '\\' => @"\\", ';' => @"\;", ',' => @"\,", '\n' => @"\n", _ when char.IsControl(c) => " ", _ => c.ToString() });
        return escaped.ToString();
    }

    // 3.1: a line goes on in the next after a space, and no character is cut.
    private static void Line(StringBuilder text, string line)
    {
        int octets = 0;
        foreach (var rune in line.EnumerateRunes())
        {
            if (octets + rune.Utf8SequenceLength > MaxLine)
            {
                text.Append("\r\n ");
                octets = 1;
            }
            text.Append(rune.ToString());
            octets += rune.Utf8SequenceLength;
        }
        text.Append("\r\n");
    }
}
