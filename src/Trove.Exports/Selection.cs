using System.Collections.Immutable;
using System.Globalization;

namespace Trove.Exports;

/// <summary>Which records a member keeps at home: by kind, conversation, time or text.</summary>
public sealed class Selection
{
    /// <summary>Most rules, so that each record stays cheap.</summary>
    public const int MaxRules = 1000;

    // Where formats put what people call a conversation; its id is in the record's thread.
    private static readonly string[] ThreadKeys = ["conversation", "subreddit", "chat", "channel", "server", "project", "group"];

    private static readonly string Kinds = string.Join(", ", Enum.GetValues<RecordKind>().Select(k => k.Name()));

    private readonly ImmutableArray<Func<Record, bool>> _excluded;

    private Selection(ImmutableArray<Func<Record, bool>> excluded) => _excluded = excluded;

    /// <summary>Keeps everything.</summary>
    public static Selection Everything { get; } = new([]);

    /// <summary>
    /// Reads what is to be excluded, one rule an entry: a kind (<c>message</c>); <c>thread:NAME</c>, a conversation by id or name;
    /// <c>before:DATE</c> and <c>after:DATE</c>, a year, month or day of UTC (what has no time is excluded too); <c>text:PATTERN</c>,
    /// titles and texts that contain it, any case, <c>*</c> for anything.
    /// </summary>
    /// <exception cref="FormatException">An entry is none of these; says which there are.</exception>
    public static Selection Excluding(IEnumerable<string> rules)
    {
        var excluded = rules.SelectMany(r => r.Contains(':', StringComparison.Ordinal) ? [r] : r.Split(',')).Select(Read).ToImmutableArray();
        return excluded.Length <= MaxRules ? new Selection(excluded) : throw new FormatException($"at most {MaxRules} rules, not {excluded.Length}");
    }

    /// <summary>Does it stay in?</summary>
    public bool Keeps(Record record)
    {
        foreach (var rule in _excluded)
            if (rule(record))
                return false;
        return true;
    }

    private static Func<Record, bool> Read(string rule)
    {
        if (RecordKinds.TryParse(rule, out var kind))
            return r => r.Kind == kind;
        int colon = rule.IndexOf(':');
        string value = colon < 0 ? "" : rule[(colon + 1)..];
        return (colon < 0 ? "" : rule[..colon], value.Length) switch
        {
            ("thread", > 0) => r => Same(r.Thread, value) || Same(RecordRules.ThreadName(r), value) || ThreadKeys.Any(key => r.Meta.TryGetValue(key, out var name) && Same(name, value)),
            ("before", > 0) when Period(value) is var (start, _) => r => r.Time is not { } time || time < start,
            ("after", > 0) when Period(value) is var (_, end) => r => r.Time is not { } time || time >= end,
            ("text", > 0) when value.Split('*', StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } pieces => r => Contains(r.Title, pieces) || Contains(r.Text, pieces),
            _ => throw new FormatException($"'{(rule.Length <= 80 ? rule : rule[..80])}' excludes nothing that is known: give a kind ({Kinds}), thread:NAME, before:2020, after:2023-05-31 or text:PATTERN"),
        };
    }

    private static bool Same(string a, string b) => a.Equals(b, StringComparison.OrdinalIgnoreCase);

    // Taking the first place of each piece leaves the most for the rest.
    private static bool Contains(string text, string[] pieces)
    {
        var rest = text.AsSpan();
        foreach (var piece in pieces)
        {
            int at = LinearSearch.IndexOfIgnoreCase(rest, piece);
            if (at < 0)
                return false;
            rest = rest[(at + piece.Length)..];
        }
        return true;
    }

    private static (long Start, long End)? Period(string date)
    {
        const DateTimeStyles utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        if (!DateTimeOffset.TryParseExact(date, ["yyyy", "yyyy-MM", "yyyy-MM-dd"], CultureInfo.InvariantCulture, utc, out var start) || start.Year == 9999)
            return null;
        var end = date.Length == 4 ? start.AddYears(1) : date.Length == 7 ? start.AddMonths(1) : start.AddDays(1);
        return (start.ToUnixTimeMilliseconds(), end.ToUnixTimeMilliseconds());
    }
}
