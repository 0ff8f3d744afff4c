using System.Buffers;
using System.Globalization;

namespace Trove.Exports;

/// <summary>Finds numbers that say what they are: payment cards, bank accounts, places. Each in one pass over the text.</summary>
internal static class NumberPatterns
{
    private const int LeastCard = 13, MostCard = 19;
    private const int LeastAccount = 15, MostAccount = 34; // ISO 13616: Norway's is the shortest
    private const int LeastDecimals = 3;                   // of a degree: a hundred metres
    private const int MostDecimals = 15, MostGap = 3;

    private static readonly SearchValues<char> Upper = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    /// <summary>Digits in groups parted by one blank or hyphen, 13 to 19 in all, whose Luhn sum is right.</summary>
    public static void Cards(string text, List<RedactionSpan> spans)
    {
        for (int at = 0; at < text.Length;)
        {
            int found = text.AsSpan(at).IndexOfAnyInRange('0', '9');
            if (found < 0)
                return;
            int start = at + found, end = start, digits = 0, sum = 0, other = 0;
            for (int next = start; next < text.Length; next++)
            {
                if (char.IsAsciiDigit(text[next]))
                {
                    // Two sums, as the number of digits is known at the end only: one doubles digits of even places, the other of odd ones.
                    int digit = text[next] - '0', doubled = digit < 5 ? 2 * digit : 2 * digit - 9;
                    (sum, other) = digits++ % 2 == 0 ? (sum + doubled, other + digit) : (sum + digit, other + doubled);
                    end = next + 1;
                }
                else if (text[next] is not (' ' or '\u00A0' or '-') || next != end)
                {
                    break;
                }
            }
            at = end;
            // The check digit, the last one, is never doubled.
            bool stands = (start == 0 || !char.IsLetterOrDigit(text[start - 1])) && (end == text.Length || !char.IsLetterOrDigit(text[end]));
            if (stands && digits is >= LeastCard and <= MostCard && text[start] is >= '2' and <= '6' && (digits % 2 == 0 ? sum : other) % 10 == 0)
                spans.Add(new RedactionSpan(start, end - start, "card"));
        }
    }

    /// <summary>Two letters, two check digits, and up to 30 letters and digits in groups parted by single blanks; modulo 97 it is 1.</summary>
    public static void Accounts(string text, List<RedactionSpan> spans)
    {
        for (int at = 0; at + LeastAccount <= text.Length;)
        {
            int found = text.AsSpan(at).IndexOfAny(Upper);
            if (found < 0)
                return;
            int start = at + found;
            at = start + 1;
            if (start + LeastAccount > text.Length || !char.IsAsciiLetterUpper(text[start + 1]) || !char.IsAsciiDigit(text[start + 2]) || !char.IsAsciiDigit(text[start + 3])
                || (start > 0 && char.IsLetterOrDigit(text[start - 1])))
                continue;
            if (AccountLength(text.AsSpan(start)) is > 0 and var length)
            {
                spans.Add(new RedactionSpan(start, length, "bank"));
                at = start + length;
            }
        }
    }

    // The longest front that is an account: what follows after a blank may be another word.
    private static int AccountLength(ReadOnlySpan<char> text)
    {
        Span<char> letters = stackalloc char[MostAccount];
        int count = 0, best = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            bool part = i < text.Length && (char.IsAsciiLetterUpper(text[i]) || char.IsAsciiDigit(text[i]));
            if (part && count < MostAccount)
            {
                letters[count++] = text[i];
                continue;
            }
            if (part || (i < text.Length && char.IsLetterOrDigit(text[i])))
                break;
            if (count >= LeastAccount && Remainder(letters[..count]) == 1)
                best = i;
            if (i == text.Length || text[i] != ' ')
                break;
        }
        return best;
    }

    private static int Remainder(ReadOnlySpan<char> account)
    {
        int remainder = 0;
        for (int i = 0; i < account.Length; i++)
        {
            char c = account[(i + 4) % account.Length]; // country and check digits count last
            remainder = char.IsAsciiDigit(c) ? (remainder * 10 + c - '0') % 97 : (remainder * 100 + c - 'A' + 10) % 97;
        }
        return remainder;
    }

    /// <summary>Latitude and longitude in degrees with three decimals at least, a comma or blanks between; <c>geo:</c> before them belongs to them.</summary>
    public static void Places(string text, List<RedactionSpan> spans)
    {
        for (int at = 0; at < text.Length;)
        {
            int found = text.AsSpan(at).IndexOf('.');
            if (found < 0)
                return;
            int point = at + found;
            at = point + 1;
            var (start, end) = Degrees(text, point, 90);
            if (end < 0)
                continue;
            int next = end;
            while (next < text.Length && next - end < MostGap && text[next] is ' ' or ',' or '\u00B0' or '/' or ';')
                next++;
            int second = next < text.Length && next > end ? text.AsSpan(next, Math.Min(5, text.Length - next)).IndexOf('.') : -1;
            var (from, to) = second < 0 ? (0, -1) : Degrees(text, next + second, 180);
            if (to < 0 || from != next)
                continue;
            if (start >= 4 && text.AsSpan(start - 4, 4).Equals("geo:", StringComparison.OrdinalIgnoreCase))
                start -= 4;
            spans.Add(new RedactionSpan(start, to - start, "place"));
            at = to;
        }
    }

    // The number around a decimal point, if it is at most so large and stands alone; its end is below zero otherwise.
    private static (int Start, int End) Degrees(string text, int point, int most)
    {
        int start = point, end = point + 1;
        while (start > 0 && point - start < 4 && char.IsAsciiDigit(text[start - 1]))
            start--;
        while (end < text.Length && end - point <= MostDecimals + 1 && char.IsAsciiDigit(text[end]))
            end++;
        if (point - start is < 1 or > 3 || end - point - 1 is < LeastDecimals or > MostDecimals || int.Parse(text.AsSpan(start, point - start), CultureInfo.InvariantCulture) > most)
            return (0, -1);
        if (start > 0 && text[start - 1] is '-' or '+')
            start--;
        bool stands = (start == 0 || !(char.IsLetterOrDigit(text[start - 1]) || text[start - 1] == '.')) && (end == text.Length || !char.IsLetterOrDigit(text[end]))
            && !(end + 1 < text.Length && text[end] == '.' && char.IsAsciiDigit(text[end + 1]));
        return (start, stands ? end : -1);
    }
}
