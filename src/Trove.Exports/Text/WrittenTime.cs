namespace Trove.Exports.Text;

/// <summary>A time as people and their programs write it, in no form that was agreed on.</summary>
/// <param name="Time">Milliseconds since 1970 UTC; null when it is unknown.</param>
/// <param name="IsLocal">Is it a clock's without a zone?</param>
/// <param name="IsDay">Is only the day known?</param>
internal readonly record struct WrittenTime(long? Time, bool IsLocal, bool IsDay)
{
    /// <summary>A time with a zone; one without, read as UTC; or a day. Also as a link to a daily note, and in Notion's English.</summary>
    public static WrittenTime Parse(string text)
    {
        var value = text.StartsWith("[[", StringComparison.Ordinal) && text.EndsWith("]]", StringComparison.Ordinal) ? text[2..^2] : text.TrimStart('@');
        return Times.Parse(value) is { } sure ? new(sure, false, false)
            : Times.Exactly(value, "yyyy-MM-dd HH:mm:ss zzz") is { } zoned ? new(zoned, false, false)
            : Times.Exactly(value, "yyyy-MM-dd HH:mm:ss", "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-ddTHH:mm:ss.fff", "yyyy-MM-dd HH:mm", "yyyy-MM-ddTHH:mm", "MMMM d, yyyy h:mm tt", "MMMM d, yyyy H:mm") is { } local ? new(local, true, false)
            : Times.Exactly(value, "yyyy-MM-dd", "yyyy/MM/dd", "MMMM d, yyyy") is { } day ? new(day, false, true)
            : default;
    }
}
