using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Trove.Exports;

/// <summary>
/// Finds mail addresses, telephone numbers, web and IP addresses. The expressions find candidates in linear time
/// (<see cref="RegexOptions.NonBacktracking"/>); plain code decides about each.
/// </summary>
internal static class RedactionPatterns
{
    private const RegexOptions Linear = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;

    private static readonly Regex Url = new(@"(?:[Hh][Tt][Tt][Pp][Ss]?://|[Ww][Ww][Ww]\.)[^\s<>""]+", Linear);
    private static readonly Regex Mail = new(@"[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+", Linear);
    private static readonly Regex Address = new(@"[0-9A-Fa-f:.]+", Linear);
    private static readonly Regex Phone = new(@"[+(]?[0-9](?:[ \u00A0().\-/]{0,3}[0-9])+", Linear);
    private static readonly Regex Date = new(@"^(?:[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})(?:[^0-9]|$)", Linear);

    public static IEnumerable<RedactionSpan> Find(string text, RedactionClasses classes)
    {
        var spans = new List<RedactionSpan>();
        if (classes.HasFlag(RedactionClasses.Url))
        {
            foreach (var match in Url.EnumerateMatches(text))
                spans.Add(new RedactionSpan(match.Index, text.AsSpan(match.Index, match.Length).TrimEnd(".,;:!?)]}'").Length, "url"));
        }
        if (classes.HasFlag(RedactionClasses.Mail))
        {
            foreach (var match in Mail.EnumerateMatches(text))
                spans.Add(new RedactionSpan(match.Index, match.Length, "mail"));
        }
        if (classes.HasFlag(RedactionClasses.Ip))
        {
            foreach (var match in Address.EnumerateMatches(text))
            {
                int length = text.AsSpan(match.Index, match.Length).TrimEnd(".:").Length;
                if (IsAddress(text.AsSpan(match.Index, length)) && Stands(text, match.Index, match.Index + match.Length))
                    spans.Add(new RedactionSpan(match.Index, length, "ip"));
            }
        }
        if (classes.HasFlag(RedactionClasses.Phone))
        {
            foreach (var match in Phone.EnumerateMatches(text))
            {
                int start = match.Index, end = match.Index + match.Length;
                // A date at the front is no telephone number, but one may follow it.
                while (Date.EnumerateMatches(text.AsSpan(start, end - start)) is var dates && dates.MoveNext())
                {
                    start += dates.Current.Length;
                    while (start < end && !char.IsAsciiDigit(text[start]) && text[start] is not ('+' or '('))
                        start++;
                }
                if (start < end && IsPhone(text.AsSpan(start, end - start)))
                    spans.Add(new RedactionSpan(start, end - start, "phone"));
            }
        }
        return spans;
    }

    private static bool IsPhone(ReadOnlySpan<char> candidate)
    {
        int digits = 0;
        foreach (char c in candidate)
            digits += char.IsAsciiDigit(c) ? 1 : 0;
        return digits >= 8 && !IPAddress.TryParse(candidate, out _);
    }

    private static bool IsAddress(ReadOnlySpan<char> candidate)
    {
        if (candidate.Count('.') == 3 && !candidate.Contains(':'))
            return IPAddress.TryParse(candidate, out var four) && four.AddressFamily == AddressFamily.InterNetwork;
        // Two colons and four digits at least, or every "a::b" of a program would be one.
        return candidate.Length <= 45 && candidate.Count(':') >= 2 && candidate.Length - candidate.Count(':') >= 4
            && IPAddress.TryParse(candidate, out var six) && six.AddressFamily == AddressFamily.InterNetworkV6;
    }

    private static bool Stands(string text, int start, int end) =>
        (start == 0 || !char.IsLetterOrDigit(text[start - 1])) && (end == text.Length || !char.IsLetterOrDigit(text[end]));
}
