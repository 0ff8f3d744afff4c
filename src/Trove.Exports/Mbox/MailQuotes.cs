namespace Trove.Exports.Mbox;

/// <summary>
/// Takes out of a mail what its author did not write but quoted: lines that begin with <c>&gt;</c> with the line above that says whose they are, and
/// everything from a rule on that a header follows (<c>-----Original Message-----</c>, Outlook's underscores). Shapes only: their words are in
/// every language. Signatures stay.
/// </summary>
internal static class MailQuotes
{
    private const int LongestAttribution = 300, HeaderLines = 3;

    /// <summary>The author's words, and how many lines were taken out.</summary>
    public static (string Text, int Quoted) Strip(string text)
    {
        if (!text.Contains('>') && !text.Contains("---", StringComparison.Ordinal) && !text.Contains("___", StringComparison.Ordinal) && !text.Contains(":\n", StringComparison.Ordinal))
            return (text.Trim(), 0);
        var lines = text.TrimEnd().Split('\n');
        var isQuoted = new bool[lines.Length];
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith('>'))
            {
                if (i == 0 || !isQuoted[i - 1])
                    MarkAttribution(lines, isQuoted, i);
                isQuoted[i] = true;
            }
            else if (IsRule(lines[i]) && HeaderFollows(lines, i + 1))
            {
                isQuoted.AsSpan(i).Fill(true);
                break;
            }
        }
        int quoted = isQuoted.Count(is_ => is_);
        return quoted == 0 ? (text.Trim(), 0) : (string.Join('\n', lines.Where((_, i) => !isQuoted[i])).Trim(), quoted);
    }

    /// <summary><c>On Mon, 10 Feb 2020 at 22:12, Ida wrote:</c>, often folded in two: it ends with a colon and has a number or an address.</summary>
    private static void MarkAttribution(string[] lines, bool[] isQuoted, int quote)
    {
        int last = quote - 1;
        while (last >= 0 && quote - last <= 3 && string.IsNullOrWhiteSpace(lines[last]))
            last--;
        if (last < 0 || isQuoted[last] || !lines[last].AsSpan().TrimEnd().EndsWith(":"))
            return;
        for (int first = last; first >= Math.Max(0, last - 2) && !string.IsNullOrWhiteSpace(lines[first]) && !isQuoted[first]; first--)
        {
            var attribution = string.Join(' ', lines[first..(last + 1)]);
            if (attribution.Length > LongestAttribution)
                return;
            if (attribution.Contains('@') || (attribution.Any(char.IsAsciiDigit) && (first == last || HasYear(lines[first]))))
            {
                isQuoted.AsSpan(first, last - first + 1).Fill(true);
                if (first > 0 && first == last && !HasYear(lines[first]) && !string.IsNullOrWhiteSpace(lines[first - 1]) && HasYear(lines[first - 1]) && !isQuoted[first - 1])
                    isQuoted[first - 1] = true; // the date stands on the line above the address
                return;
            }
        }
    }

    private static bool HasYear(string line)
    {
        int digits = 0;
        foreach (char c in line)
        {
            digits = char.IsAsciiDigit(c) ? digits + 1 : 0;
            if (digits == 4)
                return true;
        }
        return false;
    }

    // Words between dashes, or nothing but underscores; the armour of PGP looks the same and is no quotation.
    private static bool IsRule(string text)
    {
        var line = text.AsSpan().Trim();
        if (line.Length >= 20 && !line.ContainsAnyExcept('_'))
            return true;
        var words = line.Trim('-');
        return line.Length - words.Length >= 8 && line.StartsWith("----") && line.EndsWith("----") && words.Length > 0
            && !words.StartsWith("BEGIN ", StringComparison.Ordinal) && !words.StartsWith("END ", StringComparison.Ordinal);
    }

    // Lines as "From: Ida", "Gesendet: Montag": a word or two, a colon, and something behind it.
    private static bool HeaderFollows(string[] lines, int from)
    {
        int fields = 0;
        for (int i = from, blank = 0; i < lines.Length && fields < HeaderLines; i++)
        {
            var line = lines[i].AsSpan().Trim().Trim('*');
            if (line.IsEmpty && fields == 0 && ++blank <= 2)
                continue;
            int colon = line.IndexOfAny(':', '：');
            if (colon is < 1 or > 24)
                break;
            fields++;
        }
        return fields >= 2;
    }
}
