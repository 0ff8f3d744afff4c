using System.Collections.Immutable;
using System.Text;
using Trove.Core;

namespace Trove.Exports;

/// <summary>What can be found and hidden without being named.</summary>
[Flags]
public enum RedactionClasses
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Mail addresses.</summary>
    Mail = 1,

    /// <summary>Telephone numbers: runs of 8 and more digits with the usual separators, but for plain dates.</summary>
    Phone = 2,

    /// <summary>Web addresses.</summary>
    Url = 4,

    /// <summary>IPv4 and IPv6 addresses.</summary>
    Ip = 8,

    /// <summary>All of them.</summary>
    All = Mail | Phone | Url | Ip,
}

/// <summary>
/// Hides spans of records behind marks such as <c>[redacted:mail]</c> (specs/records.md). The classes work on titles and
/// texts; the member's own literal texts, compared without regard to case, are hidden wherever they occur: title, text,
/// author, thread, url and metadata values. Platform, kind, id, own and time never change. Prefers hiding too much.
/// Everything here takes time linear in the text.
/// </summary>
public sealed class Redaction
{
    /// <summary>Most literal texts, so that a hostile list cannot multiply the work.</summary>
    public const int MaxLiterals = 1000;

    private const string Start = "[redacted:";
    private const int LongestMark = 16; // [redacted:phone]

    private readonly RedactionClasses _classes;
    private readonly ImmutableArray<string> _literals;

    /// <summary>Hides the classes and the literal texts.</summary>
    /// <exception cref="ArgumentException">More than <see cref="MaxLiterals"/>, or one shorter than two characters.</exception>
    public Redaction(RedactionClasses classes, IReadOnlyList<string>? literals = null)
    {
        literals ??= [];
        if (literals.Count > MaxLiterals)
            throw new ArgumentException($"at most {MaxLiterals} texts can be redacted, not {literals.Count}");
        if (literals.Any(literal => literal.Length < 2))
            throw new ArgumentException("a text to redact needs at least two characters: a single one would hide every text");
        _classes = classes;
        _literals = [.. literals];
    }

    /// <summary>The record with what is to be hidden behind marks; the same instance when nothing was found.</summary>
    public Record Apply(Record record)
    {
        var redacted = record with
        {
            Title = Apply(record.Title),
            Text = Apply(record.Text),
            Author = ApplyLiterals(record.Author),
            Thread = ApplyLiterals(record.Thread),
            Url = ApplyLiterals(record.Url),
        };
        foreach (var (key, value) in record.Meta)
        {
            if (ApplyLiterals(value) is var hidden && !ReferenceEquals(hidden, value))
                redacted = redacted with { Meta = redacted.Meta.SetItem(key, hidden) };
        }
        return redacted.Equals(record) ? record : redacted;
    }

    /// <summary>The text with the classes and the literal texts behind marks; the same instance when nothing was found.</summary>
    public string Apply(string text) => Hide(text, [.. RedactionPatterns.Find(text, _classes), .. FindLiterals(text)]);

    /// <summary>
    /// Could <paramref name="redacted"/> come from <paramref name="original"/> by redaction? Outside the marks it repeats the
    /// original in order, each mark covers at least one character, it does not gain words, and all else is equal.
    /// </summary>
    public static bool IsRedactionOf(Record original, Record redacted) =>
        original.Platform == redacted.Platform && original.Kind == redacted.Kind && original.Id == redacted.Id
        && original.Own == redacted.Own && original.Time == redacted.Time
        && IsRedactionOf(original.Title, redacted.Title) && IsRedactionOf(original.Text, redacted.Text)
        && IsRedactionOf(original.Author, redacted.Author) && IsRedactionOf(original.Thread, redacted.Thread)
        && IsRedactionOf(original.Url, redacted.Url)
        && original.Meta.Count == redacted.Meta.Count
        && original.Meta.Zip(redacted.Meta).All(pair =>
            pair.First.Key == pair.Second.Key && IsRedactionOf(pair.First.Value, pair.Second.Value))
        && CountWords(redacted) <= CountWords(original);

    /// <summary><see cref="IsRedactionOf(Record, Record)"/> for one text, without regard to words.</summary>
    public static bool IsRedactionOf(string original, string redacted)
    {
        if (original == redacted)
            return true;
        // Each mark covers something. Seen first, or one long text of marks would be taken apart again for each short original.
        if (redacted.Length > (long)original.Length * LongestMark)
            return false;
        var kept = Split(redacted);
        if (kept.Count == 1)
            return false;
        if (!original.AsSpan().StartsWith(kept[0].Span) || !original.AsSpan().EndsWith(kept[^1].Span))
            return false;
        int at = kept[0].Length, end = original.Length - kept[^1].Length;
        for (int i = 1; i < kept.Count - 1; i++)
        {
            if (at + 1 > end)
                return false;
            int found = LinearSearch.IndexOf(original.AsSpan(at + 1, end - at - 1), kept[i].Span);
            if (found < 0)
                return false;
            at += 1 + found + kept[i].Length;
        }
        return at + 1 <= end;
    }

    /// <summary>
    /// The words of title and text. Marks count none and do not part words: they are taken out and what is left of them and
    /// right of them is joined, so that cutting one word apart does not make two.
    /// </summary>
    public static long CountWords(Record record) => CountWords(record.Title) + CountWords(record.Text);

    /// <summary>The words of one text, see <see cref="CountWords(Record)"/>.</summary>
    public static long CountWords(string text) => Words.Count(WithoutMarks(text));

    /// <summary>A text without its marks, what is left and right of each joined.</summary>
    public static string WithoutMarks(string text)
    {
        if (!text.Contains(Start, StringComparison.Ordinal))
            return text;
        var joined = new StringBuilder(text.Length);
        foreach (var kept in Split(text))
            joined.Append(kept.Span);
        return joined.ToString();
    }

    private string ApplyLiterals(string text) => Hide(text, [.. FindLiterals(text)]);

    private IEnumerable<RedactionSpan> FindLiterals(string text)
    {
        foreach (var literal in _literals)
        {
            int at = 0;
            while (at < text.Length && LinearSearch.IndexOfIgnoreCase(text.AsSpan(at), literal) is >= 0 and var found)
            {
                yield return new RedactionSpan(at + found, literal.Length, "text");
                at += found + literal.Length; // an occurrence that overlaps this one is broken by its mark
            }
        }
    }

    private static string Hide(string text, List<RedactionSpan> spans)
    {
        if (spans.Count == 0)
            return text;
        spans.Sort((a, b) => a.Start != b.Start ? a.Start.CompareTo(b.Start) : b.Length.CompareTo(a.Length));
        var result = new StringBuilder(text.Length);
        int copied = 0;
        for (int i = 0; i < spans.Count;)
        {
            var (start, length, name) = spans[i];
            int end = start + length;
            for (i++; i < spans.Count && spans[i].Start < end; i++)
                end = Math.Max(end, spans[i].Start + spans[i].Length);
            // Half a surrogate pair must not stay behind.
            if (start > 0 && char.IsLowSurrogate(text[start]) && char.IsHighSurrogate(text[start - 1]))
                start--;
            if (end < text.Length && char.IsLowSurrogate(text[end]) && char.IsHighSurrogate(text[end - 1]))
                end++;
            result.Append(text, copied, start - copied).Append(Start).Append(name).Append(']');
            copied = end;
        }
        return result.Append(text, copied, text.Length - copied).ToString();
    }

    /// <summary>What stands before, between and after the marks: one piece more than there are marks.</summary>
    private static List<ReadOnlyMemory<char>> Split(string text)
    {
        var pieces = new List<ReadOnlyMemory<char>>();
        int from = 0, at = 0;
        while ((at = text.IndexOf(Start, at, StringComparison.Ordinal)) >= 0)
        {
            var rest = text.AsSpan(at + Start.Length);
            int name = MarkLength(rest);
            if (name < 0)
            {
                at += Start.Length;
                continue;
            }
            pieces.Add(text.AsMemory(from, at - from));
            from = at += Start.Length + name;
        }
        pieces.Add(text.AsMemory(from));
        return pieces;
    }

    private static int MarkLength(ReadOnlySpan<char> rest) =>
        rest.StartsWith("mail]") || rest.StartsWith("text]") ? 5 : rest.StartsWith("phone]") ? 6
        : rest.StartsWith("url]") ? 4 : rest.StartsWith("ip]") ? 3 : -1;
}

/// <summary>A stretch of a text to hide, and the name of its mark.</summary>
internal readonly record struct RedactionSpan(int Start, int Length, string Name);
