using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace Trove.Exports;

/// <summary>
/// Finds mail addresses, telephone numbers, web and IP addresses, cards, accounts, places, credentials and words about health, each in one pass over the text. By hand, because the linear
/// regular expressions of .NET take microseconds a character on long matches, and the fast ones are not linear.
/// </summary>
internal static class RedactionPatterns
{
    private const int LeastPhoneDigits = 8, MostSeparators = 3, LongestAddress = 45;

    private static readonly SearchValues<char> UrlEnd = SearchValues.Create(" \t\r\n\u00A0\u2028\u2029<>\"");
    private static readonly SearchValues<char> AddressCharacters = SearchValues.Create("0123456789abcdefABCDEF:.");
    private static readonly SearchValues<char> PhoneSeparators = SearchValues.Create(" \u00A0().-/");

    public static List<RedactionSpan> Find(string text, RedactionClasses classes)
    {
        var spans = new List<RedactionSpan>();
        if (classes.HasFlag(RedactionClasses.Url))
            Urls(text, spans);
        if (classes.HasFlag(RedactionClasses.Mail))
            Mails(text, spans);
        if (classes.HasFlag(RedactionClasses.Ip))
            Addresses(text, spans);
        if (classes.HasFlag(RedactionClasses.Secret))
            SecretPatterns.Find(text, spans);
        if (classes.HasFlag(RedactionClasses.Place))
            NumberPatterns.Places(text, spans);
        if (classes.HasFlag(RedactionClasses.Card))
            NumberPatterns.Cards(text, spans);
        if (classes.HasFlag(RedactionClasses.Bank))
            NumberPatterns.Accounts(text, spans);
        if (classes.HasFlag(RedactionClasses.Phone))
            Phones(text, spans);
        if (classes.HasFlag(RedactionClasses.Health))
            HealthWords.Find(text, spans);
        return spans;
    }

    /// <summary>In order, none over another: spans that overlap are one, under the name of the first; of two that begin together, of the longer, or the one found first.</summary>
    public static IEnumerable<RedactionSpan> Merge(List<RedactionSpan> spans)
    {
        List<RedactionSpan> sorted = [.. spans.OrderBy(s => s.Start).ThenByDescending(s => s.Length)]; // a stable order
        for (int i = 0; i < sorted.Count;)
        {
            var (start, length, name) = sorted[i];
            int end = start + length;
            for (i++; i < sorted.Count && sorted[i].Start < end; i++)
                end = Math.Max(end, sorted[i].Start + sorted[i].Length);
            yield return new RedactionSpan(start, end - start, name);
        }
    }

    /// <summary><c>http://</c>, <c>https://</c> or <c>www.</c> up to white space or a bracket of markup, without closing punctuation.</summary>
    private static void Urls(string text, List<RedactionSpan> spans)
    {
        int scheme = -1, www = -1; // the next of each, looked for again only when passed, or many of one would search the rest for the other
        for (int at = 0; at < text.Length;)
        {
            if (scheme < at)
                scheme = Next(text, "://", at);
            if (www < at)
                www = Next(text, "www.", at);
            int next = Math.Min(scheme, www);
            if (next == int.MaxValue)
                return;
            int start = next == scheme ? SchemeStart(text, at, scheme) : www == 0 || !char.IsLetterOrDigit(text[www - 1]) ? www : -1;
            int from = next + (next == scheme ? 3 : 4);
            at = from;
            if (start < 0)
                continue;
            int length = text.AsSpan(from).IndexOfAny(UrlEnd);
            at = length < 0 ? text.Length : from + length;
            int end = start + text.AsSpan(start, at - start).TrimEnd(".,;:!?)]}'").Length;
            if (end > from)
                spans.Add(new RedactionSpan(start, end - start, "url"));
        }
    }

    private static int Next(string text, string sought, int from) =>
        text.IndexOf(sought, from, StringComparison.OrdinalIgnoreCase) is >= 0 and var found ? found : int.MaxValue;

    private static int SchemeStart(string text, int least, int colon) =>
        colon - 5 >= least && string.Compare(text, colon - 5, "https", 0, 5, StringComparison.OrdinalIgnoreCase) == 0 ? colon - 5
        : colon - 4 >= least && string.Compare(text, colon - 4, "http", 0, 4, StringComparison.OrdinalIgnoreCase) == 0 ? colon - 4 : -1;

    /// <summary>Letters, digits and <c>._%+'-</c>, an at sign, and a domain of two labels at least.</summary>
    private static void Mails(string text, List<RedactionSpan> spans)
    {
        int free = 0; // before it, everything belongs to an earlier at sign
        for (int sign = text.IndexOf('@'); sign >= 0; sign = text.IndexOf('@', sign + 1))
        {
            int start = sign;
            while (start > free && (char.IsLetterOrDigit(text[start - 1]) || text[start - 1] is '.' or '_' or '%' or '+' or '\'' or '-'))
                start--;
            int end = sign + 1, dots = 0;
            for (int label = end; label < text.Length; label = end + 1)
            {
                int stop = label;
                while (stop < text.Length && (char.IsLetterOrDigit(text[stop]) || text[stop] == '-'))
                    stop++;
                if (stop == label)
                    break;
                dots += label > sign + 1 ? 1 : 0;
                end = stop;
                if (end == text.Length || text[end] != '.')
                    break;
            }
            free = sign + 1;
            if (start == sign || dots == 0)
                continue;
            spans.Add(new RedactionSpan(start, end - start, "mail"));
            free = end;
        }
    }

    private static void Addresses(string text, List<RedactionSpan> spans)
    {
        for (int start = 0; start < text.Length;)
        {
            int found = text.AsSpan(start).IndexOfAny(AddressCharacters);
            if (found < 0)
                return;
            start += found;
            int length = text.AsSpan(start).IndexOfAnyExcept(AddressCharacters);
            int end = length < 0 ? text.Length : start + length;
            var candidate = text.AsSpan(start, Math.Min(end - start, LongestAddress + 2)).TrimEnd(".:");
            bool stands = (start == 0 || !char.IsLetterOrDigit(text[start - 1])) && (end == text.Length || !char.IsLetterOrDigit(text[end]));
            if (stands && candidate.Length <= LongestAddress && IsAddress(candidate))
                spans.Add(new RedactionSpan(start, candidate.Length, "ip"));
            start = end;
        }
    }

    private static bool IsAddress(ReadOnlySpan<char> candidate)
    {
        int colons = candidate.Count(':');
        if (colons == 0)
            return candidate.Count('.') == 3 && IPAddress.TryParse(candidate, out var four) && four.AddressFamily == AddressFamily.InterNetwork;
        // Two colons and four digits at least, or every "a::b" of a program would be one.
        return colons >= 2 && candidate.Length - colons >= 4
            && IPAddress.TryParse(candidate, out var six) && six.AddressFamily == AddressFamily.InterNetworkV6;
    }

    /// <summary>Digits with at most three separators between two of them, led by <c>+</c> or <c>(</c> or neither.</summary>
    private static void Phones(string text, List<RedactionSpan> spans)
    {
        for (int at = 0; at < text.Length;)
        {
            int found = text.AsSpan(at).IndexOfAnyInRange('0', '9');
            if (found < 0)
                return;
            int start = at + found, digits = 0, end = start;
            if (DateLength(text.AsSpan(start)) is > 0 and var date)
            {
                at = start + date; // a plain date is no telephone number, but one may follow it
                continue;
            }
            for (int next = start; next < text.Length;)
            {
                while (next < text.Length && char.IsAsciiDigit(text[next]))
                {
                    next++;
                    digits++;
                }
                end = next;
                int separators = text.AsSpan(next, Math.Min(MostSeparators + 1, text.Length - next)).IndexOfAnyExcept(PhoneSeparators);
                if (separators <= 0 || !char.IsAsciiDigit(text[next + separators]))
                    break;
                next += separators;
            }
            at = end;
            if (digits < LeastPhoneDigits || (end - start <= LongestAddress && IsAddress(text.AsSpan(start, end - start))))
                continue;
            if (start > 0 && (text[start - 1] is '+' or '('))
                start--;
            spans.Add(new RedactionSpan(start, end - start, "phone"));
        }
    }

    /// <summary>The length of <c>2023-04-17</c> or <c>17.4.2023</c>, with <c>-</c>, <c>/</c> or <c>.</c>; 0 when no date is at the front.</summary>
    private static int DateLength(ReadOnlySpan<char> text)
    {
        int first = Digits(text, 0);
        int second = first is 1 or 2 or 4 && Separates(text, first) ? Digits(text, first + 1) : 0;
        int end = first + 1 + second;
        int third = second is 1 or 2 && Separates(text, end) ? Digits(text, end + 1) : 0;
        return (first == 4 && (third is 1 or 2)) || (first is 1 or 2 && third == 4) ? end + 1 + third : 0;

        static int Digits(ReadOnlySpan<char> text, int from)
        {
            int count = 0;
            while (count < 5 && from + count < text.Length && char.IsAsciiDigit(text[from + count]))
                count++;
            return count;
        }

        static bool Separates(ReadOnlySpan<char> text, int at) => at < text.Length && (text[at] is '-' or '/' or '.');
    }
}
