using System.Buffers;
using System.Text.Json;
using Trove.Core;

namespace Trove.Exports;

/// <summary>
/// What a member would like to see of an export before giving any of it away: when, how much of each kind, in which words, and what
/// is sensitive. Memory does not grow with the export.
/// </summary>
public sealed class Survey
{
    private const int TopWords = 12;
    private const int Shortest = 3; // letters of a word worth showing

    private readonly SortedDictionary<int, long> _months = []; // years and months, 12 · year + month − 1; at most 120,000 of them
    private readonly Dictionary<RecordKind, KindSurvey> _kinds = [];
    private readonly SortedDictionary<PartKey, (long Records, long Words, long Bytes)> _parts = [];
    private readonly Dictionary<string, (long Records, long Found)> _sensitive = [];
    private readonly ArrayBufferWriter<byte> _line = new();

    private sealed class KindSurvey
    {
        public long Own, Other, OwnWords, OtherWords;
        public readonly WordCounts Words = new();
    }

    /// <summary>Records of each month (UTC) that has any, in order; those without a time are in none.</summary>
    public IEnumerable<(int Year, int Month, long Records)> Months => _months.Select(m => (m.Key / 12, m.Key % 12 + 1, m.Value));

    /// <summary>What there is of each kind, most records first, and the words used most in the member's own texts.</summary>
    public IEnumerable<(RecordKind Kind, long Own, long Other, long OwnWords, long OtherWords, IReadOnlyList<string> Words)> Kinds =>
        _kinds.OrderByDescending(k => k.Value.Own + k.Value.Other).ThenBy(k => k.Key).Select(k => (k.Key, k.Value.Own, k.Value.Other, k.Value.OwnWords, k.Value.OtherWords, k.Value.Words.Top(TopWords)));

    /// <summary>How often something sensitive stands in titles and texts, and in how many records, by the names that redaction takes.</summary>
    public IEnumerable<(string Class, long Found, long Records)> Sensitive => _sensitive.OrderByDescending(s => s.Value.Found).ThenBy(s => s.Key, StringComparer.Ordinal).Select(s => (s.Key, s.Value.Found, s.Value.Records));

    /// <summary>What contributing would send, by kind and year: records, own words, and bytes before they are packed and encrypted.</summary>
    public IEnumerable<(PartKey Part, long Records, long OwnWords, long Bytes)> Parts => _parts.Select(p => (p.Key, p.Value.Records, p.Value.Words, p.Value.Bytes));

    /// <summary>Adds a record as the export has it.</summary>
    public void Add(Record record)
    {
        if (record.Time is { } time)
        {
            var at = DateTimeOffset.FromUnixTimeMilliseconds(time);
            int month = 12 * at.Year + at.Month - 1;
            _months[month] = _months.GetValueOrDefault(month) + 1;
        }
        if (!_kinds.TryGetValue(record.Kind, out var kind))
            _kinds.Add(record.Kind, kind = new KindSurvey());
        long words = Redaction.CountWords(record);
        if (record.Own)
        {
            kind.Own++;
            kind.OwnWords += words;
        }
        else
        {
            kind.Other++;
            kind.OtherWords += words;
        }
        var found = new Dictionary<string, int>();
        foreach (var text in (ReadOnlySpan<string>)[record.Title, record.Text])
        {
            int after = 0;
            foreach (var span in RedactionPatterns.Merge(RedactionPatterns.Find(text, RedactionClasses.All)))
            {
                found[span.Name] = found.GetValueOrDefault(span.Name) + 1;
                Count(kind, record, text.AsSpan(after, span.Start - after)); // the pieces of an address are no words
                after = span.Start + span.Length;
            }
            Count(kind, record, text.AsSpan(after));
        }
        foreach (var (name, count) in found)
            Found(name, count);
        int names = (RecordRules.IsPerson(record) ? 1 : 0) + record.Meta.Keys.Count(RecordRules.PersonKeys.Contains);
        if (names > 0)
            Found("person", names);
    }

    /// <summary>Adds a record that contributing would send, as it would be sent.</summary>
    public void AddSent(Record record)
    {
        _line.ResetWrittenCount();
        RecordJson.Write(_line, record);
        var key = PartKey.Of(record);
        var part = _parts.GetValueOrDefault(key);
        _parts[key] = (part.Records + 1, part.Words + (record.Own ? Redaction.CountWords(record) : 0), part.Bytes + _line.WrittenCount);
    }

    /// <summary>Writes it as members of the object that is being written.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartArray("months");
        foreach (var (year, month, records) in Months)
            Object(("month", $"{year:0000}-{month:00}"), ("records", records));
        json.WriteEndArray();
        json.WriteStartArray("ofKind");
        foreach (var k in Kinds)
        {
            json.WriteStartObject();
            json.WriteString("kind", k.Kind.Name());
            json.WriteNumber("own", k.Own);
            json.WriteNumber("other", k.Other);
            json.WriteNumber("ownWords", k.OwnWords);
            json.WriteNumber("otherWords", k.OtherWords);
            json.WriteStartArray("words");
            foreach (var word in k.Words)
                json.WriteStringValue(word);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("sensitive");
        foreach (var (name, found, records) in Sensitive)
            Object(("class", name), ("found", found), ("records", records));
        json.WriteEndArray();
        json.WriteStartArray("contributing");
        foreach (var (part, records, words, bytes) in Parts)
            Object(("kind", part.Kind.Name()), ("year", part.Year), ("records", records), ("ownWords", words), ("bytes", bytes));
        json.WriteEndArray();

        void Object(params ReadOnlySpan<(string Name, object Value)> members)
        {
            json.WriteStartObject();
            foreach (var (name, value) in members)
            {
                if (value is string text)
                    json.WriteString(name, text);
                else
                    json.WriteNumber(name, Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture));
            }
            json.WriteEndObject();
        }
    }

    private void Found(string name, int count)
    {
        var seen = _sensitive.GetValueOrDefault(name);
        _sensitive[name] = (seen.Records + 1, seen.Found + count);
    }

    private static void Count(KindSurvey kind, Record record, ReadOnlySpan<char> text)
    {
        if (!record.Own)
            return;
        foreach (var word in Words.Split(text))
            if (word.Length is >= Shortest and <= WordCounts.Longest && !char.IsDigit(word[0]))
                kind.Words.Add(word);
    }
}
