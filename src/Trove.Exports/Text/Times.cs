using System.Buffers;
using System.Globalization;
using System.Text;

namespace Trove.Exports.Text;

/// <summary>Instants as platforms write them, to milliseconds since 1970 UTC, rounded down. What is not certain is null.</summary>
internal static class Times
{
    /// <summary><c>2023-04-17 19:02:11 UTC</c>, and RFC 3339 with a zone. A time without a zone is not certain.</summary>
    public static long? Parse(ReadOnlySpan<char> text)
    {
        const int clock = 19; // yyyy-MM-dd HH:mm:ss
        var at = text.Trim();
        if (at.Length is < clock + 1 or > 64 || at[10] is not (' ' or 'T') || at[4] != '-' || at[7] != '-' || at[13] != ':' || at[16] != ':'
            || !Number(at[..4], out int year) || !Number(at[5..7], out int month) || !Number(at[8..10], out int day)
            || !Number(at[11..13], out int hour) || !Number(at[14..16], out int minute) || !Number(at[17..19], out int second)
            || year == 0 || month is 0 or > 12 || day == 0 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59)
            return null;
        long milliseconds = (new DateTime(year, month, day, hour, minute, second, DateTimeKind.Utc) - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMillisecond;
        var zone = at[clock..];
        if (zone[0] == '.')
        {
            int digits = zone[1..].IndexOfAnyExceptInRange('0', '9');
            if (digits is < 1 or > 9)
                return null;
            for (int i = 0, unit = 100; i < Math.Min(digits, 3); i++, unit /= 10)
                milliseconds += unit * (zone[1 + i] - '0');
            zone = zone[(1 + digits)..];
        }
        if (zone is "Z" or "UTC" or " UTC" or " +00:00")
            return Known(milliseconds);
        if (zone.Length != 6 || zone[0] is not ('+' or '-') || zone[3] != ':' || !Number(zone[1..3], out int hours) || !Number(zone[4..6], out int minutes))
            return null;
        return Known(milliseconds - (zone[0] == '-' ? -60_000L : 60_000L) * (60 * hours + minutes));
    }

    /// <inheritdoc cref="Parse(ReadOnlySpan{char})"/>
    public static long? Parse(ReadOnlySpan<byte> ascii)
    {
        const int longest = 64;
        Span<char> text = stackalloc char[longest];
        return ascii.Length <= longest && Ascii.ToUtf16(ascii, text, out int length) == OperationStatus.Done ? Parse(text[..length]) : null;
    }

    // Not char.IsDigit, which has the digits of all scripts.
    private static bool Number(ReadOnlySpan<char> digits, out int value)
    {
        value = 0;
        foreach (char digit in digits)
        {
            if (!char.IsAsciiDigit(digit))
                return false;
            value = 10 * value + digit - '0';
        }
        return true;
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

    /// <summary>
    /// Seconds, milliseconds or microseconds since 1970, or microseconds since 1601 (Chromium's own): which shows in the number, for times from
    /// 1973 to 2338.
    /// </summary>
    public static long? FromUnix(decimal number)
    {
        const long since1601 = 11_644_473_600;
        return number switch
        {
            < 100_000_000m => null, // such as 20240301
            < 100_000_000_000m => FromUnixSeconds(number),
            < 100_000_000_000_000m => FromUnixMilliseconds(number),
            < since1601 * 1_000_000m => FromUnixMilliseconds(number / 1000),
            _ => FromUnixMilliseconds(number / 1000 - since1601 * 1000),
        };
    }

    // Zero and below is how software writes "not set": no platform existed then.
    private static long? Known(long milliseconds) => milliseconds is > 0 and <= RecordRules.LastTime ? milliseconds : null;
}
