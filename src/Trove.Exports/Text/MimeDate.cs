using System.Text;

namespace Trove.Exports.Text;

/// <summary>The date of a mail: <c>Tue, 17 Mar 2020 08:05:09 +0100 (CET)</c> (RFC 5322 sections 3.3 and 4.3), to milliseconds since 1970 UTC.</summary>
public static class MimeDate
{
    private const int Longest = 256;

    private static readonly string[] Months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

    /// <summary>Null for what is no date, or has no zone: a clock's time alone is not certain.</summary>
    public static long? Parse(ReadOnlySpan<byte> value)
    {
        var words = Words(value[..Math.Min(value.Length, Longest)]);
        int at = words.Count > 0 && !char.IsAsciiDigit(words[0][0]) ? 1 : 0; // the day of the week is of no use
        if (words.Count < at + 5 || !TryNumber(words[at], 1, 31, out int day) || words[at + 1].Length < 3
            || Array.IndexOf(Months, words[at + 1][..3].ToLowerInvariant()) is var month && month < 0
            || !TryNumber(words[at + 2], 0, 9999, out int year))
            return null;
        year += words[at + 2].Length >= 4 ? 0 : words[at + 2].Length == 3 || year >= 50 ? 1900 : 2000; // RFC 5322 section 4.3
        var clock = words[at + 3].Split(':');
        int second = 0;
        if (clock.Length is < 2 or > 3 || !TryNumber(clock[0], 0, 23, out int hour) || !TryNumber(clock[1], 0, 59, out int minute)
            || (clock.Length == 3 && !TryNumber(clock[2], 0, 60, out second)) || year is < 1 or > 9999 || day > DateTime.DaysInMonth(year, month + 1)
            || Zone(words[at + 4]) is not { } minutes)
            return null;
        long milliseconds = (new DateTime(year, month + 1, day, hour, minute, 0, DateTimeKind.Utc) - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMillisecond + 1000L * Math.Min(second, 59);
        return Times.FromUnixMilliseconds(milliseconds - 60_000L * minutes);
    }

    /// <summary>Minutes east of Greenwich. Military letters were specified the wrong way round and mean nothing, but Z (RFC 5322 section 4.3).</summary>
    public static int? Zone(string zone)
    {
        if (zone.Length == 5 && zone[0] is '+' or '-')
            return TryNumber(zone[1..3], 0, 23, out int hours) && TryNumber(zone[3..], 0, 59, out int minutes) ? (zone[0] == '-' ? -1 : 1) * (60 * hours + minutes) : null;
        return zone.ToUpperInvariant() switch
        {
            "UT" or "GMT" or "UTC" or "Z" => 0,
            "EDT" => -240,
            "EST" or "CDT" => -300,
            "CST" or "MDT" => -360,
            "MST" or "PDT" => -420,
            "PST" => -480,
            _ => null,
        };
    }

    // Between white space and commas, without comments in parentheses, which can hold others.
    private static List<string> Words(ReadOnlySpan<byte> value)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        int depth = 0;
        foreach (byte b in value)
        {
            depth += b == '(' ? 1 : b == ')' && depth > 0 ? -1 : 0;
            bool isBreak = depth > 0 || b is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n' or (byte)',' or (byte)')';
            if (!isBreak)
                word.Append((char)b);
            else if (word.Length > 0)
            {
                words.Add(word.ToString());
                word.Clear();
            }
        }
        if (word.Length > 0)
            words.Add(word.ToString());
        return words;
    }

    private static bool TryNumber(string digits, int least, int most, out int value) =>
        int.TryParse(digits, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out value) && value >= least && value <= most;
}
