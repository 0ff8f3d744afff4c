using System.Text;

namespace Trove.Exports.WhatsApp;

/// <summary>Which half of the day a clock of twelve hours means.</summary>
internal enum DayHalf { None, Before, After, Unknown }

/// <summary>What headers of one file have in common: one telephone wrote them all in one go, so they all look alike.</summary>
/// <param name="Bracket">Within <c>[</c> and <c>]</c>, as iOS writes them; else followed by <c> - </c>, or by a colon or space.</param>
/// <param name="Separator">Between the numbers of the date.</param>
/// <param name="Clock">Between hours and minutes.</param>
/// <param name="Seconds">Are there seconds?</param>
/// <param name="YearFirst">Does a year of four digits come first?</param>
internal readonly record struct HeaderStyle(bool Bracket, char Separator, char Clock, bool Seconds, bool YearFirst);

/// <summary>
/// The front of a message's first line, whatever the language and region of the telephone made of it:
/// <code>
/// [12/31/23, 9:41:00 PM] Name: text        31/12/2023, 21:41 - Name: text      31.12.23, 21:41 - Name: text
/// [2023-12-31, 21:41:00] Name: text        3. 6. 2018. 21:25:15 Name: text     13.6.2018 klo 21.25 - Name: text
/// [2023/12/31 下午9:41:00] Name: text       3/6/18, 1:55 p. m. - Name: text     2023. 12. 31. 오후 9:41 - Name: text
/// </code>
/// Around and inside stand marks of direction (U+200E, U+200F), and narrow or unbreakable spaces before AM and PM. Digits
/// may be Arabic or Persian.
/// </summary>
internal readonly record struct WhatsAppHeader
{
    private const int LongestWord = 32;

    public HeaderStyle Style { get; private init; }

    /// <summary>The three numbers of the date, as they stand.</summary>
    public (int First, int Second, int Third) Date { get; private init; }

    /// <summary>Milliseconds since midnight; null when it cannot be known which half of the day is meant.</summary>
    public int? Clock { get; private init; }

    /// <summary>Where date and time begin in the line, and how long they are.</summary>
    public (int Start, int Length) Stamp { get; private init; }

    /// <summary>Where in the line the author begins, or the words of a line without one.</summary>
    public int End { get; private init; }

    /// <summary>Reads the header at the front of a line of UTF-8.</summary>
    /// <returns>False when there is none: the line goes on with the message before it.</returns>
    public static bool TryParse(ReadOnlySpan<byte> line, out WhatsAppHeader header)
    {
        header = default;
        int at = SkipMarks(line, 0);
        bool bracket = at < line.Length && line[at] == '[';
        if (bracket)
            at = SkipMarks(line, at + 1);
        int start = at;
        if (!Number(line, ref at, 4, out int first, out int digits) || digits == 3)
            return false;
        bool yearFirst = digits == 4;
        if (at >= line.Length || line[at] is not ((byte)'/' or (byte)'-' or (byte)'.'))
            return false;
        char separator = (char)line[at++];
        at = SkipSpace(line, at);
        if (!Number(line, ref at, 2, out int second, out _) || at >= line.Length || line[at++] != separator)
            return false;
        at = SkipSpace(line, at);
        if (!Number(line, ref at, yearFirst ? 2 : 4, out int third, out digits) || digits == 3)
            return false;
        if (at < line.Length && line[at] == '.')
            at++; // 13. 6. 2018.
        at = SkipMarks(line, at);
        at += line[at..].StartsWith((byte)',') ? 1 : line[at..].StartsWith("،"u8) ? 2 : 0;
        int spaced = SkipSpace(line, at);
        if (spaced == at)
            return false;
        at = spaced;
        var before = Word(line, ref at);
        if (!Number(line, ref at, 2, out int hour, out _) || at >= line.Length || line[at] is not ((byte)':' or (byte)'.'))
            return false;
        char clock = (char)line[at++];
        if (!Number(line, ref at, 2, out int minute, out digits) || digits != 2)
            return false;
        int seconds = 0;
        bool hasSeconds = at < line.Length && line[at] == clock && Number(line, at + 1, out seconds, out int after) && (at = after) > 0;
        if (hour > 23 || minute > 59 || seconds > 60)
            return false;
        int stampEnd = at;
        if (!Close(line, ref at, ref stampEnd, bracket, hasSeconds, out var word))
            return false;
        var half = word.IsEmpty ? DayHalves.Find(before, connective: true) : DayHalves.Find(word, connective: false);
        header = new WhatsAppHeader
        {
            Style = new HeaderStyle(bracket, separator, clock, hasSeconds, yearFirst),
            Date = (first, second, third),
            Clock = Hours(hour, half) is { } hours ? ((hours * 60 + minute) * 60 + Math.Min(seconds, 59)) * 1000 : null,
            Stamp = (start, stampEnd - start),
            End = at,
        };
        return true;
    }

    /// <summary>Passes the marks of direction, byte order and width zero.</summary>
    public static int SkipMarks(ReadOnlySpan<byte> line, int at)
    {
        while (MarkLength(line[at..]) is > 0 and var length)
            at += length;
        return at;
    }

    /// <summary>The length of the mark at the front: U+200B to U+200F, U+202A to U+202E, U+2066 to U+2069, U+FEFF; 0 when there is none.</summary>
    public static int MarkLength(ReadOnlySpan<byte> text) =>
        text.Length >= 3 && ((text[0] == 0xE2 && ((text[1] == 0x80 && text[2] is (>= 0x8B and <= 0x8F) or (>= 0xAA and <= 0xAE))
            || (text[1] == 0x81 && text[2] is >= 0xA6 and <= 0xA9))) || (text[0] == 0xEF && text[1] == 0xBB && text[2] == 0xBF)) ? 3 : 0;

    private static int? Hours(int hour, DayHalf half) => half switch
    {
        DayHalf.None => hour,
        DayHalf.Unknown => hour is 0 or > 12 ? hour : null,
        _ => hour is 0 or > 12 ? hour : hour % 12 + (half == DayHalf.After ? 12 : 0),
    };

    /// <summary>What ends the time: <c>]</c>, <c> - </c>, <c>: </c>, or a space where seconds make a mistake unlikely; a word before it is the half of the day.</summary>
    private static bool Close(ReadOnlySpan<byte> line, ref int at, ref int stampEnd, bool bracket, bool seconds, out ReadOnlySpan<byte> word)
    {
        word = default;
        var rest = line[at..Math.Min(line.Length, at + LongestWord)];
        int close = bracket ? rest.IndexOf((byte)']') : Dash(rest);
        if (close >= 0)
        {
            word = rest[..close];
            if (word.IndexOfAnyInRange((byte)'0', (byte)'9') >= 0 || word.Contains((byte)':'))
                return false;
            stampEnd = at + close;
            at += close + (bracket ? 1 : rest[close + 1] == '-' ? 2 : 4);
        }
        else if (bracket)
        {
            return false;
        }
        else if (rest.StartsWith(": "u8))
        {
            at++;
        }
        else if (!seconds)
        {
            return false;
        }
        int body = SkipSpace(line, at);
        if (body == at && at < line.Length)
            return false;
        at = body;
        return true;

        static int Dash(ReadOnlySpan<byte> rest) => rest.IndexOf(" - "u8) is >= 0 and var dash ? dash : rest.IndexOf(" – "u8);
    }

    private static bool Number(ReadOnlySpan<byte> line, int from, out int number, out int at)
    {
        at = from;
        return Number(line, ref at, 2, out number, out int digits) && digits == 2;
    }

    /// <summary>Digits, ASCII or Arabic-Indic (U+0660) or Persian (U+06F0), with the marks after them.</summary>
    private static bool Number(ReadOnlySpan<byte> line, ref int at, int most, out int number, out int digits)
    {
        (number, digits) = (0, 0);
        while (at < line.Length)
        {
            int digit = line[at] is >= (byte)'0' and <= (byte)'9' ? line[at] - '0'
                : at + 1 < line.Length && ((line[at] == 0xD9 && line[at + 1] is >= 0xA0 and <= 0xA9) || (line[at] == 0xDB && line[at + 1] is >= 0xB0 and <= 0xB9)) ? line[at + 1] & 0xF
                : -1;
            if (digit < 0)
                break;
            if (++digits > most)
                return false;
            number = 10 * number + digit;
            at += line[at] < 0x80 ? 1 : 2;
        }
        at = SkipMarks(line, at);
        return digits > 0;
    }

    /// <summary>A word between date and time, such as <c>klo</c> or <c>下午</c>; empty when there is none.</summary>
    private static ReadOnlySpan<byte> Word(ReadOnlySpan<byte> line, ref int at)
    {
        int end = at;
        while (end < line.Length && end - at < LongestWord && line[end] is not ((byte)':' or (byte)']' or (byte)'[')
            && line[end] is not (>= (byte)'0' and <= (byte)'9') && !(line[end] is 0xD9 or 0xDB && end + 1 < line.Length && line[end + 1] is >= 0xA0 and <= 0xB9 && IsDigit(line[end..])))
            end++;
        var word = line[at..end];
        at = end;
        return word;

        static bool IsDigit(ReadOnlySpan<byte> text) => (text[0] == 0xD9 && text[1] <= 0xA9) || (text[0] == 0xDB && text[1] >= 0xB0);
    }

    /// <summary>Passes spaces, unbreakable ones (U+00A0, U+202F) and marks.</summary>
    private static int SkipSpace(ReadOnlySpan<byte> line, int at)
    {
        while (at < line.Length)
        {
            var rest = line[at..];
            int length = rest[0] is (byte)' ' or (byte)'\t' ? 1 : rest.StartsWith("\u00A0"u8) ? 2 : rest.StartsWith("\u202F"u8) ? 3 : MarkLength(rest);
            if (length == 0)
                return at;
            at += length;
        }
        return at;
    }
}

/// <summary>How languages write AM and PM.</summary>
internal static class DayHalves
{
    private static readonly Dictionary<string, DayHalf> Known = Make(
        before: ["am", "a", "上午", "凌晨", "早上", "清晨", "오전", "午前", "ص", "πμ", "पूर्वाह्न", "de", "öö", "sa", "проб", "дп", "fm", "vm", "ap", "ก่อนเที่ยง", "morgens", "vorm", "قظ"],
        after: ["pm", "p", "下午", "晚上", "오후", "午後", "م", "μμ", "अपराह्न", "du", "ös", "ch", "слоб", "пп", "em", "nm", "ip", "หลังเที่ยง", "nachm", "abends", "بظ"]);

    private static readonly Dictionary<string, DayHalf>.AlternateLookup<ReadOnlySpan<char>> Lookup = Known.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <param name="word">As it stands, with dots, spaces and marks.</param>
    /// <param name="connective">May it be a word that only joins date and time, such as <c>klo</c>?</param>
    public static DayHalf Find(ReadOnlySpan<byte> word, bool connective)
    {
        if (word.IsEmpty)
            return DayHalf.None;
        Span<char> text = stackalloc char[word.Length];
        int length = 0;
        while (!word.IsEmpty)
        {
            Rune.DecodeFromUtf8(word, out var rune, out int consumed);
            word = word[consumed..];
            if (Rune.IsLetter(rune) || Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.NonSpacingMark or System.Globalization.UnicodeCategory.SpacingCombiningMark)
                length += Rune.ToLowerInvariant(rune).EncodeToUtf16(text[length..]);
        }
        return length == 0 ? DayHalf.None : Lookup.TryGetValue(text[..length], out var half) ? half : connective ? DayHalf.None : DayHalf.Unknown;
    }

    private static Dictionary<string, DayHalf> Make(string[] before, string[] after)
    {
        var known = new Dictionary<string, DayHalf>(StringComparer.Ordinal);
        foreach (var word in before)
            known[word] = DayHalf.Before;
        foreach (var word in after)
            known[word] = DayHalf.After;
        return known;
    }
}
