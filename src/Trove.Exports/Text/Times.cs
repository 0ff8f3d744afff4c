using System.Globalization;
using System.Text.RegularExpressions;

namespace Trove.Exports.Text;

/// <summary>Instants as platforms write them, to milliseconds since 1970 UTC, rounded down. What is not certain is null.</summary>
internal static partial class Times
{
    /// <summary><c>2023-04-17 19:02:11 UTC</c>, and RFC 3339 with a zone. A time without a zone is not certain.</summary>
    public static long? Parse(string text)
    {
        var match = Pattern().Match(text.Length > 64 ? "" : text.Trim());
        if (!match.Success
            || !DateTime.TryParseExact($"{match.Groups[1].ValueSpan} {match.Groups[2].ValueSpan}", "yyyy-MM-dd HH:mm:ss",
                CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time))
            return null;
        long milliseconds = new DateTimeOffset(time).ToUnixTimeMilliseconds();
        if (match.Groups[3].Success)
            milliseconds += int.Parse(match.Groups[3].Value.PadRight(3, '0')[..3], CultureInfo.InvariantCulture);
        if (match.Groups[4].Success)
        {
            int minutes = 60 * int.Parse(match.Groups[5].ValueSpan, CultureInfo.InvariantCulture) + int.Parse(match.Groups[6].ValueSpan, CultureInfo.InvariantCulture);
            milliseconds -= (match.Groups[4].Value == "-" ? -60_000L : 60_000L) * minutes;
        }
        return Known(milliseconds);
    }

    /// <summary><c>Wed Jun 05 13:45:22 +0000 2024</c> (X), <c>Wed Jun 05 13:45:22 UTC 2024</c> (LinkedIn): always in UTC.</summary>
    public static long? ParseDated(string text)
    {
        var date = text.AsSpan().Trim();
        foreach (var zone in (ReadOnlySpan<string>)[" +0000 ", " UTC ", " GMT "])
        {
            if (date.Length == 19 + zone.Length + 4 && date[19..].StartsWith(zone, StringComparison.Ordinal))
                return Exactly($"{date[4..19]} {date[^4..]}", "MMM dd HH:mm:ss yyyy");
        }
        return null;
    }

    /// <summary>A time that its platform writes in UTC without saying so, in one of the forms of <c>DateTime.ParseExact</c>.</summary>
    public static long? Exactly(string text, params ReadOnlySpan<string> forms)
    {
        foreach (var form in forms)
        {
            if (text.Length <= 64 && DateTime.TryParseExact(text.AsSpan().Trim(), form, CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time))
                return Known(new DateTimeOffset(time).ToUnixTimeMilliseconds());
        }
        return null;
    }

    /// <summary>Milliseconds since 1970.</summary>
    public static long? FromUnixMilliseconds(decimal milliseconds) =>
        milliseconds is > 0 and <= RecordRules.LastTime ? Known((long)Math.Floor(milliseconds)) : null;

    /// <summary>Seconds since 1970, with or without a fraction.</summary>
    public static long? FromUnixSeconds(decimal seconds) =>
        seconds is > 0 and <= RecordRules.LastTime / 1000 ? Known((long)Math.Floor(seconds * 1000)) : null;

    // Zero and below is how software writes "not set": no platform existed then.
    private static long? Known(long milliseconds) => milliseconds is > 0 and <= RecordRules.LastTime ? milliseconds : null;

    // Not \d, which has the digits of all scripts: what comes after does not read them.
    [GeneratedRegex(@"^([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(?: ?UTC|Z| ?\+00:00|([+-])([0-9]{2}):([0-9]{2}))$", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
