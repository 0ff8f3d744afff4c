using System.Buffers;
using System.Collections.Immutable;
using System.Security.Cryptography;
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

    /// <summary>Numbers of payment cards (ISO/IEC 7812: 13 to 19 digits whose check digit is right).</summary>
    Card = 16,

    /// <summary>Numbers of bank accounts (ISO 13616: an IBAN whose check digits are right).</summary>
    Bank = 32,

    /// <summary>Places: pairs of decimal degrees, <c>geo:</c> addresses, and metadata that says where.</summary>
    Place = 64,

    /// <summary>Credentials: what follows "password:" and the like, and keys of well-known forms.</summary>
    Secret = 128,

    /// <summary>Words about one's health.</summary>
    Health = 256,

    /// <summary>Names of other people in <c>author</c> and metadata, and of conversations that have no id. What is written in a text stays.</summary>
    Person = 512,

    /// <summary>All of them.</summary>
    All = Mail | Phone | Url | Ip | Card | Bank | Place | Secret | Health | Person,
}

/// <summary>
/// Hides spans of records behind marks such as <c>[redacted:mail:5f1d09ac]</c> (specs/records.md): what it is, and a pseudonym by
/// HMAC under the member's key, so that one address stays one address and nobody else can tell which. Most classes work on titles and
/// texts; the member's own literal texts, compared without regard to case, are hidden wherever they occur: title, text,
/// author, thread, url and metadata values. Platform, kind, id, own and time never change. Prefers hiding too much.
/// Everything here takes time linear in the text.
/// </summary>
public sealed class Redaction
{
    /// <summary>Most literal texts, so that a hostile list cannot multiply the work.</summary>
    public const int MaxLiterals = 1000;

    /// <summary>Bytes of a key.</summary>
    public const int KeySize = 32;

    private const string Start = "[redacted:";
    private const int Pseudonym = 8;    // hex digits: two of 10,000 names fall together with a chance of 1 %
    private const int LongestMark = 26; // [redacted:person:00000000]

    private static readonly string[] Names = ["mail", "phone", "url", "ip", "card", "bank", "place", "secret", "health", "person", "text"];

    private readonly byte[] _key;
    private readonly RedactionClasses _classes;
    private readonly ImmutableArray<string> _literals;

    /// <summary>Hides the classes and the literal texts.</summary>
    /// <param name="classes">What is found and hidden.</param>
    /// <param name="key">The member's, which keeps pseudonyms the same and secret.</param>
    /// <param name="literals">Texts of the member's own choice.</param>
    /// <exception cref="ArgumentException">A key of another size, more literals than <see cref="MaxLiterals"/>, or one shorter than two characters.</exception>
    public Redaction(RedactionClasses classes, ReadOnlySpan<byte> key, IReadOnlyList<string>? literals = null)
    {
        if (key.Length != KeySize)
            throw new ArgumentException($"a key of pseudonyms has {KeySize} bytes, not {key.Length}");
        literals ??= [];
        if (literals.Count > MaxLiterals)
            throw new ArgumentException($"at most {MaxLiterals} texts can be redacted, not {literals.Count}");
        if (literals.Any(literal => literal.Length < 2))
            throw new ArgumentException("a text to redact needs at least two characters: a single one would hide every text");
        _key = key.ToArray();
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
            Author = RecordRules.IsPerson(record) && _classes.HasFlag(RedactionClasses.Person) ? Whole(record.Author, "person") : ApplyLiterals(record.Author),
            Thread = _classes.HasFlag(RedactionClasses.Person) && RecordRules.ThreadName(record) is { Length: > 0 } name ? Whole(name, "person") : ApplyLiterals(record.Thread),
            Url = ApplyLiterals(record.Url),
        };
        foreach (var (key, value) in record.Meta)
        {
            var hidden = _classes.HasFlag(RedactionClasses.Person) && RecordRules.PersonKeys.Contains(key) ? Whole(value, "person")
                : _classes.HasFlag(RedactionClasses.Place) && RecordRules.PlaceKeys.Contains(key) ? Whole(value, "place")
                : ApplyLiterals(value);
            if (!ReferenceEquals(hidden, value))
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

    private string Whole(string text, string name) => text.Length == 0 ? text : Hide(text, [new RedactionSpan(0, text.Length, name)]);

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

    private string Hide(string text, List<RedactionSpan> spans)
    {
        if (spans.Count == 0)
            return text;
        var result = new StringBuilder(text.Length);
        int copied = 0;
        foreach (var (start, length, name) in RedactionPatterns.Merge(spans))
        {
            var (from, end) = (start, start + length);
            // Half a surrogate pair must not stay behind.
            if (from > 0 && char.IsLowSurrogate(text[from]) && char.IsHighSurrogate(text[from - 1]))
                from--;
            if (end < text.Length && char.IsLowSurrogate(text[end]) && char.IsHighSurrogate(text[end - 1]))
                end++;
            from = Math.Max(from, copied);
            result.Append(text, copied, from - copied).Append(Start).Append(name).Append(':').Append(PseudonymOf(name, text.AsSpan(start, length))).Append(']');
            copied = end;
        }
        return result.Append(text, copied, text.Length - copied).ToString();
    }

    // The same address or number in another writing is the same: letters and digits alone count, in lower case.
    private string PseudonymOf(string name, ReadOnlySpan<char> hidden)
    {
        var same = new StringBuilder(name, name.Length + 1 + hidden.Length).Append(':');
        int before = same.Length;
        foreach (char c in hidden)
            if (char.IsLetterOrDigit(c))
                same.Append(char.ToLowerInvariant(c));
        if (same.Length == before)
            same.Append(hidden);
        return Convert.ToHexStringLower(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(same.ToString())).AsSpan(0, Pseudonym / 2));
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

    // Of "NAME:PSEUDONYM]"; below zero for anything else.
    private static int MarkLength(ReadOnlySpan<char> rest)
    {
        int name = rest.IndexOf(':');
        if (name is < 2 or > 6 || rest.Length < name + 2 + Pseudonym || rest[name + 1 + Pseudonym] != ']' || rest.Slice(name + 1, Pseudonym).ContainsAnyExcept(LowerHex))
            return -1;
        foreach (var known in Names)
            if (rest[..name].SequenceEqual(known))
                return name + 2 + Pseudonym;
        return -1;
    }

    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");
}

/// <summary>A stretch of a text to hide, and the name of its mark.</summary>
internal readonly record struct RedactionSpan(int Start, int Length, string Name);
